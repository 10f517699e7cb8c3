"""Operations that move, split, merge, cut or repeat axes and leave the elements as they are."""

from __future__ import annotations

from collections.abc import Sequence

from nnlint.dataflow.facts import ANY_SHIFT, Shift, ShiftFact
from nnlint.dataflow.graph import Node
from nnlint.dataflow.transfer.row import Row, axis_of, destroys, fact_of, input_node, input_rank, integer, integers, joins, keeps, register
from nnlint.dataflow.values import NONE, Const, SliceValue, Symbol, Tensor, Unknown, Value
from nnlint.dataflow.values import Sequence as SequenceValue

# --- flatten, view, reshape ---


def _flatten_range(node: Node) -> tuple[int, int] | None:
    rank = input_rank(node)
    start = 1 if node.operation == "torch.nn.Flatten" and "start_dim" not in node.arguments else integer(node, "start_dim")
    end = integer(node, "end_dim")
    if rank is None or start is None or end is None:
        return None
    return (start + rank if start < 0 else start), (end + rank if end < 0 else end)


def _flatten_rank(node: Node) -> int | None:
    span = _flatten_range(node)
    rank = input_rank(node)
    if span is not None and rank is not None:
        return rank - (span[1] - span[0])
    # flatten(1) of anything leaves two axes.
    start = 1 if node.operation == "torch.nn.Flatten" and "start_dim" not in node.arguments else integer(node, "start_dim")
    return start + 1 if start is not None and start >= 0 and integer(node, "end_dim") == -1 else None


def _flatten(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    fact, span = fact_of(node, facts), _flatten_range(node)
    if not isinstance(fact, Shift) or span is None:
        return destroys(node, facts)
    start, end = span
    return Shift(frozenset(a if a < start else start if a <= end else a - (end - start) for a in fact.axes))


def _target_shape(node: Node) -> list[Value] | None:
    """The items of the target shape of `view` and `reshape`, given one by one or as one sequence."""
    spread = [v for k, v in node.arguments.items() if k.startswith(("shape[", "size[", "sizes["))]
    whole = node.arguments.get("shape") or node.arguments.get("size")
    if whole is not None:
        spread = [whole]
    if len(spread) == 1 and isinstance(spread[0], SequenceValue):
        return list(spread[0].items) if spread[0].is_exact else None
    return spread if spread and not any(isinstance(s, Unknown) and len(spread) == 1 for s in spread) else None


def _view_rank(node: Node) -> int | None:
    shape = _target_shape(node)
    return None if shape is None else len(shape)


def _view(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """Axes that stay as they are keep their part of the shift; merged and split ones vary as a whole."""
    fact = fact_of(node, facts)
    source, shape = input_node(node), _target_shape(node)
    if not isinstance(fact, Shift) or source is None or source.rank is None or shape is None:
        return destroys(node, facts)
    front = 0
    while front < min(source.rank, len(shape)) and _is_axis(shape[front], source, front):
        front += 1
    back = 0
    while back < min(source.rank, len(shape)) - front and _is_axis(shape[-1 - back], source, source.rank - 1 - back):
        back += 1
    out: set[int] = set()
    for axis in fact.axes:
        if axis < front:
            out.add(axis)
        elif axis >= source.rank - back:
            out.add(axis - source.rank + len(shape))
        else:
            out |= set(range(front, len(shape) - back))
    return Shift(frozenset(out))


def _is_axis(size: Value, source: Node, axis: int) -> bool:
    """Whether a target size is provably the size of that axis of the source."""
    return (
        isinstance(size, Symbol)
        and isinstance(size.key, tuple)
        and size.key[0] == "size"
        and size.key[2:] == (axis,)
        and size.key[1] == id(source)
    )


def _unflatten_parts(node: Node) -> tuple[int, int] | None:
    """The axis that is split, counted from the front, and into how many."""
    rank, dim = input_rank(node), integer(node, "dim")
    sizes = node.arguments.get("sizes") or node.arguments.get("unflattened_size")
    if rank is None or dim is None or not isinstance(sizes, SequenceValue) or not sizes.is_exact:
        return None
    return dim % rank, len(sizes.items)


def _unflatten_rank(node: Node) -> int | None:
    rank, parts = input_rank(node), _unflatten_parts(node)
    return None if rank is None or parts is None else rank + parts[1] - 1


def _unflatten(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    fact, parts = fact_of(node, facts), _unflatten_parts(node)
    if not isinstance(fact, Shift) or parts is None:
        return destroys(node, facts)
    dim, count = parts
    split = set(range(dim, dim + count)) if dim in fact.axes else set()
    return Shift(frozenset({a if a < dim else a + count - 1 for a in fact.axes if a != dim} | split))


# --- permutations ---


def _order(node: Node) -> list[int] | None:
    """The source axis of each target axis."""
    rank = input_rank(node)
    if rank is None:
        return None
    name = node.operation.rpartition(".")[2]
    if name == "permute":
        dims = integers(node, "dims")
        return [d % rank for d in dims] if dims is not None and len(dims) == rank else None
    order = list(range(rank))
    if name in ("t", "mT"):
        order[-2:] = order[-2:][::-1]
        return order
    if name in ("transpose", "swapaxes", "swapdims", "transpose_"):
        one, other = (
            integer(node, "dim0" if "dim0" in node.arguments else "axis0"),
            integer(node, "dim1" if "dim1" in node.arguments else "axis1"),
        )
        if one is None or other is None:
            return None
        order[one % rank], order[other % rank] = order[other % rank], order[one % rank]
        return order
    source, target = integers(node, "source"), integers(node, "destination")
    if source is None or target is None or len(source) != len(target):
        return None
    rest = [a for a in order if a not in [s % rank for s in source]]
    for to, which in sorted(zip([t % rank for t in target], [s % rank for s in source], strict=True)):
        rest.insert(to, which)
    return rest


def _permute(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    fact, order = fact_of(node, facts), _order(node)
    if not isinstance(fact, Shift):
        return fact
    if order is None:
        return _permute_of_unknown_rank(node, fact)
    return Shift(frozenset(order.index(a) for a in fact.axes))


def _permute_of_unknown_rank(node: Node, fact: Shift) -> ShiftFact:
    """`transpose(1, 2)` tells that there are three axes at least; of a last axis alone no more can be said."""
    return ANY_SHIFT


def _permute_rank(node: Node) -> int | None:
    rank = input_rank(node)
    if rank is None and node.operation.endswith("permute"):
        dims = integers(node, "dims")
        return None if dims is None else len(dims)
    return rank


# --- squeeze and unsqueeze ---


def _unsqueeze_rank(node: Node) -> int | None:
    rank = input_rank(node)
    return None if rank is None else rank + 1


def _unsqueeze(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    fact, rank, dim = fact_of(node, facts), input_rank(node), integer(node, "dim")
    if not isinstance(fact, Shift) or rank is None or dim is None:
        return destroys(node, facts)
    at = dim + rank + 1 if dim < 0 else dim
    return Shift(frozenset(a + (a >= at) for a in fact.axes))


def _squeeze_rank(node: Node) -> int | None:
    rank, dim = input_rank(node), integers(node, "dim") if "dim" in node.arguments else None
    return None if rank is None or dim is None else rank - len(dim)


def _squeeze(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """Taken to have size one, as its author does."""
    fact, rank = fact_of(node, facts), input_rank(node)
    if not isinstance(fact, Shift) or rank is None or node.rank is None:
        return destroys(node, facts)
    gone = {d % rank for d in integers(node, "dim") or ()}
    return Shift(frozenset(a - sum(g < a for g in gone) for a in fact.axes if a not in gone))


# --- joining and cutting ---


def _tensors(node: Node) -> list[Node]:
    value = node.arguments.get("tensors")
    return [v.node for v in value.items if isinstance(v, Tensor)] if isinstance(value, SequenceValue) else list(node.inputs)


def _cat_rank(node: Node) -> int | None:
    ranks = {n.rank for n in node.inputs if n.rank is not None}
    return ranks.pop() if len(ranks) == 1 else None


def _cat(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """Next to what does not shift alike, the shift varies along the joined axis."""
    fact = joins(node, facts)
    dim = integer(node, "dim")
    if not isinstance(fact, Shift):
        return fact
    if dim is None or node.rank is None:
        return Shift(fact.axes | {-1}) if dim == -1 and all(a < 0 for a in fact.axes) else ANY_SHIFT
    return Shift(fact.axes | {dim % node.rank})


def _stack_rank(node: Node) -> int | None:
    rank = _cat_rank(node)
    return None if rank is None else rank + 1


def _stack(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    fact, dim, rank = joins(node, facts), integer(node, "dim"), _cat_rank(node)
    if not isinstance(fact, Shift) or dim is None or rank is None:
        return destroys(node, facts)
    at = dim % (rank + 1)
    return Shift(frozenset({a + (a >= at) for a in fact.axes} | {at}))


def _index_items(node: Node) -> list[Value]:
    index = node.arguments.get("index")
    return list(index.items) if isinstance(index, SequenceValue) and index.kind == "tuple" else [] if index is None else [index]


def _consumed(item: Value) -> int:
    return 0 if item == NONE or item == Const(...) else 1


def _expanded_index(node: Node) -> list[Value] | None:
    """One index item for each source axis, with `None`s in between; `None` where the index is not understood."""
    rank, items = input_rank(node), _index_items(node)
    if rank is None or any(not (isinstance(i, SliceValue) or i == NONE or i == Const(...) or _is_number(i)) for i in items):
        return None
    missing = rank - sum(_consumed(i) for i in items)
    if missing < 0:
        return None
    full = SliceValue(NONE, NONE, NONE)
    if Const(...) in items:
        at = items.index(Const(...))
        return [*items[:at], *[full] * missing, *items[at + 1 :]]
    return [*items, *[full] * missing]


def _is_number(value: Value) -> bool:
    return isinstance(value, Symbol) or (isinstance(value, Const) and isinstance(value.value, int) and not isinstance(value.value, bool))


def _item_rank(node: Node) -> int | None:
    items = _expanded_index(node)
    return None if items is None else sum(1 for i in items if not _is_number(i))


def _item(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """Slices keep axes, numbers drop them, `None` adds them."""
    fact = fact_of(node, facts)
    if not isinstance(fact, Shift):
        return fact
    items = _expanded_index(node)
    if items is None:
        source = input_node(node)
        plain = all(isinstance(i, SliceValue) or i == Const(...) for i in _index_items(node))
        return fact if plain and source is not None and all(a < 0 for a in fact.axes) else ANY_SHIFT
    axes: set[int] = set()
    source_axis = target_axis = 0
    for item in items:
        if item == NONE:
            target_axis += 1
            continue
        if not _is_number(item):
            if source_axis in fact.axes:
                axes.add(target_axis)
            target_axis += 1
        source_axis += 1
    return Shift(frozenset(axes))


def _unbound(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """One of the slices along the first axis."""
    fact = joins(node, facts)
    if not isinstance(fact, Shift):
        return fact
    return Shift(frozenset(a - 1 if a > 0 else a for a in fact.axes if a != 0))


def _expand_rank(node: Node) -> int | None:
    shape = [v for k, v in node.arguments.items() if k.startswith(("size[", "sizes[", "repeats["))]
    if len(shape) == 1 and isinstance(shape[0], SequenceValue):
        return len(shape[0].items) if shape[0].is_exact else None
    return len(shape) or None


def _expand(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """New axes stand in front; along repeated ones of size one nothing varies before or after."""
    fact, rank = fact_of(node, facts), input_rank(node)
    if not isinstance(fact, Shift) or rank is None or node.rank is None:
        return destroys(node, facts)
    return Shift(frozenset(a + node.rank - rank for a in fact.axes))


def _along(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """Cuts, flips and rolls along axes: other elements, the same variation."""
    return keeps(node, facts)


def _unbind_rank(node: Node) -> int | None:
    rank = input_rank(node)
    return None if rank is None else rank - 1


def _unbind(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    fact, rank = fact_of(node, facts), input_rank(node)
    dim = axis_of(integer(node, "dim"), rank)
    if not isinstance(fact, Shift) or rank is None or dim is None:
        return destroys(node, facts)
    return Shift(frozenset(a - (a > dim) for a in fact.axes if a != dim))


register("torch.flatten torch.nn.Flatten torch.Tensor.flatten", Row(_flatten, _flatten_rank))
register("torch.reshape torch.Tensor.view torch.Tensor.reshape", Row(_view, _view_rank))
register(
    "torch.permute torch.Tensor.permute torch.transpose torch.Tensor.transpose torch.Tensor.transpose_ "
    "torch.swapaxes torch.swapdims torch.Tensor.swapaxes torch.movedim torch.moveaxis torch.Tensor.movedim torch.t "
    "torch.Tensor.t torch.Tensor.mT",
    Row(_permute, _permute_rank),
)
register("torch.unsqueeze torch.Tensor.unsqueeze torch.Tensor.unsqueeze_", Row(_unsqueeze, _unsqueeze_rank))
register("torch.squeeze torch.Tensor.squeeze torch.Tensor.squeeze_", Row(_squeeze, _squeeze_rank))
register("torch.cat torch.concat torch.concatenate", Row(_cat, _cat_rank))
register("torch.stack", Row(_stack, _stack_rank))
register(
    "torch.chunk torch.split torch.tensor_split torch.Tensor.chunk torch.Tensor.split torch.split_with_sizes",
    Row(_along, input_rank, lambda node: True),
)
register("torch.unbind torch.Tensor.unbind", Row(_unbind, _unbind_rank, lambda node: True))
register("torch.unbind.part", Row(_unbound))
register(
    "torch.narrow torch.flip torch.roll torch.Tensor.narrow torch.Tensor.flip torch.Tensor.roll "
    "torch.Tensor.repeat_interleave torch.repeat_interleave",
    Row(_along, input_rank),
)
register("torch.Tensor.__getitem__", Row(_item, _item_rank))
register("torch.Tensor.expand torch.Tensor.repeat torch.tile torch.Tensor.tile", Row(_expand, _expand_rank))
register("torch.unflatten torch.nn.Unflatten torch.Tensor.unflatten", Row(_unflatten, _unflatten_rank))
register(
    "torch.Tensor.unfold torch.gather torch.index_select torch.take_along_dim torch.einsum torch.Tensor.scatter "
    "torch.masked_select torch.nn.Embedding torch.nn.functional.embedding torch.nn.functional.one_hot",
    Row(destroys),
)
