"""Random targets that every sound model can learn: what they ask of a position can be told from what the model sees of it.

All positions of a sample (pixels, time steps) have the same target, and samples have different ones. Where the result has a position for
each token of the input, the target of a position depends on its token.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .subject import Subject

_SEED = 3


def class_targets(scores: Tensor, subject: Subject) -> Tensor:
    """Indices of classes for scores with the classes along axis 1."""
    classes = scores.shape[1]
    shape = scores.shape[:1] + scores.shape[2:]
    generator = torch.Generator().manual_seed(_SEED)
    for tokens in subject.inputs:
        if tokens.shape == shape and tokens.ndim > 1 and tokens.dtype in (torch.int64, torch.int32):
            return torch.randperm(classes, generator=generator).to(tokens.device)[tokens.long() % classes]
    axis = _sample_axis(shape, subject)
    count = shape[axis] if shape else 1
    labels = (torch.arange(count) % classes)[torch.randperm(count, generator=generator)]
    return labels.view(_sizes(shape, {axis})).expand(shape).to(scores.device)


def yes_or_no_targets(result: Tensor, subject: Subject) -> Tensor:
    """Zeros and ones, both for each feature."""
    return (number_targets(result, subject) > 0).to(result)


def number_targets(result: Tensor, subject: Subject) -> Tensor:
    """Numbers with mean 0 and variance 1 over the samples, for each feature; over the features of a result that is normalized over them.

    With three axes, it is not known which of them are features and which are positions: a sample has one number, unless a normalization
    tells.
    """
    axis = _sample_axis(result.shape, subject)
    is_normalized = result.ndim == 3 and _is_centered(result.detach())
    features = {2} if is_normalized else {1 - axis} if result.ndim == 2 else {1} if result.ndim > 3 else set()
    drawn = torch.randn(_sizes(result.shape, {axis} | features), generator=torch.Generator().manual_seed(_SEED))
    if is_normalized:
        drawn = F.layer_norm(drawn, drawn.shape[-1:])
    elif result.shape[axis] > 1:
        drawn = (drawn - drawn.mean(axis, keepdim=True)) / drawn.std(axis, keepdim=True, unbiased=False).clamp_min(1e-6)
    return drawn.expand(result.shape).to(result)


def _is_centered(result: Tensor) -> bool:
    """Whether every position has features with mean 0, as behind a layer norm."""
    return result.shape[-1] > 1 and bool((result.mean(-1).abs() < 1e-4 * result.abs().amax(-1)).all())


def _sample_axis(shape: torch.Size, subject: Subject) -> int:
    """The axis that counts samples; where the batch is not known, each row is one."""
    batch = subject.batch
    return batch.axis if batch is not None and len(shape) > batch.axis and shape[batch.axis] == batch.size else 0


def _sizes(shape: torch.Size, kept: set[int]) -> list[int]:
    return [n if axis in kept else 1 for axis, n in enumerate(shape)]
