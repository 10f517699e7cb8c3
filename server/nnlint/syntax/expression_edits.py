"""Edits of expressions. Text and offsets are those of a whole file; brackets are written where the grammar asks for them."""

from __future__ import annotations

import ast
import re

from nnlint.syntax.expressions import ExpressionSpans, ItemSpans
from nnlint.syntax.layout import indent_before, line_start
from nnlint.text import Edit, Span

_LINE_BEHIND = re.compile(r"[ \t]*,?[ \t]*(?:#[^\r\n]*)?(?:\r\n|\n|\r)")


def append(expression: ExpressionSpans, suffix: str) -> list[Edit]:
    """Writes `.name…` behind an expression."""
    whole = expression.whole
    if expression.is_primary:
        return [Edit(Span(whole.end, whole.end), suffix)]
    return [Edit(Span(whole.start, whole.start), "("), Edit(Span(whole.end, whole.end), ")" + suffix)]


def unwrap(text: str, outer: ExpressionSpans, operand: ExpressionSpans) -> list[Edit] | None:
    """Puts an operand in the place of what is computed from it; `None` where a comment would be lost."""
    kept = operand.whole
    if any(not kept.start <= comment < kept.end for comment in outer.comments):
        return None
    written = text[kept.start : kept.end]
    before, behind = ("", "") if (operand.is_primary or outer.is_free) and _stands_alone(written) else ("(", ")")
    return [Edit(Span(outer.whole.start, kept.start), before), Edit(Span(kept.end, outer.whole.end), behind)]


def remove_item(text: str, item: ItemSpans) -> list[Edit]:
    """Takes an item out of its brackets, with its comma, and with its line and the comment on it where it has one of its own."""
    start, end = item.whole.start, item.whole.end
    is_last = item.next_start is None
    own_line = _LINE_BEHIND.match(text, end) if indent_before(text, start) is not None else None
    if own_line is not None:
        removed = Edit(Span(line_start(text, start), own_line.end()), "")
    elif item.next_start is not None and "#" not in text[end : item.next_start]:
        removed = Edit(Span(start, item.next_start), "")
    elif is_last and item.comma_before is not None and "#" not in text[item.comma_before : start]:
        return [Edit(Span(item.comma_before, end), "")]
    else:
        removed = Edit(Span(start, end if item.comma_behind is None else item.comma_behind + 1), "")
    if is_last and item.comma_before is not None and item.comma_behind is None:  # there was no trailing comma, and there will be none
        return [Edit(Span(item.comma_before, item.comma_before + 1), ""), removed]
    return [removed]


def _stands_alone(written: str) -> bool:
    """Whether an expression needs no brackets round it to go over several lines."""
    try:
        ast.parse(written, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
