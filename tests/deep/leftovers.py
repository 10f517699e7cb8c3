"""Finds the processes of a run by a mark in their environment, which every process that a run starts inherits."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MARK = "NNLINT_TEST_RUN"
SECONDS_TO_DIE = 5.0  # the bar


@contextmanager
def marked() -> Iterator[str]:
    """While active, whatever this process starts carries the mark that is given."""
    mark = uuid.uuid4().hex
    os.environ[MARK] = mark
    try:
        yield mark
    finally:
        del os.environ[MARK]


def carrying(mark: str) -> list[str]:
    """The command lines of the processes that carry the mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode() or folder.name)
        except OSError:  # it has ended
            continue
    return found


def left_after_death(mark: str) -> list[str]:
    """The processes that still carry the mark when they have had their time to die."""
    deadline = time.monotonic() + SECONDS_TO_DIE
    while (found := carrying(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found
