"""What a run proves of a finding, one kind of proof a file: each has `prove(question, trial) -> Verdict`.

Questions with a code that is not in the table were not meant for a run.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Callable

from ..messages import Question, Verdict

_PROOFS = {
    "NN204": "dropped_values",
    "NN401": "loss_inputs",
    "NN402": "loss_inputs",
    "NN404": "loss_inputs",
    "NN406": "softmaxes",
    "NN501": "cancelled_biases",
    "NN502": "missing_biases",
    "NN503": "cancelled_biases",
    "NN504": "cancelled_biases",
    "NN601": "views",
    "NN602": "views",
    "NN603": "views",
}


def proof_of(code: str) -> Callable[[Question, Any], Verdict] | None:
    """The proof for a rule's code; `None` where there is none."""
    name = _PROOFS.get(code)
    return None if name is None else import_module("." + name, __name__).prove
