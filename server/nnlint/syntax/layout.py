"""Lines, indentation and line ends of a text: what an edit has to keep to."""

from __future__ import annotations

import re

from nnlint.text import Span

_INDENT = re.compile(r"[ \t]*")
_LINE_END = re.compile(r"\r\n|\n|\r")
_TO_LINE_END = re.compile(r"[^\r\n]*")


def line_start(text: str, offset: int) -> int:
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def line_end(text: str, offset: int) -> int:
    """The end of the line that holds `offset`, its line end not included."""
    match = _TO_LINE_END.match(text, offset)
    return len(text) if match is None else match.end()


def next_line(text: str, offset: int) -> int:
    """Where the line behind the one that holds `offset` starts; the end of the text where there is none."""
    match = _LINE_END.match(text, line_end(text, offset))
    return len(text) if match is None else match.end()


def line_starts(text: str, span: Span) -> list[int]:
    """Where the lines of a span start, but its first."""
    return [match.end() for match in _LINE_END.finditer(text, span.start, span.end)]


def indent_before(text: str, offset: int) -> str | None:
    """The indentation before `offset`, `None` where something else precedes it on its line."""
    match = _INDENT.match(text, line_start(text, offset))
    return match.group() if match is not None and match.end() >= offset else None


def has_code_behind(text: str, offset: int) -> bool:
    """Whether more than a comment follows on the line."""
    behind = text[offset : line_end(text, offset)].strip()
    return bool(behind) and not behind.startswith("#")


def newline(text: str) -> str:
    """The text's own line end, that of its first line."""
    match = _LINE_END.search(text)
    return match.group() if match else "\n"


def indent_unit(text: str) -> str | None:
    """By how much the first body of a text is indented, `None` where it has none on lines of its own."""
    head: str | None = None
    for line in _LINE_END.split(text):
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        if head is not None and line.strip() and len(indent) > len(head) and indent.startswith(head):
            return indent[len(head) :]
        if line.strip():
            head = indent if line.rstrip().endswith(":") else None
    return None
