"""Weights that sum to one: a mean weighted with them shifts as what is averaged does."""

from __future__ import annotations

from nnlint.dataflow.graph import Node
from nnlint.dataflow.transfer.axes import PERMUTATIONS, permuted_axis
from nnlint.dataflow.transfer.pointwise import never_drops
from nnlint.dataflow.transfer.row import axis_of, input_node, input_rank, integer, keeps, registered, same_sizes

_SOFTMAXES = frozenset({"torch.softmax", "torch.nn.functional.softmax", "torch.nn.Softmax"})
_MAX_STEPS = 20


def averaging_axis(node: Node) -> int | None:
    """The axis along which the elements of a tensor provably sum to one; counted from the back where its rank is not known."""
    path: list[Node] = []
    for _ in range(_MAX_STEPS):
        if node.operation in _SOFTMAXES:
            dim = integer(node, "dim")
            return None if dim is None else _behind(path, dim if axis_of(dim, input_rank(node)) is None else axis_of(dim, input_rank(node)))
        source = input_node(node)
        if source is None or not (node.operation in PERMUTATIONS or _changes_nothing(node)):
            return None
        path.append(node)
        node = source
    return None


def _changes_nothing(node: Node) -> bool:
    row = registered().get(node.operation)
    return row is not None and row.size is same_sizes and (row.shift is keeps or ("ropout" in node.operation and never_drops(node)))


def _behind(path: list[Node], axis: int | None) -> int | None:
    """Where an axis is after the operations of a path, the last one first."""
    for node in reversed(path):
        if axis is not None and node.operation in PERMUTATIONS:
            axis = permuted_axis(node, axis)
    return axis
