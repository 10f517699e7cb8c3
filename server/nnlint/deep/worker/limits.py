"""How far a run may go: what the system itself holds a process to, and what is watched from outside."""

from __future__ import annotations

import math
import os
import resource

from .messages import Limits
from .process_tree import proportional_memory, running

# The libraries below torch start a thread a processor, each.
_THREADS_PER_PROCESS = 16
# A run should not slow the editor down.
_NICENESS = 5


def confine(limits: Limits) -> None:
    """Sets what the system holds this process and its descendants to, each on its own."""
    seconds = math.ceil(limits.seconds * (os.cpu_count() or 1))
    _limit(resource.RLIMIT_CORE, 0, 0)
    _limit(resource.RLIMIT_CPU, seconds, seconds + 1)  # SIGXCPU at the first, SIGKILL at the second
    _limit(resource.RLIMIT_FSIZE, limits.file_size, limits.file_size)
    # Not RLIMIT_AS: torch's libraries reserve far more addresses than they use.
    _limit(resource.RLIMIT_DATA, limits.memory, limits.memory)
    os.nice(_NICENESS)


def _limit(kind: int, soft: int, hard: int) -> None:
    """Sets one limit, no higher than it is."""
    highest = resource.getrlimit(kind)[1]
    if highest != resource.RLIM_INFINITY:
        soft, hard = min(soft, highest), min(hard, highest)
    resource.setrlimit(kind, (soft, hard))


def excess(limits: Limits) -> str:
    """What the descendants of this process have too much of, together, in words; empty where all is well."""
    processes = running()
    if len(processes) > limits.processes:
        return f"it started more than {limits.processes} processes"
    threads = limits.processes * _THREADS_PER_PROCESS
    if sum(process.threads for process in processes) > threads:
        return f"it started more than {threads} threads"
    if sum(process.resident for process in processes) > limits.memory and proportional_memory(processes) > limits.memory:
        return too_much_memory(limits)
    return ""


def too_much_memory(limits: Limits) -> str:
    """The words for a run that was refused memory or took too much."""
    return f"it asked for more memory than {size(limits.memory)}"


def size(count: int) -> str:
    """A number of bytes in words."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1024:
            return f"{count:.4g} {unit}"
        count /= 1024  # type: ignore[assignment]
    return f"{count:.4g} GB"
