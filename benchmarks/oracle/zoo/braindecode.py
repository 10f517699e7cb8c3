"""braindecode: its networks for electroencephalography, with the signals that its own list of models asks for."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import torch
from braindecode.models import util

_CHANNEL_NAMES = ("n_chans", "chs_info")


def recipes() -> list[str]:
    return [name for name, *_ in util.models_mandatory_parameters]


def _signal(recipe: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments to the model's class, and the whole of the signal that they describe."""
    required, chosen = next((r, s) for name, r, s in util.models_mandatory_parameters if name == recipe)
    return deepcopy(util._get_signal_params(chosen, required)), deepcopy(util._get_signal_params(chosen))


def build(recipe: str) -> Any:
    arguments, _ = _signal(recipe)
    return util._get_model_class(recipe)(**arguments)


def inputs(model: Any, recipe: str) -> Iterator[tuple[Any, ...]]:
    _, signal = _signal(recipe)
    channels = signal["n_chans"] if "chs_info" not in signal else len(signal["chs_info"])
    for batch in (4, 2):
        yield (torch.randn(batch, channels, signal["n_times"]),)
