"""Makes text edits of what rules intend, in the style of the code that is there. Offsets count from the block's start."""

from __future__ import annotations

import re

from nnlint.syntax.location import ArgumentSpans, CallSpans
from nnlint.text import Edit, Span

_INDENT = re.compile(r"[ \t]*")


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


def guard_statement(text: str, statement: Span, condition: str) -> list[Edit] | None:
    """Runs a statement only under a condition; `None` where it shares its lines with other code."""
    first = _line_start(text, statement.start)
    indent = text[first : statement.start]
    rest = re.compile(r"[^\r\n]*").match(text, statement.end)
    behind = "" if rest is None else rest.group().strip()
    written = text[statement.start : statement.end]
    if indent.strip() or (behind and not behind.startswith("#")) or '"""' in written or "'''" in written:
        return None
    unit = _indent_unit(text)
    edits = [Edit(Span(first, first), f"{indent}if {condition}:{_newline(text)}{unit}")]
    edits += [Edit(Span(start, start), unit) for start in _line_starts(text, statement) if text[start : statement.end].strip()]
    return edits


def _line_starts(text: str, span: Span) -> list[int]:
    """Where the lines of a span start, but its first."""
    return [match.end() for match in re.compile(r"\r\n|\n|\r").finditer(text, span.start, span.end)]


def _indent_unit(text: str) -> str:
    """By how much the block's own first level is indented."""
    outer: str | None = None
    for line in text.splitlines():
        if line.strip():
            match = _INDENT.match(line)
            indent = "" if match is None else match.group()
            if outer is None:
                outer = indent
            elif len(indent) > len(outer) and indent.startswith(outer):
                return indent[len(outer) :]
    return "    "


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
        between = _line_indent(text, mapping.whole.start)
        separator = ", " if between is None else f",{_newline(text)}{between}"
        return [Edit(Span(mapping.whole.start, mapping.whole.start), written + separator)]
    if not call.arguments:
        return [Edit(Span(call.close, call.close), written)]
    last = call.arguments[-1]
    closing_indent = _line_indent(text, call.close)
    if closing_indent is None or _line_indent(text, last.whole.start) is None:
        # The bracket closes on a line with code, or the last argument shares its line: the new one follows it there.
        if last.comma is None:
            return [Edit(Span(last.whole.end, last.whole.end), f", {written}")]
        return [Edit(Span(last.comma + 1, last.comma + 1), f" {written},")]
    line = f"{_line_indent(text, last.whole.start)}{written}"
    start = call.close - len(closing_indent)
    if last.comma is not None:
        return [Edit(Span(start, start), f"{line},{_newline(text)}")]
    return [Edit(Span(last.whole.end, last.whole.end), ","), Edit(Span(start, start), f"{line}{_newline(text)}")]


def _line_start(text: str, offset: int) -> int:
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def _line_indent(text: str, offset: int) -> str | None:
    """The indentation before `offset`, `None` where something else precedes it on its line."""
    start = _line_start(text, offset)
    match = _INDENT.match(text, start)
    assert match is not None
    return match.group() if match.end() >= offset else None


def _newline(text: str) -> str:
    match = re.search(r"\r\n|\n|\r", text)
    return match.group() if match else "\n"


def _own_line(text: str, argument: ArgumentSpans) -> Span | None:
    """The whole line of an argument that shares it with nothing, not even a comment."""
    if _line_indent(text, argument.whole.start) is None:
        return None
    after = re.compile(r"[ \t]*,?[ \t]*(?:\r\n|\n|\r)").match(text, argument.whole.end)
    return None if after is None else Span(_line_start(text, argument.whole.start), after.end())
