"""Source frames: the lines of a span with marks under it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nnlint.cli.style import Style, printable, width
from nnlint.text import LineIndex, Span

_MOST_LINES = 6
# A longer line is cut down to what surrounds the span.
_MOST_COLUMNS = 160
_LEAD = 40


@dataclass(frozen=True, slots=True)
class Frame:
    """How a span is shown: the width of the line numbers, the colour of the marks, the lines around it."""

    gutter: int
    role: str
    context: int = 1
    mark: str = "^"

    def lines(self, index: LineIndex, span: Span, style: Style) -> Iterator[str]:
        """The frame's lines below the `-->`: a bar, then the source with its marks."""
        first, last = _line_range(index, span)
        gap = range(first + _MOST_LINES // 2, last - _MOST_LINES // 2 + 1 if last - first >= _MOST_LINES else 0)
        bar = style.paint("|", "gutter")
        yield f"{'':{self.gutter}} {bar}"
        for line in range(max(0, first - self.context), _end(index, last, self.context)):
            if line in gap:
                if line == gap.start:
                    yield style.paint(f"{'…':>{self.gutter}} |", "gutter")
                continue
            text, marks = _line(index, line, span, self.mark) if first <= line <= last else (_clip(index.line_text(line), 0)[0], "")
            yield f"{style.paint(f'{line + 1:>{self.gutter}} |', 'gutter')} {text}".rstrip()
            if marks:
                indent = len(marks) - len(marks.lstrip())
                yield f"{'':{self.gutter}} {bar} {marks[:indent]}{style.paint(marks[indent:], self.role)}"
        yield f"{'':{self.gutter}} {bar}"


def _end(index: LineIndex, last: int, context: int) -> int:
    """The line after the last one shown. The empty line after the text's last line end is no context."""
    lines = index.line_count - (index.text[-1:] in ("\n", "\r"))
    return max(last + 1, min(lines, last + context + 1))


def _line_range(index: LineIndex, span: Span) -> tuple[int, int]:
    """The first and last line of a span, zero-based; a span that ends at the start of a line does not reach it."""
    first = index.position(span.start).line
    last = index.position(max(span.start, span.end - 1)).line
    return first, last


def _line(index: LineIndex, line: int, span: Span, mark: str) -> tuple[str, str]:
    """A line of the span and the marks under it: from its first character that is no blank, at least one mark."""
    whole = index.line_span(line)
    text = index.line_text(line)
    start = max(span.start, whole.start) - whole.start
    end = min(max(span.end, span.start + 1), whole.end) - whole.start
    if span.start < whole.start:
        start = len(text) - len(text.lstrip())
    shown, begin = _clip(text, start)
    lead = ("…" if begin else "") + text[begin:start]
    count = max(1, width(text[start : min(end, begin + _MOST_COLUMNS)]))
    is_blank_inside = not text.strip() and whole.start > span.start
    return shown, "" if is_blank_inside else " " * width(lead) + mark * count


def _clip(text: str, start: int) -> tuple[str, int]:
    """What is shown of a line whose mark begins at `start`, and the offset at which that begins."""
    begin = max(0, start - _LEAD) if len(text) > _MOST_COLUMNS else 0
    end = begin + _MOST_COLUMNS
    return ("…" if begin else "") + printable(text[begin:end]) + ("…" if end < len(text) else ""), begin
