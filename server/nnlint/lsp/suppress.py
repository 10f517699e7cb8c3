"""The edit that writes `# nnlint: ignore-file[...]`, adding to a comment that is there already."""

from __future__ import annotations

import re

from nnlint.lsp.documents import Document
from nnlint.text import Edit, LineIndex, Span

_IGNORE_FILE = re.compile(r"#\s*nnlint:\s*ignore-file\[([^\]\r\n]*)(?=\])")
# What must stay above any other line: the interpreter's line and PEP 263's encoding.
_FIRST_LINES = re.compile(r"#!|#.*coding[:=]")


def ignore_file(code: str, document: Document) -> Edit:
    """The edit that suppresses `code` in the whole file."""
    text, index = document.text, document.index
    for comment in document.scan.comments:
        if match := _IGNORE_FILE.match(text, comment.start, comment.end):
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
