#!/usr/bin/env bash
# Makes wasm32-wasip1 usable and writes .tools/wasm.env for tools/scripts/build-wasm.sh: $wasm_sysroot and what must be exported, or
# nothing when plain cargo will do.
# Needs no root; what rustup can't give is made under .tools from Debian's packages, beside the system and its toolchain.
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
  # rustup itself waits for minutes on a server that is out of reach; one that answers may still be slow to send.
  if curl -fsI -m 5 "$server/dist/channel-rust-stable.toml.sha256" >/dev/null 2>&1; then limit=600; fi
  command -v timeout >/dev/null && set -- timeout "$limit"
  say "adding the target with rustup"
  RUST_BACKTRACE=0 "$@" rustup target add "$target" >&2 && has_std "$toolchain"
}

build_std() { # rustc, folder with its source's package, sysroot to fill
  local cargo_home=${CARGO_HOME:-$HOME/.cargo} lib=$3/lib/rustlib/$target/lib
  download "$work/wasi" wasi-libc/bookworm-backports || download "$work/wasi" wasi-libc || return 1
  dpkg-deb -x "$work"/wasi/wasi-libc_*.deb "$work/wasi" || return 1
  # Of the whole compiler's source, its library is all that is needed.
  mkdir -p "$work/src" && dpkg-deb --fsys-tarfile "$2"/rust*-src_*.deb |
    tar -x -C "$work/src" --strip-components=4 --wildcards './usr/src/rustc-*/library' || return 1
  say "building the standard library, about half a minute"
  # The settings are those with which rustc's own build makes this library, bitcode for `lto` among them; panics name its sources
  # as released ones do.
  # The flags are encoded since their paths may have spaces.
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

# Debian's source of the same version, built by the rustc at hand.
make_sysroot() {
  local release
  release=$(rustc -vV | sed -n 's/^release: //p')
  download "$work/source" "rust-src=$release+*" &&
    build_std rustc "$work/source" "$work/sysroot" &&
    mv -T "$work/sysroot" "$sysroot"
}

# Debian's rustc for its browsers, kept up for as long as Debian 12 is, and that one's source.
make_web() {
  local new=$work/rustc-web libs deb tool
  # What rustc is linked to may be missing here; only what comes with every C compiler is left out.
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

# Ends the script if one of the ways has been gone already.
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
# A compiled library fits the very rustc that compiled it and no other.
sysroot=$tools/sysroot-$(rustc -V | sed 's/[^a-z0-9.]\{1,\}/-/g; s/-$//')
web=$tools/rustc-web
mkdir -p "$tools"
finish_if_ready

# Two builds at once share one set-up.
exec 9>"$tools/lock"
if command -v flock >/dev/null; then flock 9; fi
finish_if_ready
work=$(mktemp -d "$tools/tmp.XXXXXX")
trap 'rm -rf "$work"' EXIT
by_rustup || { apt_update && { make_sysroot || make_web; }; } || true
finish_if_ready
say "no standard library for $target from rustup, nor from Debian's packages: run 'rustup target add $target' where static.rust-lang.org is in reach"
exit 1
