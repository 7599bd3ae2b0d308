#!/usr/bin/env bash
# run.sh: an Envoy with the filter in front of an upstream that shows what it got, a token service, and curl lines to try them;
# Ctrl-C ends it.
# run.sh --compose: the same in containers, by docker-compose.yaml.
# Ports: PORT, TOKEN_PORT, REPLAY_PORT, BROKEN_PORT, ADMIN_PORT and, without --compose, UPSTREAM_PORT. Envoy: ENVOY or
# ENVOY_VERSION. Keys and configurations: RUN_DIR.
set -euo pipefail
cd "$(dirname "$0")/../.."

echo "run: compiling the demo, a minute or two the first time" >&2
cargo build --quiet --locked --package demo

if [ "${1-}" = --compose ]; then
  if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
  # Compose takes a path without a leading ./ for the name of a volume.
  RUN_DIR=${RUN_DIR:-$PWD/run/compose}
  case $RUN_DIR in /*) ;; *) RUN_DIR=$PWD/$RUN_DIR ;; esac
  export RUN_DIR
  cargo run --quiet --locked --package demo -- --compose
  # Nothing stays behind, whether it ends by Ctrl-C, by a signal or because it can't start.
  trap '"${compose[@]}" down --timeout 5 >&2 || true' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  # In the background, since a shell handles signals only while it waits for nothing else.
  status=0
  "${compose[@]}" up &
  wait $! || status=$?
  exit "$status"
fi

ENVOY=$(tools/scripts/envoy.sh)
export ENVOY
# Cargo becomes the demo, which so gets the signals.
exec cargo run --quiet --locked --package demo
