#!/usr/bin/env bash
# python.sh: prints the path of a Python that has the libraries of tests/vectors/requirements.txt, which it fetches into .tools.
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=tests/vectors/requirements.txt
venv=$PWD/.tools/venv-$(cksum <"$requirements" | cut -d ' ' -f 1)
if [ ! -e "$venv/complete" ]; then
  rm -rf "$venv"
  { python3 -m venv "$venv" &&
    "$venv/bin/python" -m pip --quiet --disable-pip-version-check install -r "$requirements"; } >&2 || {
    echo "python: PyPI gave no libraries, or python3 has no venv (Debian: apt-get install python3-venv)" >&2
    exit 1
  }
  touch "$venv/complete"
fi
echo "$venv/bin/python"
