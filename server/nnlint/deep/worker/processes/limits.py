"""How far a run may go: what the system itself holds a process to, and what is watched from outside."""

from __future__ import annotations

import contextlib
import math
import os
import resource
import time
from collections.abc import Sequence

from ..messages import Limits
from .process_tree import Process, everything, proportional_memory, running

# The libraries below torch start a thread a processor, each.
_THREADS_PER_PROCESS = 16
_SECONDS_BETWEEN_CLOSE_LOOKS, _LONGEST_ACCOUNT = 2.0, 0.5
_SPARE_PROCESSES = 4096
# A run should not slow the editor down.
_NICENESS = 5
# Nor, where the system itself runs out of memory, end in place of the run.
_FIRST_TO_GO = "1000"


def confine(limits: Limits) -> None:
    """Sets what the system holds this process and its descendants to, each on its own."""
    seconds = math.ceil(limits.seconds * (os.cpu_count() or 1))
    _limit(resource.RLIMIT_CORE, 0, 0)
    _limit(resource.RLIMIT_CPU, seconds, seconds + 1)  # SIGXCPU at the first, SIGKILL at the second
    _limit(resource.RLIMIT_FSIZE, limits.file_size, limits.file_size)
    # Not RLIMIT_AS: torch's libraries reserve far more addresses than they use.
    _limit(resource.RLIMIT_DATA, limits.memory, limits.memory)
    # All processes of a user count, those that are not seen from a container too; the watch below is closer. Root is not held to it.
    _limit(resource.RLIMIT_NPROC, *[sum(process.threads for process in everything()) + _SPARE_PROCESSES] * 2)
    os.nice(_NICENESS)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:  # not every system has it
        score.write(_FIRST_TO_GO)


def _limit(kind: int, soft: int, hard: int) -> None:
    """Sets one limit, no higher than it is."""
    highest = resource.getrlimit(kind)[1]
    if highest != resource.RLIM_INFINITY:
        soft, hard = min(soft, highest), min(hard, highest)
    resource.setrlimit(kind, (soft, hard))


class Watch:
    """Looks at what the descendants of this process take together, and at the files in their working directory."""

    def __init__(self, limits: Limits, folder: str) -> None:
        self._limits, self._folder = limits, folder
        self._next_close_look, self._processes_before = 0.0, 0

    def excess(self) -> str:
        """What there is too much of, in words; empty where all is well.

        Counting processes is cheap. What takes longer is left until their number has settled: a tree that grows does not wait for it.
        """
        limits, processes = self._limits, running()
        if len(processes) > limits.processes:
            return f"it started more than {limits.processes} processes"
        threads = limits.processes * _THREADS_PER_PROCESS
        if sum(process.threads for process in processes) > threads:
            return f"it started more than {threads} threads"
        grows, self._processes_before = len(processes) > self._processes_before, len(processes)
        if grows or time.monotonic() < self._next_close_look:
            return ""
        self._next_close_look = time.monotonic() + _SECONDS_BETWEEN_CLOSE_LOOKS
        if _take_more_than(limits.memory, processes):
            return too_much_memory(limits.memory)
        return f"it wrote more than {size(limits.file_size)} of files" if _bytes_below(self._folder) > limits.file_size else ""


def _take_more_than(memory: int, processes: Sequence[Process]) -> bool:
    """Whether the processes take more bytes together. What forks share counts once; without Linux's account of it, in each."""
    if sum(process.resident for process in processes) <= memory:
        return False
    total, deadline = 0, time.monotonic() + _LONGEST_ACCOUNT
    for process in processes:
        total += proportional_memory(process)
        if total > memory or time.monotonic() > deadline:
            break
    return total > memory


def _bytes_below(folder: str) -> int:
    """Bytes of disk that the files in the folder take."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # it is gone
                total += os.lstat(os.path.join(path, name)).st_blocks * 512
    return total


def too_much_memory(limit: int) -> str:
    """The words for a run that was refused memory or took too much, of a number of bytes."""
    return f"it asked for more memory than {size(limit) if limit != resource.RLIM_INFINITY else 'there is'}"


def size(count: int) -> str:
    """A number of bytes in words."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1024:
            return f"{count:.4g} {unit}"
        count /= 1024  # type: ignore[assignment]
    return f"{count:.4g} GB"
