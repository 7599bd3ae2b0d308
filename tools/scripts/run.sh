#!/usr/bin/env bash
# run.sh: starts an Envoy with the filter, an echoing upstream and a token service, and prints curl commands to try
# them. Press Ctrl-C to stop.
# run.sh --compose: the same in containers, with docker-compose.yaml.
# Variables: PORT, TOKEN_PORT, REPLAY_PORT, BROKEN_PORT, ADMIN_PORT and, without --compose, UPSTREAM_PORT for the ports;
# ENVOY or ENVOY_VERSION for Envoy; RUN_DIR for the folder of keys and configurations.
set -euo pipefail
cd "$(dirname "$0")/../.."

echo "run: compiling the demo (takes a minute or two the first time)" >&2
cargo build --quiet --locked --package demo

if [ "${1-}" = --compose ]; then
  if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
  # Compose reads a path without a leading ./ as the name of a volume.
  RUN_DIR=${RUN_DIR:-$PWD/run/compose}
  case $RUN_DIR in /*) ;; *) RUN_DIR=$PWD/$RUN_DIR ;; esac
  export RUN_DIR
  cargo run --quiet --locked --package demo -- --compose
  # Always remove the containers: after Ctrl-C, after a signal, and if they can't start.
  trap '"${compose[@]}" down --timeout 5 >&2 || true' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  # Run it in the background, because a shell does not handle signals while a command runs in the foreground.
  status=0
  "${compose[@]}" up &
  wait $! || status=$?
  exit "$status"
fi

ENVOY=$(tools/scripts/envoy.sh)
export ENVOY
# Cargo replaces itself with the demo, so the demo gets the signals.
exec cargo run --quiet --locked --package demo
