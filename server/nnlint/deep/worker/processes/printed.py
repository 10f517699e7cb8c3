"""What a run prints, of which only the end is kept, and the place in the user's code that Python's crash handler writes there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..places import in_words, is_below

_KEPT = 2**15  # bytes: enough for the hundred frames that the crash handler shows
_CRASH, _STACK = "Fatal Python error: ", "(most recent call first):"  # the crash handler's words
_FRAME = re.compile(r'^  File "(.*)", line (\d+) in (.*)$', re.MULTILINE)


class Printed:
    """The output of a process: how many bytes there were, and the last of them."""

    def __init__(self) -> None:
        self.count = 0
        self._end = b""

    def add(self, data: bytes) -> None:
        """Takes in the next bytes."""
        self.count += len(data)
        self._end = (self._end + data)[-_KEPT:]

    def last_line(self) -> str:
        """The last line that the process wrote before it crashed or ended; empty where there is none."""
        lines = self._text().partition(_CRASH)[0].strip().splitlines()
        return lines[-1].strip() if lines else ""

    def place(self, roots: Sequence[str]) -> str:
        """Where in the files below `roots` the crash handler last saw the process, in words; empty where it saw it in none."""
        stack = self._text().rpartition(_STACK)[2]
        for path, row, name in _FRAME.findall(stack):
            if is_below(path, roots):
                return in_words(name, path, int(row))
        return ""

    def _text(self) -> str:
        return self._end.decode("utf-8", "replace")
