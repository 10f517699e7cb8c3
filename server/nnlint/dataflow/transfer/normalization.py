"""Normalisations: what they subtract. A shift is removed exactly when it does not vary over the axes of the mean."""

from __future__ import annotations

from collections.abc import Sequence

from nnlint.dataflow.facts import ANY_SHIFT, NO_SHIFT, Shift, ShiftFact
from nnlint.dataflow.graph import OUTPUT, Node
from nnlint.dataflow.transfer.linear import spatial_axes
from nnlint.dataflow.transfer.row import (
    Row,
    argument,
    destroys,
    fact_of,
    flag,
    input_node,
    input_rank,
    others_are_untouched,
    register,
    registered,
    same_number,
    same_sizes,
)
from nnlint.dataflow.values import NONE, Choice, Const, Value
from nnlint.dataflow.values import Sequence as SequenceValue

_FROZEN = "frozen"


def _removed(fact: ShiftFact, reduced: frozenset[int]) -> ShiftFact:
    """The fact behind a normalisation whose mean is taken over `reduced`."""
    if not isinstance(fact, Shift):
        return fact
    return NO_SHIFT if not fact.axes & reduced else ANY_SHIFT


def _is_frozen(node: Node) -> bool:
    """Running statistics that never move, or evaluation mode: nothing of the batch is subtracted."""
    return node.layer is not None and (_FROZEN in node.layer.marks or _stands_still(argument(node, "momentum")))


def _stands_still(momentum: Value) -> bool:
    # Unknown momenta are taken to move: only a literal zero makes training and evaluation differ by the bias for good.
    return isinstance(momentum, Const) and momentum.value is not None and momentum.value == 0


def _batch_norm(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    if not others_are_untouched(node, facts) or _is_frozen(node):
        return destroys(node, facts)
    rank = _batch_norm_rank(node)
    fact = fact_of(node, facts)
    if rank is None or not isinstance(fact, Shift):
        return destroys(node, facts)
    axes = frozenset(a + rank if a < 0 else a for a in fact.axes)
    return _removed(Shift(axes), frozenset(range(rank)) - {1})


def _batch_norm_rank(node: Node) -> int | None:
    if node.operation.endswith(("2d", "3d")):
        return spatial_axes(node.operation) + 2
    rank = input_rank(node)
    if rank is None and _is_as_wide_as_its_source(node):
        return 2
    return rank


def _is_as_wide_as_its_source(node: Node) -> bool:
    """Whether the normalised features are provably the last axis of a projection: the input then has no further axis.

    With a further axis the normalisation would run over that one; both can have the same size only by chance.
    """
    source = input_node(node)
    while source is not None and source.operation not in ("torch.nn.Linear", "torch.nn.LazyLinear", "torch.nn.Bilinear"):
        if source.operation == OUTPUT and source.inputs[0].callee is not None:
            source = source.inputs[0].callee.results[source.output]
            continue
        row = registered().get(source.operation)
        if row is None or row.is_linear or row.is_normalization or (row.rank is not input_rank and row.rank is not None and not row.is_sum):
            return False
        source = input_node(source)
    if source is None:
        return False
    if node.operation.startswith("torch.nn.Lazy"):
        return False
    return same_number(argument(node, "num_features"), argument(source, "out_features"))


def _instance_norm(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    if not others_are_untouched(node, facts) or (_is_frozen(node) and flag(node, "track_running_stats") is not False):
        return destroys(node, facts)
    rank = spatial_axes(node.operation) + 2
    return _removed(fact_of(node, facts), frozenset(range(2, rank)))


def _group_norm(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    rank = input_rank(node)
    if not others_are_untouched(node, facts) or rank is None or rank < 3:
        return destroys(node, facts)
    one_each = same_number(argument(node, "num_groups"), argument(node, "num_channels")) if node.layer is not None else False
    return _removed(fact_of(node, facts), frozenset(range(2 if one_each else 1, rank)))


def _layer_norm(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    count = _normalized_axes(argument(node, "normalized_shape"))
    if not others_are_untouched(node, facts) or count is None:
        return destroys(node, facts)
    rank = input_rank(node)
    fact = fact_of(node, facts)
    if rank is None:
        # Counted from the back both ways.
        if isinstance(fact, Shift) and all(a < 0 for a in fact.axes):
            return _removed(fact, frozenset(range(-count, 0)))
        return destroys(node, facts)
    return _removed(fact, frozenset(range(rank - count, rank)))


def _normalized_axes(shape: Value) -> int | None:
    if isinstance(shape, Choice):
        counts = {_normalized_axes(option) for option in shape.options}
        return counts.pop() if len(counts) == 1 else None
    if isinstance(shape, SequenceValue):
        return len(shape.items) if shape.is_exact else None
    return 1 if isinstance(shape, Const) and isinstance(shape.value, int) else None


def _functional_batch_norm(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    uses_batch = flag(node, "training") is True or (argument(node, "running_mean") == NONE and argument(node, "running_var") == NONE)
    rank = input_rank(node)
    if not others_are_untouched(node, facts) or not uses_batch or rank is None or _stands_still(argument(node, "momentum")):
        return destroys(node, facts)
    return _removed(fact_of(node, facts), frozenset(range(rank)) - {1})


def _functional_instance_norm(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    rank = input_rank(node)
    if not others_are_untouched(node, facts) or flag(node, "use_input_stats") is not True or rank is None:
        return destroys(node, facts)
    return _removed(fact_of(node, facts), frozenset(range(2, rank)))


def _norm_rank(node: Node) -> int | None:
    if node.operation.endswith(("2d", "3d")):
        return spatial_axes(node.operation) + 2
    return input_rank(node)


_BATCH = (
    "torch.nn.BatchNorm1d torch.nn.BatchNorm2d torch.nn.BatchNorm3d torch.nn.LazyBatchNorm1d "
    "torch.nn.LazyBatchNorm2d torch.nn.LazyBatchNorm3d"
)
_INSTANCE = _BATCH.replace("Batch", "Instance")
register(_BATCH, Row(_batch_norm, _norm_rank, size=same_sizes, is_normalization=True))
register("torch.nn.SyncBatchNorm", Row(_batch_norm, input_rank, size=same_sizes, is_normalization=True))
register(_INSTANCE, Row(_instance_norm, _norm_rank, size=same_sizes, is_normalization=True))
register("torch.nn.GroupNorm torch.nn.functional.group_norm", Row(_group_norm, input_rank, size=same_sizes, is_normalization=True))
register("torch.nn.LayerNorm torch.nn.functional.layer_norm", Row(_layer_norm, input_rank, size=same_sizes, is_normalization=True))
register("torch.nn.functional.batch_norm", Row(_functional_batch_norm, input_rank, size=same_sizes, is_normalization=True))
register("torch.nn.functional.instance_norm", Row(_functional_instance_norm, input_rank, size=same_sizes, is_normalization=True))
register(
    "torch.nn.RMSNorm torch.nn.functional.rms_norm torch.nn.LocalResponseNorm "
    "torch.nn.functional.local_response_norm torch.nn.functional.normalize torch.nn.CrossMapLRN2d",
    Row(destroys, input_rank, size=same_sizes, is_normalization=True),
)
