#!/usr/bin/env bash
# Builds the filter into dist/jwt-auth.wasm, with no path of this machine left in it.
# `build-wasm.sh lint` runs clippy on that code instead; `build-wasm.sh noop FILE` builds tools/bench/noop instead.
set -euo pipefail
cd "$(dirname "$0")/../.."

tools/scripts/wasm-target.sh
# shellcheck source=/dev/null
. .tools/wasm.env

# A panic still tells crate, file and line. A caller's RUSTFLAGS are meant for its own machine: these win over them.
# shellcheck disable=SC2206 # a list of words
flags=(${CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS-})
# The compilation is for a target that is named, so build scripts and macros don't get these flags.
[ -z "${wasm_sysroot-}" ] || flags+=("--sysroot=$wasm_sysroot")
flags+=(
  # Vector instructions, which every Envoy of the last years knows: an eighth less time in the module for a new token.
  -C target-feature=+simd128
  --remap-path-prefix="$PWD=."
  --remap-path-prefix="${CARGO_HOME:-$HOME/.cargo}=/cargo"
  --remap-path-prefix="$("${RUSTC:-rustc}" --print sysroot)/lib/rustlib/src/rust=/rustc"
)
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && echo "${flags[*]}")
export CARGO_ENCODED_RUSTFLAGS

# Its own folder, as its rustc may be another one than that of the tests.
# Cargo optimises a cdylib alone across crates (`lto`), and none with an rlib beside it.
package=jwt-auth
crate_type=cdylib,rlib
out=dist/jwt-auth.wasm
if [ "${1-}" = noop ]; then
  package=noop
  crate_type=cdylib
  out=$2
fi
what=(--release --locked --target wasm32-wasip1 --target-dir target/wasm --package "$package" --lib)
if [ "${1-}" = lint ]; then
  # Not `cargo clippy`, which prefers a clippy beside cargo to the one that goes with $RUSTC.
  exec cargo-clippy clippy "${what[@]}" -- -D warnings
fi
# The crate type is given here: natively the filter is a library for the command and the tests alone.
cargo rustc "${what[@]}" --crate-type "$crate_type"

mkdir -p "$(dirname "$out")"
# Removes the callbacks that src/host does not implement. It runs here, so with the caller's own compiler and flags.
echo "build-wasm: compiling and running trim, a build step" >&2
(unset RUSTC CARGO_ENCODED_RUSTFLAGS && cargo run --quiet --locked --package trim -- \
  "target/wasm/wasm32-wasip1/release/${package//-/_}.wasm" "$out.new" src/host/*.rs)
if cmp -s "$out.new" "$out"; then
  rm "$out.new"
else
  # A rename, for an Envoy that has the old file open.
  mv "$out.new" "$out"
fi
echo "$out: $(wc -c <"$out") bytes"
