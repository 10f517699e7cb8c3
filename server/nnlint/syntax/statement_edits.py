"""Edits that insert, move, delete and wrap statements. Text and offsets are those of a whole file.

Every function returns `None` where the lines concerned hold other code too.
"""

from __future__ import annotations

from collections.abc import Sequence

from nnlint.syntax.layout import has_code_behind, indent_before, indent_unit, line_end, line_start, line_starts, newline, next_line
from nnlint.syntax.statements import StatementSpans
from nnlint.text import Edit, Span

DEFAULT_UNIT = "    "


def insert_before(text: str, statement: StatementSpans, code: str) -> list[Edit] | None:
    """Puts lines of code before the statement. `code` is written with four blanks a level and `\\n`; the file's own style replaces both."""
    indent = _own_indent(text, statement.whole)
    if indent is None:
        return None
    at = line_start(text, statement.whole.start)
    return [Edit(Span(at, at), _lines(text, code, indent, _unit(text, statement)))]


def insert_after(text: str, statement: StatementSpans, code: str) -> list[Edit] | None:
    """Puts lines of code behind the statement and the comments that are indented as its body."""
    indent = _own_indent(text, statement.whole)
    return (
        None
        if indent is None
        else [_insert_line(text, _behind(text, statement.whole, indent), _lines(text, code, indent, _unit(text, statement)))]
    )


def insert_first(text: str, statement: StatementSpans, code: str) -> list[Edit] | None:
    """Puts lines of code at the start of the statement's body, behind its docstring."""
    body = statement.body
    if body is None:
        return None
    indent = indent_before(text, body.first.start)
    behind = body.header_end if body.docstring is None else body.docstring.end
    if indent is None or has_code_behind(text, behind):
        return None
    return [_insert_line(text, next_line(text, behind), _lines(text, code, indent, _unit(text, statement)))]


def insert_last(text: str, statement: StatementSpans, code: str, behind: str = "") -> list[Edit] | None:
    """Puts lines of code at the end of the statement's body, and those of `behind` after the statement: one edit, as both stand there."""
    indent = _own_indent(text, statement.whole)
    inner = None if statement.body is None else indent_before(text, statement.body.first.start)
    if indent is None or inner is None:
        return None
    unit = _unit(text, statement)
    lines = _lines(text, code, inner, unit) + (_lines(text, behind, indent, unit) if behind else "")
    return [_insert_line(text, _behind(text, statement.whole, indent), lines)]


def delete_statement(text: str, statement: StatementSpans) -> list[Edit] | None:
    """Takes out the lines of a simple statement, unless that would leave a body empty."""
    if not statement.is_simple or statement.is_only or _own_indent(text, statement.whole) is None:
        return None
    return [Edit(Span(line_start(text, statement.whole.start), next_line(text, statement.whole.end)), "")]


def move_statement(text: str, statement: StatementSpans, anchor: StatementSpans, is_after: bool) -> list[Edit] | None:
    """Moves a statement of one line, with the comment behind it, before or after another."""
    deleted = delete_statement(text, statement)
    if deleted is None or line_starts(text, statement.whole):
        return None
    line = text[statement.whole.start : line_end(text, statement.whole.end)].rstrip()
    inserted = insert_after(text, anchor, line) if is_after else insert_before(text, anchor, line)
    return None if inserted is None else [*deleted, *inserted]


def wrap_statements(text: str, statements: Sequence[StatementSpans], header: str) -> list[Edit] | None:
    """Puts a run of sibling statements under `header:` one level deeper; not those that hold strings of several lines."""
    if not statements or any(s.has_long_strings for s in statements):
        return None
    indents = {_own_indent(text, statement.whole) for statement in statements}
    if len(indents) != 1 or None in indents:
        return None
    indent = indents.pop() or ""
    start = line_start(text, statements[0].whole.start)
    whole = Span(start, statements[-1].whole.end)
    unit = _unit(text, statements[0])
    edits = [Edit(Span(start, start), f"{indent}{header}:{newline(text)}{unit}")]
    starts = [at for at in line_starts(text, whole) if text[at : line_end(text, at)].strip()]
    return edits + [Edit(Span(at, at), unit) for at in starts]


def guard_statement(text: str, statement: StatementSpans, condition: str) -> list[Edit] | None:
    """Runs a statement only under a condition."""
    return wrap_statements(text, [statement], f"if {condition}")


def _own_indent(text: str, span: Span) -> str | None:
    """The indentation of what shares its lines with comments alone."""
    return None if has_code_behind(text, span.end) else indent_before(text, span.start)


def _behind(text: str, span: Span, indent: str) -> int:
    """The start of the line behind a statement and behind the comments that belong to its body."""
    at = end = next_line(text, span.end)
    while at < len(text):
        line = text[at : line_end(text, at)]
        if line.strip() and not (line.lstrip().startswith("#") and line.startswith(indent) and line[len(indent)].isspace()):
            break
        at = next_line(text, at)
        end = at if line.strip() else end
    return end


def _insert_line(text: str, at: int, lines: str) -> Edit:
    """An insertion at the start of a line, or behind the last one where that has no line end."""
    if at == len(text) and text and text[-1] not in "\r\n":
        return Edit(Span(at, at), newline(text) + lines.rstrip("\r\n"))
    return Edit(Span(at, at), lines)


def _lines(text: str, code: str, indent: str, unit: str) -> str:
    out = []
    for line in code.split("\n"):
        depth = (len(line) - len(line.lstrip(" "))) // len(DEFAULT_UNIT)
        out.append(f"{indent}{unit * depth}{line[depth * len(DEFAULT_UNIT) :]}" if line.strip() else "")
    return "".join(line + newline(text) for line in out)


def _unit(text: str, statement: StatementSpans) -> str:
    return statement.unit or indent_unit(text) or DEFAULT_UNIT
