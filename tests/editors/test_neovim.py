"""nnlint in Neovim, set up with the very snippets of docs/editors.md."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.editors.installed import EDITORS, HERE, REPOSITORY, absent

pytestmark = pytest.mark.editors

MODEL = dedent("""\
    import torch.nn as nn


    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.mood = "é😀"; self.conv = nn.Conv2d(8, 8, kernel_size=3)
            self.norm = nn.BatchNorm2d(8)

        def forward(self, x):
            return self.norm(self.conv(x))


    """)
# The headings of the snippets name the first version that each is for.
SETUP_VERSIONS = [(0, 11), (0, 8), (0, 7)]
FIRST_WITH_DEEP_CHECK = (0, 8)


@pytest.fixture(params=["system", "trixie", "forky"])
def neovim(request: pytest.FixtureRequest) -> str:
    """Each Neovim there is: the system's, and those that `fetch.sh` unpacks. The newest is a bonus, because its suite moves on."""
    if request.param == "system":
        return shutil.which("nvim") or absent("no Neovim")
    command = EDITORS / f"neovim-{request.param}" / "nvim"
    if not command.exists():
        if request.param == "forky":
            pytest.skip("the newest Neovim was not fetched")
        absent(f"no Neovim of {request.param}")
    return str(command)


def test_a_session(neovim: str, tmp_path: Path) -> None:
    drive(neovim, "nvim_session.lua", tmp_path)


@pytest.mark.torch
def test_a_model_is_run(neovim: str, tmp_path: Path) -> None:
    version = version_of(neovim)
    if version < FIRST_WITH_DEEP_CHECK:
        pytest.skip(f"the set-up for the deep check is for newer versions than {version}")
    drive(neovim, "nvim_deep_check.lua", tmp_path)


def drive(neovim: str, script: str, tmp_path: Path) -> None:
    """Let a script of this folder drive Neovim, which is set up as the documentation says and shows a model."""
    folder = tmp_path / "my models"
    folder.mkdir()
    (folder / "encoder.py").write_text(MODEL)
    (folder / "init.lua").write_text(documented_setup(version_of(neovim)))
    home = tmp_path / "home"
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        **{name: str(home / name) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")},
    }
    path = str(HERE / script).replace(" ", "\\ ")
    command = [neovim, "--headless", "-u", "init.lua", "-i", "NONE", "-n", f"+luafile {path}", "encoder.py"]
    session = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", timeout=240
    )
    assert session.returncode == 0, session.stdout + session.stderr + server_log(home)


def version_of(neovim: str) -> tuple[int, int]:
    shown = subprocess.run([neovim, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"NVIM v(\d+)\.(\d+)", shown)
    assert found, shown
    return int(found[1]), int(found[2])


def documented_setup(version: tuple[int, int]) -> str:
    snippets = re.findall(r"```lua\n-- ([^\n]*)\n(.*?)```", (REPOSITORY / "docs" / "editors.md").read_text(), re.DOTALL)
    code = dict(snippets)
    major, minor = next(first for first in SETUP_VERSIONS if first <= version)
    deep = code["nnlint deep check"] if version >= FIRST_WITH_DEEP_CHECK else ""
    return code[f"nnlint for Neovim {major}.{minor}"] + code["nnlint fixes on save"] + deep


def server_log(home: Path) -> str:
    return "".join(f"\n--- {log.name}\n{log.read_text()[-4000:]}" for log in home.rglob("lsp.log"))
