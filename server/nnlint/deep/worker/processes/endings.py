"""How a process ended, in words."""

from __future__ import annotations

import os
import signal

from ..messages import Limits
from .channel import UNHEARD

_CRASHES = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGSYS})


def ending(status: int, limits: Limits) -> str:
    """The words for a status as `waitpid` has it, of a process that ended before it was done."""
    code = os.waitstatus_to_exitcode(status)
    if code == UNHEARD:
        return "it closed the pipe that its answer goes through"
    if code >= 0:
        return f"it ended itself with exit status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:  # one of the real-time signals
        return f"it was ended by signal {-code}"
    if name == "SIGXCPU":
        return f"it took more processor time than {limits.seconds:g} s on every processor"
    if name == "SIGKILL":
        return "it was killed (SIGKILL): by its own code, or by the system for want of memory"
    return f"it crashed ({name})" if -code in _CRASHES else f"it was ended by {name}"
