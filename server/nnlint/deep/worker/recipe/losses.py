"""The losses that a model is trained with here, and what a model that knows nothing gets from each."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..problems import NoAnswer
from .returned import result_of


@dataclass(frozen=True)
class Expected:
    """The loss of a model that knows nothing, in words (`ln 10`) and as a number. `uninformed` is the model's own loss for what
    `forward()` returned, averaged over targets that have nothing to do with the input."""

    value: float
    words: str
    uninformed: Callable[[Any], Tensor]


@dataclass(frozen=True)
class Objective:
    """A loss of what `forward()` returned. `has_known_floor`: a sound model can bring it down to zero."""

    name: str
    reason: str
    loss: Callable[[Any], Tensor]
    expected: Expected | None = None
    has_known_floor: bool = True


def cross_entropy(result: Tensor, axis: int, target: Tensor, reason: str) -> Objective:
    classes, form = result.shape[axis], form_of(result.detach(), axis)

    def logs(returned: Any) -> Tensor:
        values = _result(returned).movedim(axis, 1)
        if form == "probabilities":
            return values.clamp_min(1e-12).log()
        return values if form == "log-probabilities" else values.log_softmax(1)

    expected = Expected(math.log(classes), f"ln {classes}", lambda returned: -logs(returned).mean())
    return Objective(f"cross-entropy over {classes:,} classes", reason, lambda returned: F.nll_loss(logs(returned), target), expected)


def binary(target: Tensor, is_probability: bool, reason: str) -> Objective:
    def loss(returned: Any, wanted: Tensor = target) -> Tensor:
        values = _result(returned)
        if is_probability:
            return F.binary_cross_entropy(values.clamp(0, 1), wanted)
        return F.binary_cross_entropy_with_logits(values, wanted)

    expected = Expected(math.log(2), "ln 2", lambda returned: loss(returned, torch.full_like(target, 0.5)))
    return Objective("binary cross-entropy", reason, loss, expected)


def regression(target: Tensor, reason: str) -> Objective:
    mean, variance = float(target.mean()), float(target.var(unbiased=False))
    expected = Expected(variance, "the variance of the target", lambda returned: (_result(returned) - mean).square().mean() + variance)
    return Objective("mean squared error", reason, lambda returned: F.mse_loss(_result(returned), target), expected)


def form_of(values: Tensor, axis: int) -> str:
    if bool((values >= 0).all()) and bool(((values.sum(axis) - 1).abs() < 1e-3).all()):
        return "probabilities"
    if bool((values <= 1e-6).all()) and bool((values.logsumexp(axis).abs() < 1e-3).all()):
        return "log-probabilities"
    return "scores"


def _result(returned: Any) -> Tensor:
    found = result_of(returned)
    if found is None:
        raise NoAnswer("forward() returned a floating tensor in one call and none in another")
    return found[1]
