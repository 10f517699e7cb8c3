"""Means, sums and extrema over axes."""

from __future__ import annotations

from collections.abc import Sequence

from nnlint.dataflow.facts import ANY_SHIFT, Shift, ShiftFact
from nnlint.dataflow.graph import Node
from nnlint.dataflow.transfer.row import Row, argument, destroys, fact_of, flag, input_rank, integers, register
from nnlint.dataflow.values import NONE


def _reduced(node: Node) -> frozenset[int] | None:
    """The axes that are reduced, counted from the front."""
    rank = input_rank(node)
    if rank is None:
        return None
    if "dim" not in node.arguments or argument(node, "dim") == NONE:
        return frozenset(range(rank))
    dims = integers(node, "dim")
    return None if dims is None else frozenset(d + rank if d < 0 else d for d in dims)


def _rank(node: Node) -> int | None:
    rank, reduced = input_rank(node), _reduced(node)
    if rank is None or reduced is None:
        return None
    keeps_axes = flag(node, "keepdim") if "keepdim" in node.arguments else False
    return None if keeps_axes is None else rank if keeps_axes else rank - len(reduced)


def _without(axes: frozenset[int], reduced: frozenset[int], keepdim: bool) -> frozenset[int]:
    left = axes - reduced
    return left if keepdim else frozenset(a - sum(r < a for r in reduced) for a in left)


def _mean(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    fact, reduced = fact_of(node, facts), _reduced(node)
    if not isinstance(fact, Shift) or reduced is None or node.rank is None:
        return destroys(node, facts)
    return Shift(_without(fact.axes, reduced, node.rank == input_rank(node)))


def _extremum(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """The largest element moves with a shift that is the same for all that compete."""
    fact, reduced = fact_of(node, facts), _reduced(node)
    if not isinstance(fact, Shift) or reduced is None or node.rank is None:
        return destroys(node, facts)
    return ANY_SHIFT if fact.axes & reduced else Shift(_without(fact.axes, reduced, node.rank == input_rank(node)))


def _has_dim(node: Node) -> bool:
    return "dim" in node.arguments


register("torch.mean torch.sum torch.Tensor.mean torch.Tensor.sum torch.nanmean torch.nansum", Row(_mean, _rank))
register("torch.amax torch.amin torch.Tensor.amax torch.Tensor.amin", Row(_extremum, _rank))
register("torch.max torch.min torch.median torch.Tensor.max torch.Tensor.min torch.Tensor.median", Row(_extremum, _rank, _has_dim))
register(
    "torch.std torch.var torch.norm torch.prod torch.argmax torch.argmin torch.logsumexp torch.any torch.all "
    "torch.std_mean torch.var_mean torch.linalg.norm torch.count_nonzero",
    Row(destroys),
)
register("torch.topk torch.sort torch.kthvalue torch.mode torch.unique", Row(destroys, input_rank, lambda node: True))
register("torch.cumsum torch.cumprod torch.argsort", Row(destroys, input_rank))
