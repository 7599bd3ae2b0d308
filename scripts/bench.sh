#!/usr/bin/env bash
# Measures the filter beside Envoy's own jwt_authn and writes bench/report.{md,json,svg}. Takes about ten minutes on a quiet
# machine. BENCH_TURNS, BENCH_ONLY and BENCH_LIVE_JTIS do less, BENCH_OUT writes elsewhere; bench/src/settings.rs has them all.
set -euo pipefail
cd "$(dirname "$0")/.."

# wrk, from the system or from Debian's package, unpacked.
if ! WRK=$(type -P wrk); then
  WRK=$PWD/.tools/wrk/usr/bin/wrk
  if [ ! -x "$WRK" ]; then
    mkdir -p .tools/wrk
    (cd .tools/wrk && apt-get download -qq wrk libluajit-5.1-2 luajit >/dev/null 2>&1 && for deb in *.deb; do dpkg -x "$deb" .; done) ||
      { echo "bench: wrk is missing: install it (Debian: apt-get install wrk)" >&2; exit 1; }
  fi
  for folder in "$PWD"/.tools/wrk/usr/lib/*-linux-gnu; do
    export LD_LIBRARY_PATH="$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  done
fi
ENVOY=$(scripts/envoy.sh)
NOOP_WASM=$PWD/target/noop.wasm
scripts/build-wasm.sh noop "$NOOP_WASM"
JWT_AUTH_WASM=${JWT_AUTH_WASM:-$PWD/dist/jwt-auth.wasm}
BENCH_OUT=${BENCH_OUT:-$PWD/bench}
export WRK ENVOY NOOP_WASM JWT_AUTH_WASM BENCH_OUT
exec cargo run --quiet --locked --package bench
