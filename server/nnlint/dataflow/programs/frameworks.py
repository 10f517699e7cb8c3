"""Frameworks that run the training loop: what they do for their users is nobody's mistake."""

from __future__ import annotations

from nnlint.dataflow.programs.trace import Kind, Run, events_in
from nnlint.semantics.definitions import ClassDefinition
from nnlint.syntax import lowered as low

_MANAGED_BASES = frozenset({
    "LightningModule", "LightningDataModule", "Trainer", "Seq2SeqTrainer", "SFTTrainer", "Learner", "Callback", "ComposerModel", "Runner",
    "NeuralNet", "NeuralNetClassifier", "NeuralNetRegressor",
})  # fmt: skip


def trains_for_you(run: Run) -> bool:
    """Whether a run is a method that a framework calls, at its own times, and runs no backward of its own."""
    owner = None if run.definition is None else run.definition.owner
    if owner is None or not is_managed(owner):
        return False
    return not any(event.kind in (Kind.BACKWARD,) for event in events_in(run.trace))


def is_managed(owner: ClassDefinition) -> bool:
    return any(_last(argument.value) in _MANAGED_BASES for argument in owner.arguments)


def _last(node: low.Node) -> str:
    match node:
        case low.Name(id=name) | low.Attribute(name=name):
            return name
        case low.Subscript(value=value):
            return _last(value)
        case _:
            return ""
