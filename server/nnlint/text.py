"""Places in a text and changes to it. Everything here counts code points; other encodings are made only here."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

# The line ends of both Python's tokenizer and LSP. `str.splitlines` also splits at form feeds, U+2028 and others: never use it.
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The half-open range of code points `[start, end)` of one text."""

    start: int
    end: int

    def shifted(self, by: int) -> Span:
        return Span(self.start + by, self.end + by)


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace `span` by `content`; an empty span inserts."""

    span: Span
    content: str


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Zero-based line and column. The column counts the units of one encoding (code points unless said otherwise)."""

    line: int
    column: int


class Encoding(Enum):
    """What a column counts (LSP 3.17, `PositionEncodingKind`)."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"


def _units(text: str, encoding: Encoding) -> int:
    if encoding is Encoding.UTF32 or text.isascii():
        return len(text)
    if encoding is Encoding.UTF8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text) + sum(1 for c in text if c > "\uffff")


class LineIndex:
    """Converts between code-point offsets and line/column positions of one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._ends = [(m.start(), m.end()) for m in _LINE_END.finditer(text)]
        self._starts = [0, *(end for _, end in self._ends)]

    @property
    def line_count(self) -> int:
        return len(self._starts)

    def line_span(self, line: int) -> Span:
        """The span of a zero-based line without its line end."""
        end = self._ends[line][0] if line < len(self._ends) else len(self.text)
        return Span(self._starts[line], end)

    def line_text(self, line: int) -> str:
        span = self.line_span(line)
        return self.text[span.start : span.end]

    def position(self, offset: int, encoding: Encoding = Encoding.UTF32) -> Position:
        line = bisect_right(self._starts, offset) - 1
        start = self._starts[line]
        return Position(line, _units(self.text[start:offset], encoding))

    def offset(self, position: Position, encoding: Encoding = Encoding.UTF32) -> int:
        """The offset of a position; what lies past a line's or the text's end is clamped to it, as LSP asks."""
        if position.line >= self.line_count:
            return len(self.text)
        span = self.line_span(position.line)
        if encoding is Encoding.UTF32:
            return min(span.start + position.column, span.end)
        units = 0
        for at in range(span.start, span.end):
            if units >= position.column:
                return at
            units += _units(self.text[at], encoding)
        return span.end


class OverlappingEdits(ValueError):
    """Two edits of one text touch the same code points."""


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits done at once. Equal edits count once; raises `OverlappingEdits` where two differ on one place."""
    ordered = sorted(set(edits))
    pieces: list[str] = []
    at = 0
    for edit in ordered:
        if edit.span.start < at:
            raise OverlappingEdits(f"edits overlap at offset {edit.span.start}")
        pieces += [text[at : edit.span.start], edit.content]
        at = edit.span.end
    return "".join([*pieces, text[at:]])


def edits_overlap(one: Sequence[Edit], other: Sequence[Edit]) -> bool:
    """Whether two groups of edits cannot both be applied in one pass."""
    return any(a != b and ((a.span.start < b.span.end and b.span.start < a.span.end) or a.span == b.span) for a in one for b in other)
