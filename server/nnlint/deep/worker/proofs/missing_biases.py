"""NN502: would a bias of the output layer give the model an offset that it cannot express today?"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ..messages import CONFIRMED, NO_ANSWER, REFUTED, Question, Verdict
from ..running.flows import flow_from
from ..running.trial import Trial, shifted
from .cancelled_biases import UNCHANGED, layers_at

_SIZE = 0.5


def prove(question: Question, trial: Trial) -> Verdict:
    """The verdict by giving the layer the bias that it lacks, and shifting it."""
    layers = [layer for layer in layers_at(question.place, trial) if layer.bias is None]
    if not layers:
        return Verdict(question.id, NO_ANSWER, "the model that was run has no layer without a bias that this call constructs")
    layer = layers[0]
    flow = flow_from(trial.trace, layer)
    if flow.absorbed_by and not all(event.name.endswith("softmax") for event in flow.absorbed_by):
        return Verdict(question.id, REFUTED, f"its output is normalized: it goes to {flow.absorbed_by[0].words}")
    with _biased(layer):
        moved = trial.change_with([layer.bias], _SIZE)
        if moved <= UNCHANGED:
            return Verdict(question.id, REFUTED, "a bias of this layer would change no output", {"max |Δ|": moved})
        with shifted([layer.bias], _SIZE):
            with_bias = trial.outputs()
    rival = _rival(trial, layer, with_bias)
    if rival is not None:
        return Verdict(question.id, REFUTED, f"`{rival}` shifts the outputs by a constant already, as a bias of this layer would")
    message = f"a bias of it would move the outputs (max |Δ| {moved:.2g} relative), and no parameter of the model is such an offset today"
    return Verdict(question.id, CONFIRMED, message, {"max |Δ| with a bias": moved})


@contextlib.contextmanager
def _biased(layer: Any) -> Iterator[None]:
    """The layer with a bias of zeros."""
    size = layer.weight.shape[1] * layer.groups if getattr(layer, "transposed", False) else layer.weight.shape[0]
    layer.bias = nn.Parameter(torch.zeros(size, dtype=layer.weight.dtype))
    try:
        yield
    finally:
        layer.bias = None


def _rival(trial: Trial, layer: Any, with_bias: list[Tensor]) -> str | None:
    """The name of a parameter that adds a constant to just those outputs that the bias would move."""
    moved = [index for index, (a, b) in enumerate(zip(trial.baseline, with_bias)) if not torch.equal(a, b)]
    own = {id(p) for p in layer.parameters()}
    for name, parameter in trial.model.named_parameters():
        if id(parameter) in own or not 1 <= parameter.numel() <= layer.weight.shape[0]:
            continue
        with shifted([parameter], _SIZE):
            outputs = trial.outputs()
        if all(_is_offset(trial.baseline[index], outputs[index]) for index in moved):
            return name
    return None


def _is_offset(before: Tensor, after: Tensor) -> bool:
    """Whether two outputs differ, and by the same for every sample."""
    if before.dim() < 2 or before.shape != after.shape:
        return False
    gap = after - before
    scale = float(before.abs().max()) + 1e-30
    return float(gap.abs().max()) > UNCHANGED * scale and float((gap - gap[:1]).abs().max()) <= UNCHANGED * scale
