#!/usr/bin/env bash
# differential.sh [COUNT]: makes tests/differential/cases.json anew with the libraries of tests/vectors, which it puts into .tools.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=$(tools/scripts/python.sh)
"$python" -B tests/differential/generate.py "$@"
