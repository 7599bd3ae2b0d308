#!/usr/bin/env bash
# jose.sh: prints the path of the command `jose` (https://github.com/latchset/jose). This is the installed one or
# Debian's package, which is unpacked into .tools.
set -euo pipefail
cd "$(dirname "$0")/../.."

if command -v jose; then
  exit
fi
dir=$PWD/.tools/jose
if [ ! -x "$dir/jose" ]; then
  # shellcheck source=tools/scripts/debian.sh
  . tools/scripts/debian.sh
  rm -rf "$dir"
  { apt_update && download "$dir" jose libjose0 libjansson4; } || {
    echo "jose: can't get jose from Debian's archive: install it (Debian, Ubuntu, Fedora: jose; macOS: brew install jose)" >&2
    exit 1
  }
  mkdir "$dir/root"
  for package in "$dir"/*.deb; do dpkg-deb -x "$package" "$dir/root"; done
  library=$(find "$dir/root" -name 'libjose.so.0' -printf '%h\n' -quit)
  printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s/root/usr/bin/jose" "$@"\n' "$library" "$dir" >"$dir/jose.new"
  chmod +x "$dir/jose.new"
  "$dir/jose.new" alg -k sign >/dev/null || { echo "jose: Debian's package doesn't run here: install jose" >&2; exit 1; }
  mv "$dir/jose.new" "$dir/jose"
fi
echo "$dir/jose"
