"""The changes of fixes as a unified diff."""

from __future__ import annotations

import difflib
import io
from collections.abc import Iterator

from nnlint.cli.style import Style

_ROLES = {"+": "added", "-": "removed", "@": "help"}


def unified_diff(name: str, before: str, after: str, style: Style) -> str:
    """The diff of one file, as `patch -p0` takes it."""
    changes = difflib.unified_diff(_lines(before), _lines(after), name, name)
    return "".join(_painted(line, style) for change in changes for line in _with_line_end(change))


def _lines(text: str) -> list[str]:
    """The lines with their ends, as patch counts them: at line feeds alone."""
    return list(io.StringIO(text, newline="\n"))


def _with_line_end(change: str) -> Iterator[str]:
    if change.endswith("\n"):
        yield change
    else:
        yield change + "\n"
        yield "\\ No newline at end of file\n"


def _painted(line: str, style: Style) -> str:
    body = line.rstrip("\r\n")
    return style.paint(body, _ROLES[line[0]]) + line[len(body) :] if line[0] in _ROLES else line
