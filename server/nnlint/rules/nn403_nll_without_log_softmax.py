"""# nll-without-log-softmax (NN403)

`NLLLoss` is given raw scores or plain probabilities where it expects log-probabilities.

## Why

The negative log-likelihood loss computes no logarithm: it takes the element at the target's index, and its sign off. What is
given has to be `log_softmax` already.

- On raw scores the loss has no lower bound: the model makes the target's score larger and larger, whatever the others are. A
  linear model was at −11 after 200 steps of SGD and still falling (measured).
- On probabilities the loss lies between −1 and 0, and the gradient does not grow where the model is wrong: it trains, slowly, on
  something else than the likelihood.

A training loss below zero is how this is noticed, if it is.

## Bad

```python
import torch.nn as nn


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(40, 64)
        self.out = nn.Linear(64, 5)
        self.loss = nn.NLLLoss()

    def forward(self, features):
        return self.out(self.hidden(features).tanh())

    def training_step(self, batch):
        features, labels = batch
        scores = self(features)
        return self.loss(scores, labels)
        #      ^^^^^^^^^^^^^^^^^^^^^^^^^ NN403
```

## Good

```python
import torch.nn as nn


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(40, 64)
        self.out = nn.Linear(64, 5)
        self.loss = nn.CrossEntropyLoss()

    def forward(self, features):
        return self.out(self.hidden(features).tanh())

    def training_step(self, batch):
        features, labels = batch
        scores = self(features)
        return self.loss(scores, labels)
```

## When it stays silent

- The input is `log_softmax`, written as a layer, a function, `log(softmax(x))` or `x - x.logsumexp(...)`, or unknown on some way.
- `reduction="none"`: the loss is then used to look elements up, as focal losses do.
- The loss is handed to a trainer that applies the logarithm itself, as skorch does.

## Fix safety

The fix uses the cross-entropy loss, which is `log_softmax` followed by this one, and takes the same arguments. It is unsafe, since it
trains another thing, and offered for raw scores only, where every use of the criterion gets them: probabilities need `log_softmax`
in the place of their `softmax`.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.explanation import layer_label
from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.kinds.kind import Kind
from nnlint.dataflow.kinds.losses import Misuse
from nnlint.dataflow.kinds.misuse import MisusedLoss
from nnlint.dataflow.kinds.remedies import change_loss
from nnlint.dataflow.kinds.reports import origins
from nnlint.findings import Applicability, Finding, Fix, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="nll-without-log-softmax", severity=Severity.WARNING, on_by_default=True)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for loss in graph.misuses.losses:
        if loss.misuse is Misuse.NOT_LOG:
            yield Finding(
                code="NN403",
                name=RULE.name,
                message=f"`{layer_label(loss.node)}` expects log-probabilities, and is given {_words(loss)}",
                path=loss.site.path,
                span=graph.span(loss.site),
                severity=RULE.severity,
                fixes=tuple(_fixes(graph, loss)),
                related=origins(graph, loss),
            )


def _words(loss: MisusedLoss) -> str:
    source = layer_label(loss.sources[0])
    if loss.kind is Kind.RAW:
        return f"raw scores of `{source}`: it has no lower bound"
    return f"the result of `{source}`: it lies between -1 and 0"


def _fixes(graph: ProjectGraph, loss: MisusedLoss) -> Iterator[Fix]:
    edits = None if loss.kind is not Kind.RAW else change_loss(graph, loss, "CrossEntropyLoss", "cross_entropy")
    if edits is not None:
        yield Fix(
            "use the cross-entropy loss, which applies log_softmax (unsafe: the loss becomes another one)", Applicability.UNSAFE, edits
        )
