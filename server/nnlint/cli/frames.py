"""Source frames: the lines of a span with marks under it."""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.cli.style import Style, printable, width
from nnlint.text import LineIndex, Span

_CONTEXT = 1
_MOST_LINES = 6
# A longer line is cut down to what surrounds the span.
_MOST_COLUMNS = 160
_LEAD = 40


def frame(index: LineIndex, span: Span, role: str, style: Style, *, context: int = _CONTEXT, mark: str = "^") -> Iterator[str]:
    """The frame's lines below the `-->`: a bar, then the source with its marks."""
    first, last = _line_range(index, span)
    shown = range(max(0, first - context), _end(index, last, context))
    gutter = gutter_width(index, span, context)
    bar = style.paint("|", "gutter")
    yield f"{'':{gutter}} {bar}"
    for line in shown:
        if first + _MOST_LINES // 2 <= line <= last - _MOST_LINES // 2 and last - first >= _MOST_LINES:
            if line == first + _MOST_LINES // 2:
                yield style.paint(f"{'…':>{gutter}} |", "gutter")
            continue
        text, marks = _line(index, line, span, mark) if first <= line <= last else (_clip(index.line_text(line), 0)[0], "")
        number = style.paint(f"{line + 1:>{gutter}} |", "gutter")
        yield f"{number} {text}".rstrip()
        if marks:
            yield f"{'':{gutter}} {bar} {marks[: len(marks) - len(marks.lstrip())]}{style.paint(marks.lstrip(), role)}"
    yield f"{'':{gutter}} {bar}"


def gutter_width(index: LineIndex, span: Span, context: int = _CONTEXT) -> int:
    """How wide the frame's line numbers are."""
    return len(str(_end(index, _line_range(index, span)[1], context)))


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
