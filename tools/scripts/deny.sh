#!/usr/bin/env bash
# Checks the dependencies against tools/deny.toml with cargo-deny, which it builds into .tools if it is missing.
# Security advisories are only checked if their database on GitHub can be reached.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=0.20.2
bin=$PWD/.tools/cargo-deny-$version/bin/cargo-deny
if [ ! -x "$bin" ]; then
  echo "deny: building cargo-deny (takes a minute or two)" >&2
  # A debug build takes less than half the time and still checks in a second.
  CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --root "$PWD/.tools/cargo-deny-$version" "cargo-deny@$version"
fi

"$bin" --locked --config tools/deny.toml check licenses bans sources
if curl -fsI -m 10 https://github.com/rustsec/advisory-db >/dev/null 2>&1; then
  "$bin" --locked --config tools/deny.toml check advisories
else
  echo "advisories skipped: can't reach github.com, which has their database"
fi
