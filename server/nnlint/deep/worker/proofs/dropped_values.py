"""NN204: does dropout drop in evaluation mode, or never drop at all?"""

from __future__ import annotations

import torch

from ..messages import CONFIRMED, NO_ANSWER, REFUTED, Question, Verdict
from ..running.outputs import relative_change
from ..running.tracing import Event
from ..running.trial import Trial

_REVERSED = "alpha_dropout"


def prove(question: Question, trial: Trial) -> Verdict:
    """The verdict by what the call does to its input in evaluation mode, and what two such runs return."""
    training = [event for event in trial.trace.at(question.place) if _is_dropout(event)]
    with trial.evaluating():
        evaluation = [event for event in trial.traced().at(question.place) if _is_dropout(event)]
        apart = relative_change(trial.outputs(), trial.outputs(seed_offset=1))
    if not training and not evaluation:
        return Verdict(question.id, NO_ANSWER, "the dropout does not run in this model")
    share = max(map(_changed_share, evaluation), default=0.0)
    if share > 0:
        message = f"in evaluation mode it still changes {share:.0%} of its input: two runs of the model differ by {apart:.2g} relative"
        return Verdict(question.id, CONFIRMED, message, {"changed in evaluation": share, "max |Δ| of two evaluations": apart})
    if training and all(_changed_share(event) == 0 for event in training) and any(_REVERSED in event.name for event in training):
        return Verdict(question.id, CONFIRMED, "in training mode it changes nothing: it never drops", {"changed in training": 0.0})
    message = f"in evaluation mode it changes nothing, and two runs of the model differ by {apart:.2g} relative"
    return Verdict(question.id, REFUTED, message, {"changed in evaluation": share, "max |Δ| of two evaluations": apart})


def _is_dropout(event: Event) -> bool:
    return "dropout" in event.name or event.name == "scaled_dot_product_attention"


def _changed_share(event: Event) -> float:
    """The share of numbers that come out otherwise than they went in; of attention, those that come out otherwise without dropout."""
    if not event.inputs or not event.outputs or not event.outputs[0].numel():
        return 0.0
    expected, output = event.inputs[0] if event.given is None else event.given, event.outputs[0]
    if event.name == "scaled_dot_product_attention":
        kwargs = {**event.kwargs, "dropout_p": 0.0}
        expected = torch.nn.functional.scaled_dot_product_attention(*event.args[:4], **kwargs)
    if expected.shape != output.shape:
        return 0.0
    return float((~torch.isclose(expected, output, rtol=1e-9, atol=0.0)).double().mean())
