#!/usr/bin/env bash
# engines.sh: prints the path of a folder with the commands etcd, redis-server and webdis, for the tests of `jtiStore`.
# Each is the installed one or Debian's, unpacked into .tools. Each starts the program with `exec`, so that signals
# reach it.
set -euo pipefail
cd "$(dirname "$0")/../.."

mkdir -p .tools
# Without symbolic links, so that worktrees can share it.
dir=$(cd .tools && pwd -P)/engines-$(cksum <"tools/scripts/engines.sh" | cut -d ' ' -f 1)
[ -e "$dir/complete" ] && { echo "$dir"; exit; }

fail() { echo "engines: $*" >&2; exit 1; }

# Built beside its place and renamed, because several runs may be in progress.
new=$(mktemp -d "$dir.XXXXXX")
trap 'rm -rf "$new"' EXIT

# Writes a command for the installed program, or for Debian's.
command_for() { # program, package...
  local program=$1 installed libraries
  shift
  if installed=$(PATH=$PATH:/usr/sbin:/usr/local/sbin type -P "$program"); then
    printf '#!/bin/sh\nexec "%s" "$@"\n' "$installed" >"$new/$program"
  else
    # shellcheck source=tools/scripts/debian.sh
    . tools/scripts/debian.sh
    { [ -e "$new/lists" ] || apt_update; } && touch "$new/lists" && download "$new/packages" "$@" ||
      fail "can't get $program from Debian's archive: install it ($how_to_install)"
    mkdir -p "$new/debian"
    for package in "$new"/packages/*.deb; do dpkg-deb -x "$package" "$new/debian" && rm "$package"; done
    libraries=$(cd "$new" && find debian -name '*.so.*' ! -path '*/gdb/*' -printf "$dir/%h\n" | sort -u | paste -sd:)
    printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s/debian/usr/bin/%s" "$@"\n' "$libraries" "$dir" "$program" \
      >"$new/$program"
  fi
  chmod 755 "$new" "$new/$program"
}

# Fails if a command does not run, or is another version.
check() { # program, option, pattern of its output, what is needed
  [[ $("$dir/$1" "$2" 2>&1) =~ $3 ]] || unusable "$1" "$4"
}

unusable() { # program, what is needed
  rm -rf "$dir"
  fail "$1 doesn't run here or isn't $2: install $2 ($how_to_install)"
}

how_to_install="Debian: etcd-server, redis-server, webdis; elsewhere https://etcd.io, https://redis.io, https://webd.is"
command_for etcd etcd-server
command_for redis-server redis-server redis-tools libatomic1 libcap2 libgcrypt20 libgpg-error0 libjemalloc2 liblz4-1 \
  liblzf1 liblzma5 libssl3 libstdc++6 libsystemd0 libzstd1
command_for webdis webdis libb64-0d libevent-2.1-7 libhiredis0.14 libjansson4

rm -rf "$new/packages" "$new/lists"
[ -e "$dir/complete" ] || { rm -rf "$dir" && mv "$new" "$dir"; }
mkdir -p "$new"
check etcd --version 'etcd Version: 3\.[4-9]' "etcd 3.4 or later"
check redis-server --version 'v=([7-9]|[1-9][0-9])' "Redis 7 or later"
# webdis shows no version. It runs with its defaults when its file is missing, but not without its libraries.
(cd "$new" && exec "$dir/webdis" missing.json >/dev/null 2>&1) &
sleep 0.5
kill $! 2>/dev/null || unusable webdis webdis
touch "$dir/complete"
echo "$dir"
