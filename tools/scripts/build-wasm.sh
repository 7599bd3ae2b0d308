#!/usr/bin/env bash
# Builds the filter, dist/jwt-auth.wasm. It contains no paths of this machine.
# `build-wasm.sh lint` runs clippy instead. `build-wasm.sh noop FILE` builds tools/bench/noop instead.
set -euo pipefail
cd "$(dirname "$0")/../.."

tools/scripts/wasm-target.sh
# shellcheck source=/dev/null
. .tools/wasm.env

# Panic messages still have crate, file and line. The caller's RUSTFLAGS are ignored, because they are for its own
# machine.
# shellcheck disable=SC2206 # a list of words
flags=(${CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS-})
# With --target, the flags don't apply to build scripts and macros.
[ -z "${wasm_sysroot-}" ] || flags+=("--sysroot=$wasm_sysroot")
flags+=(
  # Vector instructions, which all recent Envoys support. They make a new token about an eighth faster.
  -C target-feature=+simd128
  --remap-path-prefix="$PWD=."
  --remap-path-prefix="${CARGO_HOME:-$HOME/.cargo}=/cargo"
  --remap-path-prefix="$("${RUSTC:-rustc}" --print sysroot)/lib/rustlib/src/rust=/rustc"
)
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && echo "${flags[*]}")
export CARGO_ENCODED_RUSTFLAGS

# A separate target folder, because its rustc may differ from that of the tests.
# Cargo applies `lto` to a cdylib only if it builds no rlib with it.
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
  # Not `cargo clippy`, which uses the clippy next to cargo instead of the one that belongs to $RUSTC.
  exec cargo-clippy clippy "${what[@]}" -- -D warnings
fi
# The crate type is set here, because natively the filter is only a library for the command and the tests.
cargo rustc "${what[@]}" --crate-type "$crate_type"

mkdir -p "$(dirname "$out")"
# Removes the callbacks that src/host does not implement. trim runs on this machine, so it is built with the caller's
# compiler and flags.
echo "build-wasm: compiling and running trim" >&2
(unset RUSTC CARGO_ENCODED_RUSTFLAGS && cargo run --quiet --locked --package trim -- \
  "target/wasm/wasm32-wasip1/release/${package//-/_}.wasm" "$out.new" src/host/*.rs)
if cmp -s "$out.new" "$out"; then
  rm "$out.new"
else
  # Replace the file with a rename, in case an Envoy has the old one open.
  mv "$out.new" "$out"
fi
echo "$out: $(wc -c <"$out") bytes"
