"""Finds inputs that a model can be called with: guesses, and learns from how they fail."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from ..messages import Hint
from ..problems import NoAnswer
from ..running.calling import dtype_of
from .attempts import Failure, TookTooLong, attempt
from .guessing import guesses, optional_parameters
from .inputs import arguments
from .layer_shapes import BATCH
from .repairs import repairs
from .specimens import FLOATS, TOKENS, Given, Leaf

_MOST_TRIES = 150
_ENOUGH = 10  # tries in the time that there is; a model that takes fewer gets smaller batches
_SMALL_BATCH = 2
_MANY = 2**20  # elements; four pictures of 224 x 224 are fewer
_LARGEST = 2**25  # elements of all inputs together


@dataclass(frozen=True)
class Found:
    """A model, arguments that its `forward()` takes, and what they are in the words of the pragma's `input=`."""

    model: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    described: str


class NothingFits(NoAnswer):
    """The model was constructed, but takes nothing that was tried; `nearest` is what came furthest."""

    def __init__(self, reason: str, nearest: str) -> None:
        super().__init__(reason)
        self.nearest = nearest


class _Search:
    """What is to be tried: guesses one after another, and repairs of what came furthest before them."""

    def __init__(self, given: Iterable[Given]) -> None:
        self._guesses = iter(given)
        self._repairs: list[tuple[tuple[int, int], float, int, Given]] = []
        self._costs: dict[Given, tuple[tuple[int, int], float]] = {}
        self._count = itertools.count()
        self._tried: set[Given] = set()
        self.is_slow = False

    def next(self) -> Given | None:
        """What to try now; every fourth time a guess."""
        while True:
            guess = next(self._guesses, None) if len(self._tried) % 4 == 0 or not self._repairs else None
            given = guess or (heapq.heappop(self._repairs)[-1] if self._repairs else None)
            if given is None:
                return None
            if self.is_slow or _elements(given) > _MANY:
                given = _with_small_batch(given)
            if given not in self._tried:
                self._tried.add(given)
                return given

    def learn(self, given: Given, failure: Failure, others: Iterable[Given]) -> None:
        """Adds repairs of what failed. Each costs one more than what it repairs, unless that came further than what it repaired itself."""
        progress = (-failure.progress[0], -failure.progress[1])
        before, cost = self._costs.get(given, (progress, 0.0))
        cost = cost if before <= progress else 0.0
        for number, other in enumerate(others):
            if other not in self._tried:
                whole = cost + 1 + number / 4
                self._costs.setdefault(other, (progress, whole))
                heapq.heappush(self._repairs, (progress, whole, next(self._count), other))


def _elements(given: Given) -> int:
    return sum(torch.Size(leaf.sizes).numel() for leaf in given.leaves())


def _with_small_batch(given: Given) -> Given:
    batches = (leaf.of(_SMALL_BATCH, *leaf.sizes[1:]) if leaf.sizes[:1] == (BATCH,) else leaf for leaf in given.leaves())
    return given.with_leaves(batches)


def found_inputs(fresh: Callable[[], nn.Module], hints: Iterable[Hint], namespace: dict[str, Any], seconds: float) -> Found:
    """The first inputs that the model takes; `fresh` constructs it, every time from the same random state.

    Raises `NoAnswer` with the failure that came furthest if none is found in the seconds given.
    """
    model = fresh()
    has_lazy = any(is_lazy(p) for p in model.parameters())
    search = _Search(guesses(model, list(hints)))
    optional = optional_parameters(model)
    furthest: tuple[tuple[int, int], str, str] = ((-1, 0), "...", "there is nothing to give it")
    end = time.monotonic() + seconds
    for tries in range(_MOST_TRIES):
        given = search.next() if time.monotonic() < end else None
        if given is None:
            break
        made = _made(given, namespace, dtype_of(model))
        if made is None:
            continue
        started = time.monotonic()
        failure = attempt(model, *made, (started + end) / 2)
        search.is_slow = search.is_slow or time.monotonic() - started > seconds / _ENOUGH
        if failure is None:
            return Found(model, *made, given.text) if tries == 0 else _settled(fresh, given, namespace)
        if failure.progress > furthest[0]:
            furthest = failure.progress, given.text, f"with {given.text} it says {failure.words}"
        if failure.is_hopeless(model):
            break
        smaller = [_with_small_batch(given)] if isinstance(failure.error, TookTooLong) else repairs(given, failure, optional)
        search.learn(given, failure, smaller)
        model = fresh() if has_lazy else model
    raise NothingFits(f"no inputs were found that it takes: {furthest[2]}", furthest[1])


def _settled(fresh: Callable[[], nn.Module], given: Given, namespace: dict[str, Any]) -> Found:
    """The same on a model that no failed try has touched; with floats in place of integers that need not be any."""
    for other in [*_smoother(given), given]:
        model = fresh()
        made = _made(other, namespace, dtype_of(model))
        if made is not None and attempt(model, *made) is None:
            return Found(model, *made, other.text)
    raise NothingFits(f"it takes {given.text} once, and not again", given.text)


def _smoother(given: Given) -> list[Given]:
    leaves = given.leaves()
    return [given.with_leaf(n, Leaf(FLOATS, leaf.sizes)) for n, leaf in enumerate(leaves) if leaf.kind == TOKENS and len(leaves) > 1]


def _made(given: Given, namespace: dict[str, Any], dtype: torch.dtype) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    if _elements(given) > _LARGEST:
        return None
    try:
        return arguments(given.text, namespace, dtype)
    except NoAnswer:
        return None
