#!/usr/bin/env bash
# run.sh: starts an Envoy with the filter, an echoing upstream and a token service, and prints curl commands to try
# them. Press Ctrl-C to stop.
# run.sh --compose: the same in containers, with docker-compose.yaml.
# With FLEET=1: two Envoys that share used jtis in an etcd of three nodes.
# Variables: PORT, TOKEN_PORT, REPLAY_PORT, BROKEN_PORT, RESOURCE_PORT, ADMIN_PORT and, without --compose, UPSTREAM_PORT
# for the ports, with FLEET=1 FIRST_PORT, SECOND_PORT, FIRST_ADMIN_PORT, SECOND_ADMIN_PORT, TOKEN_PORT and
# UPSTREAM_PORT; ENVOY or ENVOY_VERSION for Envoy; ETCD for etcd; RUN_DIR for the folder of keys and configurations.
set -euo pipefail
cd "$(dirname "$0")/../.."

echo "run: compiling the demo (takes a minute or two the first time)" >&2
cargo build --quiet --locked --package demo
fleet=()
[ -z "${FLEET-}" ] || fleet=(--fleet)

if [ "${1-}" = --compose ]; then
  if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
  # Compose reads a path without a leading ./ as the name of a volume.
  RUN_DIR=${RUN_DIR:-$PWD/run/compose}
  case $RUN_DIR in /*) ;; *) RUN_DIR=$PWD/$RUN_DIR ;; esac
  export RUN_DIR
  # The services of the profile, and those that they need.
  services=()
  [ -z "${FLEET-}" ] || compose+=(--profile fleet) services=(envoy-1 envoy-2)
  cargo run --quiet --locked --package demo -- --compose ${fleet[@]+"${fleet[@]}"}
  # Always remove the containers: after Ctrl-C, after a signal, and if they can't start.
  trap '"${compose[@]}" down --timeout 5 >&2 || true' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  # Run it in the background, because a shell does not handle signals while a command runs in the foreground.
  status=0
  "${compose[@]}" up ${services[@]+"${services[@]}"} &
  wait $! || status=$?
  exit "$status"
fi

ENVOY=$(tools/scripts/envoy.sh)
export ENVOY
if [ -n "${FLEET-}" ]; then
  ETCD=${ETCD:-$(type -P etcd)} || ETCD=$(tools/scripts/engines.sh)/etcd
  export ETCD
fi
# Cargo replaces itself with the demo, so the demo gets the signals.
exec cargo run --quiet --locked --package demo -- ${fleet[@]+"${fleet[@]}"}
