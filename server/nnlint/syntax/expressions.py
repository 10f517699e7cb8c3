"""Finds parts of expressions in the text again. Offsets count from the block's start."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from nnlint.syntax.location import Located, locate
from nnlint.syntax.parser import ParsedBlock
from nnlint.text import Span


class Part(Enum):
    """A part of a call, an operation or an assignment that has no index of its own."""

    WHOLE = "whole"
    VALUE = "value"  # what is assigned, or of a method call the object in front of the dot
    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class ExpressionSpans:
    """An expression, the brackets around it included.

    `is_primary`: `.name` may be written behind it as it stands. `is_free`: any operator may stand in its place without
    brackets. `comments` are the offsets of those inside it.
    """

    whole: Span
    is_primary: bool
    is_free: bool
    comments: tuple[int, ...]

    def shifted(self, by: int) -> ExpressionSpans:
        comments = tuple(c + by for c in self.comments)
        return ExpressionSpans(self.whole.shifted(by), self.is_primary, self.is_free, comments)


@dataclass(frozen=True, slots=True)
class ItemSpans:
    """One of the items in a pair of brackets, with the commas before and behind it where there are any."""

    whole: Span
    comma_before: int | None
    comma_behind: int | None
    next_start: int | None

    def shifted(self, by: int) -> ItemSpans:
        before, behind, following = (None if at is None else at + by for at in (self.comma_before, self.comma_behind, self.next_start))
        return ItemSpans(self.whole.shifted(by), before, behind, following)


def expression_spans(block: ParsedBlock, index: int, part: Part | int = Part.WHOLE) -> ExpressionSpans | None:
    """The node with this index, a part of it, or its argument at a position; `None` where it has no such part."""
    located = locate(block)
    node = _part(located.nodes[index], part)
    return None if node is None else _spans(located, node)


def name_span(block: ParsedBlock, index: int) -> Span | None:
    """The method's name in a call, `None` where what is called has no dot."""
    import libcst as cst

    located = locate(block)
    node = located.nodes[index]
    return located.span(node.func.attr) if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) else None


def item_spans(block: ParsedBlock, index: int) -> ItemSpans | None:
    """The node as an argument of a call or an item of a list; `("name", node)` counts as one item of its list."""
    import libcst as cst

    located = locate(block)
    held = located.parent(located.nodes[index])
    pair = located.parent(held)
    if isinstance(held, cst.Element) and isinstance(pair, cst.Tuple) and len(pair.elements) == 2 and pair.elements[1] is held:
        held = located.parent(pair)
    outer = located.parent(held)
    items: Any = None
    if isinstance(held, cst.Element) and isinstance(outer, cst.List):
        items = outer.elements
    elif isinstance(held, cst.Arg) and isinstance(outer, cst.Call) and held.keyword is None and not held.star:
        items = outer.args
    return None if items is None else _item(located, items, held)


def _item(located: Located, items: Any, item: Any) -> ItemSpans:
    at = next(i for i, other in enumerate(items) if other is item)
    before = _comma(located, items[at - 1]) if at else None
    following = _whole(located, items[at + 1]).start if at + 1 < len(items) else None
    return ItemSpans(_whole(located, item), before, _comma(located, item), following)


def _comma(located: Located, item: Any) -> int | None:
    """Where the comma behind an item stands, without the blanks around it."""
    import libcst as cst

    if not isinstance(item.comma, cst.Comma):
        return None
    return located.span(item.comma).end - len(located.written(item.comma).partition(",")[2]) - 1


def _whole(located: Located, node: Any) -> Span:
    """An expression with its brackets; an argument or item without its comma."""
    import libcst as cst

    if isinstance(node, cst.Element):
        return _whole(located, node.value)
    span = located.span(node)
    if getattr(node, "lpar", ()):
        return Span(located.span(node.lpar[0]).start, located.span(node.rpar[-1]).end)
    return span


def _part(node: Any, part: Part | int) -> Any:
    import libcst as cst

    if part is Part.WHOLE:
        return node
    if isinstance(part, int):
        arguments = node.args if isinstance(node, cst.Call) else ()
        return arguments[part].value if part < len(arguments) and not arguments[part].star else None
    if isinstance(node, cst.BinaryOperation) and part is not Part.VALUE:
        return node.left if part is Part.LEFT else node.right
    if isinstance(node, cst.Call) and part is Part.VALUE:
        return node.func.value if isinstance(node.func, cst.Attribute) else None
    return getattr(node, "value", None) if part is Part.VALUE else None


def _spans(located: Located, node: Any) -> ExpressionSpans:
    import libcst as cst

    primaries = (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.List, cst.Dict, cst.Set, cst.ListComp, cst.DictComp, cst.SetComp)
    is_primary = isinstance(node, primaries) or bool(getattr(node, "lpar", ()))
    comments = tuple(located.span(comment).start for comment in located.within(node, cst.Comment))
    return ExpressionSpans(_whole(located, node), is_primary, _is_free(located, node), comments)


def _is_free(located: Located, node: Any) -> bool:
    """Whether the expression fills its place: the whole value of a statement, an argument, an index, an item."""
    import libcst as cst

    if getattr(node, "lpar", ()):
        return True
    parent = located.parent(node)
    if isinstance(parent, (cst.Assign, cst.AnnAssign, cst.AugAssign, cst.Return, cst.Index, cst.DictElement)):
        return True
    return isinstance(parent, cst.Arg) and not parent.star
