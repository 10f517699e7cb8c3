"""What cancels a redundant bias: the model runs once more with norms that subtract nothing, or with gates in place of softmax."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from benchmarks.oracle.judge import Trial


class Cause(Enum):
    """What has to be taken away for the bias to matter."""

    NORM = "norm"
    SOFTMAX = "softmax"
    OTHER = "other"


def _rescale(x: Tensor, *_: Any, **__: Any) -> Tensor:
    return x / (x.detach().pow(2).mean().sqrt() + 1e-12)


def _gate(x: Tensor, *_: Any, **__: Any) -> Tensor:
    return torch.sigmoid(x)


def _ungated_attention(q: Tensor, k: Tensor, v: Tensor, *_: Any, **__: Any) -> Tensor:
    if q.dim() > 3 and (groups := q.shape[-3] // k.shape[-3]) > 1:  # several heads of queries to one of keys
        k, v = (x.repeat_interleave(groups, dim=-3) for x in (k, v))
    return torch.sigmoid(q @ k.transpose(-2, -1)) @ v


_WITHOUT_NORM: dict[Any, Callable[..., Any]] = dict.fromkeys((F.batch_norm, F.instance_norm, F.group_norm, F.layer_norm), _rescale)
_WITHOUT_SOFTMAX: dict[Any, Callable[..., Any]] = {
    **dict.fromkeys((F.softmax, torch.softmax, Tensor.softmax, F.log_softmax, torch.log_softmax, Tensor.log_softmax), _gate),
    F.scaled_dot_product_attention: _ungated_attention,
}


class _Replaced(TorchFunctionMode):
    def __init__(self, replacements: dict[Any, Callable[..., Any]]) -> None:
        super().__init__()
        self._replacements = replacements

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        return self._replacements.get(func, func)(*args, **(kwargs or {}))


def cause(trial: Trial, layer: nn.Module) -> Cause:
    """What cancels the layer's bias, which must be redundant."""
    for found, replacements in ((Cause.NORM, _WITHOUT_NORM), (Cause.SOFTMAX, _WITHOUT_SOFTMAX)):
        try:
            with _Replaced(replacements):
                if trial.moves_from_here(layer.bias):
                    return found
        except Exception:
            # A model may not survive the replacement (keyword arguments, shapes); then nothing was learned.
            continue
    return Cause.OTHER
