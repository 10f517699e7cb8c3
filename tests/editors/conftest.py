"""Fixtures with real editors; a test that asks for what is not there is skipped, or fails under NNLINT_REQUIRE_EDITORS=1."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editors.installed import EXTENSION, find_chromium, require_build_tools, require_vscode
from tests.editors.workbench import Workbench, running


@pytest.fixture(scope="session")
def extension() -> Path:
    """The extension's folder, with what its build needs."""
    require_build_tools()
    return EXTENSION


@pytest.fixture(scope="session")
def vsix(extension: Path) -> Path:
    """The packaged extension, built from today's sources."""
    built = subprocess.run(["npm", "run", "--silent", "package"], cwd=extension, capture_output=True, text=True, timeout=120)
    assert built.returncode == 0, built.stdout + built.stderr
    return extension / "nnlint.vsix"


@pytest.fixture(scope="session")
def workbench(vsix: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """One VS Code for the whole session. Its folder has a space in its name, as those of users do."""
    require_vscode()
    chromium = find_chromium()
    with running(tmp_path_factory.mktemp("work bench"), vsix, chromium) as workbench:
        yield workbench
