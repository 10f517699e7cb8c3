"""Whether a layer without a bias would gain by one: given it, do the outputs move, and can no other parameter move them so?"""

from __future__ import annotations

from enum import Enum
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.oracle.judge import Trial

_STEP = 1e-6
_MOVES = 1e-7
_SAME = 1e-5


class Gain(Enum):
    """What a bias would add to a layer that has none."""

    USEFUL = "useful"
    CANCELLED = "cancelled"
    DUPLICATED = "duplicated by another parameter"


def gain(trial: Trial, layer: nn.Module) -> Gain:
    """Compares the outputs' derivative for a new bias with those for every parameter that can only shift."""
    others = torch.stack([column for p in _shifts(trial.modules) for column in _columns(trial, p)] or [_flat(trial) * 0], dim=1)
    bias = nn.Parameter(torch.zeros(_width(layer)))
    layer.register_parameter("bias", bias)
    try:
        own = torch.stack(_columns(trial, bias), dim=1)
    finally:
        layer.register_parameter("bias", None)
    moving = own[:, own.norm(dim=0) > _MOVES * max(1.0, float(_flat(trial).norm()))]
    if not moving.numel():
        return Gain.CANCELLED
    if others.shape[0] < 2 * others.shape[1]:
        raise ValueError(f"{others.shape[0]} outputs cannot tell {others.shape[1]} parameters apart: give the example more samples")
    fitted = others @ torch.linalg.lstsq(others, moving, driver="gelsd").solution
    missed = (moving - fitted).norm(dim=0) / moving.norm(dim=0)
    return Gain.USEFUL if float(missed.max()) > _SAME else Gain.DUPLICATED


def _width(layer: Any) -> int:
    return int(layer.out_channels if isinstance(layer, nn.modules.conv._ConvNd) else layer.out_features)


def _shifts(modules: list[nn.Module]) -> list[nn.Parameter]:
    """The parameters that lie along one axis at most: biases, offsets, thresholds (and the gains of norms, which do no harm)."""
    found = {id(p): p for m in modules for p in m.parameters(recurse=False)}
    return [p for p in found.values() if sum(size > 1 for size in p.shape) <= 1]


def _flat(trial: Trial) -> Tensor:
    return torch.cat([o.flatten() for o in trial.outputs() if o.is_floating_point()])


def _columns(trial: Trial, parameter: nn.Parameter) -> list[Tensor]:
    """The derivative of all outputs along each element of the parameter."""
    columns = []
    with torch.no_grad():
        flat = parameter.view(-1)
        for i in range(flat.numel()):
            before = flat[i].clone()
            flat[i] = before + _STEP
            above = _flat(trial)
            flat[i] = before - _STEP
            below = _flat(trial)
            flat[i] = before
            columns.append((above - below) / (2 * _STEP))
    return columns
