"""Views and reshapes that take one axis for another, mix samples, or ask of memory what it does not give.

Only what is proved counts: an axis that the target names does not hold the elements of the source's axis of that name, and some
permutation makes the target of the source. Sizes that happen to be equal are no names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import combinations

from nnlint.dataflow.graph import CONSTANT, INPUT, PARAMETER, Graph, Node
from nnlint.dataflow.layout.atoms import ONE, Atom, Layout, axis_size, number_of, substituted, symbol_of, symbols_of
from nnlint.dataflow.layout.layouts import Layouts
from nnlint.dataflow.layout.reading import Block, Rearrangement, fitted, is_mergeable, is_scrambled, read, rearrangement
from nnlint.dataflow.layout.rules import new_layouts, source_of_view, target_sizes
from nnlint.dataflow.transfer.axes import FULL_SLICE
from nnlint.dataflow.transfer.products import Monomial, symbol
from nnlint.dataflow.transfer.row import input_node
from nnlint.dataflow.values import Sequence as SequenceValue
from nnlint.dataflow.values import SliceValue, Tensor
from nnlint.semantics.definitions import Site
from nnlint.syntax.parser import deep_recursion

VIEWS = frozenset({"torch.Tensor.view", "torch.reshape"})
_ROW_STEPS = 8
_SOURCE_STEPS = 20
_JOINS = ("torch.cat", "torch.concat", "torch.concatenate", "torch.nn.functional.pad")
_WINDOWED = ("Conv1d", "Conv2d", "Conv3d", "Pool", "pool", ".conv1d", ".conv2d", ".conv3d")


class Mistake(Enum):
    """What a view does wrong."""

    SWAPS = "it gives the names of axes to others"
    MIXES = "it lets samples flow into one another"
    RAISES = "memory does not hold the elements in this order"


@dataclass(frozen=True, slots=True)
class Misreading:
    """A view that is wrong wherever it was understood. `source` is what it reads, `sizes` are what it makes of it.

    `samples` is how many rows it makes of each sample, where that is the mistake.
    """

    mistake: Mistake
    node: Node
    site: Site
    source: Layout
    sizes: tuple[Monomial, ...]
    rearrangement: Rearrangement | None = None
    rows: int | None = None


def misreadings(graphs: Iterable[Graph]) -> list[Misreading]:
    """One for each call that is wrong in some context and right in none, in the order of the text."""
    layouts = new_layouts()
    found: defaultdict[Site, list[Misreading | bool | None]] = defaultdict(list)
    with deep_recursion():
        for graph in graphs:
            views = [node for node in graph.nodes if node.operation in VIEWS and node.site is not None]
            if views:
                layouts.prepare(graph, views)
            for node in views:
                assert node.site is not None
                found[node.site].append(_judged(layouts, node, node.site))
    wrong = [next(a for a in answers if isinstance(a, Misreading)) for answers in found.values() if _is_wrong(answers)]
    return sorted(wrong, key=lambda m: (m.site.path, str(m.site.block), m.site.index))


def _is_wrong(answers: Sequence[Misreading | bool | None]) -> bool:
    return True not in answers and any(isinstance(a, Misreading) for a in answers)


def _judged(layouts: Layouts, node: Node, site: Site) -> Misreading | bool | None:
    """What is wrong with a view; `True` where it is right, `None` where nobody knows."""
    read_node, target = input_node(node), target_sizes(layouts, node)
    source = None if read_node is None or target is None else source_of_view(layouts, read_node, target)
    found = None if source is None or target is None else fitted(source, target)
    if read_node is None or target is None or found is None:
        return None
    layout, sizes = found
    axes = read(layout.atoms, sizes)
    if axes is None:
        return _scramble(layouts, node, site, layout, sizes, target)
    if (rows := _rows_of_a_sample(layouts, node, layout, sizes, target)) is not None:
        return Misreading(Mistake.MIXES, node, site, layout, tuple(sizes), rows=rows)
    if node.operation != "torch.Tensor.view":
        return True
    answers = [is_mergeable(axis) for axis in axes]
    if False not in answers:
        return None if None in answers else True
    return None if _runs_by_luck(layouts, layout, sizes, target) else Misreading(Mistake.RAISES, node, site, layout, tuple(sizes))


def _scramble(
    layouts: Layouts, node: Node, site: Site, layout: Layout, sizes: list[Monomial], target: Sequence[Monomial | None]
) -> Misreading | None:
    block = is_scrambled(layout, sizes)
    if block is None or _is_skew(node, block) or _is_made_up(node) or _is_undone(layouts, node, layout, sizes):
        return None
    if _runs_by_luck(layouts, layout, sizes, target) or _is_in_order_if_alike(block, layout, sizes):
        return None
    meant = rearrangement(layout, sizes)
    if meant is None:
        return None
    mistake = Mistake.MIXES if _mixes_samples(layouts, layout, sizes, target, meant) else Mistake.SWAPS
    return Misreading(mistake, node, site, layout, tuple(sizes), meant)


# --- what only looks like it ---


def _is_skew(node: Node, block: Block) -> bool:
    """Rows of a matrix are shifted against each other by padding it, cutting it one element longer, and dropping the rest."""
    for atom in block.atoms:
        for key in symbols_of(atom.size):
            match key:
                case ("+" | "-", *_):
                    return True
                case ("size", Node() as made, int()) if made.operation in _JOINS or made.operation.endswith("Pad2d"):
                    return True
    source = input_node(node)
    return any(_is_cut(use) or _is_padded(use) for use in (*node.uses, *(() if source is None else (source,))))


def _is_padded(use: Node) -> bool:
    return use.operation in _JOINS and (len(use.inputs) == 1 or any(read_node.operation == CONSTANT for read_node in use.inputs))


def _is_cut(use: Node) -> bool:
    index = use.arguments.get("index") if use.operation == "torch.Tensor.__getitem__" else None
    items = index.items if isinstance(index, SequenceValue) else () if index is None else (index,)
    return any(isinstance(item, SliceValue) and item != FULL_SLICE for item in items)


def _is_made_up(node: Node) -> bool:
    """Whether the elements are parameters or new numbers, whose order means nothing yet."""
    at: Node | None = node
    for _ in range(_SOURCE_STEPS):
        at = None if at is None else input_node(at)
        if at is None:
            return False
        if isinstance(other := at.arguments.get("like"), Tensor) and at.reason == "computed elsewhere":
            at = other.node  # of another graph
        if at.operation in (PARAMETER, CONSTANT):
            return at.reason != "computed elsewhere"
        if at.operation == INPUT:
            return False
    return False


def _is_undone(layouts: Layouts, node: Node, source: Layout, sizes: Sequence[Monomial]) -> bool:
    """Whether rows stay whole, and are put back in their places: what happens to each of them alone does not mind the order."""
    if not sizes or source.sizes[-1:] != list(sizes[-1:]):
        return False
    rows = [node]
    for _ in range(_ROW_STEPS):
        uses = [use for row in rows for use in row.uses]
        if any(_asks_for(layouts, use, source.sizes) for use in uses):
            return True
        rows = [use for use in uses if use.operation not in VIEWS and len(use.inputs) == 1]
    at = input_node(node)
    for _ in range(_ROW_STEPS):
        if at is None:
            return False
        before = input_node(at)
        if at.operation in VIEWS:
            made = None if before is None else layouts.of(before)
            return made is not None and made.sizes[:-1] == list(sizes[:-1])
        at = before
    return False


def _asks_for(layouts: Layouts, use: Node, sizes: Sequence[Monomial]) -> bool:
    target = target_sizes(layouts, use) if use.operation in VIEWS else None
    return target is not None and target[:-1] == list(sizes[:-1])


def _is_in_order_if_alike(block: Block, layout: Layout, sizes: Sequence[Monomial]) -> bool:
    """Whether all is in order where two tensors have as many elements along the same axis: queries and keys of one length, say."""
    keys = sorted((key for atom in block.atoms for key in symbols_of(atom.size)), key=repr)
    for one, two in combinations(keys, 2):
        match one, two:
            case (("size", Node() as node, int() as axis), ("size", Node() as other, int() as at)) if node is not other and axis == at:
                atoms = [Atom(substituted(atom.size, two, symbol(one))) for atom in layout.atoms]
                if read(atoms, [substituted(size, two, symbol(one)) for size in sizes]) is not None:
                    return True
    return False


def _runs_by_luck(layouts: Layouts, layout: Layout, sizes: Sequence[Monomial], target: Sequence[Monomial | None]) -> bool:
    """Whether all is in order where spatial axes that the target does not name, and that nothing is seen to spread over, have size one."""
    named = {key for size in target if size is not None for key in symbols_of(size)}
    found = {key for atom in layout.atoms for key in symbols_of(atom.size)}
    lone = [key for key in found - named if _may_be_one(layouts, key)]
    if not lone:
        return False
    source, wanted = layout, list(sizes)
    for key in lone:
        source = Layout(tuple(tuple(_one(atom, key) for atom in axis if substituted(atom.size, key, ONE) != ONE) for axis in source.axes))
        wanted = [substituted(size, key, ONE) for size in wanted]
    if ONE in [size for size, asked in zip(wanted, target, strict=True) if asked is None] and not any(map(_is_pooled, lone)):
        return False  # nobody leaves an axis of size one to torch
    axes = read(source.atoms, wanted)
    return axes is not None and False not in [is_mergeable(axis) for axis in axes]


def _one(atom: Atom, key: object) -> Atom:
    return Atom(substituted(atom.size, key, ONE), None if atom.stride is None else substituted(atom.stride, key, ONE))


def _is_pooled(key: object) -> bool:
    match _inside(key):
        case ("size", Node() as node, int()):
            return "ool" in node.operation
    return False


def _inside(key: object) -> object:
    """The key as the graph has it that made the axis."""
    while isinstance(key, tuple) and key[0] == "within":
        key = key[2]
    return key


def _may_be_one(layouts: Layouts, key: object) -> bool:
    match _inside(key):
        case ("size", Node() as node, int() as axis):
            is_spatial = axis >= 2 and (
                any(word in node.operation for word in _WINDOWED) or (node.operation == INPUT and (node.rank or 0) > 3)
            )
            return is_spatial and key not in layouts.extents and _inside(key) not in layouts.extents
    return False


# --- which mistake ---


def _mixes_samples(
    layouts: Layouts, layout: Layout, sizes: Sequence[Monomial], target: Sequence[Monomial | None], meant: Rearrangement
) -> bool:
    """Whether a row of the result, which ought to be a sample or a part of one, holds elements of others, and not all axes are named."""
    leading = symbol_of(axis_size(layout.axes[0])) if layout.axes else None
    if target[0] is None and leading in layouts.batches and leading in symbols_of(sizes[0]) and sizes[0] != axis_size(layout.axes[0]):
        return True
    first = symbol_of(sizes[0])
    return first in layouts.batches and first != leading and meant.is_before and meant.needs_reading


def _rows_of_a_sample(
    layouts: Layouts, node: Node, layout: Layout, sizes: Sequence[Monomial], target: Sequence[Monomial | None]
) -> int | None:
    """How many rows a `view(-1, features)` for a linear layer makes of each sample, where it cuts a channel in pieces for that."""
    if len(sizes) != 2 or target[0] is not None or layout.rank < 3 or symbol_of(axis_size(layout.axes[0])) not in layouts.batches:
        return None
    rows, features = number_of(sizes[0] / axis_size(layout.axes[0])), number_of(sizes[1])
    rest = [number_of(axis_size(axis)) for axis in layout.axes[1:]]
    if rows is None or rows == 1 or features is None or None in rest or features in _suffixes([n for n in rest if n is not None]):
        return None
    return rows if any(use.operation == "torch.nn.Linear" for use in node.uses) else None


def _suffixes(numbers: Sequence[int]) -> Iterator[int]:
    whole = 1
    for number in reversed(numbers):
        whole *= number
        yield whole
