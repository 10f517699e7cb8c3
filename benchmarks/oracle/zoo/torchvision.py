"""torchvision's own models: classification, segmentation, detection, video, optical flow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torchvision import models


def recipes() -> list[str]:
    return list(models.list_models())


def build(recipe: str) -> Any:
    options: dict[str, Any] = {"weights": None}
    if recipe in models.list_models(models.detection) or recipe in models.list_models(models.segmentation):
        options["weights_backbone"] = None
    if recipe in models.list_models(models.detection) and not recipe.startswith("ssd"):
        options |= {"min_size": 96, "max_size": 128}
    if "rcnn" in recipe:
        options |= {"rpn_pre_nms_top_n_train": 50, "rpn_post_nms_top_n_train": 20, "box_batch_size_per_image": 16}
    return models.get_model(recipe, **options)


def inputs(model: Any, recipe: str) -> Iterator[tuple[Any, ...]]:
    if recipe in models.list_models(models.detection):
        boxes = torch.tensor([[8.0, 8.0, 60.0, 60.0], [30.0, 20.0, 90.0, 100.0]])
        target = {"boxes": boxes, "labels": torch.tensor([1, 1]), "masks": torch.ones(2, 128, 128, dtype=torch.uint8)}
        target["keypoints"] = torch.cat([torch.full((2, 17, 2), 40.0), torch.ones(2, 17, 1)], dim=2).to(torch.float32)
        yield [torch.rand(3, 128, 128), torch.rand(3, 128, 128)], [target, target]
    elif recipe in models.list_models(models.optical_flow):
        yield torch.rand(1, 3, 128, 128), torch.rand(1, 3, 128, 128), 2
    elif recipe in models.list_models(models.video):
        yield (torch.randn(2, 3, 8, 64, 64),)
        yield (torch.randn(2, 3, 16, 112, 112),)
        yield (torch.randn(1, 3, 16, 224, 224),)
    else:
        yield (torch.randn(4, 3, 64, 64),)
        yield (torch.randn(4, 3, 128, 128),)
        yield (torch.randn(3, 3, 224, 224),)
        yield (torch.randn(2, 3, 299, 299),)
