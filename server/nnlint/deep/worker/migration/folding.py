"""What a bias amounts to in the running means behind it: measured, not derived.

In evaluation mode a normalization subtracts the running mean m that it has seen, so a constant s that a bias adds to each channel of its
input is taken out by (x + s) - m = x - (m - s). Whatever lies between the two (a permutation, a pooling, a concatenation, another linear
layer), s is the difference of the normalization's inputs with and without the bias, if that is a constant for each channel.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..outputs import outputs_of, relative_change
from ..precision import full_precision, one_process
from ..problems import NoAnswer

_ROUNDING = 1e-9  # relative to the input of a normalization: more than double precision loses on the way there
_NOTHING = 1e-12

Inputs = dict[str, list[Tensor]]  # what each normalization was given, call by call


@dataclass(frozen=True)
class Shift:
    """What the bias of a layer adds to each channel of what a normalization is given."""

    layer: str
    norm: str
    values: Tensor

    @property
    def key(self) -> str:
        """That of the running mean which takes it over."""
        return f"{self.norm}.running_mean"


class Evaluation:
    """A model in evaluation mode and double precision, on fixed inputs. `call` runs it."""

    def __init__(self, model: nn.Module, call: Callable[[], Any]) -> None:
        self._call = call
        self._norms = {name: module for name, module in model.named_modules() if isinstance(_running_mean(module), Tensor)}
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

    def shifts(self, name: str, layer: Any, reference: tuple[list[Tensor], Inputs]) -> list[Shift]:
        """Where the bias of a layer, which is called `name`, goes; raises `NoAnswer` where running means cannot make up for it.

        Every normalization is given what it had with the bias, so what lies behind it is as it was, and each difference is the bias's own.
        """
        outputs, before = reference
        differences: Inputs = {norm: [] for norm in self._norms}

        def restore(norm: str, given: Tensor) -> Tensor:
            with_bias = before[norm][len(differences[norm])]
            differences[norm].append(with_bias - given)
            return with_bias

        bias, layer.bias = layer.bias, None
        try:
            with self._hooked(restore):
                without = self.outputs()
        finally:
            layer.bias = bias
        if relative_change(outputs, without) > _ROUNDING:
            raise NoAnswer(f"the bias of `{name}` reaches the outputs by other ways than through the inputs of normalizations")
        found = ((norm, _constant(name, norm, before[norm], differences[norm])) for norm in self._norms)
        shifts = [Shift(name, norm, _snapped(values, bias.detach())) for norm, values in found if values is not None]
        for shift in shifts:
            if shift.values.shape != _running_mean(self._norms[shift.norm]).shape:
                raise NoAnswer(f"the channels of `{shift.norm}`, which the bias of `{name}` reaches, are not on its input's second axis")
        return shifts

    @contextlib.contextmanager
    def _hooked(self, see: Callable[[str, Tensor], Any]) -> Iterator[None]:
        """Shows what each normalization is given to `see`, and gives it what that returns, if anything."""

        def hook(name: str) -> Callable[..., Any]:
            def replace(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
                if args:
                    given = see(name, args[0])
                    return None if given is None else ((given, *args[1:]), kwargs)
                key = next(iter(kwargs))
                given = see(name, kwargs[key])
                return None if given is None else (args, {**kwargs, key: given})

            return replace

        handles = [norm.register_forward_pre_hook(hook(name), with_kwargs=True) for name, norm in self._norms.items()]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def subtracted(means: Mapping[str, Tensor], shifts: Iterable[Shift]) -> dict[str, Tensor]:
    """The running means that are shifted, by their keys, less what they are shifted by, in double precision."""
    folded: dict[str, Tensor] = {}
    for shift in shifts:
        folded[shift.key] = folded.get(shift.key, means[shift.key].double()) - shift.values
    return folded


def _running_mean(module: nn.Module) -> Any:
    return module._buffers.get("running_mean")


def _constant(layer: str, norm: str, inputs: list[Tensor], differences: list[Tensor]) -> Tensor | None:
    """What a bias adds to each channel at every call of a normalization; `None` where it adds nothing."""
    found = [_by_channel(layer, norm, given, difference) for given, difference in zip(inputs, differences)]
    if not found or all(values is None for values in found):
        return None
    first = found[0]
    if any(v is None or first is None or not torch.allclose(v, first, rtol=_ROUNDING, atol=_scale(first) * _ROUNDING) for v in found):
        raise NoAnswer(f"`{norm}` is called several times, and the bias of `{layer}` reaches it at some of them only")
    return first


def _by_channel(layer: str, norm: str, given: Tensor, difference: Tensor) -> Tensor | None:
    scale = max(_scale(given), _scale(difference))
    if _scale(difference) <= _NOTHING * scale:
        return None
    axes = [axis for axis in range(difference.dim()) if axis != 1]
    mean = difference.mean(axes)
    rest = difference.movedim(1, -1) - mean
    if _scale(rest) > _ROUNDING * scale:
        raise NoAnswer(f"what the bias of `{layer}` adds to the input of `{norm}` is not one number for each channel")
    return mean


def _snapped(values: Tensor, bias: Tensor) -> Tensor:
    """The bias itself where it arrives as it is: so nothing of it is lost to rounding on the way."""
    is_same = values.shape == bias.shape and torch.allclose(values, bias, rtol=_ROUNDING, atol=_ROUNDING * _scale(bias))
    return bias.clone() if is_same else values


def _scale(tensor: Tensor) -> float:
    return float(tensor.abs().max()) if tensor.numel() else 0.0
