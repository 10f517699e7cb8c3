"""How many elements there are along an axis: followed back through the operations that keep, move or declare it.

Two axes of one size are found to have it by the same symbol, however they were written down: after `b, n, c = x.shape`, the target
`(b, n, heads, c // heads)` of a projection of `x` begins with the first two axes of that projection.
"""

from __future__ import annotations

from nnlint.dataflow.graph import INPUT, Node
from nnlint.dataflow.transfer.row import argument, input_node, registered
from nnlint.dataflow.values import Const, Symbol, Value

_MAX_STEPS = 60
# What a layer says of its input: the argument that names the size, and the axis (counted from the back for projections).
_DECLARATIONS = (
    {"torch.nn.Linear": ("in_features", -1), "torch.nn.LayerNorm": ("normalized_shape", -1)}
    | {f"torch.nn.{kind}": ("input_size", -1) for kind in ("LSTM", "GRU", "RNN")}
    | {
        f"torch.nn.{kind}{n}d": (name, 1)
        for n in (1, 2, 3)
        for kind, name in (("Conv", "in_channels"), ("ConvTranspose", "in_channels"), ("BatchNorm", "num_features"))
    }
)


def size_of(node: Node, axis: int) -> Value:
    """A constant or symbol; equal ones are equal sizes. `axis` counts from the back (negative) where the rank is not known."""
    for _ in range(_MAX_STEPS):
        if node.rank is not None and axis < 0:
            axis += node.rank
        row = registered().get(node.operation)
        found = None if row is None or row.size is None else row.size(node, axis)
        if isinstance(found, Symbol) and isinstance(found.key, tuple) and found.key[0] == "size" and len(found.key) == 3:
            found = found.key[1:]
        if isinstance(found, (Const, Symbol)):
            return found
        if not isinstance(found, tuple):
            break
        node, axis = found
    return declared_size(node, axis) or Symbol(("size", _batch_of(node) if axis == 0 else node, axis))


def _batch_of(node: Node) -> Node:
    """The input that stands for the batch of all: queries and keys that come in from outside are taken to be of one batch."""
    return next(n for n in node.graph.nodes if n.operation == INPUT) if node.operation == INPUT else node


def declared_size(node: Node, axis: int) -> Value | None:
    """The size that a layer which reads the node asks for."""
    for use in node.uses:
        name, declared_axis = _DECLARATIONS.get(use.operation, ("", 0))
        at = declared_axis + node.rank if declared_axis < 0 and node.rank is not None else declared_axis
        if name and at == axis and input_node(use) is node:
            size = argument(use, name)
            if isinstance(size, (Const, Symbol)):
                return size
    return None


def is_size_of(size: Value, node: Node, axis: int) -> bool:
    """Whether a number is provably the size of an axis."""
    if isinstance(size, Symbol) and isinstance(size.key, tuple) and size.key[0] == "size" and len(size.key) == 3:
        size = size_of(size.key[1], size.key[2])
    return isinstance(size, (Const, Symbol)) and size != Const(-1) and size == size_of(node, axis)
