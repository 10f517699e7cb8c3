"""The edits that write `# nnlint: ignore[...]` on a line, or `ignore-file[...]`, adding to a comment that is there already."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from nnlint.syntax.scanner import Scan, scan
from nnlint.text import Edit, LineIndex, Span, apply_edits

_IGNORE = re.compile(r"nnlint:\s*ignore\[([^\]\r\n]*)(?=\])")
_IGNORE_FILE = re.compile(r"#\s*nnlint:\s*ignore-file\[([^\]\r\n]*)(?=\])")
# What must stay above any other line: the interpreter's line and PEP 263's encoding.
_FIRST_LINES = re.compile(r"#!|#.*coding[:=]")


def ignore_line(code: str, offset: int, index: LineIndex, scanned: Scan, reason: str = "") -> Edit | None:
    """The edit that suppresses `code` for a finding at `offset`; `None` where no line of its statement can take a comment."""
    statement = _statement_at(offset, index, scanned)
    edits = (_comment(code, line, statement, index, scanned, reason) for line in _lines(offset, statement, index))
    return next((edit for edit in edits if edit is not None), None)


def _statement_at(offset: int, index: LineIndex, scanned: Scan) -> Span:
    """The logical line that holds an offset."""
    at = bisect_right(scanned.lines, offset, key=lambda line: line.start) - 1
    return Span(scanned.lines[at].start, scanned.lines[at].end) if at >= 0 else Span(0, len(index.text))


def _lines(offset: int, statement: Span, index: LineIndex) -> Iterator[int]:
    """The lines of a statement: that on which a finding starts, then those below it, then those above."""
    own = index.position(offset).line
    yield from range(own, index.position(max(offset, statement.end - 1)).line + 1)
    yield from range(own - 1, index.position(statement.start).line - 1, -1)


def _comment(code: str, line: int, statement: Span, index: LineIndex, scanned: Scan, reason: str) -> Edit | None:
    """The edit that suppresses `code` on one line; `None` where a comment there would be part of a string or break a continuation."""
    text, span = index.text, index.line_span(line)
    own = next((comment for comment in scanned.comments if span.start <= comment.start < span.end), None)
    if own is not None and (match := _IGNORE.search(text, own.start, own.end)):
        listed = match[1].rstrip()
        at = match.start(1) + len(listed)
        if code in re.split(r"[\s,]+", listed):
            return Edit(Span(at, at), "")
        return Edit(Span(at, match.end(1)), f", {code}" if listed else code)
    written = text[span.start : span.end].rstrip()
    if written.endswith("\\"):
        return None
    edit = Edit(Span(span.start + len(written), span.end), f"  # nnlint: ignore[{code}]{f' {reason}' if reason else ''}")
    tried = scan(apply_edits(text[: statement.end], [edit])[statement.start :])
    end = edit.span.start + len(edit.content) - statement.start
    return edit if any(comment.end == end for comment in tried.comments) else None


def ignore_file(code: str, index: LineIndex, scanned: Scan) -> Edit:
    """The edit that suppresses `code` in the whole file."""
    for comment in scanned.comments:
        if match := _IGNORE_FILE.match(index.text, comment.start, comment.end):
            listed = match[1].rstrip()
            return Edit(Span(match.start(1) + len(listed), match.end(1)), f", {code}" if listed else code)
    line = 0
    while line < min(2, index.line_count - 1) and _FIRST_LINES.match(index.line_text(line)):
        line += 1
    at = index.line_span(line).start
    return Edit(Span(at, at), f"# nnlint: ignore-file[{code}]{_line_end(index)}")


def _line_end(index: LineIndex) -> str:
    """How the file ends its lines, by its first one."""
    if index.line_count == 1:
        return "\n"
    return index.text[index.line_span(0).end : index.line_span(1).start]
