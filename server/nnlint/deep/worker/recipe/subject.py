"""The model under examination, with the batch that all checks share."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_map

from ..building import Built
from ..running.calling import copied, seed
from .independence import Batch, find_batch
from .weights import Snapshot, norms_to_eval, stir_zeros, without_dropout

_HALVES = (torch.float16, torch.bfloat16)
_NOISE = 0.3  # beside a color of variance 1
_TARGETS = frozenset({"target", "targets", "label", "labels", "y", "y_true", "gt", "ground_truth"})


class Subject:
    """A built model on a device, in single precision at least. Every call starts from the same random state and weights.

    Random images and sequences become patches of one color with some noise, another color for each sample: in noise that is alike
    everywhere, a layer with a small field of view could not tell samples apart.
    """

    def __init__(self, built: Built, device: str = "cpu") -> None:
        if any(p.dtype in _HALVES for p in built.model.parameters()):
            built.model.float()
        self.model = built.model.to(device).train()
        self.way = built.way
        self.namespace = built.namespace
        self.args, self.kwargs = tree_map(lambda v: _placed(v, device), (built.args, built.kwargs))
        self.initial = Snapshot(self.model)
        self.batch = self._batch()
        self.args, self.kwargs = tree_map(self._colored, (self.args, self.kwargs))

    @property
    def inputs(self) -> list[Tensor]:
        """The tensors that `forward()` is given."""
        return [v for v in tree_flatten((self.args, self.kwargs))[0] if isinstance(v, Tensor)]

    @property
    def has_targets(self) -> bool:
        """Whether `forward()` is given something by the name of a target."""
        return any(value is not None and name in _TARGETS for name, value in self._bound())

    def call(self, args: tuple[Any, ...] | None = None, kwargs: dict[str, Any] | None = None, number: int = 0) -> Any:
        """What `forward()` returns for the batch, or for other arguments. Another `number` gives other random numbers."""
        seed(number)
        return self.model(*copied(self.args if args is None else args), **copied(self.kwargs if kwargs is None else kwargs))

    @contextlib.contextmanager
    def borrowed(self, training: bool = True) -> Iterator[nn.Module]:
        """The model in one mode, to do with as a check likes: weights, buffers and modes are put back afterwards."""
        try:
            yield self.model.train(training)
        finally:
            self.initial.restore()

    def _bound(self) -> list[tuple[str, Any]]:
        try:
            return list(inspect.signature(self.model.forward).bind(*self.args, **self.kwargs).arguments.items())
        except (TypeError, ValueError):
            return list(self.kwargs.items())

    def _batch(self) -> Batch | None:
        sequences_first = any(getattr(module, "batch_first", None) is False for module in self.model.modules())
        with self.borrowed() as model, torch.no_grad(), without_dropout(model):
            stir_zeros(model)
            norms_to_eval(model)
            return find_batch(self.call, self.args, self.kwargs, sequences_first)

    def _colored(self, value: Any) -> Any:
        if self.batch is None or not _is_noise(value, self.batch):
            return value
        generator = torch.Generator().manual_seed(2)
        samples = [n if axis == self.batch.axis else 1 for axis, n in enumerate(value.shape)]
        color = torch.zeros(())
        for axis in {1 - self.batch.axis, value.ndim - 1} if value.ndim == 3 else {1}:
            sizes = [value.shape[axis] if position == axis else n for position, n in enumerate(samples)]
            color = color + torch.randn(sizes, generator=generator)
        return _NOISE * value + color.to(value)


def _placed(value: Any, device: str) -> Any:
    if not isinstance(value, Tensor):
        return value
    return (value.float() if value.dtype in _HALVES else value).to(device)


def _is_noise(value: Any, batch: Batch) -> bool:
    """Whether it is a random image or sequence, positive and negative alike."""
    if not isinstance(value, Tensor) or not value.is_floating_point() or value.ndim < 3 or not batch.is_in(value):
        return False
    return bool(value.isfinite().all()) and 0.3 < float((value < 0).float().mean()) < 0.7
