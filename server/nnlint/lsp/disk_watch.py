"""Notices that files have changed, without being told: for clients that cannot watch them, and for configs above the open folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from nnlint.workspace.config import OWN_FILE, SHARED_FILE

_Stamp = tuple[int, int, int] | None


class DiskWatch:
    """Remembers how files were when they were added. A folder changes when a file in it comes or goes."""

    def __init__(self) -> None:
        self._stamps: dict[str, _Stamp] = {}

    def add(self, paths: Iterable[str]) -> None:
        for path in paths:
            if path not in self._stamps:
                self._stamps[path] = _stamp(path)

    def forget(self) -> None:
        self._stamps.clear()

    def has_changed(self) -> bool:
        return any(_stamp(path) != stamp for path, stamp in self._stamps.items())


def config_places(folder: str) -> Iterator[str]:
    """Where a config that holds in a folder is or might come to be."""
    while os.path.isabs(folder):
        yield os.path.join(folder, OWN_FILE)
        yield os.path.join(folder, SHARED_FILE)
        parent = os.path.dirname(folder)
        if parent == folder:
            return
        folder = parent


def _stamp(path: str) -> _Stamp:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
