"""Reading the elements of a layout, in their order, as other axes: where that works, and where it takes one axis for another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, permutations, product
from math import prod

from nnlint.dataflow.layout.atoms import (
    ONE,
    Atom,
    Axis,
    Layout,
    axis_size,
    is_whole,
    may_be_whole,
    substituted,
    symbol_of,
    symbols_of,
)
from nnlint.dataflow.transfer.products import Monomial

_MAX_PERMUTED = 6  # axes


@dataclass(frozen=True, slots=True)
class Block:
    """A smallest run of atoms that becomes a run of target axes: their products are one number."""

    atoms: tuple[Atom, ...]
    sizes: tuple[Monomial, ...]
    first_target: int


def blocks(atoms: Sequence[Atom], sizes: Sequence[Monomial]) -> Iterator[Block]:
    """The blocks of a reading; what does not come out even is the last one."""
    one = other = 0
    while one < len(atoms) or other < len(sizes):
        taken, given = _next_block([atom.size for atom in atoms[one:]], sizes[other:])
        yield Block(tuple(atoms[one : one + taken]), tuple(sizes[other : other + given]), other)
        one, other = one + taken, other + given


def _next_block(source: Sequence[Monomial], target: Sequence[Monomial]) -> tuple[int, int]:
    before, after = _prefixes(source), _prefixes(target)
    counts = [c for c in product(range(len(before)), range(len(after))) if c != (0, 0)]
    # One atom for one axis comes first, then an axis of size one, then merges and splits.
    for taken, given in sorted(counts, key=lambda c: (0 if c == (1, 1) else sum(c), c)):
        if before[taken] == after[given]:
            return taken, given
    return len(source), len(target)


def _prefixes(sizes: Sequence[Monomial]) -> list[Monomial]:
    found = [ONE]
    for size in sizes:
        found.append(found[-1] * size)
    return found


def read(atoms: Sequence[Atom], sizes: Sequence[Monomial]) -> list[Axis] | None:
    """The atoms, in their order, as axes of these sizes; `None` where no cut between them is known to make them."""
    axes: list[Axis] = []
    for block in blocks(atoms, sizes):
        found = _read_block(block)
        if found is None:
            return None
        axes += found
    return axes


def _read_block(block: Block) -> list[Axis] | None:
    if len(block.sizes) == 1 and axis_size(block.atoms) == block.sizes[0]:
        return [block.atoms]
    if len(block.atoms) == 1 and prod(block.sizes, start=ONE) == block.atoms[0].size:
        return _split(block.atoms[0], block.sizes)
    return _walk(list(block.atoms), block.sizes)


def _split(atom: Atom, sizes: Sequence[Monomial]) -> list[Axis]:
    stride = atom.stride
    axes: list[Axis] = []
    for size in reversed(sizes):
        axes.append(() if size == ONE else (Atom(size, stride),))
        stride = None if stride is None else stride * size
    return axes[::-1]


def _walk(left: list[Atom], sizes: Sequence[Monomial]) -> list[Axis] | None:
    """Takes whole atoms, and cuts those that are provably divisible."""
    axes: list[Axis] = []
    for size in sizes:
        axis: list[Atom] = []
        while size != ONE:
            if not left:
                return None
            atom = left[0]
            if is_whole(size / atom.size):
                axis.append(left.pop(0))
                size = size / atom.size
            elif is_whole(rest := atom.size / size):
                axis.append(Atom(size, None if atom.stride is None else atom.stride * rest))
                left[0] = Atom(rest, atom.stride)
                size = ONE
            else:
                return None
        axes.append(tuple(axis))
    return None if left else axes


def is_mergeable(axis: Axis) -> bool | None:
    """Whether the atoms of an axis lie in memory as one: torch's condition for a `view`."""
    answers = [None if one.stride is None or two.stride is None else one.stride == two.stride * two.size for one, two in pairwise(axis)]
    return False if False in answers else None if None in answers else True


# --- targets ---


def fitted(layout: Layout, target: Sequence[Monomial | None]) -> tuple[Layout, list[Monomial]] | None:
    """Source and target of a reading in the same symbols, the one `None` of the target (written -1) worked out.

    A reading has as many elements as its source, and where a target begins as the source does but for the name of a size, both names
    are taken to mean one number: the reading that is in order is believed. `None` where the target stays unknown.
    """
    if target.count(None) > 1:
        return None
    layout = _named_alike(layout, target)
    given = prod((size for size in target if size is not None), start=ONE)
    whole = axis_size(layout.atoms)
    if None in target:
        inferred = whole / given
        if any(power < 0 for _, power in inferred.powers) or (not inferred.powers and inferred.number.denominator != 1):
            return None
        return layout, [inferred if size is None else size for size in target]
    sizes = [size for size in target if size is not None]
    if whole == given:
        return layout, sizes
    missing = given / whole
    # One size of the source that the target does not name is what the others leave for it.
    unnamed = {key for key, power in missing.powers if power == -1} - {key for size in sizes for key in symbols_of(size)}
    if len(unnamed) != 1 or any(power < -1 for _, power in missing.powers):
        return None
    key = unnamed.pop()
    by = missing * Monomial(ONE.number, frozenset({(key, 1)}))
    return (_replaced(layout, key, by), sizes) if is_whole(by) else None


def _named_alike(layout: Layout, target: Sequence[Monomial | None]) -> Layout:
    named = {key for size in target if size is not None for key in symbols_of(size)}
    own = {key for atom in layout.atoms for key in symbols_of(atom.size)}
    for axis, size in zip(layout.axes, target, strict=False):
        if size is None:
            break
        if axis_size(axis) == size:
            continue
        here, there = symbol_of(axis_size(axis)), symbol_of(size)
        if here is None or there is None or here in named or there in own:
            break
        layout = _replaced(layout, here, size)
    return layout


def _replaced(layout: Layout, key: object, by: Monomial) -> Layout:
    def atom(one: Atom) -> Atom:
        return Atom(substituted(one.size, key, by), None if one.stride is None else substituted(one.stride, key, by))

    return Layout(tuple(tuple(atom(one) for one in axis) for axis in layout.axes), layout.moved_by)


# --- scrambles ---


def is_scrambled(layout: Layout, sizes: Sequence[Monomial]) -> Block | None:
    """The first block in which an axis that the target names does not hold the elements of the source's axis of that name."""
    for block in blocks(layout.atoms, sizes):
        if _read_block(block) is None:
            return block if _misplaces(block) else None
    return None


def _misplaces(block: Block) -> bool:
    if axis_size(block.atoms) != axis_size(Atom(size) for size in block.sizes):
        return False
    starts, ends = _prefixes([atom.size for atom in block.atoms]), _prefixes(block.sizes)
    for at, atom in enumerate(block.atoms):
        key = symbol_of(atom.size)
        if key is None or any(key in symbols_of(other.size) for other in block.atoms if other is not atom):
            continue
        targets = [to for to, size in enumerate(block.sizes) if key in symbols_of(size)]
        if len(targets) != 1 or not is_whole(block.sizes[targets[0]] / atom.size):
            continue
        begins_before = may_be_whole(starts[at] / ends[targets[0]])
        ends_behind = may_be_whole(ends[targets[0] + 1] / starts[at + 1])
        if not (begins_before and ends_behind):
            return True
    return False


@dataclass(frozen=True, slots=True)
class Rearrangement:
    """What was meant: the source with its axes in `order` and then read as the target, or the target's axes with `order` read in turn.

    Of the first kind where `is_before`: `x.permute(order).reshape(target)`. Of the second, `order` says where each axis of the
    target stands among those that the elements give in order: `x.view(in order).permute(order)`.
    """

    order: tuple[int, ...]
    is_before: bool
    needs_reading: bool  # whether the axes are still merged or split besides


def rearrangement(layout: Layout, sizes: Sequence[Monomial]) -> Rearrangement | None:
    """The permutation with the fewest exchanges that makes the target of the source; `None` where none does."""
    if layout.rank <= _MAX_PERMUTED:
        for order in _orders(layout.rank):
            axes = [layout.axes[at] for at in order]
            if read([atom for axis in axes for atom in axis], sizes) is not None:
                return Rearrangement(order, True, [axis_size(axis) for axis in axes] != list(sizes))
    if len(sizes) <= _MAX_PERMUTED:
        for order in _orders(len(sizes)):
            if read(layout.atoms, [sizes[at] for at in order]) is not None:
                return Rearrangement(order, False, True)
    return None


@cache
def _orders(count: int) -> list[tuple[int, ...]]:
    """All permutations but the identity, those with few exchanges of neighbors first."""
    return sorted(permutations(range(count)), key=lambda order: (_inversions(order), order))[1:]


def _inversions(order: Sequence[int]) -> int:
    return sum(one > two for at, one in enumerate(order) for two in order[at + 1 :])
