"""Linear maps: convolutions, projections, matrix products."""

from __future__ import annotations

from collections.abc import Sequence

from nnlint.dataflow.facts import ANY_SHIFT, NO_SHIFT, Shift, ShiftFact
from nnlint.dataflow.graph import Node
from nnlint.dataflow.transfer.averages import averaging_axis
from nnlint.dataflow.transfer.row import (
    Row,
    argument,
    batch_and_channels,
    destroys,
    fact_of,
    input_node,
    input_rank,
    integers,
    others_are_untouched,
    register,
)
from nnlint.dataflow.values import Const, Value

SPATIAL_AXES = {"1d": 1, "2d": 2, "3d": 3}


def spatial_axes(operation: str) -> int:
    """How many spatial axes an operation has, by the end of its name."""
    return SPATIAL_AXES[operation[-2:].lower()]


def _conv_rank(node: Node) -> int | None:
    return spatial_axes(node.operation) + 2


def pads_with_zeros(node: Node) -> bool | None:
    """Whether zeros are added round the input: they do not shift with it."""
    mode = argument(node, "padding_mode") if node.layer is not None else Const("zeros")
    if isinstance(mode, Const) and mode.value in ("reflect", "replicate", "circular"):
        return False
    padding = argument(node, "padding")
    if isinstance(padding, Const) and isinstance(padding.value, str):
        if padding.value == "valid":
            return False
        kernel = integers(node, "kernel_size")
        return not all(k == 1 for k in kernel) if kernel is not None else None
    amounts = integers(node, "padding")
    return None if amounts is None else any(a != 0 for a in amounts)


def _conv_size(node: Node, axis: int) -> Value | tuple[Node, int] | None:
    source = input_node(node)
    if source is None or axis == 0:
        return None if source is None else (source, 0)
    if axis == 1:
        return argument(node, "out_channels") if node.layer is not None else None
    kernel, padding = integers(node, "kernel_size"), integers(node, "padding")
    keeps = (
        kernel is not None
        and padding is not None
        and len({(k, p) for k, p in zip(kernel, padding, strict=False)}) == 1
        and kernel[0] == 2 * padding[0] + 1
        and all(set(integers(node, name) or ()) == {1} for name in ("stride", "dilation"))
    )
    return (source, axis) if keeps else None


def _convolution(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    if not others_are_untouched(node, facts):
        return ANY_SHIFT
    fact = fact_of(node, facts)
    if not isinstance(fact, Shift):
        return fact
    spatial = range(2, spatial_axes(node.operation) + 2)
    reached = fact.axes | {1}
    return Shift(reached if pads_with_zeros(node) is False else reached | set(spatial))


def _transposed(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    if not others_are_untouched(node, facts):
        return ANY_SHIFT
    fact = fact_of(node, facts)
    if not isinstance(fact, Shift):
        return fact
    plain = all(
        integers(node, name) is not None and set(integers(node, name) or ()) == {n}
        for name, n in (("kernel_size", 1), ("stride", 1), ("padding", 0))
    )
    return Shift(fact.axes | {1} if plain else fact.axes | set(range(1, spatial_axes(node.operation) + 2)))


def _projection(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    if not others_are_untouched(node, facts):
        return ANY_SHIFT
    fact = fact_of(node, facts)
    if not isinstance(fact, Shift):
        return fact
    rank = input_rank(node)
    return Shift(fact.axes | {-1 if rank is None else rank - 1})


def _projection_size(node: Node, axis: int) -> Value | tuple[Node, int] | None:
    source = input_node(node)
    if source is None or axis != (-1 if node.rank is None else node.rank - 1):
        return None if source is None else (source, axis)
    return argument(node, "out_features") if node.layer is not None else None


def _matmul_size(node: Node, axis: int) -> tuple[Node, int] | None:
    left, right = input_node(node), input_node(node, _second(node))
    if left is None or right is None or node.rank is None or left.rank != right.rank:
        return None
    return (right, axis) if axis == node.rank - 1 else (left, axis)


def _matmul(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """A product with what does not depend on the bias: the summed axis spreads over the other factor's axis, unless the other
    factor's elements sum to one along it, as the weights of attention do."""
    left, right = input_node(node), input_node(node, _second(node))
    touched = [fact for fact in facts if fact is not NO_SHIFT]
    if len(touched) != 1 or left is right or left is None or right is None or left.rank != right.rank or (left.rank or 2) < 2:
        return ANY_SHIFT
    is_left = fact_of(node, facts) is not NO_SHIFT
    fact = fact_of(node, facts) if is_left else fact_of(node, facts, _second(node))
    if not isinstance(fact, Shift) or (left.rank is None and any(a >= 0 for a in fact.axes)):
        return ANY_SHIFT
    rows, columns = (-2, -1) if left.rank is None else (left.rank - 2, left.rank - 1)
    summed, weighted, weights = (columns, rows, right) if is_left else (rows, columns, left)
    if summed not in fact.axes and averaging_axis(weights) == (rows if is_left else columns):
        return fact
    if left.rank is None:
        return ANY_SHIFT
    # x @ W: rows keep their axis, columns vary freely, and so does what stands in front.
    return Shift(frozenset(set(range(left.rank - 2)) | ({weighted} & fact.axes) | {columns if is_left else rows}))


def _second(node: Node) -> str:
    return "mat2" if "mat2" in node.arguments else "other"


def _bilinear(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    return destroys(node, facts)


CONVOLUTIONS = " ".join(f"torch.nn.{lazy}Conv{n}d" for lazy in ("", "Lazy") for n in (1, 2, 3))
TRANSPOSED = " ".join(f"torch.nn.{lazy}ConvTranspose{n}d" for lazy in ("", "Lazy") for n in (1, 2, 3))

register(CONVOLUTIONS, Row(_convolution, _conv_rank, size=_conv_size, is_linear=True))
register(
    "torch.nn.functional.conv1d torch.nn.functional.conv2d torch.nn.functional.conv3d torch.conv1d torch.conv2d torch.conv3d",
    Row(_convolution, _conv_rank, is_linear=True),
)
register(
    TRANSPOSED,
    Row(
        _transposed,
        _conv_rank,
        size=lambda node, axis: argument(node, "out_channels") if axis == 1 else batch_and_channels(node, axis),
        is_linear=True,
    ),
)
register(
    "torch.nn.functional.conv_transpose1d torch.nn.functional.conv_transpose2d torch.nn.functional.conv_transpose3d",
    Row(_transposed, _conv_rank, is_linear=True),
)
register(
    "torch.nn.Linear torch.nn.LazyLinear torch.nn.functional.linear", Row(_projection, input_rank, size=_projection_size, is_linear=True)
)
register("torch.nn.Bilinear torch.nn.functional.bilinear", Row(_bilinear, input_rank, is_linear=True))
register("torch.matmul torch.bmm torch.mm", Row(_matmul, input_rank, size=_matmul_size, is_linear=True))

BIASED_LAYERS = frozenset((CONVOLUTIONS + " " + TRANSPOSED + " torch.nn.Linear torch.nn.LazyLinear torch.nn.Bilinear").split())


def own_shift(node: Node) -> ShiftFact:
    """How the result of a biased layer's call changes with the layer's own bias: constant along all axes but the channels'."""
    is_projection = node.operation in ("torch.nn.Linear", "torch.nn.LazyLinear", "torch.nn.Bilinear")
    if argument(node, "out_features" if is_projection else "out_channels") == Const(1):
        return Shift(frozenset(), is_exact=True)
    axis = 1 if not is_projection else -1 if node.rank is None else node.rank - 1
    return Shift(frozenset({axis}), is_exact=True)


def has_bias(node_arguments_bias: object) -> bool | None:
    """Whether a layer's `bias` argument switches the bias on; `None` where it is not known."""
    if isinstance(node_arguments_bias, Const):
        return bool(node_arguments_bias.value)
    return None
