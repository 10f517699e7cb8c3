"""segmentation-models-pytorch: its decoders, on small encoders, with each of its norms."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import segmentation_models_pytorch as smp
import torch

ARCHITECTURES = (
    "unet", "unetplusplus", "manet", "linknet", "fpn", "pspnet", "pan", "deeplabv3", "deeplabv3plus", "upernet", "segformer", "dpt",
)  # fmt: skip
ENCODERS = (
    "resnet18", "vgg11", "vgg11_bn", "mobilenet_v2", "efficientnet-b0", "densenet121", "mit_b0", "mobileone_s0", "xception", "dpn68",
    "inceptionv4", "inceptionresnetv2", "timm-efficientnet-b0", "timm-regnetx_002", "timm-res2net50_26w_4s", "timm-resnest14d",
    "timm-skresnet18", "tu-vit_tiny_patch16_224",
)  # fmt: skip
NORMS = ("batchnorm", "identity", "instance", "layernorm")


def recipes() -> list[str]:
    decoders = [f"{a}/resnet18/{norm}" for a, norm in product(ARCHITECTURES, NORMS)]
    encoders = [f"unet/{encoder}/batchnorm" for encoder in ENCODERS]
    others = [f"{a}/mobilenet_v2/batchnorm" for a in ARCHITECTURES]
    return sorted({*decoders, *encoders, *others, "dpt/tu-vit_tiny_patch16_224/batchnorm"})


def build(recipe: str) -> Any:
    architecture, encoder, norm = recipe.split("/")
    options: dict[str, Any] = {} if norm == "batchnorm" else {"decoder_use_norm": norm}
    return smp.create_model(architecture, encoder_name=encoder, encoder_weights=None, in_channels=3, classes=2, **options)


def inputs(model: Any, recipe: str) -> Iterator[tuple[Any, ...]]:
    for size in (64, 128, 224, 256):
        yield (torch.randn(3, 3, size, size),)
