"""timm: every architecture that it lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import timm
import torch


def recipes() -> list[str]:
    return list(timm.list_models())


def build(recipe: str) -> Any:
    return timm.create_model(recipe, pretrained=False)


def inputs(model: Any, recipe: str) -> Iterator[tuple[Any, ...]]:
    channels, *side = model.default_cfg.get("input_size", (3, 224, 224))
    for size in (64, 96, 128, 192):
        if size < side[0]:
            yield (torch.randn(4, channels, size, size),)
    yield (torch.randn(2, channels, *side),)
