"""Edits of a call's arguments, in the call's own style. Offsets count from the block's start."""

from __future__ import annotations

import re

from nnlint.syntax.layout import indent_before, line_start, newline
from nnlint.syntax.location import ArgumentSpans, CallSpans
from nnlint.text import Edit, Span


def set_argument(text: str, call: CallSpans, name: str, value: str, position: int | None) -> list[Edit]:
    """Gives the call `name=value`: rewrites the argument where it is given (by keyword, or at `position`), else inserts it
    as the last keyword, before any `**mapping`."""
    found = _find(call, name, position)
    if found is not None:
        if found.keyword is None:
            return [Edit(found.whole, value)]
        written = text[found.whole.start : found.whole.end]
        head = re.match(r"\w+\s*=\s*", written)
        assert head is not None
        return [Edit(Span(found.whole.start + head.end(), found.whole.end), value)]
    return _insert(text, call, f"{name}{_equals(text, call)}{value}")


def remove_argument(text: str, call: CallSpans, name: str, position: int | None, default: str) -> list[Edit]:
    """Takes the argument out of the call; one given by position is replaced by `default`, since others may follow it."""
    found = _find(call, name, position)
    if found is None:
        return []
    at = call.arguments.index(found)
    if found.keyword is None and at + 1 < len(call.arguments):
        return [Edit(found.whole, default)]
    own_line = _own_line(text, found)
    if own_line is not None:
        edits = [Edit(own_line, "")]
        before = call.arguments[at - 1] if at > 0 and at + 1 == len(call.arguments) and found.comma is None else None
        if before is not None and before.comma is not None:  # the call had no trailing comma, and gets none
            edits.insert(0, Edit(Span(before.comma, before.comma + 1), ""))
        return edits
    if at + 1 < len(call.arguments):
        return [Edit(Span(found.whole.start, call.arguments[at + 1].whole.start), "")]
    if at > 0:
        return [Edit(Span(call.arguments[at - 1].whole.end, found.whole.end), "")]
    end = found.whole.end if found.comma is None else found.comma + 1
    return [Edit(Span(found.whole.start, end), "")]


def _find(call: CallSpans, name: str, position: int | None) -> ArgumentSpans | None:
    for at, argument in enumerate(call.arguments):
        if argument.keyword == name or (at == position and argument.keyword is None and not argument.star):
            return argument
    return None


def _equals(text: str, call: CallSpans) -> str:
    """`=`, or ` = ` where the call's other keywords are written so."""
    for argument in call.arguments:
        if argument.keyword is not None:
            return " = " if re.match(r"\w+ = ", text[argument.whole.start : argument.whole.end]) else "="
    return "="


def _insert(text: str, call: CallSpans, written: str) -> list[Edit]:
    mapping = next((a for a in call.arguments if a.star == "**"), None)
    if mapping is not None:
        between = indent_before(text, mapping.whole.start)
        separator = ", " if between is None else f",{newline(text)}{between}"
        return [Edit(Span(mapping.whole.start, mapping.whole.start), written + separator)]
    if not call.arguments:
        return [Edit(Span(call.close, call.close), written)]
    last = call.arguments[-1]
    closing_indent = indent_before(text, call.close)
    if closing_indent is None or indent_before(text, last.whole.start) is None:
        # The bracket closes on a line with code, or the last argument shares its line: the new one follows it there.
        if last.comma is None:
            return [Edit(Span(last.whole.end, last.whole.end), f", {written}")]
        return [Edit(Span(last.comma + 1, last.comma + 1), f" {written},")]
    line = f"{indent_before(text, last.whole.start)}{written}"
    start = call.close - len(closing_indent)
    if last.comma is not None:
        return [Edit(Span(start, start), f"{line},{newline(text)}")]
    return [Edit(Span(last.whole.end, last.whole.end), ","), Edit(Span(start, start), f"{line}{newline(text)}")]


def _own_line(text: str, argument: ArgumentSpans) -> Span | None:
    """The whole line of an argument that shares it with nothing, not even a comment."""
    if indent_before(text, argument.whole.start) is None:
        return None
    after = re.compile(r"[ \t]*,?[ \t]*(?:\r\n|\n|\r)").match(text, argument.whole.end)
    return None if after is None else Span(line_start(text, argument.whole.start), after.end())
