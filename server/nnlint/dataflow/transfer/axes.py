"""Operations that move, split, merge, cut or repeat axes and leave the elements as they are."""

from __future__ import annotations

from collections.abc import Sequence

from nnlint.dataflow.facts import ANY_SHIFT, Shift, ShiftFact
from nnlint.dataflow.graph import CONSTANT, PARAMETER, Node
from nnlint.dataflow.transfer.products import Block, blocks, monomial, resolved, times
from nnlint.dataflow.transfer.row import (
    Row,
    argument,
    axis_of,
    destroys,
    fact_of,
    input_node,
    input_rank,
    integer,
    integers,
    joins,
    keeps_inexactly,
    register,
    registered,
    same_sizes,
)
from nnlint.dataflow.transfer.sizes import is_size_of, size_of
from nnlint.dataflow.values import NONE, Alternatives, AxisRun, Const, Repeated, SliceValue, Symbol, Tensor, Unknown, Value, axis_run_of
from nnlint.dataflow.values import Sequence as SequenceValue

# --- flatten, view, reshape ---


def flattened_axes(node: Node, rank: int | None) -> tuple[int, int] | None:
    """The first and the last axis that become one."""
    start = 1 if node.operation == "torch.nn.Flatten" and "start_dim" not in node.arguments else integer(node, "start_dim")
    end = integer(node, "end_dim")
    if rank is None or start is None or end is None:
        return None
    return (start + rank if start < 0 else start), (end + rank if end < 0 else end)


def _flatten_rank(node: Node) -> int | None:
    span = flattened_axes(node, input_rank(node))
    rank = input_rank(node)
    if span is not None and rank is not None:
        return rank - (span[1] - span[0])
    # flatten(1) of anything leaves two axes.
    start = 1 if node.operation == "torch.nn.Flatten" and "start_dim" not in node.arguments else integer(node, "start_dim")
    return start + 1 if start is not None and start >= 0 and integer(node, "end_dim") == -1 else None


def _flatten(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    fact, span = fact_of(node, facts), flattened_axes(node, input_rank(node))
    if not isinstance(fact, Shift) or span is None:
        return destroys(node, facts)
    start, end = span
    kept = fact.inexact() if start < end and any(start <= a <= end for a in fact.axes) else fact
    return kept.moved(a if a < start else start if a <= end else a - (end - start) for a in fact.axes)


def target_shape(node: Node) -> list[Value] | None:
    """The items of the target shape of `view` and `reshape`, given one by one or as one sequence.

    What `*x.shape[:-1]` brings is one item for each axis where the rank of `x` is known, else an `AxisRun`.
    """
    spread = [v for k, v in node.arguments.items() if k.startswith(("shape[", "size[", "sizes["))]
    whole = node.arguments.get("shape") or node.arguments.get("size")
    if whole is not None:
        spread = [whole]
    if len(spread) == 1 and isinstance(spread[0], SequenceValue):
        spread = list(spread[0].items)
    elif len(spread) == 1 and isinstance(spread[0], Unknown):
        return None
    items = [item for part in spread for item in _expanded_run(part)]
    is_understood = sum(isinstance(i, AxisRun) for i in items) <= 1 and not any(isinstance(i, (Repeated, Alternatives)) for i in items)
    return items if items and is_understood else None


def _expanded_run(item: Value) -> list[Value]:
    run = axis_run_of(item)
    if run is None:
        return [item]
    run = _same_run(run)
    rank = run.node.rank
    return [run] if rank is None else [Symbol(("size", run.node, axis)) for axis in range(run.front, rank - run.back)]


def _same_run(run: AxisRun) -> AxisRun:
    """The run of axes of the earliest tensor that has the same ones."""
    node = run.node
    for _ in range(60):
        row, source = registered().get(node.operation), input_node(node)
        if row is None or source is None or row.rank is not input_rank:
            break
        if row.size is not same_sizes and (not run.back or not row.is_linear):
            break
        node = source
    return AxisRun(node, run.front, run.back)


def _view_rank(node: Node) -> int | None:
    shape = target_shape(node)
    return None if shape is None or any(isinstance(i, AxisRun) for i in shape) else len(shape)


def _blocks(node: Node) -> list[Block] | None:
    """Which axes of the source a reshape turns into which of the target; counted from the back where the rank is not known."""
    source, shape = input_node(node), target_shape(node)
    if source is None or shape is None:
        return None
    at = next((i for i, item in enumerate(shape) if isinstance(item, AxisRun)), None)
    if at is not None:
        return _blocks_behind_run(source, shape, at)
    sizes = _sizes(source)
    return None if sizes is None else list(blocks(sizes, resolved(sizes, shape)))


def _sizes(node: Node) -> list[Value] | None:
    return None if node.rank is None else [size_of(node, axis) for axis in range(node.rank)]


def _blocks_behind_run(source: Node, shape: list[Value], at: int) -> list[Block] | None:
    """A target that begins as the source does, with a number of axes that is not known, and ends otherwise."""
    run = shape[at]
    assert isinstance(run, AxisRun)
    if run != _same_run(AxisRun(source, run.front, run.back)) or run.front != at:
        return None
    if not all(is_size_of(shape[i], source, i) for i in range(at)):
        return None
    before, after = [size_of(source, axis) for axis in range(-run.back, 0)], shape[at + 1 :]
    cut = blocks(before, resolved(before, after))
    return [
        (range(one.start - run.back, one.stop - run.back), range(other.start - len(after), other.stop - len(after))) for one, other in cut
    ]


def _moved(cut: Sequence[Block], axis: int) -> range:
    """Where a reshape takes an axis of its source: one axis, unless it is merged or split."""
    for one, other in cut:
        if axis in one:
            return other
    grown = sum(len(other) - len(one) for one, other in cut)
    return range(axis - grown, axis - grown + 1)  # in front of everything that is cut, counted from the back


def _view(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """Axes that stay as they are keep their part of the shift; merged and split ones vary as a whole."""
    fact, cut = fact_of(node, facts), _blocks(node)
    if isinstance(fact, Shift) and cut is None and fact.axes == {-1} and (count := _parts_of_last_axis(node)) is not None:
        return fact.moved(range(-count, 0))
    if not isinstance(fact, Shift) or (cut is None and fact.axes):
        return destroys(node, facts)
    if cut is None or not fact.axes:
        return fact
    axes = fact.axes
    if min((one.start for one, _ in cut), default=0) < 0:
        rank = input_rank(node)
        if rank is None and max(axes) >= 0:
            return ANY_SHIFT
        axes = frozenset(a - (rank or 0) if a >= 0 else a for a in axes)
    is_whole = all(len(one) == len(other) == 1 for one, other in cut if axes & set(one))
    out = {to for a in axes for to in _moved(cut, a)}
    return fact.moved(out) if is_whole else Shift(frozenset(out))


def _parts_of_last_axis(node: Node) -> int | None:
    """Into how many axes a reshape of a tensor of unknown rank cuts the last one: the last sizes asked for are together its size."""
    source, shape = input_node(node), target_shape(node)
    whole = None if source is None else monomial(size_of(source, -1))
    if source is None or source.rank is not None or shape is None or whole is None:
        return None
    for count in range(1, len(shape) + 1):
        given = times(shape[-count:])
        if given is None:
            return None
        if given == whole:
            return count
    return None


def _view_tie(node: Node) -> tuple[Node, int] | None:
    shape = target_shape(node)
    run = None if shape is None else next((i for i in shape if isinstance(i, AxisRun)), None)
    return None if run is None or shape is None else (run.node, len(shape) - 1 - run.front - run.back)


def _view_size(node: Node, axis: int) -> Value | tuple[Node, int] | None:
    shape, source = target_shape(node), input_node(node)
    if shape is None or source is None or not -len(shape) <= axis < len(shape):
        return None
    has_run = any(isinstance(i, AxisRun) for i in shape)
    if has_run and (axis >= 0 or any(isinstance(i, AxisRun) for i in shape[axis:])):
        return None
    size = shape[axis]
    if size != Const(-1):
        return size if isinstance(size, (Const, Symbol)) else None
    sizes = _sizes(source)
    if sizes is None or has_run:
        return None
    whole = resolved(sizes, shape)[axis]
    return None if whole == Const(-1) else whole


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


def _unflatten_change(node: Node) -> int | None:
    sizes = node.arguments.get("sizes") or node.arguments.get("unflattened_size")
    return len(sizes.items) - 1 if isinstance(sizes, SequenceValue) and sizes.is_exact else None


def _unflatten_size(node: Node, axis: int) -> Value | tuple[Node, int] | None:
    source, parts = input_node(node), _unflatten_parts(node)
    sizes = node.arguments.get("sizes") or node.arguments.get("unflattened_size")
    if source is None or parts is None or axis < 0 or not isinstance(sizes, SequenceValue):
        return None
    dim, count = parts
    if not dim <= axis < dim + count:
        return source, axis if axis < dim else axis - count + 1
    size = resolved([size_of(source, dim)], sizes.items)[axis - dim]
    return None if size == Const(-1) else size


def _unflatten(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    fact, parts = fact_of(node, facts), _unflatten_parts(node)
    if not isinstance(fact, Shift):
        return fact
    if parts is None:
        return _unflatten_of_unknown_rank(node, fact)
    dim, count = parts
    split = set(range(dim, dim + count)) if dim in fact.axes else set()
    return fact.moved({a if a < dim else a + count - 1 for a in fact.axes if a != dim} | split)


def _unflatten_of_unknown_rank(node: Node, fact: Shift) -> ShiftFact:
    """The last axis is split, and axes are counted from the back."""
    sizes = node.arguments.get("sizes") or node.arguments.get("unflattened_size")
    if integer(node, "dim") != -1 or not isinstance(sizes, SequenceValue) or not sizes.is_exact or any(a >= 0 for a in fact.axes):
        return ANY_SHIFT
    count = len(sizes.items)
    split = set(range(-count, 0)) if -1 in fact.axes else set()
    return fact.moved({a - count + 1 for a in fact.axes if a != -1} | split)


def splits_last_axis(node: Node) -> bool:
    """Whether an operation cuts the last axis in two, as heads are split off the features."""
    if node.operation.endswith("nflatten"):
        sizes = node.arguments.get("sizes") or node.arguments.get("unflattened_size")
        return integer(node, "dim") == -1 and isinstance(sizes, SequenceValue) and sizes.is_exact and len(sizes.items) == 2
    shape = target_shape(node) if node.operation.endswith(("view", "reshape")) else None
    return shape is not None and len(shape) == 3 and isinstance(shape[0], AxisRun) and (shape[0].front, shape[0].back) == (0, 1)


# --- permutations ---

_PERMUTATIONS = """
torch.permute torch.transpose torch.swapaxes torch.swapdims torch.movedim torch.moveaxis torch.t
torch.Tensor.mT
"""
PERMUTATIONS = frozenset(_PERMUTATIONS.split())


def permutation(node: Node, rank: int | None) -> list[int] | None:
    """The source axis of each target axis."""
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
        swapped = _swapped(node)
        if swapped is None or not all(-rank <= n < rank for n in swapped):
            return None
        one, other = swapped[0] % rank, swapped[1] % rank
        order[one], order[other] = order[other], order[one]
        return order
    source, target = integers(node, "source"), integers(node, "destination")
    if source is None or target is None or len(source) != len(target):
        return None
    rest = [a for a in order if a not in [s % rank for s in source]]
    for to, which in sorted(zip([t % rank for t in target], [s % rank for s in source], strict=True)):
        rest.insert(to, which)
    return rest


def _permute(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    fact = fact_of(node, facts)
    if not isinstance(fact, Shift):
        return fact
    axes = [permuted_axis(node, a) for a in fact.axes]
    return ANY_SHIFT if None in axes else fact.moved(a for a in axes if a is not None)


def permuted_axis(node: Node, axis: int) -> int | None:
    """Where a permutation takes an axis of its input; counted from the back where the rank is not known."""
    order = permutation(node, input_rank(node))
    if order is not None:
        return order.index(axis) if axis in order else None
    swapped = _swapped(node)
    # Counted from one end, all three, they are the same axes whatever the rank.
    if swapped is None or len({n >= 0 for n in (*swapped, axis)}) > 1:
        return None
    return {swapped[0]: swapped[1], swapped[1]: swapped[0]}.get(axis, axis)


def _swapped(node: Node) -> tuple[int, int] | None:
    """The two axes that a transposition exchanges, as they are written."""
    name = node.operation.rpartition(".")[2]
    if name in ("t", "mT"):
        return -2, -1
    if name not in ("transpose", "swapaxes", "swapdims", "transpose_"):
        return None
    one, other = (
        integer(node, "dim0" if "dim0" in node.arguments else "axis0"),
        integer(node, "dim1" if "dim1" in node.arguments else "axis1"),
    )
    return None if one is None or other is None else (one, other)


def named_axes(node: Node) -> tuple[int, ...]:
    """The axes that a transposition counts from the front: its input has at least so many."""
    swapped = _swapped(node)
    return () if swapped is None else tuple(n for n in swapped if n >= 0)


def _permute_size(node: Node, axis: int) -> tuple[Node, int] | None:
    source, order = input_node(node), permutation(node, input_rank(node))
    if source is None or order is None or not 0 <= axis < len(order):
        return None
    return source, order[axis]


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
    if not isinstance(fact, Shift) or dim is None:
        return destroys(node, facts)
    if rank is None:
        if not fact.axes or dim == 0:
            return fact
        # Counted from the back, what stands before the new axis moves.
        return fact.moved(a if a > dim else a - 1 for a in fact.axes) if dim < 0 and max(fact.axes) < 0 else ANY_SHIFT
    at = dim + rank + 1 if dim < 0 else dim
    return fact.moved(a + (a >= at) for a in fact.axes)


def _unsqueeze_size(node: Node, axis: int) -> Value | tuple[Node, int] | None:
    source, rank, dim = input_node(node), input_rank(node), integer(node, "dim")
    if source is None or rank is None or dim is None or axis < 0:
        return None
    at = dim + rank + 1 if dim < 0 else dim
    return Const(1) if axis == at else (source, axis - (axis > at))


def _squeezed(node: Node) -> list[int] | None:
    return integers(node, "dim") if "dim" in node.arguments else None


def _squeeze_change(node: Node) -> int | None:
    dims = _squeezed(node)
    return None if dims is None else -len(dims)


def _squeeze_rank(node: Node) -> int | None:
    rank, dim = input_rank(node), _squeezed(node)
    return None if rank is None or dim is None else rank - len(dim)


def _squeeze(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """Taken to have size one, as its author does."""
    fact, rank, dims = fact_of(node, facts), input_rank(node), _squeezed(node)
    if not isinstance(fact, Shift) or (fact.axes and dims is None):
        return destroys(node, facts)
    if not fact.axes or dims is None:
        return fact
    if rank is None:
        if dims == [0]:
            return fact
        if len(dims) > 1 or dims[0] >= 0 or max(fact.axes) >= 0:
            return ANY_SHIFT
        return fact.moved(a if a > dims[0] else a + 1 for a in fact.axes if a != dims[0])
    gone = {d % rank for d in dims}
    return fact.moved(a - sum(g < a for g in gone) for a in fact.axes if a not in gone)


def _squeeze_size(node: Node, axis: int) -> tuple[Node, int] | None:
    source, rank, dims = input_node(node), input_rank(node), _squeezed(node)
    if source is None or rank is None or dims is None:
        return None
    kept = [a for a in range(rank) if a not in {d % rank for d in dims}]
    return (source, kept[axis]) if 0 <= axis < len(kept) else None


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


FULL_SLICE = SliceValue(NONE, NONE, NONE)


def _index_items(node: Node) -> list[Value]:
    index = node.arguments.get("index")
    return list(index.items) if isinstance(index, SequenceValue) and index.kind == "tuple" else [] if index is None else [index]


def _consumed(item: Value) -> int:
    return 0 if item == NONE or item == Const(...) else 1


def index_items(node: Node, rank: int | None) -> list[Value] | None:
    """One index item for each source axis, with `None`s in between; `None` where the index is not understood."""
    items = _index_items(node)
    if rank is None or any(not (isinstance(i, SliceValue) or i == NONE or i == Const(...) or is_index(i)) for i in items):
        return None
    missing = rank - sum(_consumed(i) for i in items)
    if missing < 0:
        return None
    if Const(...) in items:
        at = items.index(Const(...))
        return [*items[:at], *[FULL_SLICE] * missing, *items[at + 1 :]]
    return [*items, *[FULL_SLICE] * missing]


def is_index(value: Value) -> bool:
    return isinstance(value, Symbol) or (isinstance(value, Const) and isinstance(value.value, int) and not isinstance(value.value, bool))


def _item_rank(node: Node) -> int | None:
    items = index_items(node, input_rank(node))
    return None if items is None else sum(1 for i in items if not is_index(i))


def _item(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """Slices keep axes, numbers drop them, `None` adds them."""
    fact = fact_of(node, facts)
    if not isinstance(fact, Shift):
        return fact
    items = index_items(node, input_rank(node))
    if not fact.axes and not isinstance(node.arguments.get("index"), Tensor):
        return fact
    if items is None:
        source = input_node(node)
        plain = all(isinstance(i, SliceValue) or i == Const(...) for i in _index_items(node))
        return fact.inexact() if plain and source is not None and all(a < 0 for a in fact.axes) else ANY_SHIFT
    axes: set[int] = set()
    is_whole = True
    source_axis = target_axis = 0
    for item in items:
        if item == NONE:
            target_axis += 1
            continue
        if not is_index(item):
            if source_axis in fact.axes:
                axes.add(target_axis)
                is_whole = is_whole and item == FULL_SLICE
            target_axis += 1
        source_axis += 1
    return fact.moved(axes) if is_whole else Shift(frozenset(axes))


def _item_size(node: Node, axis: int) -> Value | tuple[Node, int] | None:
    source, items = input_node(node), index_items(node, input_rank(node))
    if source is None or items is None:
        return None
    at = 0
    kept: list[Value | tuple[Node, int] | None] = []
    for item in items:
        if item == NONE:
            kept.append(Const(1))
        elif not is_index(item):
            kept.append((source, at) if item == FULL_SLICE else None)
        at += item != NONE
    return kept[axis] if 0 <= axis < len(kept) else None


def _cat_size(node: Node, axis: int) -> tuple[Node, int] | None:
    dim = integer(node, "dim")
    if dim is None or node.rank is None or not node.inputs or axis == dim % node.rank:
        return None
    return node.inputs[0], axis


def _cut_size(node: Node, axis: int) -> tuple[Node, int] | None:
    """Of what is cut along one axis, the others."""
    source, rank = input_node(node), input_rank(node)
    dim = axis_of(integer(node, "dim"), rank)
    return None if source is None or dim is None or axis == dim else (source, axis)


def _unbind_size(node: Node, axis: int) -> tuple[Node, int] | None:
    source, rank = input_node(node), input_rank(node)
    dim = axis_of(integer(node, "dim"), rank)
    return None if source is None or dim is None else (source, axis + (axis >= dim))


def _flatten_size(node: Node, axis: int) -> tuple[Node, int] | None:
    source, span = input_node(node), flattened_axes(node, input_rank(node))
    if source is None or span is None:
        return (source, axis) if source is not None and 0 <= axis < (integer(node, "start_dim") or 0) else None
    start, end = span
    if axis < start or start == end:
        return source, axis
    return None if axis == start else (source, axis + end - start)


def _unbound(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """One of the slices along the first axis."""
    fact = joins(node, facts)
    if not isinstance(fact, Shift):
        return fact
    return Shift(frozenset(a - 1 if a > 0 else a for a in fact.axes if a != 0))


def expand_target(node: Node) -> list[Value] | None:
    shape = [v for k, v in node.arguments.items() if k.startswith(("size[", "sizes[", "repeats["))]
    if len(shape) == 1 and isinstance(shape[0], SequenceValue):
        return list(shape[0].items) if shape[0].is_exact else None
    return shape or None


def _expand_rank(node: Node) -> int | None:
    target = expand_target(node)
    return None if target is None else len(target)


def _expand_size(node: Node, axis: int) -> Value | tuple[Node, int] | None:
    """Of `expand`: the size that is asked for, or -1 for the one that is there."""
    target, source = expand_target(node), input_node(node)
    if target is None or source is None or source.rank is None or not 0 <= axis < len(target):
        return None
    size, own = target[axis], axis - len(target) + source.rank
    if size == Const(-1):
        return (source, own) if own >= 0 else None
    return size if isinstance(size, (Const, Symbol)) else None


def _expand(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """New axes stand in front; along repeated ones of size one nothing varies before or after."""
    fact, rank = fact_of(node, facts), input_rank(node)
    if not isinstance(fact, Shift) or rank is None or node.rank is None:
        return destroys(node, facts)
    return fact.moved(a + node.rank - rank for a in fact.axes)


def _along(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """Cuts, flips and rolls along axes: other elements, the same variation."""
    return keeps_inexactly(node, facts)


def _unbind_rank(node: Node) -> int | None:
    rank = input_rank(node)
    return None if rank is None else rank - 1


def _unbind(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    fact, rank = fact_of(node, facts), input_rank(node)
    dim = axis_of(integer(node, "dim"), rank)
    if not isinstance(fact, Shift) or rank is None or dim is None:
        return destroys(node, facts)
    return Shift(frozenset(a - (a > dim) for a in fact.axes if a != dim))


def _embedding_rank(node: Node) -> int | None:
    rank = input_rank(node)
    return None if rank is None else rank + 1


def _embedding_size(node: Node, axis: int) -> Value | tuple[Node, int] | None:
    source = input_node(node)
    if axis == (-1 if node.rank is None else node.rank - 1):
        return argument(node, "embedding_dim")
    return None if source is None else (source, axis if axis >= 0 else axis + 1)


def _made_size(node: Node, axis: int) -> Value | tuple[Node, int] | None:
    """Of a parameter or a new tensor: as it was made, or as another one that it is made like."""
    like = node.arguments.get("like")
    if isinstance(like, Tensor):
        return like.node, axis
    size = node.arguments.get(f"size[{axis}]")
    return size if isinstance(size, (Const, Symbol)) else None


register(f"{PARAMETER} {CONSTANT}", Row(joins, size=_made_size))
register("torch.flatten torch.nn.Flatten", Row(_flatten, _flatten_rank, size=_flatten_size))
register("torch.reshape torch.Tensor.view", Row(_view, _view_rank, size=_view_size, rank_tie=_view_tie))
register(_PERMUTATIONS, Row(_permute, _permute_rank, size=_permute_size, rank_change=lambda node: 0))
register(
    "torch.unsqueeze",
    Row(_unsqueeze, _unsqueeze_rank, size=_unsqueeze_size, rank_change=lambda node: 1),
)
register(
    "torch.squeeze",
    Row(_squeeze, _squeeze_rank, size=_squeeze_size, rank_change=_squeeze_change),
)
register("torch.cat torch.concat torch.concatenate", Row(_cat, _cat_rank, size=_cat_size))
register("torch.stack", Row(_stack, _stack_rank))
register(
    "torch.chunk torch.split torch.tensor_split torch.split_with_sizes",
    Row(_along, input_rank, lambda node: True, size=_cut_size),
)
register("torch.unbind", Row(_unbind, _unbind_rank, lambda node: True, size=_unbind_size, rank_change=lambda node: -1))
register("torch.unbind.part", Row(_unbound, size=lambda node, axis: (node.inputs[0], axis + 1)))
register(
    "torch.narrow torch.flip torch.roll torch.repeat_interleave",
    Row(_along, input_rank),
)
register("torch.Tensor.__getitem__", Row(_item, _item_rank, size=_item_size))
register("torch.Tensor.expand", Row(_expand, _expand_rank, size=_expand_size))
register("torch.Tensor.repeat torch.tile", Row(_expand, _expand_rank))
register(
    "torch.unflatten torch.nn.Unflatten",
    Row(_unflatten, _unflatten_rank, size=_unflatten_size, rank_change=_unflatten_change),
)
register(
    "torch.Tensor.unfold torch.gather torch.index_select torch.take_along_dim torch.Tensor.scatter "
    "torch.masked_select torch.nn.functional.embedding torch.nn.functional.one_hot",
    Row(destroys),
)
register("torch.nn.Embedding", Row(destroys, _embedding_rank, size=_embedding_size, rank_change=lambda node: 1))
