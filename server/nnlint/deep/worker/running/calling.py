"""Calls a model, from the same random state every time, on inputs that it may change in place."""

from __future__ import annotations

import random
import sys
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from ..problems import NoAnswer
from .outputs import are_finite, outputs_of

_SEED = 20240


def seed(offset: int = 0) -> None:
    """Every source of random numbers that a model uses, set to one state."""
    torch.manual_seed(_SEED + offset)
    random.seed(_SEED + offset)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(_SEED + offset)


def copied(value: Any) -> Any:
    """Inputs that the model may change in place."""
    return tree_map(lambda v: v.clone() if isinstance(v, Tensor) else v, value)


def call_once(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Calls the model, which may change the arguments; raises what that raises, and `NoAnswer` where it gives no finite floating tensor."""
    seed()
    with torch.no_grad():
        outputs = outputs_of(model(*args, **kwargs))
    if not any(o.is_floating_point() for o in outputs):
        raise NoAnswer("forward() returns no floating tensor")
    if not are_finite(outputs):
        raise NoAnswer("what forward() returns is not finite")


def dtype_of(model: nn.Module) -> torch.dtype:
    """The dtype that a model computes in: that of its first floating parameter."""
    for p in model.parameters():
        if p.is_floating_point():
            return p.dtype
    return torch.get_default_dtype()
