#!/usr/bin/env bash
# install.sh FOLDER: copies dist/jwt-auth to FOLDER, which should be on the PATH.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=$1
if ! { mkdir -p "$folder" && [ -w "$folder" ]; } 2>/dev/null; then
  echo "install: $folder is not writable: run 'sudo make install', or 'make install PREFIX=\$HOME/.local' without root" >&2
  exit 1
fi
# Replace the file with a rename, in case a service runs the old one.
temporary=$(mktemp "$folder/.jwt-auth.XXXXXX")
trap 'rm -f "$temporary"' EXIT
cp dist/jwt-auth "$temporary"
chmod 755 "$temporary"
mv "$temporary" "$folder/jwt-auth"
echo "$folder/jwt-auth"
case :$PATH: in
  *":$folder:"*) ;;
  *) [ -n "${DESTDIR-}" ] || echo "install: $folder is not on your PATH: add it" >&2 ;;
esac
