"""Interpolation, padding, pixel shuffles: spatial axes are resized or rearranged."""

from __future__ import annotations

from collections.abc import Sequence

from nnlint.dataflow.facts import Shift, ShiftFact
from nnlint.dataflow.graph import Node
from nnlint.dataflow.transfer.linear import spatial_axes
from nnlint.dataflow.transfer.row import (
    Row,
    argument,
    batch_and_channels,
    destroys,
    fact_of,
    input_rank,
    integers,
    keeps,
    keeps_inexactly,
    register,
    same_sizes,
)
from nnlint.dataflow.values import Const


def _with_spatial(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    fact, rank = fact_of(node, facts), input_rank(node)
    if not isinstance(fact, Shift) or rank is None:
        return destroys(node, facts)
    return Shift(fact.axes | set(range(1, rank)))


def _to_channels(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """Neighbors become channels: what differs between them then differs between those."""
    fact, rank = keeps_inexactly(node, facts), input_rank(node)
    if not isinstance(fact, Shift) or rank is None:
        return destroys(node, facts)
    return Shift(fact.axes | {rank - 3}) if fact.axes & {rank - 2, rank - 1} else fact


def _pad(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """Constants put round a feature map do not shift with it; copies of its border do, and cutting off changes nothing."""
    fact, rank = fact_of(node, facts), input_rank(node)
    amounts = integers(node, "pad")
    if not isinstance(fact, Shift):
        return fact
    if amounts is not None and all(a <= 0 for a in amounts):
        return fact.inexact()
    mode = argument(node, "mode")
    if isinstance(mode, Const) and mode.value in ("reflect", "replicate", "circular"):
        return fact.inexact()
    if rank is None:
        return destroys(node, facts)
    padded = range(rank) if amounts is None else range(rank - len(amounts) // 2, rank)
    return Shift(fact.axes | set(padded))


def _constant_pad_layer(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    fact = fact_of(node, facts)
    amounts = integers(node, "padding")
    if not isinstance(fact, Shift) or (amounts is not None and all(a <= 0 for a in amounts)):
        return fact
    return Shift(fact.axes | set(range(2, spatial_axes(node.operation) + 2)))


_INTERPOLATIONS = (
    "torch.nn.Upsample torch.nn.UpsamplingNearest2d torch.nn.UpsamplingBilinear2d torch.nn.functional.interpolate "
    "torch.nn.functional.upsample torch.nn.functional.upsample_bilinear torch.nn.functional.upsample_nearest"
)
register(_INTERPOLATIONS, Row(keeps, input_rank, size=batch_and_channels))
register("torch.nn.functional.pad", Row(_pad, input_rank))
for _n in (1, 2, 3):
    register(f"torch.nn.ZeroPad{_n}d torch.nn.ConstantPad{_n}d", Row(_constant_pad_layer, input_rank))
    register(f"torch.nn.ReflectionPad{_n}d torch.nn.ReplicationPad{_n}d torch.nn.CircularPad{_n}d", Row(keeps, input_rank))
register("torch.nn.PixelShuffle torch.nn.functional.pixel_shuffle torch.pixel_shuffle", Row(_with_spatial, input_rank))
register("torch.nn.PixelUnshuffle torch.nn.functional.pixel_unshuffle torch.pixel_unshuffle", Row(_to_channels, input_rank))
register(
    "torch.nn.ChannelShuffle torch.nn.functional.channel_shuffle torch.channel_shuffle",
    Row(keeps_inexactly, input_rank, size=same_sizes),
)
register("torch.nn.functional.grid_sample torch.nn.functional.affine_grid", Row(destroys, input_rank))
register(
    "torch.nn.Unfold torch.nn.functional.unfold torch.nn.Fold torch.nn.functional.fold",
    Row(destroys, lambda node: 3 if "nfold" in node.operation else 4),
)
