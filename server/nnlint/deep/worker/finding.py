"""Finds inputs that a model can be called with."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn

from .calling import call_once, dtype_of, first_line
from .inputs import arguments
from .messages import Hint
from .problems import NoAnswer

_BATCH = 4


@dataclass(frozen=True)
class Found:
    """Arguments that `forward()` takes, and what they are in the words of the pragma's `input=`."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    described: str


def found_inputs(model: nn.Module, hints: Iterable[Hint], namespace: dict[str, Any]) -> Found:
    """The first inputs that the model takes."""
    reasons = []
    for text in itertools.islice(_candidates(model), 40):
        args, kwargs = arguments(text, namespace, dtype_of(model))
        try:
            call_once(model, args, kwargs)
        except Exception as error:
            reasons.append(f"{text}: {first_line(error)}")
            continue
        return Found(args, kwargs, text)
    raise NoAnswer("no input found: " + "; ".join(reasons[:3]))


def _candidates(model: nn.Module) -> Iterator[str]:
    for m in model.modules():
        if isinstance(m, nn.Embedding):
            yield f"tokens({_BATCH}, 16, below={m.num_embeddings})"
        elif isinstance(m, nn.Linear):
            yield f"({_BATCH}, {m.in_features})"
            yield f"({_BATCH}, 16, {m.in_features})"
        elif isinstance(m, nn.modules.conv._ConvNd):
            for size in (32, 64, 28, 224):
                yield str((_BATCH, m.in_channels, *[size] * len(m.kernel_size)))
