"""What to give a model next, going by how a call failed."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator

import torch

from .attempts import Failure
from .layer_shapes import BATCH, SIDE, STEPS, fitting
from .specimens import FALSE, FLOATS, LENGTHS, MASKS, ONES, TOKENS, TRUE, WRITTEN, Given, Leaf

_MOST_FIXES = 24

_WANTS_INTEGERS = re.compile(r"\bLong\b|\blong\b|\bInt\b|indices|index tensor|must be .*(int|byte)|integer|one_hot|used as indices", re.I)
_WANTS_FLOATS = re.compile(
    r"not implemented for '(Long|Int|Bool)|same dtype|\bFloat\b|floating|Input type|should be the same|can't be cast|Got Long|must be float"
)
_WANTS_BOOLEANS = re.compile(r"\bbool|\bBool|boolean", re.I)
_WANTS_NUMBER = re.compile(
    r"interpreted as an integer|integer is required|single element|one element|must be int|Boolean value of Tensor|tuple of ints"
    r"|not Tensor|invalid combination|must be real number|unhashable|must be tuple|ambiguous|NoneType, not|must be an? (int|float)"
)
_OUT_OF_RANGE = re.compile(r"out of range|out of bounds|Class values|smaller than num_classes|index .* is out")
_TOO_SMALL = re.compile(
    r"Kernel size can't be greater|too small|Padding size should be less|more than 1 value per channel|should be at least|greater than zero"
    r"|[Nn]on-empty|must be (at least|greater|larger)|at least|negative"
)
_RANK = re.compile(
    r"unpack|[0-9]D\b|dims?\b|dimension|too many indices|tuple index|permute|subscripts|index out of range|einops|rearrange|shape|axes|rank|"
    r"non-empty|[0-9]-?dim"
)
_WANTED_RANK = [
    re.compile(p)
    for p in (
        r"not enough values to unpack \(expected (\d)",
        r"too many values to unpack \(expected (\d)",
        r"[Ee]xpected (\d)D",
        r"expected (\d)-?[dD]im",
        r"[Ee]xpected (\d) dims",
        r"len\(dims\) = (\d)",
        r"number of subscripts in the equation \((\d)\)",
        r"(\d)D (?:\(unbatched\) )?or (?:\d)D",
        r"or (\d)D",
        r"[Gg]ot (\d)D",
        r"(\d)D input",
        r"must be (\d)-?D",
    )
]
_MISSING = re.compile(r"missing \d+ required (?:positional|keyword-only) arguments?: (.*)$")
_SHAPE = re.compile(r"shape '\[([-\d, ]+)\]' is invalid for input of size (\d+)")


def repairs(given: Given, failure: Failure, optional: Iterable[tuple[str, Leaf]]) -> Iterator[Given]:
    """Other things to give, the likeliest first. `optional` are parameters that need not be given, with what fits their names."""
    found = itertools.chain(
        _by_layer(given, failure),
        _by_shape(given, failure),
        _by_kind(given, failure),
        _by_presence(given, failure, list(optional)),
        _by_range(given, failure),
        _by_size(given, failure),
        _by_rank(given, failure),
        _by_numbers(given, failure),
    )
    seen = {given}
    for other in found:
        if other not in seen and all(n > 0 for leaf in other.leaves() for n in leaf.sizes):
            seen.add(other)
            yield other
            if len(seen) > _MOST_FIXES:
                return


def _tensors(given: Given, failure: Failure) -> list[tuple[int, Leaf]]:
    """The leaves that are tensors, by number; the one that failed first, where that is known."""
    return sorted(((n, leaf) for n, leaf in enumerate(given.leaves()) if leaf.is_tensor), key=lambda item: item[0] != failure.source)


# --- by the layer that did not take what it got ---


def _by_layer(given: Given, failure: Failure) -> Iterator[Given]:
    layer, received = failure.layer, failure.received
    if layer is None or received is None:
        return
    got = tuple(received.shape)
    for wanted in fitting(layer, got):
        for number, leaf in _tensors(given, failure):
            if failure.source == number and leaf.sizes == got:
                yield given.with_leaf(number, wanted)
        if wanted.kind != FLOATS or len(wanted.sizes) != len(got):
            continue
        for have, want in zip(got, wanted.sizes):
            if have != want:
                yield from _resized(given, failure, have, want)


def _resized(given: Given, failure: Failure, have: int, want: int) -> Iterator[Given]:
    """Ways to have `want` numbers along an axis somewhere in the model, where there are `have` now."""
    everywhere = [leaf.of(*(want if n == have else n for n in leaf.sizes)) if leaf.is_tensor else leaf for leaf in given.leaves()]
    if everywhere != given.leaves():
        yield _with_leaves(given, everywhere)
    for number, leaf in _tensors(given, failure):
        axes = [axis for axis in range(1, len(leaf.sizes)) if leaf.sizes[axis] * want % have == 0]
        for axis in sorted(axes, key=lambda a: leaf.sizes[a] != have):
            yield given.with_leaf(number, _with_size(leaf, axis, leaf.sizes[axis] * want // have))
        yield from (given.with_leaf(number, flat) for flat in _flattened(leaf, want))
        yield from (given.with_leaf(number, scaled) for scaled in _scaled(leaf, want / have))


def _flattened(leaf: Leaf, want: int) -> Iterator[Leaf]:
    """Images that have `want` numbers in all."""
    if len(leaf.sizes) == 4:
        for channels in dict.fromkeys([leaf.sizes[1], 1, 3]):
            side = math.isqrt(want // channels)
            if channels * side * side == want and side > 1:
                yield leaf.of(leaf.sizes[0], channels, side, side)
    if len(leaf.sizes) > 2:
        yield leaf.of(leaf.sizes[0], want)


def _scaled(leaf: Leaf, ratio: float) -> Iterator[Leaf]:
    """Leaves with `ratio` times as many places, channels as they are."""
    axes = _spatial(leaf)
    if not axes:
        return
    aim = leaf.sizes[axes[0]] * ratio ** (1 / len(axes))
    usual = [
        s
        for s in (8, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 84, 96, 112, 128, 160, 192, 224, 256, 299, 384, 512)
        if 0.7 * aim < s < 1.4 * aim
    ]
    near = [round(aim) + step for step in (0, 1, -1, 2, -2, 3, -3, 4, -4)]
    for side in dict.fromkeys([near[0], *sorted(usual, key=lambda s: abs(s - aim))[:3], *near[1:]]):
        if 0 < side <= 2048:
            yield _with_sizes(leaf, axes, side)


def _by_shape(given: Given, failure: Failure) -> Iterator[Given]:
    """A `view()` of another number of elements."""
    found = _SHAPE.search(failure.message)
    if found is None:
        return
    sizes = [int(n) for n in found.group(1).split(",")]
    known = math.prod(n for n in sizes if n > 0)
    for number, leaf in _tensors(given, failure):
        size = math.prod(leaf.sizes)
        if size == int(found.group(2)):
            yield given.with_leaf(number, leaf.of(*(BATCH if n == -1 else n for n in sizes)))
            if len(sizes) == 2:
                yield from (given.with_leaf(number, flat) for flat in _flattened(leaf, sizes[1]))
            yield given.with_leaf(number, leaf.of(BATCH, known))
        for axis in range(1, len(leaf.sizes)):
            for want in (n for n in sizes if n > 1):
                yield given.with_leaf(number, _with_size(leaf, axis, want))
                if leaf.sizes[axis] % want:
                    yield given.with_leaf(number, _with_size(leaf, axis, want * math.ceil(leaf.sizes[axis] / want)))
        yield from (given.with_leaf(number, scaled) for scaled in _scaled(leaf, known * BATCH / int(found.group(2))))


# --- by what the message says ---


def _by_kind(given: Given, failure: Failure) -> Iterator[Given]:
    message = failure.message
    for number, leaf in _tensors(given, failure):
        if leaf.kind == FLOATS and _WANTS_INTEGERS.search(message):
            yield given.with_leaf(number, Leaf(TOKENS, leaf.sizes, 2))
            yield given.with_leaf(number, Leaf(TOKENS, (BATCH, STEPS), 2))
        if leaf.kind == TOKENS and _WANTS_FLOATS.search(message):
            yield given.with_leaf(number, Leaf(FLOATS, leaf.sizes))
        if leaf.kind in (TOKENS, LENGTHS) and _WANTS_FLOATS.search(message):
            yield given.with_leaf(number, Leaf(ONES, leaf.sizes))
        if leaf.kind in MASKS and _WANTS_BOOLEANS.search(message):
            yield given.with_leaf(number, Leaf(TRUE if leaf.kind != TRUE else FALSE, leaf.sizes))
        if leaf.kind != TRUE and _WANTS_BOOLEANS.search(message):
            yield given.with_leaf(number, Leaf(TRUE, leaf.sizes))
        if leaf.kind in MASKS and "finite" in message:
            yield given.with_leaf(number, Leaf(FALSE if leaf.kind == TRUE else TRUE, leaf.sizes))
        if _WANTS_NUMBER.search(message):
            yield from (given.with_leaf(number, Leaf(WRITTEN, written=text)) for text in ("1", "True", "2"))


def _by_presence(given: Given, failure: Failure, optional: list[tuple[str, Leaf]]) -> Iterator[Given]:
    absent = [(name, leaf) for name, leaf in optional if name not in given.names]
    missing = _MISSING.search(failure.message)
    if missing is not None and given.by_name:
        other = given
        for name in re.findall(r"'(\w+)'", missing.group(1)):
            if name not in other.names:
                first = next((leaf for leaf in given.leaves() if leaf.is_tensor), Leaf(FLOATS, (BATCH, STEPS)))
                other = other.and_also(name, dict(optional).get(name, first))
        yield other
    if "NoneType" in failure.message or "None" in failure.message or isinstance(failure.error, (AssertionError, ValueError)):
        yield from (given.and_also(name, leaf) for name, leaf in absent)
        if len(absent) > 1:
            yield _with_all(given, absent)
        for number, leaf in enumerate(given.leaves()):
            if leaf.written == "None":
                first = next((other for other in given.leaves() if other.is_tensor), Leaf(FLOATS, (BATCH, STEPS)))
                yield given.with_leaf(number, first)
    if failure.source is None and isinstance(failure.error, (TypeError, RuntimeError, AttributeError)):
        for number, leaf in list(enumerate(given.leaves()))[1:]:
            if leaf.written != "None" and re.search(r"h|c|state|mem|cache|prev|past|mask", given.names[min(number, len(given.names) - 1)]):
                yield given.with_leaf(number, Leaf(WRITTEN, written="None"))


def _with_all(given: Given, absent: list[tuple[str, Leaf]]) -> Given:
    for name, leaf in absent:
        given = given.and_also(name, leaf)
    return given


def _by_range(given: Given, failure: Failure) -> Iterator[Given]:
    if not _OUT_OF_RANGE.search(failure.message):
        return
    embedding = failure.layer if isinstance(failure.layer, torch.nn.Embedding) else None
    for number, leaf in _tensors(given, failure):
        if leaf.kind == TOKENS:
            if embedding is not None:
                yield given.with_leaf(number, Leaf(TOKENS, leaf.sizes, embedding.num_embeddings))
            for below in (10, 2, 1):
                if below < leaf.below:
                    yield given.with_leaf(number, Leaf(TOKENS, leaf.sizes, below))
        for axis in range(1, len(leaf.sizes)):
            limit = embedding.num_embeddings if embedding is not None else leaf.sizes[axis] // 2
            if limit < leaf.sizes[axis]:
                yield given.with_leaf(number, _with_size(leaf, axis, limit))


def _by_size(given: Given, failure: Failure) -> Iterator[Given]:
    if not _TOO_SMALL.search(failure.message):
        return
    for number, leaf in _tensors(given, failure):
        axes = _spatial(leaf)
        if axes:
            side = leaf.sizes[axes[0]]
            for other in (2 * side, 4 * side, 8 * side, 224, 299):
                if side < other <= 4096:
                    yield given.with_leaf(number, _with_sizes(leaf, axes, other))


def _by_rank(given: Given, failure: Failure) -> Iterator[Given]:
    if not (_RANK.search(failure.message) or isinstance(failure.error, (IndexError, AssertionError))):
        return
    named = [int(found.group(1)) for pattern in _WANTED_RANK for found in [pattern.search(failure.message)] if found is not None]
    for number, leaf in _tensors(given, failure):
        rank = len(leaf.sizes)
        for wanted in dict.fromkeys([*named, rank + 1, rank - 1]):
            if wanted != rank and 0 < wanted <= 6:
                yield from (given.with_leaf(number, other) for other in of_rank(leaf, wanted))


def _by_numbers(given: Given, failure: Failure) -> Iterator[Given]:
    """Sizes in sight in place of sizes that are given, and multiples of them."""
    numbers = sorted(n for n in failure.numbers if 1 <= n <= 4096)
    for number, leaf in _tensors(given, failure):
        axes = _spatial(leaf)
        for size in dict.fromkeys(leaf.sizes[1:]):
            close = size in numbers
            for other in numbers if close else []:
                yield given.with_leaf(number, leaf.of(leaf.sizes[0], *(other if n == size else n for n in leaf.sizes[1:])))
        for other in numbers:
            for axis in axes[:1]:
                multiple = other * math.ceil(leaf.sizes[axis] / other)
                if other > 2 and multiple != leaf.sizes[axis] and multiple <= 2048:
                    yield given.with_leaf(number, _with_sizes(leaf, axes, multiple))
        for other in numbers:
            for axis in range(1, len(leaf.sizes)):
                yield given.with_leaf(number, _with_size(leaf, axis, other))
    batch = [leaf.sizes[0] for leaf in given.leaves() if leaf.is_tensor and leaf.sizes]
    for number, leaf in _tensors(given, failure):
        if leaf.sizes and batch and leaf.sizes[0] != batch[0]:
            yield given.with_leaf(number, _with_size(leaf, 0, batch[0]))


# --- leaves in other sizes ---


def of_rank(leaf: Leaf, rank: int) -> Iterator[Leaf]:
    """The leaf with as many axes as wanted: features, sequences of them, images, volumes."""
    sizes = leaf.sizes or (BATCH,)
    width = sizes[1] if len(sizes) > 1 else STEPS
    if rank == 1:
        yield leaf.of(sizes[0])
    elif rank == 2:
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
    else:
        yield leaf.of(*sizes, *[2] * (rank - len(sizes)))


def _spatial(leaf: Leaf) -> list[int]:
    """The axes that a picture or a sequence may be longer along."""
    rank = len(leaf.sizes)
    if not leaf.is_tensor or rank < 2:
        return []
    if rank == 2:
        return [1] if leaf.kind != FLOATS else []
    if rank == 3:
        return [2] if leaf.sizes[1] != STEPS else [1]
    return list(range(2, rank))


def _with_size(leaf: Leaf, axis: int, size: int) -> Leaf:
    return leaf.of(*leaf.sizes[:axis], size, *leaf.sizes[axis + 1 :])


def _with_sizes(leaf: Leaf, axes: list[int], size: int) -> Leaf:
    return leaf.of(*(size if axis in axes else n for axis, n in enumerate(leaf.sizes)))


def _with_leaves(given: Given, leaves: list[Leaf]) -> Given:
    for number, leaf in enumerate(leaves):
        given = given.with_leaf(number, leaf)
    return given
