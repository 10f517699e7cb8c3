"""Which numbers a model can give at all, whatever its weights are: a target beyond them could never be learned."""

from __future__ import annotations

from enum import Enum

import torch
import torch.nn.functional as F
from torch import Tensor

from .returned import result_of
from .subject import Subject
from .weights import stir_zeros

_FACTOR = 10.0
_REACHED = 0.5  # a result that stays below it says nothing about a bound at 1


class Bounds(Enum):
    """The values are words for people."""

    NONE = "any numbers"
    SHARES = "numbers from 0 to 1"
    ONES = "numbers from -1 to 1"
    POSITIVE = "numbers above 0"
    UNIT_LENGTH = "vectors of length 1"


def bounds_of(result: Tensor, subject: Subject) -> Bounds:
    """Judged by what the model gives with parameters ten times as large: a linear last layer then leaves all bounds behind."""
    if result.ndim > 1 and result.shape[-1] > 1 and bool(((result.detach().norm(dim=-1) - 1).abs() < 1e-4).all()):
        return Bounds.UNIT_LENGTH
    enlarged = _enlarged(subject)
    if enlarged is None or not bool(enlarged.isfinite().all()):
        return Bounds.NONE
    low, high = float(enlarged.min()), float(enlarged.max())
    is_bounded = _REACHED < max(-low, high) < 1.0001
    if low >= 0:
        return Bounds.SHARES if is_bounded else Bounds.POSITIVE
    return Bounds.ONES if is_bounded else Bounds.NONE


def _enlarged(subject: Subject) -> Tensor | None:
    with subject.borrowed() as model, torch.no_grad():
        stir_zeros(model)
        for parameter in model.parameters():
            if parameter.is_floating_point():
                parameter.mul_(_FACTOR)
        try:
            found = result_of(subject.call())
        except Exception:  # its own checks may refuse such numbers
            return None
    return None if found is None else found[1]


def within(bounds: Bounds, target: Tensor) -> Tensor:
    """Numbers within the bounds, in place of numbers around 0."""
    if bounds is Bounds.UNIT_LENGTH:
        return F.normalize(target, dim=-1)
    if bounds is Bounds.POSITIVE:
        return target.abs()
    return target.tanh() * 0.9 if bounds is Bounds.ONES else target
