"""What a model returns: its tensors, whatever they come in, and how far two such results lie apart."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

_DEPTH = 8


def outputs_of(value: Any) -> list[Tensor]:
    """A copy of every tensor in a model's result, in the order of containers; plain numbers count as tensors without axes."""
    return [tensor.detach().clone() for tensor in tensors_in(value)]


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Every tensor in a value: in lists, dicts, named tuples, dataclasses and the attributes of plain objects."""
    return _tensors(value, 0, set())


def _tensors(value: Any, depth: int, seen: set[int]) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif depth <= _DEPTH and not isinstance(value, (str, bytes, nn.Module, type)) and id(value) not in seen:
        seen.add(id(value))
        for part in _parts(value):
            yield from _tensors(part, depth + 1, seen)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, (bool, int, float)):
        return [torch.tensor(value)]
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, (list, tuple, set)):
        return list(value)
    if dataclasses.is_dataclass(value):
        return [getattr(value, f.name, None) for f in dataclasses.fields(value)]
    return list(vars(value).values()) if hasattr(value, "__dict__") else []


def are_finite(outputs: Iterable[Tensor]) -> bool:
    """Whether every number is one."""
    return all(bool(o.isfinite().all()) for o in outputs if o.is_floating_point() or o.is_complex())


def relative_change(before: list[Tensor], after: list[Tensor]) -> float:
    """The largest difference of any output, relative to the largest number of that output; infinite where they cannot be compared."""
    if len(before) != len(after):
        return math.inf
    return max((_relative(a, b) for a, b in zip(before, after)), default=0.0)


def _relative(before: Tensor, after: Tensor) -> float:
    gap = _difference(before, after)
    if gap in (0.0, math.inf):
        return gap
    size = float(before.abs().nan_to_num(0.0, 0.0, 0.0).max())
    return gap / size if size > 0 else math.inf


def _difference(one: Tensor, other: Tensor) -> float:
    if one.shape != other.shape or one.dtype != other.dtype:
        return math.inf
    if not one.numel() or torch.equal(one, other):
        return 0.0
    if not (one.is_floating_point() or one.is_complex()):
        return math.inf
    same = (one.isnan() & other.isnan()) | (one == other)
    gap = torch.where(same, torch.zeros_like(one.abs()), (one - other).abs())
    return math.inf if bool(gap.isnan().any()) else float(gap.max())
