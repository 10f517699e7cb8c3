"""Ends what is left of a run whose supervisor was killed: its processes carry a mark in their environment."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

MARK = "NNLINT_DEEP_RUN"
_LONGEST = 5.0  # seconds


def kill_marked(mark: str) -> None:
    """Kills the processes that were started with this mark, on systems that tell the environment of a process (Linux)."""
    deadline = time.monotonic() + _LONGEST
    while (pids := list(_marked(mark))) and time.monotonic() < deadline:
        for pid in pids:
            with contextlib.suppress(OSError):  # it has ended
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _marked(mark: str) -> Iterator[int]:
    wanted = f"{MARK}={mark}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name)
