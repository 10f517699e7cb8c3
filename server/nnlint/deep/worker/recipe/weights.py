"""The numbers of a model: kept and put back, and made such that nothing hides behind zeros."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

_STIRRED = 0.05  # standard deviation


class Snapshot:
    """The parameters, buffers and modes of a model as they are now."""

    def __init__(self, model: nn.Module) -> None:
        self._parameters = [(p, p.detach().clone()) for p in model.parameters()]
        self._buffers = [(m, key, b.detach().clone()) for m in model.modules() for key, b in m._buffers.items() if b is not None]
        self._modes = [(m, m.training) for m in model.modules()]

    def restore(self) -> None:
        with torch.no_grad():
            for parameter, value in self._parameters:
                parameter.copy_(value)
                parameter.grad = None
        for module, key, value in self._buffers:
            module._buffers[key] = value.clone()
        for module, training in self._modes:
            module.training = training

    def changed_buffers(self) -> list[tuple[nn.Module, str]]:
        """The buffers that are no longer what they were, each by its module and its name there."""
        return [(m, key) for m, key, value in self._buffers if not _same(m._buffers.get(key), value)]


def _same(now: torch.Tensor | None, before: torch.Tensor) -> bool:
    return now is not None and now.shape == before.shape and bool(((now == before) | (now != now)).all())


def stir_zeros(model: nn.Module) -> None:
    """Gives random numbers to parameters that are zero throughout: such a head or gate hides everything that comes before it."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_floating_point() and parameter.numel() and not bool(parameter.any()):
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * _STIRRED)


def norms_to_eval(model: nn.Module) -> None:
    """Lets norms use the statistics that they keep, in place of those of the batch."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._NormBase) or "norm" in type(module).__name__.lower():
            module.eval()


@contextlib.contextmanager
def without_dropout(model: nn.Module) -> Iterator[None]:
    """While active, torch's own dropout layers, and the dropout within its attention and recurrent layers, drop nothing."""
    rates = [(m, key, getattr(m, key)) for m in model.modules() for key in _rate_of(m)]
    for module, key, _ in rates:
        setattr(module, key, 0.0)
    try:
        yield
    finally:
        for module, key, rate in rates:
            setattr(module, key, rate)


def _rate_of(module: nn.Module) -> tuple[str, ...]:
    if isinstance(module, nn.modules.dropout._DropoutNd):
        return ("p",)
    return ("dropout",) if isinstance(module, (nn.RNNBase, nn.MultiheadAttention)) else ()
