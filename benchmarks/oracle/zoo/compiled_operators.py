"""torchvision's compiled operators in plain torch: its sources are run without the library that belongs to them."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

import torch
from torch import Tensor

_OPERATORS: list[torch.library.Library] = []


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Greedy non-maximum suppression."""
    order = scores.argsort(descending=True)
    boxes = boxes[order]
    area = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
    low = torch.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    overlap = (high - low).clamp(min=0).prod(dim=2)
    suppresses = overlap > iou_threshold * (area[:, None] + area[None, :] - overlap)
    alive = torch.ones(len(boxes), dtype=torch.bool)
    for i in range(len(boxes)):
        if alive[i]:
            alive[i + 1 :] &= ~suppresses[i, i + 1 :]
    return order[alive]


def define_torchvision_operators() -> None:
    """Makes `import torchvision` work; once a process."""
    if _OPERATORS:
        return
    library = torch.library.Library("torchvision", "DEF")
    _OPERATORS.append(library)
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.impl("nms", nms, "CompositeExplicitAutograd")
    boxes, poolers, roi_align = (cast(Any, import_module(f"torchvision.ops.{name}")) for name in ("boxes", "poolers", "roi_align"))
    boxes._assert_has_ops = lambda: None

    def pool(x: Tensor, rois: Any, output_size: tuple[int, int], spatial_scale: float, sampling_ratio: int, aligned: bool = False) -> Any:
        if not isinstance(rois, Tensor):
            rois = roi_align.convert_boxes_to_roi_format(rois)
        return roi_align._roi_align(x, rois, spatial_scale, output_size[0], output_size[1], sampling_ratio, aligned)

    poolers.roi_align = pool
