"""timm: every architecture that it lists, and layers that none of them uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import timm
import torch

_WIDTH = 16
PARTS = {f"layer/{name}": name for name in ("NonLocalAttn", "BatNonLocalAttn")}


def recipes() -> list[str]:
    return [*timm.list_models(), *PARTS]


def build(recipe: str) -> Any:
    if recipe in PARTS:
        return getattr(timm.layers, PARTS[recipe])(_WIDTH)
    return timm.create_model(recipe, pretrained=False)


def inputs(model: Any, recipe: str) -> Iterator[tuple[Any, ...]]:
    if recipe in PARTS:
        yield (torch.randn(4, _WIDTH, 8, 8),)
        return
    channels, *side = model.default_cfg.get("input_size", (3, 224, 224))
    for size in (64, 96, 128, 192):
        if size < side[0]:
            yield (torch.randn(4, channels, size, size),)
    yield (torch.randn(2, channels, *side),)
