"""What torch's operations do to layouts: axes first, then memory. Where memory is not named, nothing is known of it.

Every rule is held against the real torch on random sizes (`tests/judge/test_layouts.py`). Sources: torch's documentation of views and of
recurrent layers; that most of what is computed element by element keeps a permuted order in memory, while products, projections,
softmaxes and joins lay their results out anew, is measured. What depends on the backend (a batch-first recurrent layer, fused
attention) is left open.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from math import prod

from nnlint.dataflow.graph import CONSTANT, NARROWED, PARAMETER, UNKNOWN_OPERATION, Node
from nnlint.dataflow.layout.atoms import (
    ONE,
    ZERO,
    Atom,
    Axis,
    Layout,
    axis_of_size,
    axis_size,
    contiguous,
    is_contiguous,
    is_dense,
    moved,
    number_of,
    packed,
    scattered,
)
from nnlint.dataflow.layout.layouts import LayoutRule, Layouts
from nnlint.dataflow.layout.reading import fitted, is_mergeable, read
from nnlint.dataflow.transfer import all_rows, find_row
from nnlint.dataflow.transfer.axes import (
    FULL_SLICE,
    PERMUTATIONS,
    expand_target,
    flattened_axes,
    index_items,
    is_index,
    permutation,
    target_shape,
)
from nnlint.dataflow.transfer.products import Monomial, monomial, symbol
from nnlint.dataflow.transfer.recurrent import RECURRENT
from nnlint.dataflow.transfer.row import argument, flag, input_node, input_rank, integer, integers, same_sizes
from nnlint.dataflow.values import NONE, AxisRun, Const, SliceValue, Symbol, Tensor
from nnlint.dataflow.values import Sequence as SequenceValue

_PACKING = "`torch.nn.utils.rnn.pack_padded_sequence`"


def _source(layouts: Layouts, node: Node, name: str = "input") -> Layout | None:
    read_node = input_node(node, name)
    return None if read_node is None else layouts.of(read_node)


# --- readings ---


def target_sizes(layouts: Layouts, node: Node) -> list[Monomial | None] | None:
    """The sizes that a `view` or `reshape` asks for, `None` for the one that is written -1; `None` where they are not known."""
    whole = node.arguments.get("other") or node.arguments.get("argument[0]")
    if node.operation.endswith("_as"):
        other = layouts.of(whole.node) if isinstance(whole, Tensor) else None
        return None if other is None else list(other.sizes)
    items = target_shape(node)
    if items is None:
        return None
    sizes: list[Monomial | None] = []
    for item in items:
        if isinstance(item, AxisRun):
            other = layouts.of(item.node)
            if other is None:
                return None
            sizes += other.sizes[item.front : other.rank - item.back]
        elif item == Const(-1):
            sizes.append(None)
        elif (size := layouts.measure(item)) is not None:
            sizes.append(size)
        else:
            return None
    return sizes


def source_of_view(layouts: Layouts, read_node: Node, target: Sequence[Monomial | None]) -> Layout | None:
    """The layout of what is read. Where its number of axes is not known, the target may tell: it names so many of them that no more
    elements are left for others."""
    known = layouts.of(read_node)
    if known is not None or None in target or read_node.rank is not None:
        return known
    last = layouts.measure(layouts.size(read_node, -1))
    given = prod((size for size in target if size is not None), start=ONE)
    if last is None or (rest := given / last).number != 1 or not rest.powers:
        return None
    alike = _same_leading_axes(read_node)
    axes: list[Axis] = []
    for at in range(len(rest.powers)):
        key = next((key for key, power in rest.powers if power == 1 and _is_axis_of(key, alike, at)), None)
        if key is None:
            return None
        axes.append((Atom(symbol(key)),))
    made = [*axes, axis_of_size(last)]
    return contiguous(made) if read_node.operation == "torch.nn.Linear" else scattered(made)


def _same_leading_axes(node: Node) -> set[Node]:
    """Tensors that have the axes of a node but for the last one."""
    found = {node}
    while (row := find_row(node.operation)) is not None and row.rank is input_rank and row.returns_several is None:
        source = input_node(node)
        if source is None or source in found:
            break
        node = source
        found.add(node)
    return found


def _is_axis_of(key: object, nodes: set[Node], axis: int) -> bool:
    match key:
        case ("size", Node() as node, int() as at):
            return at == axis and node in nodes
    return False


def _reading(layouts: Layouts, node: Node) -> Layout | None:
    target, read_node = target_sizes(layouts, node), input_node(node)
    if target is None:
        return None
    source = None if read_node is None else source_of_view(layouts, read_node, target)
    found = None if source is None else fitted(source, target)
    axes = None if found is None else read(found[0].atoms, found[1])
    if axes is None or found is None:
        sizes = found[1] if found is not None else target
        return scattered([layouts.own_axis(node, at, len(sizes)) if size is None else axis_of_size(size) for at, size in enumerate(sizes)])
    return _regrouped(found[0], axes)


def _regrouped(source: Layout, axes: Sequence[Axis]) -> Layout:
    """Axes of the same elements in the same order: a view where memory allows it, else a copy, which is contiguous."""
    answers = [is_mergeable(axis) for axis in axes]
    if False in answers:
        return contiguous(axes)
    return Layout(tuple(axes), source.moved_by) if None not in answers else scattered(axes)


def _flatten(layouts: Layouts, node: Node) -> Layout | None:
    source = _source(layouts, node)
    span = None if source is None else flattened_axes(node, source.rank)
    if source is None or span is None or not 0 <= span[0] <= span[1] < source.rank:
        return None
    start, end = span
    merged = tuple(atom for axis in source.axes[start : end + 1] for atom in axis)
    return _regrouped(source, [*source.axes[:start], merged, *source.axes[end + 1 :]])


def _unflatten(layouts: Layouts, node: Node) -> Layout | None:
    source, dim = _source(layouts, node), integer(node, "dim")
    given = node.arguments.get("sizes") or node.arguments.get("unflattened_size")
    if source is None or dim is None or not isinstance(given, SequenceValue) or not given.is_exact or not -source.rank <= dim < source.rank:
        return None
    at = dim % source.rank
    sizes = [None if item == Const(-1) else layouts.measure(item) for item in given.items]
    if any(size is None and item != Const(-1) for size, item in zip(sizes, given.items, strict=True)):
        return None
    whole = Layout((source.axes[at],), source.moved_by)
    found = fitted(whole, sizes)
    axes = None if found is None else read(found[0].atoms, found[1])
    return None if axes is None else Layout((*source.axes[:at], *axes, *source.axes[at + 1 :]), source.moved_by)


# --- permutations, axes of size one, cuts ---


def _permute(layouts: Layouts, node: Node) -> Layout | None:
    source = _source(layouts, node)
    order = None if source is None else permutation(node, source.rank)
    if source is None or order is None or sorted(order) != list(range(source.rank)) or (node.operation == "torch.t" and source.rank > 2):
        return None
    return moved(source, [source.axes[at] for at in order], node)


def _unsqueeze(layouts: Layouts, node: Node) -> Layout | None:
    source, dim = _source(layouts, node), integer(node, "dim")
    if source is None or dim is None or not -source.rank - 1 <= dim <= source.rank:
        return None
    at = dim % (source.rank + 1)
    return Layout((*source.axes[:at], (), *source.axes[at:]), source.moved_by)


def _squeeze(layouts: Layouts, node: Node) -> Layout | None:
    """The named axes; they are taken to have size one, as their author does."""
    source = _source(layouts, node)
    dims = integers(node, "dim") if "dim" in node.arguments else None
    if source is None or dims is None or not all(-source.rank <= d < source.rank for d in dims):
        return None
    gone = {d % source.rank for d in dims}
    return Layout(tuple(axis for at, axis in enumerate(source.axes) if at not in gone), source.moved_by)


def _item(layouts: Layouts, node: Node) -> Layout | None:
    source = _source(layouts, node)
    items = None if source is None else index_items(node, source.rank)
    if source is None or items is None:
        return None
    axes: list[Axis] = []
    at = 0
    is_placed = True
    for item in items:
        if item == NONE:
            axes.append(())
            continue
        if item == FULL_SLICE:
            axes.append(source.axes[at])
        elif isinstance(item, SliceValue):
            cut, is_strict = _sliced(layouts, node, source.axes[at], item, len(axes))
            axes.append(cut)
            # A slice that may be the whole axis leaves open what lies behind what; the outermost axis may be cut freely.
            is_placed = is_placed and (is_strict or not any(source.axes[:at]))
        elif not is_index(item):
            return None
        at += 1
    cut_by = node if any(isinstance(i, SliceValue) and i != FULL_SLICE for i in items) or any(map(is_index, items)) else source.moved_by
    made = Layout(tuple(axes), cut_by)
    return made if is_placed else scattered(axes)


def _sliced(layouts: Layouts, node: Node, axis: Axis, item: SliceValue, at: int) -> tuple[Axis, bool]:
    """A part of an axis, and whether it is provably not the whole."""
    lower, upper, step = (part.value if isinstance(part, Const) else ... for part in (item.lower, item.upper, item.step))
    whole = number_of(axis_size(axis))
    is_strict = (isinstance(lower, int) and lower != 0) or (isinstance(upper, int) and upper < 0)
    size = symbol(("size", node, at))
    if step is None and lower in (None, 0) and isinstance(upper, int) and upper > 0 and whole is not None:
        size, is_strict = monomial(Const(min(upper, whole))) or size, upper < whole
    elif step is None and isinstance(lower, int) and lower < 0 and upper is None and (whole is None or whole >= -lower):
        size, is_strict = monomial(Const(-lower)) or size, whole is not None and whole > -lower
    stride = axis[-1].stride if len(axis) == 1 and step is None else None
    return (() if size == ONE else (Atom(size, stride),)), is_strict


def _cut(layouts: Layouts, node: Node) -> Layout | None:
    """One of the parts that `chunk` and `split` make along an axis."""
    source, dim = _source(layouts, node), integer(node, "dim")
    if source is None or dim is None or not -source.rank <= dim < source.rank:
        return None
    at = dim % source.rank
    whole = axis_size(source.axes[at])
    size = symbol(("size", node, at))
    count = integer(node, "chunks") if "chunks" in node.arguments else None
    if count is not None and count > 1 and (part := whole / monomial_of(count)).number.denominator == 1:
        size = part
    elif "split_size_or_sections" in node.arguments:
        each = layouts.measure(argument(node, "split_size_or_sections"))
        size = size if each is None or not _divides(each, whole) else each
    stride = source.axes[at][-1].stride if len(source.axes[at]) == 1 else None
    axes = (*source.axes[:at], axis_of_size(size) and (Atom(size, stride),), *source.axes[at + 1 :])
    is_strict = size != whole and not (len(size.powers) == 1 and ("size", node, at) in {key for key, _ in size.powers})
    return Layout(axes, node) if is_strict or not any(source.axes[:at]) else scattered(axes)


def monomial_of(number: int) -> Monomial:
    return Monomial(Fraction(number))


def _divides(part: Monomial, whole: Monomial) -> bool:
    rest = whole / part
    return rest.number.denominator == 1 and all(power > 0 for _, power in rest.powers)


def _part(layouts: Layouts, node: Node) -> Layout | None:
    whole = node.inputs[0]
    if whole.operation in RECURRENT:
        return _outputs(layouts, whole) if node.output == 0 else _last_state(layouts, whole) if whole.operation != "torch.nn.LSTM" else None
    return layouts.of(whole) if whole.operation in _CUTS else _unbound_axes(layouts, whole) if whole.operation == "torch.unbind" else None


def _item_of(layouts: Layouts, node: Node) -> Layout | None:
    """One of the tensors that iterating over a tensor gives."""
    whole = node.inputs[0]
    if whole.operation == "part" and whole.output == 1 and whole.inputs[0].operation == "torch.nn.LSTM":
        return _last_state(layouts, whole.inputs[0])
    if whole.operation == "torch.nn.MultiheadAttention":
        query = _source(layouts, whole)
        return scattered(query.axes) if query is not None and node.output == 0 else None
    source = layouts.of(whole)
    return None if source is None or not source.rank else Layout(source.axes[1:], source.moved_by)


def _unbound_axes(layouts: Layouts, node: Node) -> Layout | None:
    source, dim = _source(layouts, node), integer(node, "dim")
    if source is None or dim is None or not -source.rank <= dim < source.rank:
        return None
    at = dim % source.rank
    return Layout((*source.axes[:at], *source.axes[at + 1 :]), node)


def _expand(layouts: Layouts, node: Node) -> Layout | None:
    source, target = _source(layouts, node), expand_target(node)
    if source is None or target is None or len(target) < source.rank:
        return None
    axes: list[Axis] = []
    is_placed = True
    for at, item in enumerate(target):
        own = at - len(target) + source.rank
        there = source.axes[own] if own >= 0 else ()
        size = axis_size(there) if item == Const(-1) else layouts.measure(item)
        if size is None:
            return None
        if size == axis_size(there):
            axes.append(there)
        elif not there:
            axes.append((Atom(size, ZERO),))
        else:
            axes.append(axis_of_size(size))
            is_placed = False
    return Layout(tuple(axes), node) if is_placed else scattered(axes)


# --- what is computed ---


def _elementwise(layouts: Layouts, node: Node) -> Layout | None:
    """Each element by itself: what fills its memory without gaps keeps its order there."""
    source = _source(layouts, node)
    if source is None:
        return None
    if "memory_format" in node.arguments or not is_dense(source):
        return scattered(source.axes)
    return source


def _same(layouts: Layouts, node: Node) -> Layout | None:
    """Another name of the same memory."""
    return _source(layouts, node)


def _new(layouts: Layouts, node: Node) -> Layout | None:
    """As many elements along the same axes, laid out anew."""
    source = _source(layouts, node)
    return None if source is None else packed(source)


def _contiguous(layouts: Layouts, node: Node) -> Layout | None:
    source = _source(layouts, node)
    if source is None or "memory_format" in node.arguments:
        return None if source is None else scattered(source.axes)
    return packed(source)


def _new_if_contiguous(layouts: Layouts, node: Node) -> Layout | None:
    """As many elements along the same axes, where the backend may keep another order of memory."""
    source = _source(layouts, node)
    if source is None:
        return None
    return packed(source) if is_contiguous(source) else scattered(source.axes)


def _combined(layouts: Layouts, node: Node) -> Layout | None:
    """Element by element with another tensor, or with numbers: broadcast sizes of one give way."""
    operands = [value.node for value in node.arguments.values() if isinstance(value, Tensor)]
    found = [layouts.of(read_node) for read_node in operands]
    if None in found or not found:
        return None
    layout_list = [layout for layout in found if layout is not None]
    rank = max(layout.rank for layout in layout_list)
    axes: list[Axis] = []
    for back in range(rank, 0, -1):
        there = [layout.axes[-back] for layout in layout_list if layout.rank >= back]
        axes.append(next((axis for axis in there if axis), ()))
    if len(operands) == 1 and len(node.inputs) == 1:
        return layout_list[0] if is_dense(layout_list[0]) else scattered(axes)
    if all(layout.axes == layout_list[0].axes for layout in layout_list) and is_dense(layout_list[0]):
        return layout_list[0]
    return contiguous(axes) if all(is_contiguous(layout) for layout in layout_list) else scattered(axes)


def _projection(layouts: Layouts, node: Node) -> Layout | None:
    source = _source(layouts, node)
    if source is None or not source.rank:
        return None
    size = layouts.axis(argument(node, "out_features")) if node.layer is not None else None
    return contiguous([*source.axes[:-1], layouts.own_axis(node, source.rank - 1, source.rank) if size is None else size])


def _embedding(layouts: Layouts, node: Node) -> Layout | None:
    source = _source(layouts, node)
    if source is None:
        return None
    size = layouts.axis(argument(node, "embedding_dim")) if node.layer is not None else None
    return contiguous([*source.axes, layouts.own_axis(node, source.rank, source.rank + 1) if size is None else size])


def _product(layouts: Layouts, node: Node) -> Layout | None:
    left, right = _source(layouts, node), _source(layouts, node, "mat2" if "mat2" in node.arguments else "other")
    if left is None or right is None or left.rank < 2 or right.rank < 2:
        return None
    longer = left if left.rank >= right.rank else right
    return contiguous([*longer.axes[:-2], left.axes[-2], right.axes[-1]])


def _spatial(layouts: Layouts, node: Node) -> Layout | None:
    """Convolutions and pools: batch, channels, and spatial axes of which sizes are worked out where all are numbers."""
    source, axes_known = _source(layouts, node), layouts._by_sizes(node)
    if axes_known is None:
        return None
    axes = list(axes_known.axes)
    if source is not None and source.rank == len(axes):
        layouts.note_batch(source, 0)
        if _has_window(node):
            layouts.note_extent(source, range(2, source.rank))
        for at in range(2, source.rank):
            size = _resized(node, number_of(axis_size(source.axes[at])), at - 2)
            if size is not None:
                axes[at] = axis_of_size(monomial_of(size))
    return contiguous(axes) if source is not None and is_contiguous(source) else scattered(axes)


def _has_window(node: Node) -> bool:
    """Whether an operation looks at several places at once, which has no point on a map of one."""
    kernel = integers(node, "kernel_size") if "kernel_size" in node.arguments else None
    return kernel is not None and all(k > 1 for k in kernel)


def _resized(node: Node, size: int | None, axis: int) -> int | None:
    """The number of elements along a spatial axis. Source: torch.nn.Conv2d, MaxPool2d, AdaptiveAvgPool2d."""
    if "daptive" in node.operation:
        wanted = integers(node, "output_size")
        return None if not wanted or min(wanted) < 1 else wanted[axis % len(wanted)]
    if size is None or "ceil_mode" in node.arguments or not any(word in node.operation for word in _WINDOWED):
        return None
    kernel = integers(node, "kernel_size")
    stride = kernel if "ool" in node.operation and node.arguments.get("stride", NONE) == NONE else _numbers(node, "stride", 1)
    padding, dilation = _numbers(node, "padding", 0), _numbers(node, "dilation", 1)
    if not kernel or not stride or not padding or not dilation:
        return None
    k, s, p, d = (given[axis % len(given)] for given in (kernel, stride, padding, dilation))
    made = (size + 2 * p - d * (k - 1) - 1) // s + 1 if s > 0 else 0
    return made if made > 0 else None


def _numbers(node: Node, name: str, default: int) -> list[int] | None:
    return integers(node, name) if name in node.arguments else [default]


def _joined(layouts: Layouts, node: Node) -> Layout | None:
    """`cat`: sizes along the joined axis add up where they are multiples of one another."""
    given = node.arguments.get("tensors")
    parts = [v.node for v in given.items if isinstance(v, Tensor)] if isinstance(given, SequenceValue) and given.is_exact else []
    found = [layout for part in parts if (layout := layouts.of(part)) is not None]
    dim = integer(node, "dim")
    if not found or dim is None or any(layout.rank != found[0].rank for layout in found) or not -found[0].rank <= dim < found[0].rank:
        return None
    at = dim % found[0].rank
    axes = [next((layout.axes[a] for layout in found if layout.axes[a]), ()) for a in range(found[0].rank)]
    first = axis_size(found[0].axes[at])
    ratios = [axis_size(layout.axes[at]) / first for layout in found]
    if len(found) == len(parts) and all(not ratio.powers for ratio in ratios):
        axes[at] = axis_of_size(first * Monomial(sum((ratio.number for ratio in ratios), start=Fraction(0))))
    else:
        axes[at] = (Atom(symbol(("size", node, at))),)
    return contiguous(axes) if all(is_contiguous(layout) for layout in found) or found[0].rank != 4 else scattered(axes)


def _stacked(layouts: Layouts, node: Node) -> Layout | None:
    given, dim = node.arguments.get("tensors"), integer(node, "dim")
    if not isinstance(given, SequenceValue) or not given.items or dim is None:
        return None
    first = given.items[0]
    source = layouts.of(first.node) if isinstance(first, Tensor) else None
    if source is None or not -source.rank - 1 <= dim <= source.rank:
        return None
    at = dim % (source.rank + 1)
    count = axis_of_size(monomial_of(len(given.items))) if given.is_exact else (Atom(symbol(("size", node, at))),)
    return contiguous([*source.axes[:at], count, *source.axes[at:]])


def _reduced(layouts: Layouts, node: Node) -> Layout | None:
    source = _source(layouts, node)
    dims = integers(node, "dim") if "dim" in node.arguments else None
    keeps = flag(node, "keepdim") if "keepdim" in node.arguments else False
    if source is None or dims is None or keeps is None or not all(-source.rank <= d < source.rank for d in dims):
        return None
    gone = {d % source.rank for d in dims}
    axes: list[Axis] = [() if at in gone else axis for at, axis in enumerate(source.axes) if keeps or at not in gone]
    return contiguous(axes) if is_contiguous(source) else scattered(axes)


# --- recurrent layers ---


def _steps(layouts: Layouts, call: Node) -> tuple[Node | None, Layout | None]:
    """The sequence that a recurrent layer reads, before it was packed."""
    source = input_node(call)
    if source is not None and source.operation == UNKNOWN_OPERATION and source.reason.startswith(_PACKING):
        source = source.inputs[0]
    return source, None if source is None else layouts.of(source)


def _outputs(layouts: Layouts, call: Node) -> Layout | None:
    """The outputs of all steps; with the batch first they lie in memory as the backend likes it."""
    source, layout = _steps(layouts, call)
    features, batch_first = _features(layouts, call), flag(call, "batch_first")
    if source is None or features is None or source is not input_node(call) or (layout is not None and layout.rank != 3):
        return None
    # A sequence of which nothing else is known is taken to be one of batches.
    leading = [layouts.axis(Symbol(("size", source, at))) or () for at in (0, 1)] if layout is None else list(layout.axes[:-1])
    made = [*leading, features]
    if batch_first is not None:
        layouts.note_batch(scattered(made), 0 if batch_first else 1)
    return contiguous(made) if batch_first is False else scattered(made)


def _features(layouts: Layouts, call: Node) -> Axis | None:
    size, is_twofold = layouts.measure(argument(call, "hidden_size")), flag(call, "bidirectional")
    if size is None or is_twofold is None or ("proj_size" in call.arguments and argument(call, "proj_size") != Const(0)):
        return None
    return axis_of_size(size * monomial_of(2)) if is_twofold else axis_of_size(size)


def _last_state(layouts: Layouts, call: Node) -> Layout | None:
    """(layers * directions, batch, features), with the batch first as well."""
    source, layout = _steps(layouts, call)
    layers, size = layouts.measure(argument(call, "num_layers")), layouts.measure(argument(call, "hidden_size"))
    is_twofold, batch_first = flag(call, "bidirectional"), flag(call, "batch_first")
    if source is None or layers is None or size is None or is_twofold is None or batch_first is None:
        return None
    if "proj_size" in call.arguments or (layout is not None and layout.rank != 3):
        return None
    at = 0 if batch_first else 1
    batch = layout.axes[at] if layout is not None else layouts.axis(Symbol(("size", source, at)))
    if batch is None:
        return None
    directions = monomial_of(2 if is_twofold else 1)
    made = contiguous([(*axis_of_size(layers), *axis_of_size(directions)), batch, axis_of_size(size)])
    layouts.note_batch(made, 1)
    return made


# --- made here ---


def _made(layouts: Layouts, node: Node) -> Layout | None:
    like_what = node.arguments.get("like")
    if isinstance(like_what, Tensor):
        return layouts.of(like_what.node)
    axes = layouts._by_sizes(node)
    return None if axes is None else contiguous(axes.axes)


def _narrowed(layouts: Layouts, node: Node) -> Layout | None:
    return layouts.of(node.inputs[0])


_CUTS = frozenset({"torch.chunk", "torch.split", "torch.tensor_split", "torch.split_with_sizes"})
_CASTS = """
torch.clone torch.Tensor.to torch.Tensor.float torch.Tensor.half torch.Tensor.double torch.Tensor.bfloat16 torch.Tensor.type
torch.Tensor.type_as torch.Tensor.cuda torch.Tensor.cpu torch.neg torch.negative torch.Tensor.long torch.Tensor.int torch.Tensor.bool
"""
_NAMES = "torch.nn.Identity torch.detach torch.Tensor.requires_grad_ torch.nn.functional.identity torch.positive torch.fake_quantize"
_REDUCTIONS = """
torch.mean torch.sum torch.nanmean torch.nansum torch.std torch.var torch.amax torch.amin torch.argmax torch.argmin torch.logsumexp
torch.prod torch.any torch.all torch.norm
"""
_COMBINATIONS = """
torch.add torch.sub torch.subtract torch.mul torch.multiply torch.div torch.divide torch.true_divide
"""
_WINDOWED = ("nn.Conv1d", "nn.Conv2d", "nn.Conv3d", "MaxPool", "max_pool", "AvgPool", "avg_pool")


def _is_activation(name: str) -> bool:
    row = find_row(name)
    return row is not None and row.size is same_sizes and not row.is_softmax and not row.is_normalization and "huffle" not in name


@cache
def _table() -> dict[str, LayoutRule]:
    """The rule of each operation that has one."""
    table: dict[str, LayoutRule] = {name: _elementwise for name in all_rows() if _is_activation(name)}
    for name, row in all_rows().items():
        if row.is_softmax and row.size is same_sizes:
            table[name] = _new
        elif row.is_normalization and row.size is same_sizes:
            table[name] = _new if "ayer_norm" in name or "LayerNorm" in name else _new_if_contiguous
        elif any(word in name for word in ("Conv", ".conv", "Pool", "_pool")):
            table[name] = _spatial
    for names, rule in (
        ("torch.reshape torch.Tensor.view torch.Tensor.view_as torch.Tensor.reshape_as", _reading),
        ("torch.flatten torch.nn.Flatten", _flatten),
        ("torch.unflatten torch.nn.Unflatten", _unflatten),
        (" ".join(PERMUTATIONS), _permute),
        ("torch.unsqueeze", _unsqueeze),
        ("torch.squeeze", _squeeze),
        ("torch.Tensor.__getitem__", _item),
        (" ".join(_CUTS), _cut),
        ("part", _part),
        ("torch.unbind.part", _item_of),
        ("torch.Tensor.expand", _expand),
        (_CASTS, _elementwise),
        (_NAMES, _same),
        ("torch.Tensor.contiguous", _contiguous),
        (
            "torch.masked_fill torch.rrelu torch.nn.RReLU torch.nn.LogSigmoid torch.nn.functional.rrelu torch.nn.functional.logsigmoid",
            _new_if_contiguous,
        ),
        (_COMBINATIONS, _combined),
        ("torch.nn.Linear torch.nn.LazyLinear torch.nn.functional.linear", _projection),
        ("torch.nn.Embedding", _embedding),
        ("torch.matmul torch.bmm torch.mm", _product),
        ("torch.cat torch.concat torch.concatenate", _joined),
        ("torch.stack", _stacked),
        (_REDUCTIONS, _reduced),
        (f"{PARAMETER} {CONSTANT}", _made),
        (NARROWED, _narrowed),
    ):
        table |= dict.fromkeys(names.split(), rule)
    return table


_ALWAYS_PACKED = frozenset({_projection, _product, _stacked, _embedding, _new, _made, _contiguous})
_PACKED_AS_INPUTS = frozenset({
    _elementwise, _same, _combined, _new_if_contiguous, _spatial, _joined, _reduced, _narrowed, _unsqueeze, _squeeze, _flatten, _unflatten,
    _reading,
})  # fmt: skip


@cache
def _memory() -> dict[str, bool]:
    """Which operations give what is contiguous always, and which where their inputs are."""
    return {name: rule in _ALWAYS_PACKED for name, rule in _table().items() if rule in _ALWAYS_PACKED | _PACKED_AS_INPUTS}


def new_layouts() -> Layouts:
    return Layouts(_table(), _memory())
