# debian.sh, to be sourced at the root of the repository: packages from Debian's archive, downloaded without root and without
# the package lists of the system, which may be empty or old. The lists are kept under .tools.
# shellcheck shell=bash

apt=$PWD/.tools/apt

apt_get() { apt-get -qq -c "$apt/apt.conf" "$@" >&2; }

# Fetches the lists. Fails where there is no apt or no key of Debian's.
apt_update() {
  local keys=/usr/share/keyrings/debian-archive-keyring.gpg
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null && [ -e "$keys" ] || return 1
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
  : >"$apt/status"
  # The system's own settings still count (a proxy, say), but not its hooks, which act on the system.
  cat >"$apt/apt.conf" <<EOF
Dir::State "$apt";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::http::Timeout "20";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
EOF
  local from="deb [signed-by=$keys target=Packages] http://deb.debian.org"
  cat >"$apt/sources.list" <<EOF
$from/debian bookworm main
$from/debian bookworm-backports main
$from/debian trixie-backports main
$from/debian-security bookworm-security main
EOF
  # One suite that is gone must not cost us the others: whether a package is there shows at its download.
  apt_get update || true
}

# Puts packages into a folder, once the lists are there.
download() { # folder, package[=version][/suite]...
  mkdir -p "$1" && (cd "$1" && shift && apt_get download "$@")
}
