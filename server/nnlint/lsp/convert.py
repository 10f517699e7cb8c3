"""From spans of code points to ranges in the client's encoding, and back: the only place where either is made of the other."""

from __future__ import annotations

from lsprotocol import types

from nnlint.text import Encoding, LineIndex, Position, Span


def position_of(offset: int, index: LineIndex, encoding: Encoding) -> types.Position:
    position = index.position(offset, encoding)
    return types.Position(position.line, position.column)


def range_of(span: Span, index: LineIndex, encoding: Encoding) -> types.Range:
    return types.Range(position_of(span.start, index, encoding), position_of(span.end, index, encoding))


def offset_of(position: types.Position, index: LineIndex, encoding: Encoding) -> int:
    return index.offset(Position(position.line, position.character), encoding)


def span_of(range_: types.Range, index: LineIndex, encoding: Encoding) -> Span:
    """The span of a range; one that ends before it starts, which a client should not send, is taken as empty."""
    start = offset_of(range_.start, index, encoding)
    return Span(start, max(start, offset_of(range_.end, index, encoding)))
