"""How many parameters each of torch's layers has, by the arguments that it is constructed with."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from nnlint.dataflow.transfer.linear import spatial_axes
from nnlint.dataflow.values import NONE, Const, Layer, Value
from nnlint.dataflow.values import Sequence as SequenceValue
from nnlint.semantics.signatures import NO_DEFAULT, signature


class Unsized(Exception):
    """The number of parameters is not known."""


def layer_size(layer: Layer) -> int:
    """The number of parameters of a layer; raises `Unsized`."""
    name = layer.target.rpartition(".")[2]
    if name.startswith("Lazy") or name in _UNSIZED or layer.has_open_keywords:
        raise Unsized
    count = _COUNTS.get(name.rstrip("123d") if name.endswith("d") else name)
    return 0 if count is None else count(_Given(layer))


class _Given:
    """The arguments of one layer, torch's defaults included."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def value(self, name: str) -> object:
        given = self.layer.arguments.get(name)
        if given is not None:
            return given
        found = signature(self.layer.target)
        default = NO_DEFAULT if found is None else found.default(name)
        if default is NO_DEFAULT or default is ...:
            raise Unsized
        return Const(default)

    def number(self, name: str) -> int:
        return _number(self.value(name))

    def flag(self, name: str) -> bool:
        match self.value(name):
            case Const(value=constant):
                return bool(constant)
            case _:
                raise Unsized

    def sizes(self, name: str, axes: int | None = None) -> list[int]:
        """Sizes that are given one for each axis, or as one number: for all `axes`, or for a single one."""
        value = self.value(name)
        if isinstance(value, SequenceValue):
            if not value.is_exact or (axes is not None and len(value.items) != axes):
                raise Unsized
            return [_number(item) for item in value.items]
        return [_number(value)] * (axes or 1)

    def part(self, name: str) -> int:
        """The size of a layer that is itself an argument, of none 0."""
        value = self.value(name)
        if isinstance(value, Layer):
            return layer_size(value)
        if value == NONE:
            return 0
        raise Unsized

    def but_for(self, **others: Value) -> _Given:
        """The same with other arguments."""
        layer = self.layer
        return _Given(Layer({}, layer.target, {**layer.arguments, **others}, layer.site))


def _number(value: object) -> int:
    if isinstance(value, Const) and isinstance(value.value, int) and not isinstance(value.value, bool):
        return value.value
    raise Unsized


# --- by kind of layer ---


def _linear(given: _Given) -> int:
    return given.number("out_features") * (given.number("in_features") + given.flag("bias"))


def _bilinear(given: _Given) -> int:
    return given.number("out_features") * (given.number("in1_features") * given.number("in2_features") + given.flag("bias"))


def _convolution(given: _Given) -> int:
    """Weights are (out, in / groups, *kernel), or (in, out / groups, *kernel) where it is transposed."""
    taps = prod(given.sizes("kernel_size", spatial_axes(given.layer.target)))
    out = given.number("out_channels")
    return given.number("in_channels") * out * taps // given.number("groups") + out * given.flag("bias")


def _channel_norm(given: _Given) -> int:
    return 2 * given.number("num_features") * given.flag("affine")


def _group_norm(given: _Given) -> int:
    return 2 * given.number("num_channels") * given.flag("affine")


def _layer_norm(given: _Given) -> int:
    return prod(given.sizes("normalized_shape")) * given.flag("elementwise_affine") * (1 + given.flag("bias"))


def _rms_norm(given: _Given) -> int:
    return prod(given.sizes("normalized_shape")) * given.flag("elementwise_affine")


def _embedding(given: _Given) -> int:
    return given.number("num_embeddings") * given.number("embedding_dim")


def _recurrent(gates: int) -> Callable[[_Given], int]:
    """Each direction of each layer has a matrix for its input and one for its state, each with a bias for every gate."""

    def count(given: _Given) -> int:
        hidden, directions = given.number("hidden_size"), 1 + given.flag("bidirectional")
        projection = given.number("proj_size") if gates == 4 else 0
        state = projection or hidden
        total = 0
        for layer in range(given.number("num_layers")):
            read = given.number("input_size") if layer == 0 else state * directions
            total += directions * (gates * hidden * (read + state + 2 * given.flag("bias")) + hidden * projection)
        return total

    return count


def _cell(gates: int) -> Callable[[_Given], int]:
    def count(given: _Given) -> int:
        hidden = given.number("hidden_size")
        return gates * hidden * (given.number("input_size") + hidden + 2 * given.flag("bias"))

    return count


def _attention(given: _Given) -> int:
    width = given.number("embed_dim")
    keys, values = (width if given.value(name) == NONE else given.number(name) for name in ("kdim", "vdim"))
    weights = width * (width + keys + values + width)
    return weights + 4 * width * given.flag("bias") + 2 * width * given.flag("add_bias_kv")


def _transformer_layer(attentions: int) -> Callable[[_Given], int]:
    """Attentions, a feed-forward part of two layers, and a norm behind each of these."""

    def count(given: _Given) -> int:
        width, inner, bias = given.number("d_model"), given.number("dim_feedforward"), given.flag("bias")
        attention = 4 * width * (width + bias)
        forward = inner * (width + bias) + width * (inner + bias)
        return attentions * attention + forward + (attentions + 1) * width * (1 + bias)

    return count


def _stack(part: str) -> Callable[[_Given], int]:
    return lambda given: given.number("num_layers") * given.part(part) + given.part("norm")


def _transformer(given: _Given) -> int:
    """Both stacks, and a norm behind each."""
    if given.value("custom_encoder") != NONE or given.value("custom_decoder") != NONE:
        raise Unsized
    norms = 2 * given.number("d_model") * (1 + given.flag("bias"))
    encoder = given.number("num_encoder_layers") * _transformer_layer(1)(given)
    return encoder + given.number("num_decoder_layers") * _transformer_layer(2)(given) + norms


_UNSIZED = frozenset({"AdaptiveLogSoftmaxWithLoss", "ParameterList", "ParameterDict", "Module", "Container", "DataParallel", "RNNBase",
                      "LinearCrossEntropyLoss", "RNNCellBase"})  # fmt: skip
_COUNTS: dict[str, Callable[[_Given], int]] = {
    "Linear": _linear,
    "Bilinear": _bilinear,
    "Conv": _convolution,
    "ConvTranspose": _convolution,
    "BatchNorm": _channel_norm,
    "SyncBatchNorm": _channel_norm,
    "InstanceNorm": _channel_norm,
    "GroupNorm": _group_norm,
    "LayerNorm": _layer_norm,
    "RMSNorm": _rms_norm,
    "Embedding": _embedding,
    "EmbeddingBag": _embedding,
    "PReLU": lambda given: given.number("num_parameters"),
    "RNN": _recurrent(1),
    "GRU": _recurrent(3),
    "LSTM": _recurrent(4),
    "RNNCell": _cell(1),
    "GRUCell": _cell(3),
    "LSTMCell": _cell(4),
    "MultiheadAttention": _attention,
    "TransformerEncoderLayer": _transformer_layer(1),
    "TransformerDecoderLayer": _transformer_layer(2),
    "TransformerEncoder": _stack("encoder_layer"),
    "TransformerDecoder": _stack("decoder_layer"),
    "Transformer": _transformer,
}
