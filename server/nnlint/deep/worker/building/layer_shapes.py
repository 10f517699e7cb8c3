"""Which tensors torch's layers take."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn
from torch.nn.modules import batchnorm, conv, instancenorm, rnn

from .specimens import FLOATS, TOKENS, Leaf, Several, Specimen

BATCH, STEPS, SIDE = 4, 16, 32
_SPATIAL = {0: (), 1: (STEPS,), 2: (SIDE, SIDE), 3: (8, SIDE, SIDE)}
_EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)


def fitting(layer: nn.Module, sizes: tuple[int, ...]) -> Iterator[Leaf]:
    """What the layer takes, as near to a tensor of these sizes as can be; the usual sizes where these do not help."""
    if isinstance(layer, _EMBEDDINGS):
        yield Leaf(TOKENS, sizes or (BATCH, STEPS), layer.num_embeddings)
        return
    for wanted in _sizes(layer, sizes):
        yield Leaf(FLOATS, wanted)


def state_of(layer: nn.Module) -> Specimen | None:
    """What a recurrent layer takes besides its input: the state to begin with; `None` for other layers."""
    if isinstance(layer, rnn.RNNBase):
        first = layer.num_layers * (2 if layer.bidirectional else 1)
        hidden = Leaf(FLOATS, (first, BATCH, layer.proj_size or layer.hidden_size))
        cell = Leaf(FLOATS, (first, BATCH, layer.hidden_size))
        return Several((hidden, cell), is_tuple=True) if isinstance(layer, nn.LSTM) else hidden
    if isinstance(layer, rnn.RNNCellBase):
        hidden = Leaf(FLOATS, (BATCH, layer.hidden_size))
        return Several((hidden, hidden), is_tuple=True) if isinstance(layer, nn.LSTMCell) else hidden
    return None


def _sizes(layer: nn.Module, sizes: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    if isinstance(layer, conv._ConvNd):
        channels = layer.in_channels or 3  # a lazy one takes any
        yield _channels_first(channels, len(layer.kernel_size), sizes)
    elif isinstance(layer, (batchnorm._NormBase, instancenorm._InstanceNorm)):
        yield from (_channels_first(layer.num_features or 3, d, sizes) for d in _axes_of_norm(layer, len(sizes) - 2))
    elif isinstance(layer, nn.GroupNorm):
        yield _channels_first(layer.num_channels, max(0, len(sizes) - 2) if sizes else 2, sizes)
    elif isinstance(layer, nn.LayerNorm):
        kept = len(layer.normalized_shape)
        yield (*(sizes[:-kept] or (BATCH, *((STEPS,) if kept == 1 else ()))), *layer.normalized_shape)
    elif isinstance(layer, nn.Linear):
        features = layer.in_features or STEPS
        if 1 < len(sizes) < 4:
            yield (*sizes[:-1], features)
        yield (BATCH, features)
        yield (BATCH, STEPS, features)
        if len(sizes) > 3:
            yield (*sizes[:-1], features)
    elif isinstance(layer, nn.Bilinear):
        yield (*(sizes[:-1] or (BATCH,)), layer.in1_features)
    elif isinstance(layer, rnn.RNNBase):
        yield (*(sizes[:2] if len(sizes) == 3 else (BATCH, STEPS)), layer.input_size)
    elif isinstance(layer, rnn.RNNCellBase):
        yield (BATCH, layer.input_size)
    else:
        width = _width(layer)
        if width is not None:
            yield (*(sizes[:2] if len(sizes) == 3 else (BATCH, STEPS)), width)


def _channels_first(channels: int, axes: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """`(N, channels, *axes)`, with the sizes of these where there are as many."""
    spatial = sizes[2:] if len(sizes) == axes + 2 else _SPATIAL[axes]
    return (sizes[0] if len(sizes) == axes + 2 else BATCH, channels, *spatial)


def _axes_of_norm(layer: nn.Module, axes: int) -> list[int]:
    """How many axes besides batch and channels the norm takes, the one nearest to what it got first."""
    digit = next((int(letter) for letter in type(layer).__name__ if letter in "123"), None)
    if digit is None:
        return [axes] if 0 <= axes <= 3 else [2]
    return sorted([0, 1], key=lambda d: d != axes) if digit == 1 else [digit]


def _width(layer: nn.Module) -> int | None:
    """The features of what an attention layer or a transformer takes."""
    if isinstance(layer, nn.MultiheadAttention):
        return layer.embed_dim
    if isinstance(layer, nn.Transformer):
        return layer.d_model
    if isinstance(layer, (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)):
        return layer.self_attn.embed_dim
    return None
