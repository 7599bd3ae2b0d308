#!/usr/bin/env bash
# jose.sh: prints the path of the command `jose` of other people (https://github.com/latchset/jose): the installed one, else
# Debian's package, which it unpacks into .tools.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v jose; then
  exit
fi
dir=$PWD/.tools/jose
if [ ! -x "$dir/jose" ]; then
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || {
    echo "jose: install the command jose (Debian, Ubuntu and Fedora: package jose; macOS: brew install jose)" >&2
    exit 1
  }
  rm -rf "$dir"
  mkdir -p "$dir/root"
  (cd "$dir" && apt-get download jose libjose0 libjansson4) >/dev/null 2>&1 || {
    echo "jose: apt-get gave no packages jose, libjose0 and libjansson4: apt-get update, or apt-get install jose" >&2
    exit 1
  }
  for package in "$dir"/*.deb; do dpkg -x "$package" "$dir/root"; done
  library=$(find "$dir/root" -name 'libjose.so.0' -printf '%h\n' -quit)
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s/root/usr/bin/jose "$@"\n' "$library" "$dir" >"$dir/jose.new"
  chmod +x "$dir/jose.new"
  "$dir/jose.new" alg -k sign >/dev/null || { echo "jose: Debian's package doesn't run here: install jose" >&2; exit 1; }
  mv "$dir/jose.new" "$dir/jose"
fi
echo "$dir/jose"
