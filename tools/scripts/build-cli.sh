#!/usr/bin/env bash
# Builds the command, dist/jwt-auth. It contains no paths of this machine. On Linux it is statically linked, so that it
# runs in any container.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Keep the caller's RUSTFLAGS and add these.
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

# With --target, the flags don't apply to build scripts and macros, which can't be static.
cargo build --profile cli --locked --target "$host" --target-dir target/cli --package jwt-auth-cli

out=dist/jwt-auth
mkdir -p dist
built=target/cli/$host/cli/jwt-auth
if ! cmp -s "$built" "$out"; then
  # Replace the file with a rename, in case a service runs the old one.
  cp "$built" "$out.new"
  mv "$out.new" "$out"
fi
echo "$out: $(wc -c <"$out") bytes"
