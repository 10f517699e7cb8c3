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
# Of two biases that look useless one is not: what a plug-in of the project does to a norm shows only where the model runs.
PLUGGED = dedent("""\
    import torch.nn as nn

    import speedups


    class Encoder(nn.Module):
        def __init__(self, channels=16):
            super().__init__()
            self.conv0 = nn.Conv2d(3, channels, kernel_size=3, padding=1)
            self.norm0 = nn.BatchNorm2d(channels)
            self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
            self.norm1 = nn.InstanceNorm2d(channels)
            self.head = nn.Linear(channels, 10)

        def forward(self, x):
            x = self.norm0(self.conv0(x)).relu()
            x = self.norm1(self.conv1(x)).relu()
            return self.head(x.mean((2, 3)))
    """)
PLUG_IN = dedent("""\
    import torch.nn as nn

    setattr(nn.InstanceNorm2d, "for" + "ward", lambda norm, x: 2 * x)
    """)
ENDLESS = dedent("""\
    import torch.nn as nn


    class Endless(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(16, 10)

        def forward(self, x):
            while True:
                self.head(x)
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


def test_a_deep_check_is_asked_for_watched_and_read_off_the_code(workbench: Workbench, workspace: Path) -> None:
    for name, text in {"models.py": PLUGGED, "speedups.py": PLUG_IN, "endless.py": ENDLESS}.items():
        (workspace / name).write_text(text)
    settings = {"workbench.activityBar.location": "hidden", "breadcrumbs.enabled": False}
    workbench.run("deep_check", workspace, interpreter=sys.executable, settings=TRUSTED | settings)


def executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path
