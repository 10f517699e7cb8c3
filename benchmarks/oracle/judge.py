"""The judge: runs a real model and sees whether a bias can matter at all.

A bias is redundant if no output of the model moves when it is changed, in training mode, and none moves in evaluation mode once the
running statistics have settled. Parameters are drawn at random first, because a zero-initialized head or gate hides whatever stands
behind it, and the random state is set back before every run, because dropout between a layer and its norm keeps the bias alive.
"""

from __future__ import annotations

import dataclasses
import math
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.parameter import is_lazy

from benchmarks.oracle.sites import LAYERS, construction_of

TOLERANCE = 1e-9
_SIZES = (0.3, -3.0, 20.0)
_SETTLING_RUNS = 250  # the start has weight 0.9 ** 250 then: 4e-12
_SEED = 20240
_MAX_DEPTH = 8
_SURE_GRADIENT = 1e-6


class Verdict(Enum):
    """What a model's outputs say of one layer's bias."""

    NEEDED = "needed"
    REDUNDANT = "redundant"
    TRAINING_ONLY = "redundant in training, kept in evaluation"
    NOT_EXERCISED = "not exercised"


class Nondeterministic(Exception):
    """Two runs of the same model from the same state differ, so nothing can be said about it."""


def outputs_of(value: Any) -> list[Tensor]:
    """A copy of every tensor in a model's output, whatever containers it is in."""
    return [tensor.detach().clone() for tensor in _tensors(value, 0, set())]


def _tensors(value: Any, depth: int, seen: set[int]) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
        return
    if depth > _MAX_DEPTH or isinstance(value, (str, bytes, nn.Module, type)) or id(value) in seen:
        return
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
        return [getattr(value, f.name) for f in dataclasses.fields(value)]
    return list(vars(value).values()) if hasattr(value, "__dict__") else []


def _difference(one: Tensor, other: Tensor) -> float:
    """The largest difference; infinite where the tensors cannot be compared."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return math.inf
    if not one.numel() or torch.equal(one, other):
        return 0.0
    if not (one.is_floating_point() or one.is_complex()):
        return math.inf
    both_nan = one.isnan() & other.isnan()
    gap = torch.where(both_nan | (one == other), torch.zeros_like(one.abs()), (one - other).abs())
    return math.inf if bool(gap.isnan().any()) else float(gap.max())


def change(before: list[Tensor], after: list[Tensor]) -> float:
    """The largest change of any output, relative to that output's own size."""
    if len(before) != len(after):
        return math.inf
    return max((_relative(a, b) for a, b in zip(before, after, strict=True)), default=0.0)


def _relative(before: Tensor, after: Tensor) -> float:
    gap = _difference(before, after)
    if gap in (0.0, math.inf):
        return gap
    size = float(before.abs().nan_to_num(0.0, 0.0, 0.0).max())
    return gap / size if size > 0 else math.inf


def _unique(modules: Iterable[nn.Module]) -> list[nn.Module]:
    found: dict[int, nn.Module] = {}
    for root in modules:
        if id(root) not in found:
            found.update((id(m), m) for m in root.modules())
    return list(found.values())


class Trial:
    """One way to run a model: the modules that take part, and a call without arguments that returns outputs.

    Outputs that differ by less than `tolerance`, relatively, count as equal. Where running statistics do not settle by averaging over
    one run, `patience` runs are tried.
    """

    def __init__(
        self, modules: Iterable[nn.Module], run: Callable[[], Any], tolerance: float = TOLERANCE, patience: int = _SETTLING_RUNS
    ) -> None:
        self._run, self._tolerance, self._patience = run, tolerance, patience
        with torch.no_grad():
            _seed()
            run()  # lazy modules get their shapes
        self.modules = _unique(modules)
        self.layers = [m for m in self.modules if isinstance(m, LAYERS) and construction_of(m) is not None]
        inner = {id(child) for m in self.modules for child in m.modules() if child is not m}
        self._roots = [m for m in self.modules if id(m) not in inner]
        self._randomize()
        self._train(True)
        self.remember_buffers()
        self._called: set[int] = set()
        self._baseline = self._observe_calls()
        if change(self._baseline, self.outputs()) > self._tolerance:
            raise Nondeterministic
        self._settled_baseline: list[Tensor] | None = None

    @property
    def is_finite(self) -> bool:
        """Whether every number that comes out is one."""
        return all(bool(o.isfinite().all()) for o in self._baseline if o.is_floating_point())

    def _randomize(self) -> None:
        """Noise on every parameter, and on the running statistics, so that nothing stays at a special value."""
        generator = torch.Generator().manual_seed(_SEED)
        with torch.no_grad():
            for p in self._parameters():
                if p.is_floating_point():
                    spread = 0.3 if p.dim() < 2 else 0.3 / math.sqrt(max(1, p[0].numel()))
                    noise = torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p.dtype)
                    p.mul_(1 + 0.2 * noise.flip(0) if p.dim() else 1.1).add_(spread * noise)
            for m in self.modules:
                if isinstance(m, _NormBase) and m.running_mean is not None and m.running_var is not None:
                    m.running_mean += 0.3 * torch.randn(m.running_mean.shape, generator=generator)
                    m.running_var *= 0.5 + torch.rand(m.running_var.shape, generator=generator)

    def _parameters(self) -> list[nn.Parameter]:
        found = {id(p): p for m in self.modules for p in m.parameters(recurse=False)}
        return [p for p in found.values() if not is_lazy(p)]

    def remember_buffers(self) -> None:
        """Makes the buffers as they are now the state that every run starts from."""
        self._state = [(b, b.clone()) for m in self.modules for b in m.buffers(recurse=False)]

    def restore_buffers(self) -> None:
        with torch.no_grad():
            for buffer, value in self._state:
                buffer.copy_(value)

    def _train(self, mode: bool) -> None:
        for root in self._roots:
            root.train(mode)

    def _observe_calls(self) -> list[Tensor]:
        def note(layer: nn.Module, *_: Any) -> None:
            self._called.add(id(layer))

        handles = [layer.register_forward_hook(note) for layer in self.layers]
        try:
            return self.outputs()
        finally:
            for handle in handles:
                handle.remove()

    def outputs(self) -> list[Tensor]:
        """The outputs in training mode, from the same buffers and the same random state every time."""
        self.restore_buffers()
        _seed()
        with torch.no_grad():
            return outputs_of(self._run())

    def settled_outputs(self, runs: int | None = None) -> list[Tensor]:
        """The outputs in evaluation mode, after the running statistics have seen this input often enough.

        Without `runs` the statistics are averaged over one run instead, which is exact for torch's own norms.
        """
        norms = [m for m in self.modules if isinstance(m, _NormBase) and m.momentum != 0.0]
        momenta = [m.momentum for m in norms]
        self.restore_buffers()
        if runs is None:
            for norm in norms:
                norm.momentum = None
                if norm.num_batches_tracked is not None:
                    norm.num_batches_tracked.zero_()
        try:
            with torch.no_grad():
                for _ in range(runs or 1):
                    _seed()
                    self._run()
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum
        self._train(False)
        try:
            _seed()
            with torch.no_grad():
                return outputs_of(self._run())
        finally:
            self._train(True)
            self.restore_buffers()

    def verdict(self, layer: nn.Module) -> Verdict:
        """What this run says of the layer's bias; the layer must have one."""
        if self.moves(layer.bias):
            return Verdict.NEEDED
        if not self._matters(layer):
            return Verdict.NOT_EXERCISED
        return Verdict.REDUNDANT if self._settles(layer.bias) else Verdict.TRAINING_ONLY

    def surely_needed(self) -> set[int]:
        """The ids of the layers whose bias has a gradient far above rounding; that of the others says nothing (a dead ReLU has none)."""
        layers = [m for m in self.layers if m.bias is not None and m.bias.requires_grad]
        self.restore_buffers()
        _seed()
        generator = torch.Generator().manual_seed(_SEED + 3)
        with torch.enable_grad():
            outputs = [o for o in _tensors(self._run(), 0, set()) if o.is_floating_point() and o.requires_grad]
            loss = sum((_project(o, generator) for o in outputs), torch.zeros(()))
        if not loss.requires_grad or not layers:
            return set()
        biases: list[Any] = [m.bias for m in layers]
        gradients = torch.autograd.grad(loss, biases, allow_unused=True)
        return {id(m) for m, g in zip(layers, gradients, strict=True) if g is not None and float(g.norm()) > _SURE_GRADIENT}

    def _matters(self, layer: nn.Module) -> bool:
        """Whether the layer is called and its weights (those of its parametrizations too) reach an output."""
        weights = [p for p in layer.parameters() if p is not layer.bias]
        return id(layer) in self._called and any(self.moves(weight) for weight in weights)

    def moves(self, parameter: Any) -> bool:
        """Whether changing the parameter changes an output in training mode."""
        return self._moves_from(self._baseline, parameter)

    def moves_from_here(self, parameter: Any) -> bool:
        """Like `moves`, for a caller who has changed what the operations of torch do."""
        return self._moves_from(self.outputs(), parameter)

    def _moves_from(self, baseline: list[Tensor], parameter: Any) -> bool:
        generator = torch.Generator().manual_seed(_SEED + 1)
        for size in _SIZES:
            with _shifted(parameter, size, generator):
                if change(baseline, self.outputs()) > self._tolerance:
                    return True
        return False

    def _settles(self, bias: Any) -> bool:
        if self._settled_baseline is None:
            self._settled_baseline = self.settled_outputs()
        generator = torch.Generator().manual_seed(_SEED + 2)
        with _shifted(bias, 3.0, generator):
            if change(self._settled_baseline, self.settled_outputs()) <= self._tolerance:
                return True
            if not self._patience:
                return False
            long_run = self.settled_outputs(self._patience)
        return change(self.settled_outputs(self._patience), long_run) <= self._tolerance


def _project(output: Tensor, generator: torch.Generator) -> Tensor:
    """One number whose derivative is relative to the output's size."""
    direction = torch.randn(output.shape, generator=generator).to(output.dtype)
    size = float(output.detach().norm() * direction.norm()) + 1e-30
    return (output * direction).sum() / size


@contextmanager
def _shifted(parameter: Tensor, size: float, generator: torch.Generator) -> Iterator[None]:
    before = parameter.detach().clone()
    noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64).to(parameter.dtype)
    with torch.no_grad():
        parameter.add_(size * noise)
    try:
        yield
    finally:
        with torch.no_grad():
            parameter.copy_(before)


def _seed() -> None:
    torch.manual_seed(_SEED)
    random.seed(_SEED)
    if (numpy := sys.modules.get("numpy")) is not None:
        numpy.random.seed(_SEED)


@contextmanager
def judging() -> Iterator[None]:
    """Float64 by default, one thread (the tensors are small), and synchronized batch norm as the plain one that it is in one process."""
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    sync_forward = nn.SyncBatchNorm.forward
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    nn.SyncBatchNorm.forward = nn.BatchNorm2d.forward  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_num_threads(threads)
        nn.SyncBatchNorm.forward = sync_forward  # type: ignore[method-assign]
