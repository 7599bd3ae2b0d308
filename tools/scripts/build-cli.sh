#!/usr/bin/env bash
# Builds the command into dist/jwt-auth, with no path of this machine left in it. On Linux it needs no shared library, so that
# it runs in any container.
set -euo pipefail
cd "$(dirname "$0")/../.."

# A caller's RUSTFLAGS are kept; these come on top.
# shellcheck disable=SC2206 # a list of words
flags=(${RUSTFLAGS-})
flags+=(
  --remap-path-prefix="$PWD=."
  --remap-path-prefix="${CARGO_HOME:-$HOME/.cargo}=/cargo"
  --remap-path-prefix="$("${RUSTC:-rustc}" --print sysroot)/lib/rustlib/src/rust=/rustc"
)
host=$("${RUSTC:-rustc}" -vV | sed -n 's/^host: //p')
case $host in
  *-linux-*) flags+=(-C target-feature=+crt-static) ;;
esac
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && echo "${flags[*]}")
export CARGO_ENCODED_RUSTFLAGS

# With --target the flags are not those of build scripts and macros, which have to be dynamic.
cargo build --profile cli --locked --target "$host" --target-dir target/cli --package jwt-auth-cli

out=dist/jwt-auth
mkdir -p dist
built=target/cli/$host/cli/jwt-auth
if ! cmp -s "$built" "$out"; then
  # A rename, for a service that runs the old file.
  cp "$built" "$out.new"
  mv "$out.new" "$out"
fi
echo "$out: $(wc -c <"$out") bytes"
