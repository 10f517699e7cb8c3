"""Means, sums and extrema over axes."""

from __future__ import annotations

from collections.abc import Sequence

from nnlint.dataflow.facts import ANY_SHIFT, NO_SHIFT, Shift, ShiftFact
from nnlint.dataflow.graph import Node
from nnlint.dataflow.transfer.row import Row, argument, destroys, fact_of, flag, input_node, input_rank, integers, register
from nnlint.dataflow.values import NONE


def _reduced(node: Node) -> frozenset[int] | None:
    """The axes that are reduced: counted from the front where the rank is known, else from the back."""
    rank = input_rank(node)
    if "dim" not in node.arguments or argument(node, "dim") == NONE:
        return None if rank is None else frozenset(range(rank))
    dims = integers(node, "dim")
    if dims is None or (rank is None and any(d >= 0 for d in dims)):
        return None
    return frozenset(d if rank is None or d >= 0 else d + rank for d in dims)


def _keeps_axes(node: Node) -> bool | None:
    return flag(node, "keepdim") if "keepdim" in node.arguments else False


def _rank(node: Node) -> int | None:
    rank, reduced, keeps_axes = input_rank(node), _reduced(node), _keeps_axes(node)
    if rank is None or reduced is None or keeps_axes is None:
        return None
    return rank if keeps_axes else rank - len(reduced)


def _without(axes: frozenset[int], reduced: frozenset[int], keepdim: bool) -> frozenset[int]:
    left = axes - reduced
    if keepdim:
        return left
    return frozenset(a - sum(r < a for r in reduced) if a >= 0 else a + sum(r > a for r in reduced) for a in left)


def _rank_change(node: Node) -> int | None:
    dims, keeps_axes = integers(node, "dim") if "dim" in node.arguments else None, _keeps_axes(node)
    return None if keeps_axes is None or dims is None else 0 if keeps_axes else -len(dims)


def _size(node: Node, axis: int) -> tuple[Node, int] | None:
    source, reduced, keeps_axes = input_node(node), _reduced(node), _keeps_axes(node)
    if source is None or source.rank is None or reduced is None or keeps_axes is None:
        return None
    kept = [a for a in range(source.rank) if keeps_axes or a not in reduced]
    return (source, kept[axis]) if 0 <= axis < len(kept) and kept[axis] not in reduced else None


def _operands(node: Node, facts: Sequence[ShiftFact]) -> tuple[Shift, frozenset[int], bool] | None:
    """The shift of the input, the reduced axes, counted alike, and whether these stay as axes of size one."""
    fact, reduced, keeps_axes = fact_of(node, facts), _reduced(node), _keeps_axes(node)
    if not isinstance(fact, Shift) or reduced is None or keeps_axes is None:
        return None
    from_back = input_rank(node) is None
    return (fact, reduced, keeps_axes) if not from_back or all(a < 0 for a in fact.axes) else None


def _mean(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    found = _operands(node, facts)
    if found is None:
        return destroys(node, facts)
    fact, reduced, keeps_axes = found
    left = _without(fact.axes, reduced, keeps_axes)
    return Shift(left) if fact.axes & reduced else fact.moved(left)


def _total(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """A sum shifts by so many times the shift of the mean as there are elements."""
    fact = _mean(node, facts)
    return fact.inexact() if isinstance(fact, Shift) else fact


def _spread(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """Deviations from the mean know nothing of what all elements have in common."""
    found = _operands(node, facts)
    if found is None:
        return destroys(node, facts)
    fact, reduced, _ = found
    return ANY_SHIFT if fact.axes & reduced else NO_SHIFT


def _extremum(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """The largest element moves with a shift that is the same for all that compete."""
    found = _operands(node, facts)
    if found is None:
        return destroys(node, facts)
    fact, reduced, keeps_axes = found
    return ANY_SHIFT if fact.axes & reduced else fact.moved(_without(fact.axes, reduced, keeps_axes))


def _has_dim(node: Node) -> bool:
    return "dim" in node.arguments


register("torch.mean", Row(_mean, _rank, size=_size, rank_change=_rank_change))
register("torch.sum torch.nanmean torch.nansum", Row(_total, _rank, size=_size, rank_change=_rank_change))
register("torch.std torch.var", Row(_spread, _rank, size=_size, rank_change=_rank_change, cancels=True))
register("torch.amax torch.amin", Row(_extremum, _rank))
register("torch.max torch.min torch.median", Row(_extremum, _rank, _has_dim))
register(
    "torch.norm torch.prod torch.argmax torch.argmin torch.logsumexp torch.any torch.all "
    "torch.std_mean torch.var_mean torch.linalg.norm torch.count_nonzero",
    Row(destroys),
)
register("torch.topk torch.sort", Row(destroys, input_rank, lambda node: True))
register("torch.kthvalue torch.mode torch.unique", Row(destroys, returns_several=lambda node: True))
register("torch.cumsum torch.cumprod torch.argsort", Row(destroys, input_rank))
