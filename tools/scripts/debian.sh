# Source debian.sh in the root of the repository. It downloads packages from Debian's archive without root. It keeps its
# own package lists in .tools, because those of the system may be empty or old.
# shellcheck shell=bash

apt=$PWD/.tools/apt

apt_get() { apt-get -qq -c "$apt/apt.conf" "$@" >&2; }

# Fetches the package lists. Fails without apt or without Debian's key.
apt_update() {
  local keys=/usr/share/keyrings/debian-archive-keyring.gpg
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null && [ -e "$keys" ] || return 1
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
  : >"$apt/status"
  # The system's settings apply, for example a proxy, but not its hooks, which change the system.
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
  # Ignore errors, so that a missing suite does not prevent the use of the others. A missing package fails at its
  # download.
  apt_get update || true
}

# Downloads packages into a folder. Needs apt_update first.
download() { # folder, package[=version][/suite]...
  mkdir -p "$1" && (cd "$1" && shift && apt_get download "$@")
}
