"""Python environments of their own for other tools, whose needs would not agree with nnlint's."""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path

from scripts.fetch_corpus import ROOT


def python_with(name: str, *pip_arguments: str) -> Path:
    """The Python of `.cache/NAME/`, into which pip has installed what the arguments name, once."""
    folder = ROOT / ".cache" / name
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *pip_arguments], check=True)
        (folder / "installed").touch()
    return python
