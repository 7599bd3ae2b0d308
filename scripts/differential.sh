#!/usr/bin/env bash
# differential.sh [COUNT]: makes tests/differential/cases.json anew with the libraries of tests/vectors, which it puts into .tools.
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=tests/vectors/requirements.txt
venv=$PWD/.tools/venv-$(cksum <"$requirements" | cut -d ' ' -f 1)
if [ ! -e "$venv/complete" ]; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/python" -m pip --quiet --disable-pip-version-check install -r "$requirements"
  touch "$venv/complete"
fi
"$venv/bin/python" -B tests/differential/generate.py "$@"
