"""Finds the statement that holds a lowered node, and how it stands in its body. Offsets count from the block's start."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from nnlint.syntax.blocks import BlockKind
from nnlint.syntax.layout import indent_before
from nnlint.syntax.location import Located, locate
from nnlint.syntax.parser import ParsedBlock
from nnlint.text import Span

_LINE_END = re.compile(r"\r\n|\r|\n")


class Enclosing(Enum):
    """What kind of statement with a body is looked for around a node."""

    LOOP = "loop"
    FUNCTION = "function"


@dataclass(frozen=True, slots=True)
class BodySpans:
    """The indented body of a statement: where the `:` before it ends, its docstring if it has one, its first statement."""

    header_end: int
    docstring: Span | None
    first: Span


@dataclass(frozen=True, slots=True)
class StatementSpans:
    """A statement that shares its lines with no other, from its decorators or first word to its last token.

    `is_only`: its body holds nothing else. `is_simple`: it is no compound statement. `has_long_strings`: strings in it span
    lines, so that it cannot be indented otherwise. `unit` is how deep a level of indentation is around it, where something is
    indented there. `body` is there where the statement has one on lines of its own.
    """

    whole: Span
    is_only: bool
    is_simple: bool
    has_long_strings: bool
    unit: str | None
    body: BodySpans | None

    def shifted(self, by: int) -> StatementSpans:
        body = self.body
        if body is not None:
            docstring = None if body.docstring is None else body.docstring.shifted(by)
            body = BodySpans(body.header_end + by, docstring, body.first.shifted(by))
        return StatementSpans(self.whole.shifted(by), self.is_only, self.is_simple, self.has_long_strings, self.unit, body)


def statement_spans(block: ParsedBlock, index: int) -> StatementSpans | None:
    """The innermost statement that holds the node; `None` where it shares its lines with another, or with the head of one."""
    located = locate(block)
    statement = _statement(located, located.nodes[index])
    return None if statement is None or block.kind is BlockKind.CLASS_HEAD else _spans(located, statement)


def enclosing_spans(block: ParsedBlock, index: int, kind: Enclosing, outward: int = 0) -> StatementSpans | None:
    """The loop or function around the node: the innermost one, or as many further out as `outward` says.

    A loop outside the node's own function does not count.
    """
    import libcst as cst

    kinds: tuple[type, ...] = (cst.For, cst.While) if kind is Enclosing.LOOP else (cst.FunctionDef,)
    located = locate(block)
    for node in located.ancestors(located.nodes[index]):
        if isinstance(node, kinds):
            if not outward:
                return _spans(located, node)
            outward -= 1
        elif isinstance(node, (cst.FunctionDef, cst.ClassDef)):
            return None
    return None


def siblings(block: ParsedBlock, first: int, last: int) -> tuple[StatementSpans, ...]:
    """The statements of one body from the one that holds the first node to the one that holds the last; none where that cannot be."""
    located = locate(block)
    starts = {located.parent(n): n for n in located.ancestors(located.nodes[first]) if _is_statement(located, n)}
    for node in located.ancestors(located.nodes[last]):
        start = starts.get(located.parent(node)) if _is_statement(located, node) else None
        if start is not None:
            body = list(located.parent(node).body)
            return _all_spans(located, body[body.index(start) : body.index(node) + 1])
    return ()


@dataclass(frozen=True, slots=True)
class LoopText:
    """A `for` loop as written: its target, what it iterates over, and the statements of its body without their indentation."""

    target: str
    iterable: str
    body: tuple[str, ...]


def loop_text(block: ParsedBlock, index: int) -> LoopText | None:
    """The innermost `for` loop around the node; `None` where it is `async`, or its body cannot be taken apart or indented otherwise."""
    import libcst as cst

    located = locate(block)
    loop = next((n for n in located.ancestors(located.nodes[index]) if isinstance(n, (cst.For, cst.FunctionDef))), None)
    if (
        not isinstance(loop, cst.For)
        or loop.asynchronous is not None
        or not isinstance(loop.body, cst.IndentedBlock)
        or any(_long_strings(located, loop))
    ):
        return None
    spans = _all_spans(located, loop.body.body)
    indents = {indent_before(block.text, s.whole.start) for s in spans}
    if len(indents) != 1 or None in indents:
        return None
    indent = indents.pop() or ""
    body = tuple(_LINE_END.sub("\n", block.text[s.whole.start : s.whole.end]).replace(f"\n{indent}", "\n") for s in spans)
    return LoopText(located.written(loop.target), located.written(loop.iter), body)


def whole_statements(block: ParsedBlock) -> tuple[StatementSpans, ...]:
    """The statements of a block at its own level; none where one of them shares its lines with another."""
    located = locate(block)
    return _all_spans(located, located.module.body)


def _all_spans(located: Located, statements: Iterable[Any]) -> tuple[StatementSpans, ...]:
    found = [_spans(located, statement) for statement in statements]
    return tuple(s for s in found if s is not None) if None not in found else ()


def _statement(located: Located, node: Any) -> Any:
    import libcst as cst

    for outer in located.ancestors(node):
        if isinstance(outer, cst.SimpleStatementSuite):
            return None
        if _is_statement(located, outer):
            return outer
    return None


def _is_statement(located: Located, node: Any) -> bool:
    """Whether the node is one of the statements of a body: an `elif` is none, and neither is the body of `if x: y`."""
    import libcst as cst

    is_line = isinstance(node, (cst.SimpleStatementLine, cst.BaseCompoundStatement))
    return is_line and isinstance(located.parent(node), (cst.IndentedBlock, cst.Module))


def _spans(located: Located, node: Any) -> StatementSpans | None:
    import libcst as cst

    is_simple = isinstance(node, cst.SimpleStatementLine)
    if is_simple and len(node.body) > 1:
        return None
    parent = located.parent(node)
    return StatementSpans(
        _whole(located, node),
        isinstance(parent, cst.IndentedBlock) and len(parent.body) == 1,
        is_simple,
        any(_long_strings(located, node)),
        _unit(located, node),
        None if is_simple else _body(located, node),
    )


def _whole(located: Located, node: Any) -> Span:
    span = located.span(node)
    decorators = getattr(node, "decorators", ())
    return Span(located.span(decorators[0]).start, span.end) if decorators else span


def _long_strings(located: Located, node: Any) -> Iterator[Any]:
    import libcst as cst

    kinds = [getattr(cst, name) for name in ("SimpleString", "FormattedString", "TemplatedString") if hasattr(cst, name)]
    for string in located.within(node, tuple(kinds)):
        if any(end in located.written(string) for end in "\r\n"):
            yield string


def _unit(located: Located, node: Any) -> str | None:
    import libcst as cst

    around = (n for n in located.ancestors(located.parent(node)) if isinstance(n, cst.IndentedBlock))
    found: Any = next(around, None) or next(located.within(node, cst.IndentedBlock), None)
    if found is None:
        return None
    unit: str = located.module.default_indent if found.indent is None else found.indent
    return unit


def _body(located: Located, node: Any) -> BodySpans | None:
    import libcst as cst

    body = getattr(node, "body", None)
    if not isinstance(body, cst.IndentedBlock) or not body.body:
        return None
    first: Any = body.body[0]
    has_docstring = isinstance(node, cst.FunctionDef) and isinstance(first, cst.SimpleStatementLine) and node.get_docstring() is not None
    docstring = _whole(located, first) if has_docstring and len(first.body) == 1 else None
    if has_docstring and docstring is None:
        return None
    return BodySpans(located.span(body.header).start, docstring, _whole(located, first))
