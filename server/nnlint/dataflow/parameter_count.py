"""How many numbers a layer's bias holds, and how many the layer holds in all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from nnlint.dataflow.transfer.linear import spatial_axes
from nnlint.dataflow.values import Const, Layer, Value
from nnlint.dataflow.values import Sequence as SequenceValue
from nnlint.semantics.signatures import NO_DEFAULT, signature


@dataclass(frozen=True, slots=True, order=True)
class ParameterCount:
    """`bias` numbers in the bias, `total` in weight and bias together where all sizes are known."""

    bias: int
    total: int | None


def count_parameters(layer: Layer) -> ParameterCount | None:
    """The count of a biased layer; `None` where not even the size of its bias is known."""
    bias = _integer(layer, "out_features", "out_channels")
    if bias is None:
        return None
    weight = _weight(layer)
    return ParameterCount(bias, None if weight is None else weight + bias)


def _weight(layer: Layer) -> int | None:
    """The number of weights: (out, in) of `Linear`, (out, in1, in2) of `Bilinear`, (out, in / groups, *kernel) of convolutions."""
    name = layer.target.rpartition(".")[2]
    if name == "Linear":
        return _product([_integer(layer, "out_features"), _integer(layer, "in_features")])
    if name == "Bilinear":
        return _product([_integer(layer, "out_features"), _integer(layer, "in1_features"), _integer(layer, "in2_features")])
    if name.startswith("Conv"):
        weight = _product([_integer(layer, "out_channels"), _integer(layer, "in_channels"), _kernel(layer)])
        groups = _integer(layer, "groups")
        return weight // groups if weight is not None and groups else None
    return None  # lazy layers learn their input's size when they run


def _product(factors: Sequence[int | None]) -> int | None:
    known = [factor for factor in factors if factor is not None]
    return prod(known) if len(known) == len(factors) else None


def _kernel(layer: Layer) -> int | None:
    """The number of taps of a kernel that is given by one size, or by a size for each axis."""
    axes = spatial_axes(layer.target)
    given = layer.arguments.get("kernel_size")
    if isinstance(given, SequenceValue) and given.is_exact:
        return _product([_as_integer(item) for item in given.items]) if len(given.items) == axes else None
    size = _as_integer(given)
    return None if size is None else size**axes


def _integer(layer: Layer, *names: str) -> int | None:
    """The argument of the first of these names that the layer takes."""
    found = signature(layer.target)
    for name in names:
        given = layer.arguments.get(name)
        if given is not None:
            return _as_integer(given)
        default = NO_DEFAULT if found is None else found.default(name)
        if isinstance(default, int):
            return default
    return None


def _as_integer(value: Value | None) -> int | None:
    if isinstance(value, Const) and isinstance(value.value, int) and not isinstance(value.value, bool):
        return value.value
    return None
