#!/usr/bin/env bash
# run.sh: an Envoy with the filter in front of an upstream that shows what it got, a token service, and curl lines to try them;
# Ctrl-C ends it.
# run.sh --compose: the same in containers, by docker-compose.yaml.
# Ports: PORT, TOKEN_PORT, REPLAY_PORT, BROKEN_PORT, UPSTREAM_PORT, ADMIN_PORT; with --compose only the first two. Envoy: ENVOY or ENVOY_VERSION.
set -euo pipefail
cd "$(dirname "$0")/.."

demo() { cargo run --quiet --locked --package testbed --bin demo -- "$@"; }

if [ "${1-}" = --compose ]; then
  if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
  elif command -v docker-compose >/dev/null; then
    compose=(docker-compose)
  else
    echo "compose: neither 'docker compose' nor 'docker-compose' is there" >&2
    exit 1
  fi
  [ "$(uname -s)" = Linux ] || {
    echo "compose: the containers need dist/jwt-auth from a Linux machine; 'make run' needs no containers" >&2
    exit 1
  }
  demo --compose
  ENVOY_CONFIG=./run/compose-envoy.yaml exec "${compose[@]}" --profile tokens up
fi

ENVOY=$(scripts/envoy.sh)
export ENVOY
# Cargo becomes the demo, which so gets the signals.
exec cargo run --quiet --locked --package testbed --bin demo
