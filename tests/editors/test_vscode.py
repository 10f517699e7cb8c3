"""nnlint's VSIX in a real VS Code workbench: on the screen, and through VS Code's own programming interface."""

from __future__ import annotations

import sys
import venv
from pathlib import Path
from textwrap import dedent

import pytest

from tests.editors.workbench import Workbench, write_json

pytestmark = pytest.mark.editors

# The network that nnlint began with: only the convolution right before the norm has a useless bias.
ENCODER = dedent("""\
    import torch.nn as nn


    class Encoder(nn.Module):
        def __init__(self, in_channels, channels):
            super().__init__()
            self.conv0 = nn.Conv2d(in_channels, channels, kernel_size=3, padding=1)
            self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
            self.norm = nn.BatchNorm2d(channels)
            self.actv = nn.ReLU(inplace=True)
            self.pool = nn.MaxPool2d(2)

        def forward(self, x):
            x = self.conv0(x)
            x = self.conv1(x)
            x = self.norm(x)
            x = self.actv(x)
            return self.pool(x)
    """)
TRUSTED = {"security.workspace.trust.enabled": False}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "my models"
    folder.mkdir()
    (folder / "encoder.py").write_text(ENCODER)
    return folder


def test_from_squiggle_to_fix_on_save(workbench: Workbench, workspace: Path) -> None:
    settings = {
        "editor.codeActionsOnSave": {"source.fixAll.nnlint.NN501": "explicit"},
        "workbench.activityBar.location": "hidden",
        "breadcrumbs.enabled": False,
    }
    workbench.run("squiggle", workspace, interpreter=sys.executable, settings=TRUSTED | settings)


def test_rules_run_in_restricted_mode_and_the_folders_programs_do_not(workbench: Workbench, workspace: Path) -> None:
    named = executable(workspace.parent / "elsewhere" / "python", f': > "{workspace}/setting-was-run"')
    executable(workspace / ".venv" / "bin" / "python", f': > "{workspace}/venv-was-run"')
    write_json(workspace / ".vscode" / "settings.json", {"nnlint.interpreter": str(named)})
    installed = executable(workbench.search_path / "nnlint", f'exec "{sys.executable}" -m nnlint "$@"')
    try:
        workbench.run("restricted", workspace, interpreter="", settings={"security.workspace.trust.startupPrompt": "never"})
    finally:
        installed.unlink()


def test_status_says_that_nnlint_is_missing(workbench: Workbench, workspace: Path) -> None:
    executable(workspace / "env" / "bin" / "python", "echo \"ModuleNotFoundError: No module named 'nnlint'\" >&2; exit 1")
    workbench.run("missing", workspace, interpreter="env/bin/python", settings=TRUSTED, WORKING_INTERPRETER=sys.executable)


def test_in_the_extension_host(workbench: Workbench, workspace: Path) -> None:
    venv.create(workspace / "bare", with_pip=False)
    workbench.run("extension_host", workspace, interpreter=sys.executable, settings=TRUSTED)


def executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path
