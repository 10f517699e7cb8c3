"""Sums, products and choices between tensors."""

from __future__ import annotations

from collections.abc import Sequence

from nnlint.dataflow.facts import ANY_SHIFT, NO_SHIFT, Shift, ShiftFact, join_shifts
from nnlint.dataflow.graph import CONSTANT, JOIN, Node
from nnlint.dataflow.transfer.row import (
    Row,
    argument,
    destroys,
    fact_of,
    input_node,
    input_rank,
    keeps,
    others_are_untouched,
    register,
    registered,
    same_sizes,
)
from nnlint.dataflow.transfer.sizes import size_of
from nnlint.dataflow.values import NONE, Choice, Const, Symbol, Tensor, Value

_ONE = Const(1)
# `torch.finfo(dtype).min`, whatever the type.
LEAST_NUMBERS = frozenset({("least number",), ("-", ("greatest number",))})


def broadcast_rank(node: Node) -> int | None:
    """The rank of an elementwise operation on several values: the largest one's.

    Feature maps of one model have one rank: what is added to a (N, C, …) map of three axes or more is taken not to have
    more of them.
    """
    ranks = [v.node.rank for v in node.arguments.values() if isinstance(v, Tensor)]
    known = max((r for r in ranks if r is not None), default=None)
    return None if known is None or (None in ranks and known < 3) else known


def _rank_change(node: Node) -> int | None:
    """Numbers change no rank; of two tensors nobody knows which one has more axes."""
    return 0 if sum(isinstance(v, Tensor) for v in node.arguments.values()) == 1 else None


def _size(node: Node, axis: int) -> tuple[Node, int] | None:
    """That of the first operand of full rank: what is broadcast along an axis is taken to be the other one."""
    for name in ("input", "other"):
        source = input_node(node, name)
        if source is not None and source.rank == node.rank:
            return source, axis
    return None


def _lifted(fact: ShiftFact, node: Node, name: str) -> ShiftFact:
    """An operand's fact in the axes of the result: broadcasting adds axes in front, along which nothing varies."""
    source = input_node(node, name)
    if not isinstance(fact, Shift) or source is None or source.rank == node.rank:
        return fact
    if node.rank is None or source.rank is None:
        # Ranks may differ: only axes counted from the back keep their meaning.
        return fact if all(a < 0 for a in fact.axes) else ANY_SHIFT
    return fact.moved(a if a < 0 else a + node.rank - source.rank for a in fact.axes)


def _sum(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """A sum shifts by the sum of the shifts."""
    left, right = _operands(node, facts)
    total = join_shifts(left, right)
    is_scaled = right is not NO_SHIFT and (left is not NO_SHIFT or node.arguments.get("alpha", _ONE) != _ONE)
    return total.inexact() if isinstance(total, Shift) and is_scaled else total


def _operands(node: Node, facts: Sequence[ShiftFact]) -> tuple[ShiftFact, ShiftFact]:
    return _lifted(fact_of(node, facts), node, "input"), _lifted(fact_of(node, facts, "other"), node, "other")


def _difference(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """Two values that shift by the same amounts (a feature map and its mean over other axes) differ as before."""
    left, right = _operands(node, facts)
    if left == right and isinstance(left, Shift) and left.is_exact and node.arguments.get("alpha", _ONE) == _ONE:
        return NO_SHIFT
    total = join_shifts(left, right)
    return total.inexact() if isinstance(total, Shift) and right is not NO_SHIFT else total


def _reversed_difference(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    total = join_shifts(*_operands(node, facts))
    return total.inexact() if isinstance(total, Shift) else total


def _product(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """Scaling by what does not depend on the bias: the shift then varies as the factor does."""
    left, right = fact_of(node, facts), fact_of(node, facts, "other")
    if left is not NO_SHIFT and right is not NO_SHIFT:
        return ANY_SHIFT
    name, factor = ("input", node.arguments.get("other")) if left is not NO_SHIFT else ("other", node.arguments.get("input"))
    fact = _lifted(left if left is not NO_SHIFT else right, node, name)
    return _scaled(fact, node, factor)


def _quotient(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    if fact_of(node, facts, "other") is not NO_SHIFT:
        return ANY_SHIFT
    return _scaled(_lifted(fact_of(node, facts), node, "input"), node, node.arguments.get("other"))


def _scaled(fact: ShiftFact, node: Node, factor: Value | None) -> ShiftFact:
    if not isinstance(fact, Shift):
        return fact
    if isinstance(factor, (Const, Symbol)) or _is_one_of_numbers(factor):
        return fact.inexact()
    if not isinstance(factor, Tensor) or node.rank is None:
        return ANY_SHIFT
    if factor.node.rank == 0:
        return fact.inexact()
    if factor.node.rank is not None and factor.node.rank <= node.rank:
        # Along an axis of size one, and along those that broadcasting adds, the factor does not vary.
        added = node.rank - factor.node.rank
        varies = {added + axis for axis in range(factor.node.rank) if size_of(factor.node, axis) != _ONE}
        return Shift(fact.axes | varies)
    return Shift(frozenset(range(node.rank)))


def _is_one_of_numbers(factor: Value | None) -> bool:
    return isinstance(factor, Choice) and all(isinstance(option, (Const, Symbol)) for option in factor.options)


def _masked(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """Some elements shift and some do not: the shift varies over all axes, unless those others have no weight in a softmax."""
    fact = fact_of(node, facts)
    touched = [f for f in facts if f is not NO_SHIFT]
    if len(touched) != 1 or touched[0] is ANY_SHIFT or fact is NO_SHIFT:
        return destroys(node, facts)
    if _is_far_below(argument(node, "value")) and _meets_only_softmax(node):
        return fact
    return ANY_SHIFT if node.rank is None else Shift(frozenset(range(node.rank)))


def _chosen(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """`where(mask, scores, -inf)` masks; of other choices nothing is known."""
    for name, other in (("input", "other"), ("other", "input")):
        filled = node.arguments.get(other)
        fact = fact_of(node, facts, name)
        if isinstance(fact, Shift) and filled is not None and _is_far_below(filled) and _meets_only_softmax(node):
            return _lifted(fact, node, name) if others_are_untouched(node, facts, name) else ANY_SHIFT
    return destroys(node, facts)


def _is_far_below(value: Value) -> bool:
    """Whether a number is so far below all scores that a softmax gives it no weight, as masks are filled with."""
    if isinstance(value, Tensor):
        return value.node.operation == CONSTANT and _is_far_below(value.node.arguments.get("fill", NONE))
    if isinstance(value, Symbol):
        return value.key in LEAST_NUMBERS
    return isinstance(value, Const) and isinstance(value.value, (int, float)) and value.value <= -100


def _meets_only_softmax(node: Node, depth: int = 8) -> bool:
    """Whether all that reads a value is a softmax, behind what leaves masked elements without weight at most."""
    return (
        depth > 0
        and node not in node.graph.results
        and all(_is_softmax(use) or (_hands_on(use) and _meets_only_softmax(use, depth - 1)) for use in node.uses)
    )


def _is_softmax(node: Node) -> bool:
    row = registered().get(node.operation)
    return row is not None and row.is_softmax


def _hands_on(node: Node) -> bool:
    """Whether what is far below all others stays there: behind casts, joins, sums, numbers as factors and masks of this kind."""
    row = registered().get(node.operation)
    if row is None:
        return node.operation == JOIN
    if row.shift is _masked:
        return _is_far_below(argument(node, "value"))
    if row.shift in (_product, _quotient):
        return len(node.inputs) == 1
    return row.is_sum or (row.shift is keeps and row.size is same_sizes)


_SUMS = "torch.add"
_DIFFERENCES = "torch.sub torch.subtract"
_PRODUCTS = "torch.mul torch.multiply"
_QUOTIENTS = "torch.div torch.divide torch.true_divide"

register(_SUMS, Row(_sum, broadcast_rank, size=_size, rank_change=_rank_change, is_sum=True))
register(_DIFFERENCES, Row(_difference, broadcast_rank, size=_size, rank_change=_rank_change, is_sum=True, cancels=True))
register("torch.rsub", Row(_reversed_difference, broadcast_rank, is_sum=True))
register(_PRODUCTS, Row(_product, broadcast_rank, size=_size, rank_change=_rank_change, is_linear=True))
register(_QUOTIENTS, Row(_quotient, broadcast_rank, size=_size, rank_change=_rank_change, is_linear=True))
register(
    "torch.floor_divide torch.remainder torch.maximum torch.minimum torch.bitwise_and torch.bitwise_or "
    "torch.bitwise_xor torch.bitwise_not torch.fmod torch.addcmul torch.lerp torch.cross",
    Row(destroys, broadcast_rank),
)
register("torch.where", Row(_chosen, broadcast_rank, size=_size))
register(
    "torch.masked_fill",
    Row(_masked, input_rank, size=same_sizes),
)
