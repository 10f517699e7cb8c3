"""Whether it matters to a module if it is in training or in evaluation mode."""

from __future__ import annotations

import re
from collections.abc import Hashable

from nnlint.dataflow import values as val
from nnlint.dataflow.classes import Classes
from nnlint.dataflow.graph import PARAMETER
from nnlint.dataflow.programs.objects import Thing, maker
from nnlint.dataflow.programs.program_calls import makes_module
from nnlint.dataflow.values import Const, Value
from nnlint.semantics.definitions import ClassDefinition
from nnlint.syntax import lowered as low

_ALWAYS = ("BatchNorm", "LazyBatchNorm", "SyncBatchNorm", "RReLU")
_BY_RATE = {  # the argument that switches the random part on, and its default
    "Dropout": ("p", 0.5), "Dropout1d": ("p", 0.5), "Dropout2d": ("p", 0.5), "Dropout3d": ("p", 0.5), "AlphaDropout": ("p", 0.5),
    "FeatureAlphaDropout": ("p", 0.5), "RNN": ("dropout", 0.0), "LSTM": ("dropout", 0.0), "GRU": ("dropout", 0.0),
    "MultiheadAttention": ("dropout", 0.0), "Transformer": ("dropout", 0.1), "TransformerEncoderLayer": ("dropout", 0.1),
    "TransformerDecoderLayer": ("dropout", 0.1),
}  # fmt: skip
_HAS_WEIGHTS = re.compile(r"Linear|Conv|Embedding|RNN|LSTM|GRU|MultiheadAttention|Transformer|Bilinear")
_MAX_DEPTH = 12


def depends_on_mode(module: Value, classes: Classes) -> bool | None:
    """Whether a module computes something else in training mode than in evaluation mode; `None` where that is not known."""
    return _any(_answers(module, classes, set(), 0))


def has_parameters(module: Value, depth: int = _MAX_DEPTH) -> bool:
    """Whether a module surely has parameters of its own or in its parts."""
    match module:
        case val.Layer(target=target):
            return _HAS_WEIGHTS.search(target) is not None
        case val.Tensor(node=node):
            return node.operation == PARAMETER
        case val.Heap() | val.Choice() | val.Alternatives() | val.Repeated():
            return depth > 0 and any(has_parameters(part, depth - 1) for part in val.parts_of(module))
        case _:
            return makes_module(maker(module))


def _any(answers: list[bool | None]) -> bool | None:
    return True if True in answers else None if None in answers else False


def _answers(value: Value, classes: Classes, seen: set[Hashable], depth: int) -> list[bool | None]:
    if id(value) in seen:
        return []
    seen.add(id(value))
    match value:
        case val.Layer():
            return [_of_layer(value)]
        case val.Instance(is_module=True):
            own = _of_class(value, classes)
            return [own, *_of_parts(value, classes, seen, depth)]
        case Thing():
            return [True if makes_module(maker(value)) else None]
        case val.Unknown() | val.Symbol():
            return [None]
        case _:
            return _of_parts(value, classes, seen, depth)


def _of_parts(value: Value, classes: Classes, seen: set[Hashable], depth: int) -> list[bool | None]:
    if depth > _MAX_DEPTH:
        return [None]
    found: list[bool | None] = []
    for part in val.parts_of(value):
        if _may_be_module(part):
            found += _answers(part, classes, seen, depth + 1)
    return found


def _may_be_module(value: Value) -> bool:
    match value:
        case val.Heap() | val.Choice() | val.Alternatives() | val.Repeated():
            return True
        case Thing():
            return not maker(value).startswith(("torch.", "builtins.", "numpy.", "math.")) and bool(value.made_by)
        case val.Unknown():
            return True
        case _:
            return False


def _of_layer(layer: val.Layer) -> bool | None:
    name = layer.target.rpartition(".")[2]
    if name.startswith(_ALWAYS):
        return True
    if name.startswith(("InstanceNorm", "LazyInstanceNorm")):
        tracks = layer.arguments.get("track_running_stats", val.FALSE)
        return tracks.value if isinstance(tracks, Const) and isinstance(tracks.value, bool) else None
    if name not in _BY_RATE:
        return None if name in ("TransformerEncoder", "TransformerDecoder") else False
    parameter, default = _BY_RATE[name]
    rate = layer.arguments.get(parameter, Const(default))
    if isinstance(rate, Const):
        return isinstance(rate.value, (int, float)) and rate.value > 0
    return True if parameter == "p" else None


def _of_class(instance: val.Instance, classes: Classes) -> bool | None:
    """What a class says itself: whether its code asks for the mode, or parts of it are not known."""
    answers: list[bool | None] = [False]
    for base, _ in classes.order(instance.definition, instance.closure):
        if isinstance(base, ClassDefinition):
            answers.append(_asks_for_mode(base))
        elif base is None or not base.startswith("torch.nn."):
            answers.append(None)
    return _any(answers)


def _asks_for_mode(definition: ClassDefinition) -> bool:
    return any(
        isinstance(node, low.Attribute) and node.name == "training" and isinstance(node.value, low.Name)
        for method in definition.methods.values()
        for node in low.nodes_in(method.node.body)
    )
