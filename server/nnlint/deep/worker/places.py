"""Places in the user's own files, where what went wrong can be changed."""

from __future__ import annotations

import os
import traceback
from collections.abc import Sequence


def place_of(error: BaseException, roots: Sequence[str]) -> str:
    """The innermost place below `roots` that the exception came through, in words; empty where it came through none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if is_below(frame.filename, roots):
            return in_words(frame.name, frame.filename, frame.lineno or 1)
    return ""


def is_below(path: str, folders: Sequence[str]) -> bool:
    """Whether the file lies in one of the folders, at any depth, and is not a package that is installed there."""
    path = os.path.abspath(path)
    return "site-packages" not in path.split(os.sep) and any(path.startswith(os.path.join(os.path.abspath(f), "")) for f in folders)


def in_words(name: str, path: str, row: int) -> str:
    """A place as it follows a reason."""
    return f" (in {name}, {path}:{row})"
