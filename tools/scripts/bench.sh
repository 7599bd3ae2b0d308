#!/usr/bin/env bash
# Compares the filter with Envoy's own jwt_authn. Writes tools/bench/report.{md,json,svg} and the README's table. Takes
# about twenty minutes on an idle machine. BENCH_TURNS, BENCH_ONLY and BENCH_LIVE_JTIS make it shorter. With BENCH_ONLY or
# BENCH_OUT, it only writes a report to BENCH_OUT, by default target/bench. See tools/bench/src/settings.rs.
# The variants whose names begin with jti- ask etcd and Redis, which are downloaded if they are missing.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Use the installed wrk, or Debian's package.
if ! WRK=$(type -P wrk); then
  dir=$PWD/.tools/wrk
  WRK=$dir/root/usr/bin/wrk
  if [ ! -x "$WRK" ]; then
    # shellcheck source=tools/scripts/debian.sh
    . tools/scripts/debian.sh
    rm -rf "$dir"
    { apt_update && download "$dir" wrk libluajit-5.1-2; } || { echo "bench: wrk is missing: install it" >&2; exit 1; }
    mkdir "$dir/root"
    for package in "$dir"/*.deb; do dpkg-deb -x "$package" "$dir/root"; done
  fi
  library=$(find "$dir/root" -name 'libluajit-5.1.so.2' -printf '%h' -quit)
  export LD_LIBRARY_PATH="$library${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
fi
ENVOY=$(tools/scripts/envoy.sh)
NOOP_WASM=$PWD/target/noop.wasm
tools/scripts/build-wasm.sh noop "$NOOP_WASM"
JWT_AUTH_WASM=${JWT_AUTH_WASM:-$PWD/dist/jwt-auth.wasm}
if [ -n "${BENCH_OUT-}${BENCH_ONLY-}" ]; then
  BENCH_OUT=${BENCH_OUT:-$PWD/target/bench}
else
  BENCH_OUT=$PWD/tools/bench
  export BENCH_README=$PWD/README.md
fi
case ${BENCH_ONLY:-jti-} in *jti-* | *\**)
  ENGINES=$(tools/scripts/engines.sh)
  export ENGINES
esac
export WRK ENVOY NOOP_WASM JWT_AUTH_WASM BENCH_OUT
echo "bench: compiling the bench (takes a minute or two the first time)" >&2
exec cargo run --quiet --locked --package bench
