#!/bin/bash
# usage: fetch_neovim.sh SUITE DIR
# Neovim of another Debian suite (trixie: 0.10), unpacked with its whole dependency closure, its own libc too, into DIR, and DIR/nvim to run it. Idempotent.
# The machine's apt sources, lists and dpkg database stay as they are; the mirror is the one that this machine already uses.
set -euo pipefail
suite=$1
mkdir -p "$2"
root=$(cd "$2" && pwd)
[ -x "$root/nvim" ] && exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists/partial,archives/partial}
: > "$work/status"
awk '/^$/{exit} 1' /etc/apt/sources.list.d/debian.sources | grep -v '^#' | sed "s/^Suites:.*/Suites: $suite/" > "$work/suite.sources"
options=(
  -o "Dir::Etc::sourcelist=$work/suite.sources" -o Dir::Etc::sourceparts=/dev/null
  -o "Dir::State::lists=$work/lists" -o "Dir::State::status=$work/status"
  -o "Dir::Cache::archives=$work/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
  -o APT::Install-Recommends=false -o APT::Sandbox::User=root
)
apt-get "${options[@]}" -qq update
apt-get "${options[@]}" -qq -y --download-only install neovim
for package in "$work"/archives/*.deb; do dpkg-deb -x "$package" "$root"; done

libraries="$root/usr/lib/x86_64-linux-gnu"
cat > "$root/nvim.new" <<WRAPPER
#!/bin/sh
export VIMRUNTIME="$root/usr/share/nvim/runtime" LUA_CPATH="$libraries/lua/5.1/?.so;;"
exec "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" "$root/usr/bin/nvim" "\$@"
WRAPPER
chmod +x "$root/nvim.new"
mv "$root/nvim.new" "$root/nvim"
