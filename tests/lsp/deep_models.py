"""Models for the deep check to run, and what becomes of the processes in which it does."""

from __future__ import annotations

import time
from pathlib import Path

# The bias is cancelled: a run confirms that.
CONFIRMED = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.norm(self.conv(x))
"""
PARAMETERS = 3 * 8 * 3 * 3 + 8 + 2 * 8

# Something that is decided when the file is imported puts another function in the place of the one that the text has.
REFUTED = (
    CONFIRMED
    + """

def plain(self, x):
    return self.conv(x)


for name in [chr(102) + "orward"]:
    setattr(Net, name, plain)
"""
)

# Which layer is called is known to the run alone.
DISCOVERED = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.norm(getattr(self, "co" + chr(110) + "v")(x))
"""

ENDLESS = """\
import subprocess

import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        while True:
            pass

    def forward(self, x):
        return self.norm(self.conv(x))
"""


def descendants(pid: int) -> set[int]:
    """All processes that a process has started, and those have."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent(entry)) is not None:
            parents[int(entry.name)] = parent
    found = {pid}
    while further := {child for child, parent in parents.items() if parent in found} - found:
        found |= further
    return found - {pid}


def are_gone(pids: set[int], within: float) -> bool:
    """Whether all of these processes end in so many seconds."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not any(_is_alive(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def _parent(entry: Path) -> int | None:
    try:
        return int((entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[1])
    except OSError:
        return None


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
