"""Values in other sizes: of another rank, with as many numbers along an axis as a layer wants, with more places."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from .layer_shapes import BATCH, SIDE, STEPS
from .specimens import FLOATS, Given, Leaf

_USUAL_SIDES = (8, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 84, 96, 112, 128, 160, 192, 224, 256, 299, 384, 512)
_USUAL_VOLUMES = ((8, 64, 64), (16, 112, 112), (16, 224, 224), (32, 32, 32), (32, 224, 224), (64, 64, 64), (96, 96, 96), (128, 128, 128))
_NEAR = (0, 1, -1, 2, -2, 3, -3, 4, -4)
_LONGEST = 65536


def tensors(given: Given, source: int | None) -> list[tuple[int, Leaf]]:
    """The leaves that are tensors, by number; the one at fault first, where that is known."""
    return sorted(((n, leaf) for n, leaf in enumerate(given.leaves()) if leaf.is_tensor), key=lambda item: item[0] != source)


def resized(given: Given, source: int | None, have: int, want: int) -> Iterator[Given]:
    """Ways to have `want` numbers along an axis somewhere in the model, where there are `have` now."""
    leaves = given.leaves()
    everywhere = [
        leaf.of(*leaf.sizes[:1], *(want if n == have else n for n in leaf.sizes[1:])) if leaf.is_tensor else leaf for leaf in leaves
    ]
    last = [
        given.with_leaf(number, leaf.of(leaf.sizes[0], *leaf.sizes[2:], want))
        for number, leaf in tensors(given, source)
        if source == number and have in leaf.sizes[2:]
    ]
    alike = [given.with_leaves(everywhere)] if everywhere != leaves else []
    yield from (last + alike if want < SIDE // 2 else alike + last)  # few are channels, in the last axis
    yield from _features_alike(given, have, want)
    yield from _parts_of_sum(given, source, have, want)
    for number, leaf in tensors(given, source):
        yield from (given.with_leaf(number, other) for other in _with_axis_resized(leaf, have, want))


def _with_axis_resized(leaf: Leaf, have: int, want: int) -> Iterator[Leaf]:
    """One axis that has the size, or a part of it, resized; in pictures the channels, or else all axes of places alike."""
    axes = range(1, len(leaf.sizes))
    yield from (with_size(leaf, axis, want) for axis in axes if leaf.sizes[axis] == have)
    yield from (with_size(leaf, axis, math.isqrt(want)) for axis in axes if leaf.sizes[axis] ** 2 == have and math.isqrt(want) ** 2 == want)
    parts = {axis: with_size(leaf, axis, leaf.sizes[axis] * want // have) for axis in axes if leaf.sizes[axis] * want % have == 0}
    if 1 in parts or len(leaf.sizes) < 4:
        yield from itertools.islice(parts.values(), 1 if len(leaf.sizes) > 3 else None)
    yield from flattened(leaf, want)
    yield from scaled(leaf, want / have)
    yield from parts.values()


def _features_alike(given: Given, have: int, want: int) -> Iterator[Given]:
    """Several tensors with one number of features, of which what is combined from them is a multiple."""
    floats = [leaf for leaf in given.leaves() if leaf.kind == FLOATS and len(leaf.sizes) > 1]
    for width in dict.fromkeys(leaf.sizes[-1] for leaf in floats):
        alike = [leaf for leaf in floats if leaf.sizes[-1] == width]
        if len(alike) > 1 and width * want % have == 0 and width * want != have:
            other = {leaf: with_size(leaf, len(leaf.sizes) - 1, width * want // have) for leaf in alike}
            yield given.with_leaves(other.get(leaf, leaf) for leaf in given.leaves())


def _parts_of_sum(given: Given, source: int | None, have: int, want: int) -> Iterator[Given]:
    """Two tensors that are concatenated, or one and something of the model's own: their features sum to `have`."""
    found = tensors(given, source)
    for number, leaf in found:
        if len(leaf.sizes) > 1:
            for axis in dict.fromkeys([len(leaf.sizes) - 1, 1]):
                rest = have - leaf.sizes[axis]
                if 0 < rest < want:
                    yield given.with_leaf(number, with_size(leaf, axis, want - rest))
    floats = [(number, leaf) for number, leaf in found if leaf.kind == FLOATS and len(leaf.sizes) > 1]
    for (one, first), (other, second) in itertools.combinations(floats, 2):
        if first.sizes[-1] + second.sizes[-1] == have and want > 2:
            part = max(1, want // 3)
            split = given.with_leaf(one, with_size(first, len(first.sizes) - 1, want - part))
            yield split.with_leaf(other, with_size(second, len(second.sizes) - 1, part))


def flattened(leaf: Leaf, want: int) -> Iterator[Leaf]:
    """Pictures that have `want` numbers in all, and plain features."""
    if len(leaf.sizes) == 4:
        for channels in dict.fromkeys([leaf.sizes[1], 1, 3]):
            side = math.isqrt(want // channels)
            if channels * side * side == want and side > 1:
                yield leaf.of(leaf.sizes[0], channels, side, side)
    if len(leaf.sizes) > 2:
        yield leaf.of(leaf.sizes[0], want)


def scaled(leaf: Leaf, ratio: float) -> Iterator[Leaf]:
    """Leaves with `ratio` times as many places, channels as they are."""
    axes = spatial(leaf)
    if not axes:
        return
    if len(axes) == 3:
        aim = math.prod(leaf.sizes[2:]) * ratio
        volumes = sorted(_USUAL_VOLUMES, key=lambda sizes: abs(math.log(math.prod(sizes) / aim)))
        yield from (leaf.of(*leaf.sizes[:2], *sizes) for sizes in volumes[:4])
    aim = leaf.sizes[axes[0]] * ratio ** (1 / len(axes))
    usual = sorted((side for side in _USUAL_SIDES if 0.7 * aim < side < 1.4 * aim), key=lambda side: abs(side - aim))
    near = [round(aim) + step for step in _NEAR]
    for side in dict.fromkeys([near[0], *usual[:3], *near[1:]]):
        if 0 < side <= (_LONGEST if len(axes) == 1 else 2048):
            yield with_sizes(leaf, axes, side)


def enlarged(leaf: Leaf) -> Iterator[Leaf]:
    """Leaves with more places along each axis."""
    axes = spatial(leaf)
    for factor in (2, 4, 8, 32) if axes else ():
        yield leaf.of(*(factor * size if axis in axes else size for axis, size in enumerate(leaf.sizes)))
        if len(axes) == 3 and factor > 2:
            yield leaf.of(*leaf.sizes[:2], 2 * leaf.sizes[2], *(factor * size for size in leaf.sizes[3:]))


def spatial(leaf: Leaf) -> list[int]:
    """The axes that a picture or a sequence may be longer along."""
    rank = len(leaf.sizes)
    if not leaf.is_tensor or rank < 2:
        return []
    if rank == 2:
        return [1] if leaf.kind != FLOATS else []
    if rank == 3:
        return [2] if leaf.sizes[1] != STEPS else [1]
    return list(range(2, rank))


def of_rank(leaf: Leaf, rank: int) -> Iterator[Leaf]:
    """The leaf with as many axes as wanted: features, sequences of them, pictures, volumes."""
    sizes = leaf.sizes or (BATCH,)
    width = sizes[1] if len(sizes) > 1 else STEPS
    if rank == 1:
        yield leaf.of(sizes[0])
    elif rank == 2:
        if len(sizes) == 1:
            yield leaf.of(sizes[0], 1)
        yield leaf.of(sizes[0], width)
        yield leaf.of(sizes[0], sizes[-1])
    elif rank == 3:
        yield leaf.of(sizes[0], STEPS, sizes[-1])
        yield leaf.of(sizes[0], width, STEPS if width != STEPS else SIDE)
    elif rank == 4:
        yield leaf.of(sizes[0], width if len(sizes) != 3 else sizes[1], SIDE, SIDE)
        yield leaf.of(sizes[0], 3, SIDE, SIDE)
        yield leaf.of(sizes[0], 8, STEPS, sizes[-1])
    elif rank == 5:
        yield leaf.of(sizes[0], width, 8, SIDE, SIDE)
        yield leaf.of(sizes[0], 8, 3, SIDE, SIDE)


def with_size(leaf: Leaf, axis: int, size: int) -> Leaf:
    """The leaf with another size of one axis."""
    return leaf.of(*leaf.sizes[:axis], size, *leaf.sizes[axis + 1 :])


def with_sizes(leaf: Leaf, axes: list[int], size: int) -> Leaf:
    """The leaf with the same size of all these axes."""
    return leaf.of(*(size if axis in axes else n for axis, n in enumerate(leaf.sizes)))
