"""What the command line names: the files to check, and how each is shown."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nnlint.cli.errors import UsageMistake
from nnlint.cli.output import Notes
from nnlint.workspace import UnreadableSource, Workspace
from nnlint.workspace.decoding import SourceText, decode_source

STDIN = "-"


def named_folders(paths: Iterable[str]) -> list[str]:
    """The folders among the given paths, absolute; raises `UsageMistake` for a path that does not exist."""
    for path in paths:
        if not os.path.exists(path):
            raise UsageMistake(f"{path}: there is no such file or folder")
    return [os.path.abspath(path) for path in paths if os.path.isdir(path)]


def targets(paths: Sequence[str], workspace: Workspace, *, force_exclude: bool, respect_gitignore: bool, notes: Notes) -> dict[str, str]:
    """The absolute paths of the files to check, each with its name as given. One that is reached twice keeps the first name."""
    names: dict[str, str] = {}
    for given in paths:
        path = os.path.abspath(given)
        if force_exclude and workspace.is_left_out(path, respect_gitignore=respect_gitignore):
            notes.detail(f"{given}: excluded")
        elif os.path.isdir(path):
            for found in workspace.files_to_check(path, respect_gitignore=respect_gitignore):
                names.setdefault(found, _walked_name(given, path, found))
        elif path.endswith(".ipynb"):
            notes.warning(f"{given}: not checked; this version of nnlint does not read notebooks")
        else:
            names.setdefault(path, given)
    return _without_links(names)


def _walked_name(given: str, folder: str, found: str) -> str:
    relative = os.path.relpath(found, folder)
    return relative if given == os.curdir else os.path.join(given, relative)


def _without_links(names: dict[str, str]) -> dict[str, str]:
    """A link to a file that is checked as well would say, and fix, everything twice."""
    return {path: name for path, name in names.items() if not os.path.islink(path) or os.path.realpath(path) not in names}


@dataclass(frozen=True, slots=True)
class Stdin:
    """What came from standard input, with the name that it goes by. `source` is `None` where it is no text, as `problem` says."""

    name: str
    data: bytes
    source: SourceText | None
    problem: str | None = None

    @property
    def path(self) -> str:
        return os.path.abspath(self.name)


def read_stdin(filename: str | None) -> Stdin:
    data = sys.stdin.buffer.read()
    name = filename or STDIN
    try:
        return Stdin(name, data, decode_source(data))
    except UnreadableSource as error:
        return Stdin(name, data, None, str(error))
