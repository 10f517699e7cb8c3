"""# sigmoid-before-bce-with-logits (NN402)

The result of a sigmoid goes into a loss that takes logits, so that a sigmoid is applied twice.

## Why

`nn.BCEWithLogitsLoss`, `F.binary_cross_entropy_with_logits` and `nn.MultiLabelSoftMarginLoss` apply a sigmoid to what they are given. The
sigmoid of a number between 0 and 1 lies between 0.5 and 0.731:

- The loss cannot fall below 0.313 for positives (−ln σ(1)) and 0.693 for negatives (−ln(1 − σ(0))), measured with torch. A model that is
  right about everything looks, on negatives, like one that guesses.
- The gradient goes through two sigmoids and vanishes where the model is sure, also where it is wrong.

The name of the loss says "with logits" for this reason: the sigmoid inside it is computed in a way that cannot overflow.

## Bad

```python
import torch
import torch.nn as nn


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(300, 64)
        self.tags = nn.Linear(64, 20)
        self.criterion = nn.BCEWithLogitsLoss()

    def forward(self, features, labels):
        scores = torch.sigmoid(self.tags(torch.relu(self.encoder(features))))
        #        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ NN402
        return self.criterion(scores, labels)
```

## Good

```python
import torch
import torch.nn as nn


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(300, 64)
        self.tags = nn.Linear(64, 20)
        self.criterion = nn.BCEWithLogitsLoss()

    def forward(self, features, labels):
        scores = self.tags(torch.relu(self.encoder(features)))
        return self.criterion(scores, labels)
```

## When it stays silent

- The sigmoid is used for metrics, thresholds or a Dice term, and the loss gets the logits.
- The sigmoid is a gate or an attention weight: what it is multiplied with decides.
- Sigmoids are the *target* of the loss, which is never looked at.
- On some way to the call the value is raw or unknown, or the criterion is one of several of which not all expect logits.

## Fix safety

The fix leaves the sigmoid out. It is unsafe: where the sigmoid is in `forward()`, whoever calls the model gets logits from then
on, and has to apply the sigmoid where probabilities are wanted. It is offered only where nothing else computes with them. Where each
use of the criterion agrees, a second fix keeps the sigmoid and changes the loss to `BCELoss`.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.kinds.losses import Misuse
from nnlint.dataflow.kinds.remedies import change_loss
from nnlint.dataflow.kinds.reports import Blame, blamed
from nnlint.findings import Applicability, Finding, Fix, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="sigmoid-before-bce-with-logits", severity=Severity.WARNING, on_by_default=True)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for blame in blamed(graph, (Misuse.BOUNDED_LOGITS,)):
        yield Finding(
            code="NN402",
            name=RULE.name,
            message=f"{blame.words}: the loss cannot fall below 0.313 for positives and 0.693 for negatives",
            path=blame.site.path,
            span=graph.span(blame.site),
            severity=RULE.severity,
            fixes=(*blame.removal(graph), *_other_loss(graph, blame)),
            related=blame.related(graph),
        )


def _other_loss(graph: ProjectGraph, blame: Blame) -> Iterator[Fix]:
    """The fix that keeps the sigmoid, where no other one reaches a loss that it changes."""
    loss = blame.losses[0]
    edits = change_loss(graph, loss, "BCELoss", "binary_cross_entropy") if blame.is_whole(graph) else None
    if edits is not None and "pos_weight" not in loss.node.arguments:
        yield Fix("use the loss of probabilities (unsafe: the loss becomes another one)", Applicability.UNSAFE, edits)
