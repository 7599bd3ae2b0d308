#!/usr/bin/env bash
# python.sh: prints the path of a Python with the libraries of tests/vectors/requirements.txt, which it installs into
# .tools.
set -euo pipefail
cd "$(dirname "$0")/../.."

requirements=tests/vectors/requirements.txt
venv=$PWD/.tools/venv-$(cksum <"$requirements" | cut -d ' ' -f 1)
if [ ! -e "$venv/complete" ]; then
  rm -rf "$venv"
  install=(-m pip --quiet --disable-pip-version-check install -r "$requirements")
  if python3 -m venv "$venv" >/dev/null 2>&1; then
    "$venv/bin/python" "${install[@]}" >&2
  elif python3 -m pip --version >/dev/null 2>&1; then
    # On Debian, venv is a separate package.
    rm -rf "$venv"
    python3 "${install[@]}" --target "$venv/lib" >&2 &&
      mkdir "$venv/bin" &&
      printf '#!/bin/sh\nPYTHONPATH="%s/lib" exec python3 "$@"\n' "$venv" >"$venv/bin/python" &&
      chmod +x "$venv/bin/python"
  else
    echo "python: python3 has neither venv nor pip (Debian: apt-get install python3-venv)" >&2
    exit 1
  fi || { echo "python: can't install the libraries from PyPI" >&2; exit 1; }
  touch "$venv/complete"
fi
echo "$venv/bin/python"
