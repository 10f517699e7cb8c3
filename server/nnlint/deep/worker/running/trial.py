"""A model that can be asked again and again: run from one state, in double precision, with parameters at random.

Random parameters, because a head or a gate that starts at zero hides everything behind it; the random state is set back before every
run, so that dropout drops the same numbers each time. (RULES on the ground truth of biases; measured: of 91 biases of gMLP that seem to
be without effect at its zero initialization, none is.)
"""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase
from torch.nn.parameter import is_lazy
from torch.utils._pytree import tree_map

from ..building import Built
from ..failures import first_line
from ..problems import NoAnswer
from .calling import copied, seed
from .outputs import are_finite, outputs_of, relative_change, tensors_in
from .precision import full_precision, one_process
from .tracing import RefusedViews, Trace, trace

_SEED = 31
# How far parameters are moved from where they were initialized; less where the model gives no finite numbers otherwise.
_NOISES = (1.0, 0.1, 0.0)
_REPEATABLE = 1e-12


class Trial:
    """A model with its inputs, in training mode unless it is told otherwise.

    Raises `NoAnswer` where it does not run in double precision, gives no finite numbers, or differs between two equal runs.
    """

    def __init__(self, built: Built, refused: RefusedViews | None = None) -> None:
        self.built = built
        self.refused = refused
        self.model: nn.Module = built.model.double()
        self._args, self._kwargs = tree_map(_double, (built.args, built.kwargs))
        self._initial = [(p, p.detach().clone()) for p in self.parameters]
        self.model.train()
        self._start: list[tuple[Tensor, Tensor]] = []
        self._settled_baseline: list[Tensor] | None = None
        self.baseline = self._settled()
        if relative_change(self.baseline, self.outputs()) > _REPEATABLE:
            raise NoAnswer("two runs of the model from the same random state differ, so nothing that changes its outputs can be told apart")

    @property
    def parameters(self) -> list[nn.Parameter]:
        """Each parameter once."""
        return [p for p in dict.fromkeys(self.model.parameters()) if not is_lazy(p)]

    def call(self, seed_offset: int = 0) -> Any:
        """The model's result, from the same random state every time. Gradients are recorded where the caller lets them be."""
        seed(seed_offset)
        return self.model(*copied(self._args), **copied(self._kwargs))

    def call_on(self, change: Callable[[Tensor], Tensor]) -> Any:
        """The model's result on inputs of which each floating tensor has been changed."""
        seed()
        args, kwargs = tree_map(lambda v: change(v) if is_floating(v) else v, (copied(self._args), copied(self._kwargs)))
        return self.model(*args, **kwargs)

    def outputs(self, seed_offset: int = 0) -> list[Tensor]:
        """Everything that comes out, from the same buffers every time; another `seed_offset` is another random state."""
        self.restore_buffers()
        with running(), torch.no_grad():
            return outputs_of(self.call(seed_offset))

    def outputs_on(self, scale: float) -> list[Tensor]:
        """Everything that comes out for inputs that are so many times as large."""
        self.restore_buffers()
        with running(), torch.no_grad():
            return outputs_of(self.call_on(lambda value: value * scale))

    def restore_buffers(self) -> None:
        with torch.no_grad():
            for buffer, value in self._start:
                buffer.copy_(value)

    # --- how parameters are moved ---

    def change_with(self, parameters: Iterable[Tensor], size: float) -> float:
        """How far the outputs move, relatively, when these parameters are shifted by random numbers of a size."""
        with shifted(parameters, size):
            return relative_change(self.baseline, self.outputs())

    def settled_change_with(self, parameters: Iterable[Tensor], size: float) -> float:
        """The same in evaluation mode, once the running statistics have seen the shift.

        For torch's own norms that takes one run: their statistics become those of this batch.
        """
        if self._settled_baseline is None:
            self._settled_baseline = self._evaluation_after(1, at_once=True)
        with shifted(parameters, size):
            return relative_change(self._settled_baseline, self._evaluation_after(1, at_once=True))

    def fading_change_with(self, parameters: Iterable[Tensor], size: float, runs: int) -> float:
        """The same after so many runs in training mode, with which statistics of any kind approach those of the batch."""
        before = self._evaluation_after(runs)
        with shifted(parameters, size):
            return relative_change(before, self._evaluation_after(runs))

    def _evaluation_after(self, runs: int, at_once: bool = False) -> list[Tensor]:
        """The outputs in evaluation mode after some runs in training mode from the start."""
        self.restore_buffers()
        with running(), torch.no_grad(), _settling_at_once(self.model) if at_once else contextlib.nullcontext():
            for _ in range(runs):
                self.call()
        with self.evaluating(), running(), torch.no_grad():
            settled = outputs_of(self.call())
        self.restore_buffers()
        return settled

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """The model in evaluation mode."""
        self.model.eval()
        try:
            yield
        finally:
            self.model.train()

    # --- what one run shows ---

    @cached_property
    def trace(self) -> Trace:
        """Every operation of one run in training mode."""
        return self.traced()

    def traced(self, change: Callable[[Tensor], Tensor] | None = None) -> Trace:
        """Every operation of one run in the mode that the model is in; `change` is made to each floating tensor of its inputs."""
        self.restore_buffers()
        with running(), torch.no_grad():
            return trace(self.call if change is None else partial(self.call_on, change))

    def name_of(self, module: nn.Module) -> str:
        """The path of attributes under which the model holds a module."""
        return self._names.get(id(module), type(module).__name__)

    @cached_property
    def _names(self) -> dict[int, str]:
        return {id(module): name or type(module).__name__ for name, module in self.model.named_modules()}

    def gradient_of(self, parameter: Tensor) -> float:
        """The norm of a parameter's gradient of one random projection of all outputs; NaN where there is none.

        A large one proves that the parameter matters; a zero proves nothing (a dead ReLU has none). A model that cannot be
        differentiated has none at all.
        """
        return self._gradients.get(id(parameter), math.nan)

    @cached_property
    def _gradients(self) -> dict[int, float]:
        wanted = [p for p in self.parameters if p.requires_grad]
        self.restore_buffers()
        try:
            with running(), torch.enable_grad():
                found = torch.autograd.grad(self._projected(), wanted, allow_unused=True)
        except RuntimeError:  # nothing that comes out requires a gradient, or an operation has none on this device
            return {}
        return {id(p): float(g.norm()) for p, g in zip(wanted, found) if g is not None}

    def _projected(self) -> Tensor:
        """One random projection of all outputs."""
        generator = torch.Generator().manual_seed(_SEED + 3)
        outputs = [o for o in tensors_in(self.call()) if o.is_floating_point() and o.requires_grad]
        return sum((_projection(o, generator) for o in outputs), torch.zeros(()))

    # --- the state that every run starts from ---

    def _settled(self) -> list[Tensor]:
        """Moves the parameters, and the running statistics, to random places where the model still gives numbers."""
        reason = ""
        for noise in _NOISES:
            self._randomize(noise)
            self._start = [(b, b.clone()) for b in self.model.buffers()]
            try:
                outputs = self.outputs()
            except NoAnswer:
                raise
            except Exception as error:
                reason = f"it does not run in double precision: {first_line(error)}"
                continue
            if are_finite(outputs):
                return outputs
            reason = "what it returns is not finite"
        raise NoAnswer(f"the model runs, but {reason}")

    def _randomize(self, noise: float) -> None:
        generator = torch.Generator().manual_seed(_SEED)
        with torch.no_grad():
            for p, initial in self._initial:
                p.copy_(initial)
                if not p.is_floating_point():
                    continue
                spread = 0.3 if p.dim() < 2 else 0.3 / math.sqrt(max(1, p[0].numel()))
                drawn = torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p.dtype)
                scale = noise if noise or bool(p.any()) else _NOISES[1]  # zeros always move
                p.mul_(1 + 0.2 * scale * (drawn.flip(0) if p.dim() else drawn)).add_(spread * scale * drawn)
            for m in self.model.modules():
                if isinstance(m, _NormBase) and m.running_mean is not None and m.running_var is not None and not is_lazy(m.running_mean):
                    m.running_mean += 0.3 * noise * torch.randn(m.running_mean.shape, generator=generator)
                    m.running_var *= 1 + noise * (torch.rand(m.running_var.shape, generator=generator) - 0.5)


@contextlib.contextmanager
def _settling_at_once(model: nn.Module) -> Iterator[None]:
    """Makes the running statistics of torch's norms those of the next run: of batch norms the average over all their calls in it.

    A momentum of zero means that the statistics never move, and stays.
    """
    norms = [m for m in model.modules() if isinstance(m, _NormBase) and m.momentum != 0.0]
    momenta = [m.momentum for m in norms]
    for norm in norms:
        norm.momentum = None if isinstance(norm, _BatchNorm) else 1.0
        if norm.num_batches_tracked is not None:
            norm.num_batches_tracked.zero_()
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum


@contextlib.contextmanager
def running() -> Iterator[None]:
    """What every run of a trial happens under."""
    with full_precision(), one_process():
        yield


@contextlib.contextmanager
def shifted(parameters: Iterable[Tensor], size: float) -> Iterator[None]:
    """Adds normal random numbers of a size to parameters, and takes them back bit for bit."""
    generator = torch.Generator().manual_seed(_SEED + 1)
    kept = [(p, p.detach().clone()) for p in parameters]
    with torch.no_grad():
        for p, before in kept:
            p.add_(size * torch.randn(before.shape, generator=generator, dtype=torch.float64).to(before.dtype))
    try:
        yield
    finally:
        with torch.no_grad():
            for p, before in kept:
                p.copy_(before)


def is_floating(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def _double(value: Any) -> Any:
    return value.double() if is_floating(value) else copy.copy(value)


def _projection(output: Tensor, generator: torch.Generator) -> Tensor:
    """One number whose derivative is relative to the output's size."""
    direction = torch.randn(output.shape, generator=generator).to(output.dtype)
    return (output * direction).sum() / (float(output.detach().norm() * direction.norm()) + 1e-30)
