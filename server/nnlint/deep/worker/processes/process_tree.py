"""The processes that this one has started, and those that they have: found, measured, and killed to the last one."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

IS_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_LONGEST_SWEEP = 60.0  # seconds, after which what is left cannot be killed, such as another user's process


@dataclass(frozen=True)
class Process:
    """A process. `resident` are the bytes it has in memory, shared ones included; a zombie has ended and waits to be reaped."""

    pid: int
    parent: int
    group: int
    is_zombie: bool
    threads: int
    resident: int


def adopt_orphans() -> None:
    """Makes descendants whose parent has ended children of this process, where the system can."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Has the system kill this process when its parent has ended, where the system can."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if IS_LINUX:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def everything() -> Iterator[Process]:
    """What runs on this machine."""
    return _from_proc() if IS_LINUX else _from_ps()


def descendants() -> list[Process]:
    """What runs below this process, zombies included."""
    children: dict[int, list[Process]] = {}
    for process in everything():
        children.setdefault(process.parent, []).append(process)
    found = list(children.get(os.getpid(), ()))
    for process in found:  # grows meanwhile
        found.extend(children.get(process.pid, ()))
    return found


def running() -> list[Process]:
    """The descendants that have not ended."""
    return [process for process in descendants() if not process.is_zombie]


def proportional_memory(process: Process) -> int:
    """Bytes that the process has in memory, its part of those that it shares; all of these where the system does not keep that account."""
    try:
        with open(f"/proc/{process.pid}/smaps_rollup", encoding="ascii") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return process.resident


def reap() -> dict[int, int]:
    """The statuses, as `waitpid` has them, of the children that have ended since."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended[pid] = status


def kill_all() -> None:
    """Kills every descendant, and those that they start meanwhile, until there is none.

    A group is killed as a whole: the system lets no process of it have another child then. Those who have left it are killed one by one,
    which is faster than they can start others; stopping them first would not be, as the list of them would grow from look to look.
    """
    deadline = time.monotonic() + _LONGEST_SWEEP
    own = os.getpgid(0)
    while (left := descendants()) and time.monotonic() < deadline:
        for group in {process.group for process in left} - {own}:
            with contextlib.suppress(OSError):  # it has ended, or become another user's
                os.killpg(group, signal.SIGKILL)
        for process in left:
            with contextlib.suppress(OSError):
                os.kill(process.pid, signal.SIGKILL)
        reap()
        time.sleep(0.001 if len(left) > 1 else 0.01)


def _from_proc() -> Iterator[Process]:
    page = os.sysconf("SC_PAGE_SIZE")
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as stat:
                state, *numbers = stat.read().rpartition(b")")[2].split()  # the name before it may hold anything
        except OSError:  # it has ended
            continue
        threads = int(numbers[16])
        # A process whose first thread has ended looks like a zombie while others run on.
        yield Process(int(name), int(numbers[0]), int(numbers[1]), state in (b"Z", b"X") and threads <= 1, threads, int(numbers[20]) * page)


def _from_ps() -> Iterator[Process]:
    with subprocess.Popen(["ps", "-A", "-o", "pid=,ppid=,pgid=,stat=,rss="], stdout=subprocess.PIPE, text=True) as ps:
        listing, _ = ps.communicate()
    for line in listing.splitlines():
        pid, parent, group, state, resident = line.split()[:5]
        if int(pid) != ps.pid:
            yield Process(int(pid), int(parent), int(group), state.startswith("Z"), 1, int(resident) * 1024)
