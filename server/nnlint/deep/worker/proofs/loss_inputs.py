"""NN401, NN402, NN404: is what the model returns already what the loss makes of it, or not yet what the loss expects?"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..messages import CONFIRMED, NO_ANSWER, REFUTED, Question, Verdict
from ..running.trial import Trial

_EXACT = 1e-6
# How far inputs are stretched: raw scores of a small input may lie in [0, 1] by chance.
_SCALES = (1.0, 30.0, 1000.0)


def prove(question: Question, trial: Trial) -> Verdict:
    """The verdict by the model's outputs in training mode: whatever it returns there is what the loss is given."""
    outputs = _stretched_outputs(trial)
    if not outputs:
        return Verdict(question.id, NO_ANSWER, "the model returns no tensor of floating-point numbers in training mode")
    return {"NN401": _softmax, "NN402": _sigmoid, "NN404": _raw}[question.code](question, outputs)


def _stretched_outputs(trial: Trial) -> list[Tensor]:
    """Each of the model's outputs for all stretched inputs at once, one behind the other along a new first axis."""
    runs = [trial.outputs_on(scale) for scale in _SCALES]
    usable = [
        group for group in zip(*runs) if all(o.is_floating_point() and o.dim() and o.numel() and bool(o.isfinite().all()) for o in group)
    ]
    return [torch.stack(group) for group in usable if len({o.shape for o in group}) == 1]


def _softmax(question: Question, outputs: list[Tensor]) -> Verdict:
    """A softmax or log_softmax (or a sigmoid) before a loss that applies log_softmax itself."""
    for output in outputs:
        dim, deviation = sums_to_one(output, first=1)
        if deviation < _EXACT and _is_within_one(output):
            classes = output.shape[dim]
            floor = cross_entropy_floor(classes)
            words = f"the output sums to one over dim {dim - 1} (deviation {deviation:.0e}): the loss cannot fall below {floor:.3f}"
            message = f"{words} for {classes} classes, with raw logits it can reach 0"
            return Verdict(question.id, CONFIRMED, message, {"deviation from 1": deviation, "classes": float(classes), "loss floor": floor})
        dim, deviation = sums_to_one(output.exp(), first=1)
        if deviation < _EXACT:
            message = f"the output is log-probabilities over dim {dim - 1} already: the log_softmax of the loss changes nothing"
            return Verdict(question.id, CONFIRMED, message, {"deviation from 1": deviation, "classes": float(output.shape[dim])})
    within = next((o for o in outputs if _is_within_one(o)), None)
    if within is not None:
        low, high = within.aminmax()
        message = f"the output lies between 0 and 1 ([{float(low):.3g}, {float(high):.3g}]), where raw logits are expected"
        return Verdict(question.id, CONFIRMED, message, {"min": float(low), "max": float(high)})
    return _outside(question, outputs, "sums to one over no axis and leaves [0, 1]")


def _sigmoid(question: Question, outputs: list[Tensor]) -> Verdict:
    """Numbers within [0, 1] before a loss that applies a sigmoid itself."""
    within = next((o for o in outputs if _is_within_one(o)), None)
    if within is None:
        return _outside(question, outputs, "leaves [0, 1]")
    low, high = map(float, within.aminmax())
    best = F.binary_cross_entropy_with_logits(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.0]), reduction="none").tolist()
    words = f"the output lies within [0, 1] ([{low:.3g}, {high:.3g}]): the loss cannot fall below {best[0]:.4f} for a positive"
    message = f"{words} and {best[1]:.4f} for a negative, with raw logits it can reach 0"
    return Verdict(
        question.id, CONFIRMED, message, {"min": low, "max": high, "floor of a positive": best[0], "floor of a negative": best[1]}
    )


def _raw(question: Question, outputs: list[Tensor]) -> Verdict:
    """Raw scores before a loss of probabilities."""
    outside = next((o for o in outputs if not _is_within_one(o)), None)
    if outside is None:
        return Verdict(question.id, REFUTED, "everything that the model returns lies within [0, 1], as the loss expects")
    low, high = map(float, outside.aminmax())
    message = f"the output leaves [0, 1]: it lies in [{low:.3g}, {high:.3g}]; {_said_by_the_loss(outside)}"
    return Verdict(question.id, CONFIRMED, message, {"min": low, "max": high})


def cross_entropy_floor(classes: int) -> float:
    """What cross-entropy of perfect one-hot probabilities comes to: ln(e + C - 1) - 1."""
    return float(F.cross_entropy(torch.eye(classes)[:1], torch.tensor([0])))


def sums_to_one(output: Tensor, first: int = 0) -> tuple[int, float]:
    """The axis, from a first one on, over which a tensor sums most nearly to one, and how far from it.

    Infinitely far where no axis has two elements.
    """
    found = [(float((output.sum(dim) - 1).abs().max()), dim) for dim in range(first, output.dim()) if output.shape[dim] > 1]
    deviation, dim = min(found, default=(math.inf, first))
    return dim, deviation


def _is_within_one(output: Tensor) -> bool:
    return bool((output >= 0).all()) and bool((output <= 1).all())


def _said_by_the_loss(output: Tensor) -> str:
    try:
        F.binary_cross_entropy(output, torch.zeros_like(output))
    except RuntimeError as error:
        return f"`BCELoss` raises on it ({str(error).splitlines()[0]})"
    return "`BCELoss` takes it for probabilities"


def _outside(question: Question, outputs: list[Tensor], words: str) -> Verdict:
    low, high = map(float, outputs[0].aminmax())
    message = f"what the model returns in training mode {words}: it lies in [{low:.3g}, {high:.3g}]"
    numbers: dict[str, Any] = {"min": low, "max": high}
    return Verdict(question.id, REFUTED, message, numbers)
