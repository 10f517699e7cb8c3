"""Runs the real command in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import nnlint

MODEL = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.norm(self.conv(x))
"""
FIXED = MODEL.replace("8, 3)", "8, 3, bias=False)")
CLEAN = "x = 1\n"
BROKEN = "def f(:\n    pass\n"

_LSP_CHECK = "import sys; from nnlint.cli.main import lsp_check; sys.argv[0] = 'lsp-check'; lsp_check()"
_LEFT_OUT = ("GITHUB_ACTIONS", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS")


@dataclass(frozen=True)
class Done:
    """What a command did."""

    status: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


class Commands:
    """Runs `lsp-check` and `nnlint` in `folder`, with a cache of their own."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        source = str(Path(nnlint.__file__).parents[1])
        inherited = {key: value for key, value in os.environ.items() if key not in _LEFT_OUT}
        path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), source]))
        self.env = {**inherited, "PYTHONPATH": path, "NNLINT_CACHE_DIR": str(cache), "PYTHONUTF8": "0"}

    def write(self, files: dict[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def check(self, *arguments: object, **options: Any) -> Done:
        return self.python("-c", _LSP_CHECK, *arguments, **options)

    def nnlint(self, *arguments: object, **options: Any) -> Done:
        return self.python("-m", "nnlint", *arguments, **options)

    def python(self, *arguments: object, stdin: bytes = b"", env: dict[str, str] | None = None, cwd: Path | None = None) -> Done:
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=cwd or self.folder,
            env={**self.env, **(env or {})},
            input=stdin,
            capture_output=True,
        )
        return Done(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    """Commands in a fresh folder, whose name has a space in it."""
    folder = tmp_path / "some models"
    folder.mkdir()
    return Commands(folder, tmp_path / "cache")
