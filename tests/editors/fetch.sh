#!/bin/bash
# usage: fetch.sh
# Gets everything that the editor tests use and apt does not install: VS Code's server, Playwright, newer Neovims, the extension's build tools.
# What is there already is left alone. What cannot be had is said and passed over: its tests are skipped, or fail under NNLINT_REQUIRE_EDITORS=1.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
extension="$here/../../vscode-extension"
editors="${NNLINT_CACHE:-$here/../../.cache}/editors"
log="$editors/fetch.log"
mkdir -p "$editors"

attempt() { # WHAT COMMAND...
  local what=$1
  shift
  "$@" > "$log" 2>&1 || { echo "no $what for the editor tests:" && tail -n 5 "$log"; } >&2
}
has() { command -v "$1" > /dev/null; }

if ! has npm; then
  echo "no VS Code for the editor tests: npm is missing" >&2
else
  if ! [ "$extension/node_modules/.package-lock.json" -nt "$extension/package-lock.json" ]; then
    attempt "build tools of the VS Code extension" npm ci --prefix "$extension" --ignore-scripts --no-audit --no-fund
  fi
  if [ "$(uname -sm)" = "Linux x86_64" ]; then
    attempt "VS Code" "$here/fetch_vscode.sh" "$editors/vscode"
  fi
fi
if has apt-get && [ "$(uname -m)" = x86_64 ] && [ -e /etc/apt/sources.list.d/debian.sources ]; then
  attempt "Neovim 0.10" "$here/fetch_neovim.sh" trixie "$editors/neovim-trixie"
  attempt "newest Neovim" "$here/fetch_neovim.sh" forky "$editors/neovim-forky"
fi
exit 0
