"""Double precision everywhere, so that rounding cannot look like an effect."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

_WIDER = dict.fromkeys((torch.float32, torch.float16, torch.bfloat16), torch.float64)
_WIDER[torch.complex64] = torch.complex128
_CASTS: dict[Any, Any] = dict.fromkeys((Tensor.float, Tensor.half, Tensor.bfloat16), Tensor.double)
_MIXED = ("dtype", "expected scalar type", "same type", "Double", "Float")


class FullPrecision(TorchFunctionMode):
    """While active, no operation of torch makes a number of less than double precision.

    What a model has kept in single precision outside of its parameters and buffers is widened where an operation refuses the mixture.
    """

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        widened = [_wider_type(value) for value in args]
        named = {key: _wider_type(value) for key, value in (kwargs or {}).items()}
        called = _CASTS.get(func, func)
        try:
            return called(*widened, **named)
        except RuntimeError as error:
            if not any(word in str(error) for word in _MIXED):
                raise
            return called(*tree_map(_wider, widened), **tree_map(_wider, named))


def _wider_type(value: Any) -> Any:
    return _WIDER.get(value, value) if isinstance(value, torch.dtype) else value


def _wider(value: Any) -> Any:
    return value.to(_WIDER[value.dtype]) if isinstance(value, Tensor) and value.dtype in _WIDER else value


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    """Float64 by default and wherever a model asks for less; what deterministic operations there are; no autocast."""
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with FullPrecision():
            yield
    finally:
        torch.set_default_dtype(dtype)


@contextlib.contextmanager
def one_process() -> Iterator[None]:
    """Synchronized batch norm as the plain one that it is in one process: torch's own refuses to run on a CPU."""
    original = nn.SyncBatchNorm.forward
    nn.SyncBatchNorm.forward = nn.BatchNorm2d.forward
    try:
        yield
    finally:
        nn.SyncBatchNorm.forward = original
