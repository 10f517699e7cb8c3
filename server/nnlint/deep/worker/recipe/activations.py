"""Are there units that are off for every input, or activations pressed against their bounds?"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from .losses import Objective
from .outcome import FAIL, PASS, WARN, Bars, Outcome, not_applicable
from .subject import Subject
from .watching import module_stack
from .weights import without_dropout

TITLE = "Dead activations"

_BATCHES = 8
_DEAD, _ALL_DEAD = 2 / 3, 0.999
_SATURATED, _ALL_SATURATED = 0.5, 0.95
_NEAR_BOUND = 0.01
_OFF_AT_ZERO = frozenset((F.relu, F.relu6, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, F.hardswish))
_LOWEST = {
    **dict.fromkeys((F.sigmoid, torch.sigmoid, torch.sigmoid_, Tensor.sigmoid, Tensor.sigmoid_, F.hardsigmoid), 0.0),
    **dict.fromkeys((F.tanh, torch.tanh, torch.tanh_, Tensor.tanh, Tensor.tanh_), -1.0),
}
_CHANNELS_FIRST = ("Convolution", "BatchNorm")


def check(subject: Subject, objective: Objective) -> Outcome:
    """Runs several batches in train mode, dropout off, and watches what every ReLU, sigmoid and tanh gives."""
    watch = _Watch()
    with subject.borrowed() as model, without_dropout(model), module_stack(model) as watch.stack:
        for number in range(_BATCHES):
            args, kwargs = (subject.args, subject.kwargs) if number == 0 else _shuffled(subject, number)
            try:
                with watch.batch():
                    subject.call(args, kwargs)
            except Exception:
                if number == 0:
                    raise
                break  # lengths, masks and sizes that go together do not survive the shuffling: the first batch has to do
    if not watch.off and not watch.saturated:
        return not_applicable("There is no ReLU, sigmoid or tanh.")
    return _judged({name: float(off.float().mean()) for name, off in watch.off.items()}, watch.saturated)


class _Watch(TorchFunctionMode):
    """Gathers, by activation, which units were zero for every sample of every batch, and which share of numbers is at a bound."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.off: dict[str, Tensor] = {}
        self.saturated: dict[str, float] = {}
        self._seen: dict[str, int] = {}

    @contextlib.contextmanager
    def batch(self) -> Iterator[None]:
        self._seen.clear()
        with self:
            yield

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        channels = _axis_of_units(args[0]) if args and isinstance(args[0], Tensor) else None
        result = func(*args, **kwargs)
        if channels is not None and isinstance(result, Tensor) and result.numel():
            if func in _OFF_AT_ZERO or (func is F.hardtanh and (*args, kwargs.get("min_val"))[1] == 0):
                self._note_off(self._name(func), result.detach(), channels)
            elif func in _LOWEST:
                self._note_saturated(self._name(func), result.detach(), _LOWEST[func])
        return result

    def _name(self, func: Any) -> str:
        where = self.stack[-1] if self.stack else ""
        name = func.__name__.strip("_")
        label = where if name in where.rpartition(".")[2].lower() else f"{name} in {where or 'forward()'}"
        self._seen[label] = self._seen.get(label, 0) + 1
        return label if self._seen[label] == 1 else f"{label}, call {self._seen[label]}"

    def _note_off(self, name: str, result: Tensor, axis: int) -> None:
        off = (result == 0).movedim(axis, 0).flatten(1).all(1)
        known = self.off.get(name)
        self.off[name] = off if known is None or known.shape != off.shape else known & off

    def _note_saturated(self, name: str, result: Tensor, low: float) -> None:
        margin = _NEAR_BOUND * (1 - low)
        share = float(((result < low + margin) | (result > 1 - margin)).float().mean())
        self.saturated[name] = max(self.saturated.get(name, 0.0), share)


def _axis_of_units(given: Tensor) -> int | None:
    """The axis of channels or features; `None` for a tensor without one."""
    if given.ndim < 2 or not given.is_floating_point():
        return None
    is_channels_first = given.ndim > 3 or any(word in type(given.grad_fn).__name__ for word in _CHANNELS_FIRST)
    return 1 if is_channels_first else -1


def _shuffled(subject: Subject, number: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Other inputs with the same numbers in them: tensors of two axes and more, all elements in another order."""
    generator = torch.Generator().manual_seed(number)

    def shuffled(value: Any) -> Any:
        if not isinstance(value, Tensor) or value.ndim < 2 or value.dtype is torch.bool:
            return value
        order = torch.randperm(value.numel(), generator=generator).to(value.device)
        return value.flatten()[order].view(value.shape)

    args, kwargs = tree_map(shuffled, (subject.args, subject.kwargs))
    return args, kwargs


def _judged(off: dict[str, float], saturated: dict[str, float]) -> Outcome:
    dead = {name: share for name, share in off.items() if share > _DEAD}
    full = {name: share for name, share in saturated.items() if share > _SATURATED}
    numbers = {"activations looked at": float(len(off) + len(saturated))}
    numbers.update({"largest share of dead units": max(off.values())} if off else {})
    numbers.update({"largest share at a bound": max(saturated.values())} if saturated else {})
    names = {"mostly dead": tuple(dead), "mostly at a bound": tuple(full)}
    names = {title: found for title, found in names.items() if found}
    bars = Bars("Units that are zero for every input, or numbers at a bound", "share", (*off.items(), *saturated.items()))
    hopeless = any(share >= _ALL_DEAD for share in dead.values()) or any(share >= _ALL_SATURATED for share in full.values())
    if dead:
        name, share = max(dead.items(), key=lambda pair: pair[1])
        sentence = f"In {name}, {share:.0%} of the units are zero for every input: no gradient passes them."
        cure = "lower the bias before it or the learning rate, normalize before it, or take a LeakyReLU or GELU"
        return Outcome(FAIL if hopeless else WARN, sentence, cure, numbers, names, bars)
    if full:
        name, share = max(full.items(), key=lambda pair: pair[1])
        sentence = f"In {name}, {share:.0%} of the numbers are pressed against a bound: hardly any gradient passes them."
        return Outcome(
            FAIL if hopeless else WARN, sentence, "scale down the weights before it, or normalize before it", numbers, names, bars
        )
    return Outcome(PASS, "No activation is mostly off or pressed against its bounds.", "", numbers, names, bars)
