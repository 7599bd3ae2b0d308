#!/usr/bin/env bash
# fuzz.sh [TARGET...]: runs the fuzz targets, $FUZZ_SECONDS (60) each, and prints the number of inputs for each. A
# failing input is saved in tests/fuzz/artifacts. `fuzz.sh TARGET FILE` runs a single input.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=0.13.2
bin=$PWD/.tools/cargo-fuzz-$version/bin/cargo-fuzz
if [ ! -x "$bin" ]; then
  echo "fuzz: building cargo-fuzz (takes a minute)" >&2
  CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --root "$PWD/.tools/cargo-fuzz-$version" "cargo-fuzz@$version"
fi

# The sanitizer's flags are unstable. They need a nightly compiler, or this variable.
nightly=$(rustup toolchain list 2>/dev/null | grep -o '^nightly[^ ]*' | head -n 1 || true)
if [ -n "$nightly" ]; then export RUSTUP_TOOLCHAIN=$nightly; else export RUSTC_BOOTSTRAP=1; fi
fuzz() { "$bin" "$1" --fuzz-dir tests/fuzz --target-dir target/fuzz "${@:2}"; }

if [ $# = 2 ] && [ -f "$2" ]; then
  fuzz run "$1" "$2"
  exit
fi
mapfile -t all < <(cd tests/fuzz/fuzz_targets && printf '%s\n' *.rs | sed 's/\.rs$//')
[ $# -gt 0 ] || set -- "${all[@]}"
seconds=${FUZZ_SECONDS:-60}
fuzz build
if command -v python3 >/dev/null; then python3 -B tests/fuzz/seeds.py; fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
report=() status=0
for target; do
  mkdir -p "tests/fuzz/corpus/$target"
  dictionary=tests/fuzz/dictionaries/$target.dict
  # All targets that edit parameters use the same dictionary.
  [ -e "$dictionary" ] || dictionary=tests/fuzz/dictionaries/parameters.dict
  echo "fuzz: $target, $seconds s"
  result=passed
  fuzz run "$target" "tests/fuzz/corpus/$target" "tests/fuzz/seeds/$target" -- -dict="$dictionary" -max_total_time="$seconds" \
    -max_len=4096 -timeout=10 -print_final_stats=1 -verbosity=0 >"$log" 2>&1 || { result=FAILED status=1; cat "$log"; }
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  report+=("$(printf '%-10s %10s executions, %s' "$target" "${executions:-no}" "$result")")
done
printf '%s\n' "${report[@]}"
exit "$status"
