"""Which Python runs the models: the one that is named, else that of the active environment, never one that a project's files name."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


class InterpreterError(Exception):
    """There is no such Python; the text says what to name instead."""


def choose(named: str | None) -> str:
    """The absolute path of the Python to run models with.

    `named` is a path, or the name of a program on PATH. Without one it is the Python of the active virtual or conda environment, else
    the one that runs nnlint. Raises `InterpreterError`.
    """
    if named:
        return _named(named)
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        folder = os.environ.get(variable)
        if folder and os.path.isabs(folder) and _is_program(python := str(Path(folder, "bin", "python"))):
            return python
    return sys.executable


def _named(name: str) -> str:
    path = os.path.expanduser(name)
    found = shutil.which(path) if os.path.dirname(path) == "" else path
    if found is None:
        raise InterpreterError(f"there is no {name} on PATH; name the path of a Python in whose environment torch is installed")
    if os.path.isdir(found):
        raise InterpreterError(f"{found} is a folder; name the Python in it, such as {Path(found, 'bin', 'python')}")
    if not os.path.exists(found):
        raise InterpreterError(f"{found} does not exist; name the path of a Python in whose environment torch is installed")
    if not _is_program(found):
        raise InterpreterError(f"{found} may not be executed; name the path of a Python in whose environment torch is installed")
    return os.path.abspath(found)


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)
