"""NN406: does the softmax run over what already sums to one along its axis?"""

from __future__ import annotations

from torch import Tensor

from ..messages import CONFIRMED, NO_ANSWER, REFUTED, Question, Verdict
from ..running.tracing import Event
from ..running.trial import Trial
from .loss_inputs import sums_to_one

_EXACT = 1e-6
_NAMES = frozenset({"softmax", "log_softmax"})


def prove(question: Question, trial: Trial) -> Verdict:
    """The verdict by the very numbers that go into the outer softmax."""
    events = [event for event in trial.trace.at(question.place) if event.name in _NAMES and event.inputs]
    if not events:
        return _outside(question, trial)
    event = events[-1]  # of nested calls on one line the outer one comes last
    given, dim = event.inputs[0], _axis(event)
    deviation = float((given.sum(dim) - 1).abs().max())
    if deviation < _EXACT and bool((given >= 0).all()):
        largest = float(event.outputs[0].max()) if event.name == "softmax" else float(event.outputs[0].exp().max())
        message = f"its input sums to one over dim {dim} already (deviation {deviation:.0e}); no probability above {largest:.2f} is left"
        return Verdict(question.id, CONFIRMED, message, {"deviation from 1": deviation, "largest probability": largest})
    message = f"its input does not sum to one over dim {dim}: the sums differ from 1 by up to {deviation:.2g}"
    return Verdict(question.id, REFUTED, message, {"deviation from 1": deviation})


def _outside(question: Question, trial: Trial) -> Verdict:
    """The verdict on a softmax that is applied to what the model returns, where the inner one runs in the model."""
    runs_inside = any(event.name in _NAMES for place in question.related for event in trial.trace.at(place))
    if runs_inside:
        with trial.evaluating():
            outputs = [o for o in trial.outputs() if o.is_floating_point()]
        dim, deviation = min((sums_to_one(o) for o in outputs), key=lambda found: found[1], default=(0, 1.0))
        if deviation < _EXACT:
            message = f"what the model returns sums to one over dim {dim} already (deviation {deviation:.0e})"
            return Verdict(question.id, CONFIRMED, message, {"deviation from 1": deviation})
    return Verdict(question.id, NO_ANSWER, "the softmax does not run in this model")


def _axis(event: Event) -> int:
    """The axis of a call of softmax, by what it was given or, without `dim`, by what its result sums to one over."""
    dim = event.kwargs.get("dim", event.args[1] if len(event.args) > 1 else None)
    if isinstance(dim, int):
        return dim
    output: Tensor = event.outputs[0] if event.name == "softmax" else event.outputs[0].exp()
    return min(range(output.dim()), key=lambda axis: float((output.sum(axis) - 1).abs().max()))
