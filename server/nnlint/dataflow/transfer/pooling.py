"""Pooling: maxima keep a per-channel shift, and so do means unless they count padding."""

from __future__ import annotations

from collections.abc import Sequence

from nnlint.dataflow.facts import Shift, ShiftFact
from nnlint.dataflow.graph import Node
from nnlint.dataflow.transfer.linear import spatial_axes
from nnlint.dataflow.transfer.row import Row, argument, batch_and_channels, destroys, fact_of, flag, input_rank, integers, keeps, register
from nnlint.dataflow.values import NONE, Const


def _spatial(node: Node) -> frozenset[int]:
    return frozenset(range(2, spatial_axes(node.operation) + 2))


def _maximum(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """The place of a maximum moves where the shift varies within a window."""
    fact = keeps(node, facts)
    return destroys(node, facts) if isinstance(fact, Shift) and fact.axes & _spatial(node) else fact


def _mean(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    fact = fact_of(node, facts)
    if not isinstance(fact, Shift):
        return fact
    padding = integers(node, "padding")
    counts_padding = padding is None or (any(padding) and flag(node, "count_include_pad") is not False)
    partial_windows = argument(node, "divisor_override") != NONE and flag(node, "ceil_mode") is not False
    return Shift(fact.axes | _spatial(node)) if counts_padding or partial_windows else fact


def _rank(node: Node) -> int:
    return spatial_axes(node.operation) + 2


def _returns_indices(node: Node) -> bool:
    given = argument(node, "return_indices")
    return not (isinstance(given, Const) and not given.value)


for _n in (1, 2, 3):
    register(
        f"torch.nn.MaxPool{_n}d torch.nn.AdaptiveMaxPool{_n}d torch.nn.functional.max_pool{_n}d "
        f"torch.nn.functional.adaptive_max_pool{_n}d torch.max_pool{_n}d",
        Row(_maximum, _rank, _returns_indices, batch_and_channels),
    )
    register(f"torch.nn.AvgPool{_n}d torch.nn.functional.avg_pool{_n}d", Row(_mean, _rank, size=batch_and_channels))
    register(f"torch.nn.AdaptiveAvgPool{_n}d torch.nn.functional.adaptive_avg_pool{_n}d", Row(keeps, _rank, size=batch_and_channels))
    register(
        f"torch.nn.LPPool{_n}d torch.nn.functional.lp_pool{_n}d torch.nn.MaxUnpool{_n}d torch.nn.functional.max_unpool{_n}d",
        Row(destroys, _rank),
    )
register(
    "torch.nn.FractionalMaxPool2d torch.nn.FractionalMaxPool3d torch.nn.functional.fractional_max_pool2d "
    "torch.nn.functional.fractional_max_pool3d",
    Row(_maximum, input_rank, _returns_indices),
)
