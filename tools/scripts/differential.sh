#!/usr/bin/env bash
# differential.sh [COUNT]: generates tests/differential/cases.json with the libraries of tests/vectors, which it
# installs into .tools.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=$(tools/scripts/python.sh)
"$python" -B tests/differential/generate.py "$@"
