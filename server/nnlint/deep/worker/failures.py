"""What went wrong in a run, in words for the person who wrote the model."""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Iterator, Sequence

from .limits import size, too_much_memory
from .messages import Limits

_LONGEST = 300  # characters of an exception's own text
_REFUSED_MEMORY = ("can't allocate memory", "not enough memory")


def failure(error: BaseException, limits: Limits, roots: Sequence[str]) -> str:
    """Why the exception ended the run, and where in the files under `roots` it was raised."""
    return _reason(error, limits) + _place(error, roots)


def _reason(error: BaseException, limits: Limits) -> str:
    for cause in _causes(error):
        if isinstance(cause, MemoryError) or (isinstance(cause, RuntimeError) and any(words in str(cause) for words in _REFUSED_MEMORY)):
            return too_much_memory(limits)
        if isinstance(cause, OSError) and cause.errno == errno.EFBIG:
            return f"it wrote a file of more than {size(limits.file_size)}"
        if isinstance(cause, RecursionError):
            return "it called itself without end (RecursionError)"
    if isinstance(error, SystemExit):
        return f"it ended itself with sys.exit({'' if error.code is None else repr(error.code)})"
    return first_line(error)


def first_line(error: BaseException) -> str:
    """The exception as the last line of a traceback has it, no longer than a line."""
    text = str(error).strip().split("\n")[0]
    name = type(error).__name__
    return f"{name}: {text[:_LONGEST]}" if text else name


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _place(error: BaseException, roots: Sequence[str]) -> str:
    """The innermost place in the user's own files, where there is one."""
    folders = tuple(os.path.join(os.path.abspath(root), "") for root in roots)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if folders and os.path.abspath(frame.filename).startswith(folders):
            return f" (in {frame.name}, {frame.filename}:{frame.lineno})"
    return ""
