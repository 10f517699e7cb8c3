"""Do train and eval mode differ, by which layers, and is the model in eval mode the same every time?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from ..running.outputs import outputs_of, relative_change
from .losses import Objective
from .outcome import FAIL, PASS, WARN, Outcome
from .returned import result_of
from .subject import Subject
from .weights import Snapshot, stir_zeros

TITLE = "Train and eval mode"

_SAME = 1e-6  # relative


def check(subject: Subject, objective: Objective) -> Outcome:
    """Runs the batch in both modes, twice in eval mode with other random numbers, and switches kinds of layers to train mode by turns.

    Gradients are recorded: without, torch's transformer layers in eval mode take a short cut past the layers that they hold.
    """
    model = subject.model
    with subject.borrowed(False):
        stir_zeros(model)
        stuck = [name for name, m in model.named_modules() if m.training]
        evaluated = _result(subject.call())
        changed = sorted({name for module, key in subject.initial.changed_buffers() if (name := _path(model, module, key))})
        again = _result(subject.call(number=1))
        explaining = _explaining_classes(subject, evaluated)
        trained = _result(subject.model.train() and subject.call())
    random, gap = _gap(evaluated, again), _gap(evaluated, trained)
    numbers = {"difference of train and eval mode": gap, "difference of two runs in eval mode": random}
    names = {
        "layers that explain it": tuple(explaining),
        "in training mode after eval()": tuple(stuck),
        "buffers that eval mode changes": tuple(changed),
    }
    names = {title: found for title, found in names.items() if found}
    if random > _SAME:
        cure = "give functional dropout training=self.training (NN204); draw noise only if self.training"
        return Outcome(FAIL, f"Two runs in eval mode differ by {random:.2g}: something is random there.", cure, numbers, names)
    if stuck:
        cure = "a train() that is overridden must hand its mode on: super().train(mode)"
        return Outcome(FAIL, f"{len(stuck)} modules stay in training mode after eval().", cure, numbers, names)
    if changed:
        cure = "pass training=self.training to functional norms; update buffers only if self.training"
        return Outcome(
            FAIL,
            f"A run in eval mode changes {len(changed)} buffers: what it predicts depends on what it saw before.",
            cure,
            numbers,
            names,
        )
    return _difference(gap, explaining, numbers, names)


def _difference(gap: float, explaining: list[str], numbers: dict[str, float], names: dict[str, tuple[str, ...]]) -> Outcome:
    if gap <= _SAME:
        return Outcome(PASS, "Both modes give the same: no dropout, no batch statistics.", "", numbers, names)
    size = "return different things" if gap == float("inf") else f"differ by {gap:.2g}, relative to the largest result"
    if not explaining:
        cure = "see which code asks for self.training"
        return Outcome(WARN, f"Train and eval mode {size}, and no kind of layer explains it by itself.", cure, numbers, names)
    return Outcome(
        PASS, f"Train and eval mode {size}, as {_listed(explaining)} make them. Call eval() before an evaluation.", "", numbers, names
    )


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _explaining_classes(subject: Subject, evaluated: Tensor | None) -> list[str]:
    """The classes of modules that ask for their mode, and change the result when they alone are in training mode."""
    before = Snapshot(subject.model)
    found = []
    for cls in dict.fromkeys(type(m) for m in subject.model.modules() if _asks_for_mode(type(m))):
        for module in subject.model.modules():
            module.training = type(module) is cls
        if _gap(evaluated, _result(subject.call())) > _SAME:
            found.append(cls.__name__)
        before.restore()
    return found


def _asks_for_mode(cls: type[nn.Module]) -> bool:
    """Whether the code of a class mentions `training`; compiled code may."""
    own = [value for base in cls.__mro__ if base not in (nn.Module, object) for value in vars(base).values() if callable(value)]
    return any("training" in value.__code__.co_names if hasattr(value, "__code__") else not isinstance(value, type) for value in own)


def _result(returned: Any) -> Tensor | None:
    found = result_of(returned)
    return None if found is None else found[1]


def _gap(one: Tensor | None, other: Tensor | None) -> float:
    return relative_change(outputs_of(one), outputs_of(other))


def _path(model: nn.Module, module: nn.Module, key: str) -> str:
    prefix = next((name for name, m in model.named_modules() if m is module), "")
    return f"{prefix}.{key}" if prefix else key
