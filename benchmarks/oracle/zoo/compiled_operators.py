"""torchvision's compiled operators in plain torch: its sources are run without the library that belongs to them."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

import torch
from torch import Tensor

_OPERATORS: list[torch.library.Library] = []


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Greedy non-maximum suppression."""
    left = scores.argsort(descending=True).tolist()
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept = []
    while left:
        best, left = left[0], left[1:]
        kept.append(best)
        if not left:
            break
        others = torch.tensor(left)
        low = torch.maximum(boxes[best, :2], boxes[others, :2])
        high = torch.minimum(boxes[best, 2:], boxes[others, 2:])
        overlap = (high - low).clamp(min=0).prod(dim=1)
        iou = overlap / (area[best] + area[others] - overlap)
        left = others[iou <= iou_threshold].tolist()
    return torch.tensor(kept, dtype=torch.int64)


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
