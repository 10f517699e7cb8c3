"""tsai: its models for time series, constructed by the names of their parameters, each without and with its options for normalization."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from benchmarks.oracle.zoo.signatures import known_arguments, module_classes

_CHANNELS, _CLASSES, _LENGTH = 3, 4, 64
USUAL = {
    "c_in": _CHANNELS, "c_out": _CLASSES, "seq_len": _LENGTH, "ni": _CHANNELS, "nf": 8, "n_in": _CHANNELS, "n_out": _CLASSES,
    "d_model": 16, "d_ff": 32, "n_heads": 2, "n_layers": 2, "hidden_size": 16, "ks": 3, "kernel_size": 3, "pred_dim": 8, "nb_filters": 8,
    "levels": 2, "depth": 2, "layers": [8, 8], "nf_head": 8, "in_planes": 16, "out_planes": 16, "dim": 16, "num_classes": _CLASSES,
    "emb_dim": 16, "rnn_layers": 1, "conv_layers": [8, 8, 8], "dff": 32, "context_window": _LENGTH, "target_window": 8,
}  # fmt: skip
OPTIONS: dict[str, dict[str, Any]] = {
    "": {}, "batch": {"norm": "BatchNorm", "bn": True, "use_bn": True, "fc_bn": True, "coord": True, "separable": True},
    "layer": {"norm": "LayerNorm"}, "bottleneck": {"bottleneck": True, "se": 4, "sa": True, "conv_dropout": 0.1, "bn": True},
}  # fmt: skip


def recipes() -> list[str]:
    classes = module_classes("tsai.models")
    return [
        f"{name}/{option}"
        for name, cls in classes.items()
        for option in OPTIONS
        if known_arguments(cls, USUAL | OPTIONS[option]) is not None
    ]


def build(recipe: str) -> Any:
    name, _, option = recipe.rpartition("/")
    cls = module_classes("tsai.models")[name]
    return cls(**(known_arguments(cls, USUAL | OPTIONS[option]) or {}))


def inputs(model: Any, recipe: str) -> Iterator[tuple[Any, ...]]:
    yield (torch.randn(4, _CHANNELS, _LENGTH),)
    for shape in ((4, _CHANNELS, 16, 16), (4, 8, _LENGTH), (4, _LENGTH, 16), (4, 16, _LENGTH), (4, 16), (4, _CHANNELS)):
        yield (torch.randn(shape),)
