"""Full precision everywhere: a model that asks for single precision gets double, so that rounding cannot look like an effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_WIDER = dict.fromkeys((torch.float32, torch.float16, torch.bfloat16), torch.float64) | {torch.complex64: torch.complex128}
_CASTS: dict[Any, Callable[..., Any]] = dict.fromkeys((Tensor.float, Tensor.half, Tensor.bfloat16), Tensor.double)


class FullPrecision(TorchFunctionMode):
    """While active, no operation of torch makes a number of less than double precision."""

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        widened = {key: _wider(value) for key, value in (kwargs or {}).items()}
        return _CASTS.get(func, func)(*map(_wider, args), **widened)


def _wider(value: Any) -> Any:
    return _WIDER.get(value, value) if isinstance(value, torch.dtype) else value
