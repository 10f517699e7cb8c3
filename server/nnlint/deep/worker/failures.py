"""What the user's code raised, in words for the person who wrote it."""

from __future__ import annotations

import errno
import resource
from collections.abc import Iterator

from .processes.limits import size, too_much_memory

_LONGEST = 300  # characters of an exception's own text
_REFUSED_MEMORY = ("can't allocate memory", "not enough memory")  # torch's words for it, in a RuntimeError


def first_line(error: BaseException) -> str:
    """`TypeError: forward() missing 1 required positional argument`, as long as a line may be; plain words where a limit is behind it."""
    return _limit_behind(error) or _plain(error)


def _plain(error: BaseException) -> str:
    text = str(error).strip().split("\n")[0][:_LONGEST]
    if isinstance(error, SystemExit):
        return f"it ended itself with sys.exit({text})"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _limit_behind(error: BaseException) -> str:
    for cause in _causes(error):
        if isinstance(cause, MemoryError) or (isinstance(cause, RuntimeError) and any(words in str(cause) for words in _REFUSED_MEMORY)):
            return too_much_memory(resource.getrlimit(resource.RLIMIT_DATA)[0])
        if isinstance(cause, OSError) and cause.errno == errno.EFBIG:
            return f"it wrote a file of more than {size(resource.getrlimit(resource.RLIMIT_FSIZE)[0])}"
        if isinstance(cause, RecursionError):
            return "it called itself without end (RecursionError)"
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it was raised from, or while that was handled."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
