"""Does the training start where a model that knows nothing should stand?"""

from __future__ import annotations

import math

import torch

from .losses import Objective
from .outcome import FAIL, PASS, WARN, Outcome, not_applicable
from .subject import Subject

TITLE = "Initial loss"

# How far above the loss of a model that knows nothing the training may start: absolute; relative to that loss, for classes and for numbers.
_SLACK = 0.1
_TOLERATED, _TOO_MUCH = 0.25, 4.0
_TOLERATED_OF_NUMBERS, _TOO_MUCH_OF_NUMBERS = 1.5, 9.0
_CURE = "scale down the initial weights of the last layer, or normalize what goes into it; a bias of the last layer can hold the base rate"


def check(subject: Subject, objective: Objective) -> Outcome:
    """Compares the first loss, averaged over targets that have nothing to do with the input, with that of a model that knows nothing."""
    with subject.borrowed(), torch.no_grad():
        returned = subject.call()
        loss = float(objective.loss(returned))
        if objective.expected is None:
            return _without_expectation(loss, objective)
        average = float(objective.expected.uninformed(returned))
    expected, words = objective.expected.value, objective.expected.words
    numbers = {"initial loss": average, "expected loss": expected}
    if not math.isfinite(average):
        return Outcome(
            FAIL, f"The first loss is {average}.", "look for a division by zero, a logarithm of zero or an overflow in forward()", numbers
        )
    of_numbers = words.startswith("the variance")
    tolerated, too_much = (_TOLERATED_OF_NUMBERS, _TOO_MUCH_OF_NUMBERS) if of_numbers else (_TOLERATED, _TOO_MUCH)
    excess = average - expected
    tail = f"a model that knows nothing has {expected:.4g} ({words})"
    if excess <= _SLACK + tolerated * expected:
        return Outcome(PASS, f"The first loss is {average:.4g}; {tail}.", numbers=numbers)
    status = FAIL if excess > too_much * expected + _SLACK else WARN
    sentence = f"The first loss is {average:.4g}, {average / expected:.2g} times as much as it should be: {tail}."
    return Outcome(status, sentence, _CURE, numbers)


def _without_expectation(loss: float, objective: Objective) -> Outcome:
    numbers = {"initial loss": loss}
    if not math.isfinite(loss):
        return Outcome(
            FAIL, f"The first loss is {loss}.", "look for a division by zero, a logarithm of zero or an overflow in forward()", numbers
        )
    sentence = f"The first loss is {loss:.4g}. What it should be is not known of {objective.name}; for C classes it is ln C."
    return Outcome(not_applicable("").status, sentence, numbers=numbers)
