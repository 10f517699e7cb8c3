"""Which axis counts the samples, and whether a sample reaches the results of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map

from .returned import result_of

EFFECT = 1e-5  # relative to the largest number of the result; below it lies rounding

Call = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Batch:
    """The axis of inputs and result that counts samples, and how many there are. `is_second_of_two`: on the axis before it, which
    could be it by its size, each element reaches the results of the others."""

    axis: int
    size: int
    is_second_of_two: bool = False

    def is_in(self, tensor: Tensor) -> bool:
        return tensor.ndim > self.axis and tensor.shape[self.axis] == self.size


@dataclass(frozen=True)
class Effects:
    """How much changes of samples change their own results, and those of others, relative to the largest number."""

    own: float
    others: float


def find_batch(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any], may_be_second: bool) -> Batch | None:
    """The first axis that inputs and result share. Where it `may_be_second`, as torch's recurrent layers and transformers have it unless
    told otherwise, it is if only there the elements stay apart."""
    result = _result(call(args, kwargs))
    inputs = [v for v in tree_flatten((args, kwargs))[0] if isinstance(v, Tensor)]
    found = [
        Batch(axis, result.shape[axis])
        for axis in range(min(2, result.ndim))
        if result.shape[axis] > 1 and any(v.ndim > axis and v.shape[axis] == result.shape[axis] for v in inputs)
    ]
    if may_be_second and len(found) == 2 and effects(call, args, kwargs, found[0]).others > EFFECT:
        second = effects(call, args, kwargs, found[1])
        if second.own > EFFECT >= second.others:
            return Batch(1, found[1].size, True)
    return found[0] if found else None


def effects(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any], batch: Batch) -> Effects:
    """Replaces the first sample, then the last, by its neighbor."""
    before = _result(call(args, kwargs))
    if not batch.is_in(before):
        return Effects(0.0, 0.0)
    size = float(before.abs().max()) or 1.0
    own = others = 0.0
    for sample in (0, batch.size - 1):
        changed = tree_map(lambda v, sample=sample: _replaced(v, batch, sample), (args, kwargs))
        after = _result(call(*changed))
        if after.shape != before.shape:
            continue
        change = (after - before).abs().movedim(batch.axis, 0).reshape(batch.size, -1).amax(1)
        own = max(own, float(change[sample]) / size)
        others = max(others, float(change[torch.arange(batch.size, device=change.device) != sample].max()) / size)
    return Effects(own, others)


def _replaced(value: Any, batch: Batch, sample: int) -> Any:
    if not isinstance(value, Tensor) or not batch.is_in(value):
        return value
    value = value.clone()
    value.select(batch.axis, sample).copy_(value.select(batch.axis, (sample + 1) % batch.size))
    return value


def _result(returned: Any) -> Tensor:
    found = result_of(returned)
    return torch.zeros(()) if found is None else found[1]
