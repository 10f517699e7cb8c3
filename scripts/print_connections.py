"""Prints how to connect editors to the nnlint of this clone; `make demo` ends with it."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

TEXT = """
Connect an editor to this copy of nnlint (more in docs/editors.md):

VS Code
  cd "{root}/vscode-extension" && npm ci && npm run package
  code --install-extension nnlint.vsix
  In the settings:  "nnlint.interpreter": "{python}"

Neovim 0.11 and newer, in init.lua
  vim.lsp.config('nnlint', {{
    cmd = {{ '{server}', 'server' }},
    filetypes = {{ 'python' }},
    root_markers = {{ 'nnlint.toml', 'pyproject.toml', '.git' }},
  }})
  vim.lsp.enable('nnlint')

Then open {example}.
"""


def main() -> None:
    example = next(iter(sorted((ROOT / "examples").rglob("*.py"))))
    scripts = Path(sys.executable).parent
    print(TEXT.format(root=ROOT, python=sys.executable, server=scripts / "nnlint", example=example.relative_to(ROOT)).rstrip())


if __name__ == "__main__":
    main()
