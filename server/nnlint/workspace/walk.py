"""Finding the Python files below a folder."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Iterator
from typing import Protocol, Self

# Folders that hold no source of the project: ruff's list, and bytecode.
DEFAULT_EXCLUDES = (
    ".bzr",
    ".direnv",
    ".eggs",
    ".git",
    ".git-rewrite",
    ".hg",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".nox",
    ".pants.d",
    ".pyenv",
    ".pytest_cache",
    ".pytype",
    ".ruff_cache",
    ".svn",
    ".tox",
    ".venv",
    ".vscode",
    "__pycache__",
    "__pypackages__",
    "_build",
    "buck-out",
    "build",
    "dist",
    "node_modules",
    "site-packages",
    "venv",
)
# A folder that holds one of these is an environment, whatever it is called.
_ENVIRONMENT_MARKS = frozenset({"pyvenv.cfg", "conda-meta"})


class Filter(Protocol):
    """Which entries of a folder to leave out."""

    def entering(self, folder: str, names: Collection[str]) -> Self:
        """The filter for the entries of `folder`, which holds `names`."""

    def skips(self, path: str, is_folder: bool) -> bool: ...


class TooManyFolders(Exception):
    """A walk went through more folders than it was allowed to."""


def is_python(name: str) -> bool:
    return name.endswith(".py")


def walk(folder: str, entries: Filter, max_folders: int | None = None) -> Iterator[str]:
    """The Python files below `folder`, in no particular order. Links to folders are not followed, so that there are no circles."""
    waiting = deque([(folder, entries)])
    seen = 0
    while waiting:
        seen += 1
        if max_folders is not None and seen > max_folders:
            raise TooManyFolders
        here, above = waiting.popleft()
        found = _scan(here)
        names = {entry.name for entry in found}
        if here != folder and not _ENVIRONMENT_MARKS.isdisjoint(names):
            continue
        filter_here = above.entering(here, names)
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                if not filter_here.skips(entry.path, is_folder=True):
                    waiting.append((entry.path, filter_here))
            elif is_python(entry.name) and not filter_here.skips(entry.path, is_folder=False) and entry.is_file():
                yield entry.path


def _scan(folder: str) -> list[os.DirEntry[str]]:
    """The entries of a folder; none of one that may not be read."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
