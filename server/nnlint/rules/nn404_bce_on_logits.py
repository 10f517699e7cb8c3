"""# bce-on-logits (NN404)

`BCELoss` is given raw scores, which nothing keeps between 0 and 1.

## Why

The binary cross-entropy is defined for probabilities. On raw scores torch raises as soon as one lies outside: "all elements of
input should be between 0 and 1" on a CPU, also behind a ReLU (measured); on a GPU it is a device-side assertion that names no line. A
model whose first scores happen to lie inside trains for a while before it does.

`BCEWithLogitsLoss` takes raw scores, and computes sigmoid and logarithm in one step that cannot overflow.

## Bad

```python
import torch.nn as nn


def discriminator_loss(images, is_real):
    discriminator = nn.Sequential(
        nn.Conv2d(3, 64, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(64 * 16 * 16, 1),
    )
    adversarial_loss = nn.BCELoss()
    validity = discriminator(images)
    return adversarial_loss(validity, is_real)
    #      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ NN404
```

## Good

```python
import torch.nn as nn


def discriminator_loss(images, is_real):
    discriminator = nn.Sequential(
        nn.Conv2d(3, 64, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(64 * 16 * 16, 1),
    )
    adversarial_loss = nn.BCEWithLogitsLoss()
    validity = discriminator(images)
    return adversarial_loss(validity, is_real)
```

## When it stays silent

- A sigmoid, softmax, clamp or anything else that may bound the scores stands between the layer and the loss, or something unknown does.
- The loss gets a sigmoid's result at some calls of one place and raw scores at others.

## Fix safety

The fix uses the loss of logits, which takes the same arguments. It is unsafe: what the model returns are logits then, so that
a threshold of 0.5 on them has to become 0, or a sigmoid has to be applied. It is offered only where every use of the criterion gets raw
scores.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.explanation import layer_label
from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.kinds.losses import Misuse
from nnlint.dataflow.kinds.misuse import MisusedLoss
from nnlint.dataflow.kinds.remedies import change_loss
from nnlint.dataflow.kinds.reports import origins
from nnlint.findings import Applicability, Finding, Fix, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="bce-on-logits", severity=Severity.WARNING, on_by_default=True)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for loss in graph.misuses.losses:
        if loss.misuse is Misuse.UNBOUNDED:
            source = layer_label(loss.sources[0])
            yield Finding(
                code="NN404",
                name=RULE.name,
                message=f"`{layer_label(loss.node)}` is given raw scores of `{source}`, and raises where one lies outside [0, 1]",
                path=loss.site.path,
                span=graph.span(loss.site),
                severity=RULE.severity,
                fixes=tuple(_fixes(graph, loss)),
                related=origins(graph, loss),
            )


def _fixes(graph: ProjectGraph, loss: MisusedLoss) -> Iterator[Fix]:
    edits = change_loss(graph, loss, "BCEWithLogitsLoss", "binary_cross_entropy_with_logits")
    if edits is not None:
        title = "use the loss of logits (unsafe: apply a sigmoid, or a threshold of 0, where predictions are used)"
        yield Fix(title, Applicability.UNSAFE, edits)
