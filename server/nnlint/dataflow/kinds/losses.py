"""What losses expect as their first argument. Targets are never looked at."""

from __future__ import annotations

from enum import Enum

from nnlint.dataflow.graph import Node
from nnlint.dataflow.kinds.kind import Kind, KindFact
from nnlint.dataflow.transfer.row import argument
from nnlint.dataflow.values import Const, Tensor


class Misuse(Enum):
    """How what a loss is given does not fit it, by the code of the rule that says so."""

    NORMALIZED_CROSS_ENTROPY = "NN401"
    LOG_CROSS_ENTROPY = "NN401, redundant"
    BOUNDED_LOGITS = "NN402"
    NOT_LOG = "NN403"
    UNBOUNDED = "NN404"


# What is cured by leaving a softmax or sigmoid out.
LOGITS_WANTED = frozenset({Misuse.NORMALIZED_CROSS_ENTROPY, Misuse.LOG_CROSS_ENTROPY, Misuse.BOUNDED_LOGITS})

_CROSS_ENTROPY = {
    Kind.PROBABILITY: Misuse.NORMALIZED_CROSS_ENTROPY,
    Kind.UNIT: Misuse.NORMALIZED_CROSS_ENTROPY,
    Kind.LOG_PROBABILITY: Misuse.LOG_CROSS_ENTROPY,
}
_LOGITS = {Kind.PROBABILITY: Misuse.BOUNDED_LOGITS, Kind.UNIT: Misuse.BOUNDED_LOGITS}
_NEGATIVE_LOG_LIKELIHOOD = {Kind.PROBABILITY: Misuse.NOT_LOG, Kind.UNIT: Misuse.NOT_LOG, Kind.RAW: Misuse.NOT_LOG}
_BINARY_CROSS_ENTROPY = {Kind.RAW: Misuse.UNBOUNDED}

_LOSSES: dict[str, dict[Kind, Misuse]] = {
    "torch.nn.CrossEntropyLoss": _CROSS_ENTROPY,
    "torch.nn.functional.cross_entropy": _CROSS_ENTROPY,
    "torch.nn.BCEWithLogitsLoss": _LOGITS,
    "torch.nn.functional.binary_cross_entropy_with_logits": _LOGITS,
    "torch.nn.MultiLabelSoftMarginLoss": _LOGITS,
    "torch.nn.functional.multilabel_soft_margin_loss": _LOGITS,
    "torch.nn.NLLLoss": _NEGATIVE_LOG_LIKELIHOOD,
    "torch.nn.functional.nll_loss": _NEGATIVE_LOG_LIKELIHOOD,
    "torch.nn.BCELoss": _BINARY_CROSS_ENTROPY,
    "torch.nn.functional.binary_cross_entropy": _BINARY_CROSS_ENTROPY,
}
LOSSES = frozenset(_LOSSES)


def scored(node: Node) -> Node | None:
    """The tensor that a loss is asked to judge; `None` where the node is no loss of which the expectation is known."""
    value = node.arguments.get("input")
    return value.node if node.operation in _LOSSES and isinstance(value, Tensor) else None


def misuse_of(node: Node, fact: KindFact | None) -> Misuse | None:
    """How a value of this kind does not fit the loss; `None` where it does, or nobody knows."""
    found = None if fact is None else _LOSSES[node.operation].get(fact.kind)
    # Without a reduction, the negative likelihood loss picks an element for each target: a look-up that many losses are built on.
    return None if found is Misuse.NOT_LOG and argument(node, "reduction") == Const("none") else found
