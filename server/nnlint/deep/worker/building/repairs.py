"""What to give a model next, going by how a call failed: a table of what torch, Python and authors say, and what it means."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping

import torch

from .attempts import Failure
from .layer_shapes import BATCH, STEPS, fitting
from .naming import is_state, named_part
from .resizing import enlarged, flattened, of_rank, resized, scaled, spatial, tensors, with_size, with_sizes
from .specimens import FALSE, FLOATS, LENGTHS, MASKS, ONES, TOKENS, TRUE, WRITTEN, Given, Leaf, Several, Specimen

_MOST_REPAIRS, _MOST_OTHERS = 24, 10
_MOST_AXES = 5
_DIVISORS = 64  # a number in sight up to this may be one that sizes are to be divisible by

_WANTS_INTEGERS = re.compile(r"\blong\b|\bint(32|64)?\b|indices|index tensor|must be .*byte|integer|one_hot|used as ind", re.I)
_WANTS_FLOATS = re.compile(
    r"not implemented for '(Long|Int|Bool)|same dtype|\bFloat\b|floating|Input type|should be the same|can't be cast|Got Long|must be float"
)
_WANTS_BOOLEANS = re.compile(r"\bbool", re.I)
_WANTS_NUMBER = re.compile(
    r"as an integer|integer is required|single element|one element|must be int|Boolean value of Tensor|tuple of ints"
    r"|not Tensor|invalid combination|must be real number|unhashable|must be tuple|ambiguous|must be an? (int|float)"
)
_OUT_OF_RANGE = re.compile(r"out of range|out of bounds|Class values|smaller than num_classes|index .* is out")
_TOO_SMALL = re.compile(
    r"Kernel size can't be greater|smaller than|too small|Padding size should be less|more than 1 value per channel|should be at least"
    r"|greater than zero|[Nn]on-empty|must be (at least|greater|larger)|at least|negative"
)
_ABOUT_RANK = re.compile(
    r"unpack|\dD\b|dims?\b|dimension|too many indices|tuple index|permute|subscripts|index out|einops|shape|axes|rank|\d-?dim"
)
_WANTED_RANK = [
    re.compile(pattern)
    for pattern in (
        r"values to unpack \(expected (\d)",
        r"[Ee]xpected (\d)D",
        r"[Ee]xpected (\d)-?\s?[dD]im",
        r"len\(dims\) = (\d)",
        r"number of subscripts in the equation \((\d)\)",
        r"(\d)D (?:\(unbatched\) )?or \dD",
        r"or (\d)D",
        r"(\d)D input",
        r"be (\d)-?D",
    )
]
_MISSING = re.compile(r"missing \d+ required (?:positional|keyword-only) arguments?: (.*)$")
_VIEW = re.compile(r"shape '\[([-\d, ]+)\]' is invalid for input of size (\d+)")
_PRODUCT = re.compile(r"cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)")
_PAIRS = (
    re.compile(r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)"),
    re.compile(r"[Ee]xpected size (\d+) but got size (\d+)"),
)
_MISFIT = re.compile(r"must match|must be broadcastable|expanded size|shape of|should be")
_SIZES = re.compile(r"[\[(](\d+(?:\s*,\s*\d+)+),?[\])]")

Optional = Mapping[str, Specimen]


def repairs(given: Given, failure: Failure, optional: Optional) -> Iterator[Given]:
    """Other things to give, the likeliest first. `optional` are parameters that need not be given, with what fits their names."""
    found = itertools.chain.from_iterable(repair(given, failure) for repair in _REPAIRS)
    others = itertools.chain(_by_missing(given, failure, optional), found, _by_presence(given, failure, optional))
    alike = itertools.chain.from_iterable(_with_siblings(given, other) for other in others)
    possible = [other for other in dict.fromkeys(alike) if other != given and _is_possible(other)]
    source = failure.source
    if source is not None:
        at_fault = [other for other in possible if _changes(given, other, source)]
        possible = at_fault[:_MOST_REPAIRS] + [other for other in possible if other not in at_fault][:_MOST_OTHERS]
    return iter(possible[: _MOST_REPAIRS + _MOST_OTHERS])


def _with_siblings(given: Given, other: Given) -> Iterator[Given]:
    """What was changed in one tensor of a list changed in all of the list that were equal to it; ranks above all."""
    before, after = given.leaves(), other.leaves()
    changed = [n for n, (a, b) in enumerate(zip(before, after)) if a != b]
    alike = given.siblings(changed[0]) if len(before) == len(after) and len(changed) == 1 else []
    if len(alike) < 2:
        yield other
        return
    old, new = before[changed[0]], after[changed[0]]
    together = given.with_leaves(new if number in alike else leaf for number, leaf in enumerate(before))
    yield from (together, other) if len(old.sizes) != len(new.sizes) else (other, together)


def _is_possible(given: Given) -> bool:
    return all(len(leaf.sizes) <= _MOST_AXES and all(n > 0 for n in leaf.sizes) for leaf in given.leaves())


def _changes(given: Given, other: Given, number: int) -> bool:
    """Whether only this leaf, or only leaves equal to it, are others."""
    before, after = given.leaves(), other.leaves()
    if len(before) != len(after) or before[number] == after[number]:
        return False
    return all(a in (b, before[number]) for a, b in zip(before, after))


# --- sizes ---


def _by_layer(given: Given, failure: Failure) -> Iterator[Given]:
    """By what the layer that failed takes."""
    layer, received = failure.layer, failure.received
    if layer is None or received is None:
        return
    got = tuple(received.shape)
    for wanted in fitting(layer, got):
        for number, leaf in tensors(given, failure.source):
            if failure.source == number and leaf.sizes == got:
                yield given.with_leaf(number, wanted)
        if wanted.kind == FLOATS and len(wanted.sizes) == len(got):
            for have, want in zip(got, wanted.sizes):
                if have != want:
                    yield from resized(given, failure.source, have, want)


def _by_sizes_said(given: Given, failure: Failure) -> Iterator[Given]:
    """By the sizes in the message: what there is, and what is expected."""
    product = _PRODUCT.search(failure.message)
    if product is not None:
        pictures = [(n, leaf) for n, leaf in tensors(given, None) if n == failure.source and len(leaf.sizes) > 3]
        yield from (given.with_leaf(number, leaf.of(leaf.sizes[0], int(product.group(2)))) for number, leaf in pictures)
        yield from resized(given, failure.source, int(product.group(1)), int(product.group(2)))
    for pattern in _PAIRS:
        pair = pattern.search(failure.message)
        if pair is not None:
            one, other = int(pair.group(1)), int(pair.group(2))
            yield from itertools.islice(resized(given, failure.source, other, one), 8)
            yield from itertools.islice(resized(given, failure.source, one, other), 8)
    said = [tuple(map(int, found.split(","))) for found in _SIZES.findall(failure.message)]
    for number, leaf in tensors(given, failure.source):
        for sizes in said:
            if len(sizes) == len(leaf.sizes):
                yield given.with_leaf(number, leaf.of(*sizes))
            if "split" in failure.message and leaf.sizes:
                yield given.with_leaf(number, with_size(leaf, len(leaf.sizes) - 1, sum(sizes)))


def _by_mask(given: Given, failure: Failure) -> Iterator[Given]:
    """By a mask of a sequence that is wanted for each query, or for each head too."""
    if not _MISFIT.search(failure.message):
        return
    for number, leaf in tensors(given, failure.source):
        if leaf.kind in MASKS and len(leaf.sizes) == 2:
            batch, steps = leaf.sizes
            yield from (given.with_leaf(number, leaf.of(*sizes)) for sizes in ((batch, 1, steps), (batch, 1, 1, steps), (steps, steps)))


def _by_view(given: Given, failure: Failure) -> Iterator[Given]:
    """By a `view()` of another number of elements."""
    found = _VIEW.search(failure.message)
    if found is None:
        return
    sizes = [int(n) for n in found.group(1).split(",")]
    size = int(found.group(2))
    known = math.prod(n for n in sizes if n > 0)
    for number, leaf in tensors(given, failure.source):
        if math.prod(leaf.sizes) == size:
            yield given.with_leaf(number, leaf.of(*(BATCH if n == -1 else n for n in sizes)))
            if len(sizes) == 2:
                yield from (given.with_leaf(number, flat) for flat in flattened(leaf, sizes[1]))
            yield given.with_leaf(number, leaf.of(BATCH, known))
        for axis in range(1, len(leaf.sizes)):
            for want in (n for n in sizes if n > 1):
                yield given.with_leaf(number, with_size(leaf, axis, want))
                if leaf.sizes[axis] % want:
                    yield given.with_leaf(number, with_size(leaf, axis, want * math.ceil(leaf.sizes[axis] / want)))
        batch = leaf.sizes[0] if leaf.sizes else 1
        yield from (given.with_leaf(number, other) for other in scaled(leaf, known * (1 if batch in sizes else batch) / size))


def _by_numbers_in_place(given: Given, failure: Failure) -> Iterator[Given]:
    """By numbers in sight, one of which is a size that is given: another one in its place."""
    numbers = sorted(n for n in failure.numbers if n <= 8192)
    for number, leaf in tensors(given, failure.source):
        for size in dict.fromkeys(leaf.sizes[1:]):
            for other in numbers if size in numbers else []:
                yield given.with_leaf(number, leaf.of(leaf.sizes[0], *(other if n == size else n for n in leaf.sizes[1:])))


def _by_numbers(given: Given, failure: Failure) -> Iterator[Given]:
    """By any numbers in sight: multiples of them, they themselves."""
    numbers = sorted(n for n in failure.numbers if 1 < n <= 8192)
    for number, leaf in tensors(given, failure.source):
        axes = spatial(leaf)
        for other in numbers if axes else []:
            multiple = other * math.ceil(leaf.sizes[axes[0]] / other)
            if multiple != leaf.sizes[axes[0]] and (other <= _DIVISORS or multiple == other):
                yield given.with_leaf(number, with_sizes(leaf, axes, multiple))
        for other in numbers:
            yield from (given.with_leaf(number, with_size(leaf, axis, other)) for axis in range(1, len(leaf.sizes)))
    batches = [leaf.sizes[0] for _, leaf in tensors(given, None) if leaf.sizes]
    for number, leaf in tensors(given, failure.source):
        if leaf.sizes and leaf.sizes[0] != batches[0]:
            yield given.with_leaf(number, with_size(leaf, 0, batches[0]))


def _by_smallness(given: Given, failure: Failure) -> Iterator[Given]:
    """By a picture or a sequence that was too small."""
    if not _TOO_SMALL.search(failure.message):
        return
    for number, leaf in tensors(given, failure.source):
        yield from (given.with_leaf(number, other) for other in enlarged(leaf))


def _by_rank(given: Given, failure: Failure) -> Iterator[Given]:
    """By a number of axes that does not fit."""
    if not (_ABOUT_RANK.search(failure.message) or isinstance(failure.error, (IndexError, AssertionError))):
        return
    named = [int(found.group(1)) for pattern in _WANTED_RANK for found in [pattern.search(failure.message)] if found is not None]
    for number, leaf in tensors(given, failure.source):
        rank = len(leaf.sizes)
        for wanted in dict.fromkeys([*named, rank + 1, rank - 1]):
            if wanted != rank:
                yield from (given.with_leaf(number, other) for other in of_rank(leaf, wanted))


# --- kinds ---


def _by_kind(given: Given, failure: Failure) -> Iterator[Given]:
    """By a kind of value that does not fit: integers, booleans, plain numbers."""
    for number, leaf in tensors(given, failure.source):
        yield from (given.with_leaf(number, other) for other in _other_kinds(leaf, failure.message))


def _other_kinds(leaf: Leaf, message: str) -> Iterator[Leaf]:
    if leaf.kind == FLOATS and _WANTS_INTEGERS.search(message):
        yield from (Leaf(TOKENS, sizes, 2) for sizes in (leaf.sizes, (BATCH,), (BATCH, STEPS)))
    if leaf.kind == TOKENS and _WANTS_FLOATS.search(message):
        yield Leaf(FLOATS, leaf.sizes)
    if leaf.kind in (TOKENS, LENGTHS) and _WANTS_FLOATS.search(message):
        yield Leaf(ONES, leaf.sizes)
    if _WANTS_BOOLEANS.search(message):
        yield Leaf(FALSE if leaf.kind == TRUE else TRUE, leaf.sizes)
    if leaf.kind in MASKS and "finite" in message:
        yield Leaf(FALSE if leaf.kind == TRUE else TRUE, leaf.sizes)
    if _WANTS_NUMBER.search(message):
        yield from (Leaf(WRITTEN, written=text) for text in ("1", "True", "2"))


def _by_range(given: Given, failure: Failure) -> Iterator[Given]:
    """By integers that are too large, or a sequence that is longer than there are positions."""
    if not _OUT_OF_RANGE.search(failure.message):
        return
    embedding = failure.layer if isinstance(failure.layer, torch.nn.Embedding) else None
    for number, leaf in tensors(given, failure.source):
        if leaf.kind == TOKENS:
            for below in ([embedding.num_embeddings] if embedding is not None else []) + [10, 2, 1]:
                if below < leaf.below:
                    yield given.with_leaf(number, dataclasses.replace(leaf, below=below))
        for axis in range(1, len(leaf.sizes)):
            limit = embedding.num_embeddings if embedding is not None else leaf.sizes[axis] // 2
            if limit < leaf.sizes[axis]:
                yield given.with_leaf(number, with_size(leaf, axis, limit))


# --- which arguments, and what they are made of ---


def _by_missing(given: Given, failure: Failure, optional: Optional) -> Iterator[Given]:
    """By arguments, or keys of a dict, that the message names as missing."""
    for name, specimen in optional.items():
        if given.by_name and name not in given.names and re.search(rf"\b{name}\b", failure.message):
            yield given.and_also(name, specimen)
    missing = _MISSING.search(failure.message)
    if missing is not None and given.by_name:
        other = given
        for name in re.findall(r"'(\w+)'", missing.group(1)):
            if name not in other.names:
                other = other.and_also(name, optional.get(name, _main(given)))
        yield other
    if isinstance(failure.error, KeyError) and failure.error.args:
        yield from _with_key(given, failure.error.args[0])


def _with_key(given: Given, key: object) -> Iterator[Given]:
    """A dict with one more key, wherever there is one; a dict in place of a tensor."""
    for number, specimen in enumerate(given.specimens):
        with_key = _keyed(specimen, str(key), named_part(str(key)) or _main(given))
        if with_key is not None:
            yield given.with_specimen(number, with_key)


def _keyed(specimen: Specimen, key: str, value: Leaf) -> Specimen | None:
    if isinstance(specimen, Leaf):
        return None
    if specimen.names:
        return dataclasses.replace(specimen, items=(*specimen.items, value), names=(*specimen.names, key))
    items = [_keyed(item, key, value) for item in specimen.items]
    return dataclasses.replace(specimen, items=tuple(item for item in items if item is not None)) if None not in items else None


def _by_presence(given: Given, failure: Failure, optional: Optional) -> Iterator[Given]:
    """By something that is `None` and should not be, or the other way round."""
    absent = [(name, specimen) for name, specimen in optional.items() if name not in given.names] if given.by_name else []
    if "None" in failure.message or isinstance(failure.error, (AssertionError, ValueError)):
        absent.sort(key=lambda item: item[0] not in failure.message)
        yield from (given.and_also(name, specimen) for name, specimen in absent)
        if len(absent) > 1:
            yield given.with_all(absent)
        for number, leaf in enumerate(given.leaves()):
            if leaf.written == "None":
                yield given.with_leaf(number, _main(given))
    if isinstance(failure.error, (TypeError, RuntimeError, AttributeError, ValueError)):
        for number, name in list(enumerate(given.names))[1:]:
            if is_state(name) or "mask" in name:
                yield given.with_specimen(number, Leaf(WRITTEN, written="None"))


def _by_container(given: Given, failure: Failure) -> Iterator[Given]:
    """By a tensor in place of a list of tensors, or a pair."""
    if not isinstance(failure.error, (TypeError, ValueError, IndexError, AttributeError, AssertionError)):
        return
    for number, specimen in enumerate(given.specimens):
        if isinstance(specimen, Leaf) and specimen.kind == FLOATS and re.search(r"list|tuple|unpack|sequence|iterat", failure.message):
            yield given.with_specimen(number, Several((specimen, specimen)))


def _main(given: Given) -> Leaf:
    return next((leaf for leaf in given.leaves() if leaf.is_tensor), Leaf(FLOATS, (BATCH, STEPS)))


_REPAIRS: tuple[Callable[[Given, Failure], Iterator[Given]], ...] = (
    _by_layer,
    _by_mask,
    _by_sizes_said,
    _by_view,
    _by_kind,
    _by_range,
    _by_numbers_in_place,
    _by_smallness,
    _by_rank,
    _by_container,
    _by_numbers,
)
