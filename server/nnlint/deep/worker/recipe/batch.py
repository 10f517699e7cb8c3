"""Do the samples of a batch stay apart?"""

from __future__ import annotations

import torch

from .independence import EFFECT, effects
from .losses import Objective
from .outcome import FAIL, PASS, WARN, Outcome, not_applicable
from .subject import Subject
from .weights import norms_to_eval, stir_zeros, without_dropout

TITLE = "Independent samples"

_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.uint8, torch.int8)


def check(subject: Subject, objective: Objective) -> Outcome:
    """Changes one sample of the batch and looks at the results of the others, in eval mode and in train mode with norms in eval mode."""
    batch = subject.batch
    if batch is None:
        return not_applicable("Inputs and result share no axis that could count samples.")
    if any(v.dtype in _INTEGERS and v.ndim and not batch.is_in(v) for v in subject.inputs):
        return not_applicable("An input of integers has no axis for samples: it may say which of them belong together.")
    found = {}
    for training in (False, True):
        with subject.borrowed(training) as model, torch.no_grad(), without_dropout(model):
            stir_zeros(model)
            norms_to_eval(model)
            found["train" if training else "eval"] = effects(subject.call, subject.args, subject.kwargs, batch)
    leaking = [mode for mode, effect in found.items() if effect.others > EFFECT]
    own, others = max(e.own for e in found.values()), max(e.others for e in found.values())
    numbers = {"effect on the sample itself": own, "effect on other samples": others}
    if leaking:
        cure = "look for view and reshape with the batch in another place (NN603), for norms, softmax, mean or flatten over the batch axis"
        return Outcome(FAIL, f"In {' and '.join(leaking)} mode a sample changes the results of others, by {others:.2g}.", cure, numbers)
    if own <= EFFECT:
        return Outcome(WARN, "The result does not depend on the input.", "look for what throws the input away", numbers)
    if batch.is_second_of_two:
        sentence = "What lies along axis 0 is mixed, what lies along axis 1 stays apart: the model takes sequences first, samples second."
        return Outcome(WARN, sentence, "if axis 0 is to count the samples, its layers need batch_first=True", numbers)
    return Outcome(PASS, "No sample changes the result of another, batch statistics of norms aside.", "", numbers)
