"""What `forward()` returned: its tensors with the names that they come under, which of them is the loss and which the result."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor

_DEPTH = 6
_BEST_NAMES = (re.compile(r"logit", re.I), re.compile(r"^(out|output|outputs|pred|prediction|predictions|scores?|recon\w*|sample)$", re.I))


def labelled(value: Any) -> list[tuple[str, Tensor]]:
    """The tensors in a value, each with the key, attribute or index that leads to it: `("logits", …)`, `("0", …)`."""
    return list(_labelled(value, "", 0))


def _labelled(value: Any, label: str, depth: int) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield label, value
    elif depth < _DEPTH:
        for key, part in _parts(value):
            yield from _labelled(part, f"{label}.{key}" if label else key, depth + 1)


def _parts(value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [(str(key), part) for key, part in value.items()]
    if isinstance(value, (list, tuple)):
        return zip(getattr(value, "_fields", map(str, range(len(value)))), value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(f.name, getattr(value, f.name, None)) for f in dataclasses.fields(value)]
    return []


def floats(value: Any) -> list[tuple[str, Tensor]]:
    """The floating tensors, without those that no gradient reaches where one reaches others."""
    found = [(label, t) for label, t in labelled(value) if t.is_floating_point()]
    return [(label, t) for label, t in found if t.requires_grad] or found


def result_of(value: Any) -> tuple[str, Tensor] | None:
    """The tensor that the model is for: the one called logits or output, else the first."""
    found = [(label, t) for label, t in floats(value) if t.ndim]
    for best in _BEST_NAMES:
        for label, tensor in found:
            if best.search(label.rpartition(".")[2]):
                return label, tensor
    return found[0] if found else None


def own_loss(value: Any, has_targets: bool) -> tuple[str, Tensor] | None:
    """The loss that a model computes itself, under the name that it is returned as.

    A number called a loss is one, or the sum of all that are called so. One without a name, as in `return logits, loss`, is taken for
    the loss where `forward()` was given targets or returns nothing else: it may be a penalty that is to be added to the loss.
    """
    numbers = [(label, t) for label, t in floats(value) if not t.ndim]
    named = [(label, t) for label, t in numbers if "loss" in label.lower()]
    if named:
        alone = [(label, t) for label, t in named if label.lower() == "loss"]
        return alone[0] if alone else (" + ".join(label for label, _ in named), sum((t for _, t in named[1:]), named[0][1]))
    if numbers and (has_targets or len(numbers) == len(floats(value))):
        return numbers[-1]
    return None
