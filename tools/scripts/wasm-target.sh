#!/usr/bin/env bash
# Installs the target wasm32-wasip1 if it is missing. Writes .tools/wasm.env for tools/scripts/build-wasm.sh, with
# $wasm_sysroot and exports, or empty if plain cargo works.
# It does not need root. If rustup fails, it builds the standard library in .tools from Debian's packages, without
# changes to the system.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=wasm32-wasip1
tools=$PWD/.tools
# shellcheck source=tools/scripts/debian.sh
. tools/scripts/debian.sh

say() { echo "wasm-target: $*" >&2; }

has_std() { # sysroot
  compgen -G "$1/lib/rustlib/$target/lib/libstd-*.rlib" >/dev/null
}

finish() { # lines for wasm.env
  printf '%s\n' "$@" >"$tools/wasm.env.$$"
  mv "$tools/wasm.env.$$" "$tools/wasm.env"
  exit 0
}

by_rustup() {
  command -v rustup >/dev/null || return 1
  local server=${RUSTUP_DIST_SERVER:-https://static.rust-lang.org} limit=30
  # rustup waits for minutes if a server can't be reached. A server that responds may still be slow.
  if curl -fsI -m 5 "$server/dist/channel-rust-stable.toml.sha256" >/dev/null 2>&1; then limit=600; fi
  command -v timeout >/dev/null && set -- timeout "$limit"
  say "adding the target with rustup"
  RUST_BACKTRACE=0 "$@" rustup target add "$target" >&2 && has_std "$toolchain"
}

build_std() { # rustc, folder with the package of its source, sysroot to fill
  local cargo_home=${CARGO_HOME:-$HOME/.cargo} lib=$3/lib/rustlib/$target/lib
  download "$work/wasi" wasi-libc/bookworm-backports || download "$work/wasi" wasi-libc || return 1
  dpkg-deb -x "$work"/wasi/wasi-libc_*.deb "$work/wasi" || return 1
  # Only the library is needed from the source of the compiler.
  mkdir -p "$work/src" && dpkg-deb --fsys-tarfile "$2"/rust*-src_*.deb |
    tar -x -C "$work/src" --strip-components=4 --wildcards './usr/src/rustc-*/library' || return 1
  say "building the standard library (takes about half a minute)"
  # The same settings as in rustc's own build, including bitcode for `lto`. Source paths in panics are those of
  # releases.
  # The flags are encoded, because paths may have spaces.
  local flags=(
    -Zforce-unstable-if-unmarked
    -Cembed-bitcode=yes
    "--remap-path-prefix=$cargo_home=/cargo"
    "--remap-path-prefix=$work/src=/rustc"
  )
  env -u RUSTFLAGS -u CARGO_BUILD_TARGET RUSTC="$1" RUSTC_BOOTSTRAP=1 __CARGO_DEFAULT_LIB_METADATA=wasip1 \
    CARGO_ENCODED_RUSTFLAGS="$(IFS=$'\x1f' && echo "${flags[*]}")" \
    cargo build --quiet --release --locked --target "$target" --target-dir "$work/build" \
    --manifest-path "$work/src/library/sysroot/Cargo.toml" --features panic-unwind \
    >&2 2> >(grep -v '^warning: dropping unsupported crate type `dylib`' >&2) || return 1
  mkdir -p "$lib/self-contained" &&
    cp "$work/build/$target"/release/deps/*.rlib "$lib/" &&
    cp "$work"/wasi/usr/lib/wasm32-wasi/{libc.a,crt1-command.o,crt1-reactor.o} "$lib/self-contained/"
}

# Builds Debian's source of the same version with the installed rustc.
make_sysroot() {
  local release
  release=$(rustc -vV | sed -n 's/^release: //p')
  download "$work/source" "rust-src=$release+*" &&
    build_std rustc "$work/source" "$work/sysroot" &&
    mv -T "$work/sysroot" "$sysroot"
}

# Uses Debian's rustc-web with its source. Debian updates it for its browsers as long as Debian 12 is supported.
make_web() {
  local new=$work/rustc-web libs deb tool
  # Download the libraries that rustc needs, except those that come with every C compiler.
  libs=$(apt-cache -c "$apt/apt.conf" depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
    --no-replaces --no-enhances libstd-rust-web-dev | grep '^lib' | grep -vE '^lib(c6|gcc-s1|stdc\+\+6|crypt1)$') || return 1
  # shellcheck disable=SC2086 # a list of names
  download "$work/web" rustc-web rust-web-clippy $libs && download "$work/source-web" rust-web-src || return 1
  for deb in "$work"/web/*.deb; do dpkg-deb -x "$deb" "$new" || return 1; done
  mkdir -p "$new/bin" || return 1
  for tool in rustc cargo-clippy; do
    # shellcheck disable=SC2016 # for the script to expand
    printf '#!/bin/sh\nLD_LIBRARY_PATH="${0%%/*}/../usr/lib/%s" exec "${0%%/*}/../usr/bin/%s" "$@"\n' \
      "$(basename "$new"/usr/lib/*-linux-gnu*)" "$tool" >"$new/bin/$tool" && chmod +x "$new/bin/$tool" || return 1
  done
  build_std "$new/bin/rustc" "$work/source-web" "$new/usr" && mv -T "$new" "$web"
}

# Ends the script if the target is ready.
finish_if_ready() {
  local lld
  if has_std "$toolchain"; then
    finish ""
  elif has_std "$sysroot"; then
    finish "wasm_sysroot=$(printf %q "$sysroot")"
  elif has_std "$web/usr"; then
    lld=$(echo "$toolchain"/lib/rustlib/*-linux-*/bin/rust-lld)
    [ -x "$lld" ] || lld=$(command -v wasm-ld) || { say "no linker for wasm: install lld"; exit 1; }
    finish "export RUSTC=$(printf %q "$web/bin/rustc") CARGO_TARGET_WASM32_WASIP1_LINKER=$(printf %q "$lld")" \
      "export PATH=$(printf %q "$web/bin"):\"\$PATH\""
  fi
}

if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
  say "cargo is missing: install Rust from https://rustup.rs"
  exit 1
fi
toolchain=$(rustc --print sysroot)
# A compiled library only works with the rustc that compiled it.
sysroot=$tools/sysroot-$(rustc -V | sed 's/[^a-z0-9.]\{1,\}/-/g; s/-$//')
web=$tools/rustc-web
mkdir -p "$tools"
finish_if_ready

# Concurrent builds wait for the same setup.
exec 9>"$tools/lock"
if command -v flock >/dev/null; then flock 9; fi
finish_if_ready
work=$(mktemp -d "$tools/tmp.XXXXXX")
trap 'rm -rf "$work"' EXIT
by_rustup || { apt_update && { make_sysroot || make_web; }; } || true
finish_if_ready
say "can't get the standard library for $target from rustup or from Debian: run 'rustup target add $target' with access to static.rust-lang.org"
exit 1
