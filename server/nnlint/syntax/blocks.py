"""Cuts a file into the blocks that are parsed one by one: top-level statements, and the members of classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from nnlint.syntax.scanner import LogicalLine
from nnlint.text import Span

# Clauses that continue the compound statement above them. (`case` stands indented below its `match`.)
_CONTINUING = frozenset({"else", "elif", "except", "finally"})


class BlockKind(Enum):
    STATEMENT = "statement"  # a top-level statement, or a class too small to cut
    CLASS_HEAD = "class head"  # decorators and `class C(...):`; the members follow as blocks of their own
    MEMBER = "member"  # a statement of the class whose head came last


@dataclass(frozen=True, slots=True)
class Block:
    """A slice of the file that parses on its own (a member inside a class of its own)."""

    kind: BlockKind
    span: Span
    lines: tuple[LogicalLine, ...]


def cut(lines: Sequence[LogicalLine]) -> Iterator[Block]:
    """The blocks of a file, in order. Text between them is blank or comments."""
    for statement in _statements(lines):
        members = _class_members(statement)
        if members is None:
            yield _block(BlockKind.STATEMENT, statement)
            continue
        head, body = members
        yield _block(BlockKind.CLASS_HEAD, head)
        for member in _statements(body):
            yield _block(BlockKind.MEMBER, member)


def _block(kind: BlockKind, lines: Sequence[LogicalLine]) -> Block:
    return Block(kind, Span(lines[0].start, lines[-1].end), tuple(lines))


def _statements(lines: Sequence[LogicalLine]) -> Iterator[Sequence[LogicalLine]]:
    """Groups lines into statements: a line at the least indentation starts one, unless it continues the one before."""
    if not lines:
        return
    least = lines[0].indent
    begin = 0
    after_decorator = lines[0].word == "@"
    for at in range(1, len(lines)):
        line = lines[at]
        if line.indent > least or line.word in _CONTINUING:
            continue
        if not after_decorator:
            yield lines[begin:at]
            begin = at
        after_decorator = line.word == "@"
    yield lines[begin:]


def _class_members(statement: Sequence[LogicalLine]) -> tuple[Sequence[LogicalLine], Sequence[LogicalLine]] | None:
    """Head and body lines where the statement is a class with an indented body of more than one statement."""
    for at, line in enumerate(statement):
        if line.word == "@":
            continue
        if line.word != "class" or at + 2 >= len(statement) or statement[at + 1].indent <= line.indent:
            return None
        body = statement[at + 1 :]
        # A member left of the first one's indentation is broken code: the class is then one (broken) block.
        return None if any(b.indent < body[0].indent for b in body) else (statement[: at + 1], body)
    return None
