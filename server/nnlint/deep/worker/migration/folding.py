"""What biases amount to in the running means behind them: measured, not derived.

In evaluation mode a normalization subtracts the running mean m that it has seen, so a constant s that biases add to each channel of its
input is taken out by (x + s) - m = x - (m - s). Whatever lies between (a permutation, a pooling, a concatenation, another linear layer),
s is the difference of the normalization's inputs with and without the biases, if that is a constant for each channel.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ..problems import NoAnswer
from ..running.outputs import outputs_of, relative_change
from ..running.precision import full_precision, one_process

_ROUNDING = 1e-9  # relative to the input of a normalization: more than double precision loses on the way there
_NOTHING = 1e-12

Inputs = dict[str, list[Tensor]]  # what each normalization was given, call by call


class Evaluation:
    """A model in evaluation mode and double precision, on fixed inputs. `call` runs it."""

    def __init__(self, model: nn.Module, call: Callable[[], Any]) -> None:
        self._call = call
        self._norms = {name: module for name, module in model.named_modules() if isinstance(module._buffers.get("running_mean"), Tensor)}
        model.eval()

    def outputs(self) -> list[Tensor]:
        with full_precision(), one_process(), torch.no_grad():
            return outputs_of(self._call())

    def reference(self) -> tuple[list[Tensor], Inputs]:
        """The outputs, and what each normalization with running statistics was given; raises `NoAnswer` where no two runs are alike."""
        seen: Inputs = {name: [] for name in self._norms}
        with self._hooked(lambda name, given: seen[name].append(given.clone())):
            outputs = self.outputs()
        if relative_change(outputs, self.outputs()) > _NOTHING:
            raise NoAnswer("two runs of the model in evaluation mode differ, so nothing can be said of whether two models agree")
        return outputs, seen

    def shifts(self, reference: tuple[list[Tensor], Inputs]) -> dict[str, Tensor]:
        """What the input of each normalization has lost in each channel since the reference was taken, by its name, where that is anything.

        Every normalization is given what it had then, so what lies behind it is as it was, and each loss is that of what lies right before.
        Raises `NoAnswer` where running means cannot make up for it.
        """
        outputs, before = reference
        lost: Inputs = {name: [] for name in self._norms}

        def restore(name: str, given: Tensor) -> Tensor:
            then = before[name][len(lost[name])]
            lost[name].append(then - given)
            return then

        with self._hooked(restore):
            now = self.outputs()
        if relative_change(outputs, now) > _ROUNDING:
            raise NoAnswer("the biases reach the outputs by other ways than through the inputs of normalizations")
        found = {name: _shift(name, norm.running_mean, before[name], lost[name]) for name, norm in self._norms.items()}
        return {name: shift for name, shift in found.items() if shift is not None}

    @contextlib.contextmanager
    def _hooked(self, see: Callable[[str, Tensor], Any]) -> Iterator[None]:
        """Shows what each normalization is given to `see`, and gives it what that returns, if anything."""

        def hook(name: str) -> Callable[..., Any]:
            def replace(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
                if args:
                    given = see(name, args[0])
                    return None if given is None else ((given, *args[1:]), kwargs)
                first = next(iter(kwargs))
                given = see(name, kwargs[first])
                return None if given is None else (args, {**kwargs, first: given})

            return replace

        handles = [norm.register_forward_pre_hook(hook(name), with_kwargs=True) for name, norm in self._norms.items()]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def exactly(shift: Tensor, biases: Iterable[Tensor]) -> Tensor:
    """The shift without what was lost to rounding on the way: the bias that arrives as it is, where one does."""
    for bias in biases:
        if bias.shape == shift.shape and torch.allclose(shift, bias, rtol=_ROUNDING, atol=_ROUNDING * _scale(bias)):
            return bias
    return shift


def _shift(name: str, mean: Tensor, inputs: list[Tensor], lost: list[Tensor]) -> Tensor | None:
    """What a normalization has lost in each channel, the same at each call; `None` where it has lost nothing."""
    found = [_by_channel(name, given, difference) for given, difference in zip(inputs, lost)]
    first = next((values for values in found if values is not None), None)
    if first is None:
        return None
    if first.shape != mean.shape:
        raise NoAnswer(f"the channels of `{name}` are not on the second axis of its input")
    if any(v is None or not torch.allclose(v, first, rtol=_ROUNDING, atol=_ROUNDING * _scale(first)) for v in found):
        raise NoAnswer(f"`{name}` is called several times, and a bias reaches it at some of them only")
    return first


def _by_channel(name: str, given: Tensor, difference: Tensor) -> Tensor | None:
    scale = max(_scale(given), _scale(difference))
    if _scale(difference) <= _NOTHING * scale:
        return None
    mean = difference.mean([axis for axis in range(difference.dim()) if axis != 1])
    if _scale(difference.movedim(1, -1) - mean) > _ROUNDING * scale:
        raise NoAnswer(f"what a bias adds to the input of `{name}` is not one number for each channel")
    return mean


def _scale(tensor: Tensor) -> float:
    return float(tensor.abs().max()) if tensor.numel() else 0.0
