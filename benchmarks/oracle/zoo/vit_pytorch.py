"""vit-pytorch: its vision transformers, constructed by the names of their parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from benchmarks.oracle.zoo.signatures import known_arguments, module_classes

USUAL = {
    "image_size": 64, "patch_size": 16, "num_classes": 5, "dim": 32, "depth": 2, "heads": 2, "mlp_dim": 48, "dim_head": 16,
    "image_patch_size": 16, "frames": 4, "frame_patch_size": 2, "seq_len": 64, "channels": 3, "num_patches": 8,
    "sm_dim": 32, "lg_dim": 32, "spatial_depth": 2, "temporal_depth": 2, "cls_depth": 1, "local_patch_size": 2, "window_size": 4,
    "fourier_num_freqs": 4, "num_hierarchies": 3, "block_repeats": (1, 1, 1), "local_patch_size_coarse": 2, "moving_mnist": False,
    "ndim": 2, "input_shape": (64, 64), "max_depth": 2, "num_blocks": 2, "dims": (16, 16, 24, 24, 32, 32, 40, 40, 48),
    "cls_token_depth": 1, "local_window_size": 4, "num_register_tokens": 2, "jumbo_cls_k": 2, "num_jumbo_cls": 1, "num_experts": 2,
    "dim_conv_stem": 16, "num_layers": 2, "img_size": 64, "embedding_dim": 32, "num_heads": 2, "mlp_ratio": 2, "n_conv_layers": 1,
}  # fmt: skip
# Constructed in stages, each with its own width; most of these packages' classes take no such tuples.
STAGES: dict[str, dict[str, Any]] = {
    "max_vit:MaxViT": {"dim": 16, "depth": (1, 1), "dim_head": 8, "window_size": 4, "dim_conv_stem": 16},
    "levit:LeViT": {"dim": (32, 48), "depth": (1, 1), "heads": (2, 2), "stages": 2, "image_size": 64},
    "nest:NesT": {"num_hierarchies": 2, "block_repeats": (1, 1), "patch_size": 4, "image_size": 32, "heads": 2},
    "pit:PiT": {"depth": (1, 1), "patch_size": 8, "image_size": 32},
    "rvt:RvT": {"patch_size": 8, "use_rotary": True, "use_ds_conv": True, "use_glu": True},
    "scalable_vit:ScalableViT": {"dim": 16, "depth": (1, 1), "heads": (2, 2), "reduction_factor": (2, 1), "window_size": (8, None)},
    "sep_vit:SepViT": {"dim": 16, "depth": (1, 1), "heads": (2, 2), "window_size": 4},
    "crossformer:CrossFormer": {"dim": (16, 16, 32, 32), "depth": (1, 1, 1, 1), "global_window_size": (4, 2, 2, 1), "local_window_size": 2},
    "regionvit:RegionViT": {"dim": (16, 16, 32, 32), "depth": (1, 1, 1, 1), "window_size": 2},
    "t2t:T2TViT": {"t2t_layers": ((7, 4), (3, 2), (3, 2))},
    "mobile_vit:MobileViT": {"dims": (32, 32, 32), "dim": 16, "channels": (8, 8, 16, 16, 16, 16, 24, 24, 32, 32, 48)},
    "cct:CCT": {"kernel_size": 3, "img_size": 32},
    "cct_3d:CCT": {"kernel_size": 3, "img_size": 16, "num_frames": 4},
    "xcit:XCiT": {"patch_size": 8, "cls_depth": 1},
}


def recipes() -> list[str]:
    return [name for name, cls in module_classes("vit_pytorch").items() if _arguments(name, cls) is not None]


def _arguments(recipe: str, cls: type[Any]) -> dict[str, Any] | None:
    return known_arguments(cls, {**USUAL, **STAGES.get(recipe, {})})


def build(recipe: str) -> Any:
    cls = module_classes("vit_pytorch")[recipe]
    return cls(**(_arguments(recipe, cls) or {}))


def inputs(model: Any, recipe: str) -> Iterator[tuple[Any, ...]]:
    for shape in ((2, 3, 64, 64), (2, 3, 32, 32), (2, 3, 4, 64, 64), (2, 3, 64), (2, 16, 32), (2, 32, 8, 8), (2, 3, 4, 16, 16)):
        yield (torch.randn(shape),)
