"""# double-softmax (NN406)

A softmax runs over probabilities that another softmax has made along the same axis.

## Why

The second softmax sees numbers between 0 and 1, and hardly tells them apart. The order stays, so that accuracy shows nothing, but
the probabilities are squeezed towards each other: none of C classes can exceed e / (e + C − 1). A model that is certain says 0.731 of 2
classes, 0.405 of 5 and 0.232 of 10 (measured). Thresholds, calibration, expected values and averages over models are wrong; a loss
behind it trains through two softmaxes.

As a rule the model's `forward()` ends with a softmax already, and the code that calls it applies another.

## Bad

```python
import torch.nn as nn
import torch.nn.functional as F


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(32, 5)

    def forward(self, features):
        return F.softmax(self.out(features), dim=-1)


def confidence(features):
    model = Classifier().eval()
    probabilities = F.softmax(model(features), dim=-1)
    #               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ NN406
    return probabilities.amax(dim=-1)
```

## Good

```python
import torch.nn as nn
import torch.nn.functional as F


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(32, 5)

    def forward(self, features):
        return F.softmax(self.out(features), dim=-1)


def confidence(features):
    model = Classifier().eval()
    probabilities = model(features)
    return probabilities.amax(dim=-1)
```

## When it stays silent

- The two run over different axes, as in co-attention.
- The probabilities are changed in between: masked, selected by `topk`, scaled by a temperature, mapped by a layer.
- `log_softmax` of `log_softmax`, which changes nothing.
- One of the two goes into a loss that expects logits: NN401 and NN402 say so there, and the one to remove is another.

## Fix safety

The fix removes the outer softmax. It is unsafe: it changes the numbers, which is its purpose.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from nnlint.dataflow.explanation import layer_label
from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.kinds.misuse import DoubleSoftmax
from nnlint.dataflow.kinds.remedies import unwrap
from nnlint.dataflow.kinds.reports import places_of
from nnlint.findings import Applicability, Finding, Fix, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="double-softmax", severity=Severity.WARNING, on_by_default=True)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for double in graph.misuses.double_softmaxes:
        outer, inner = layer_label(double.nodes[0]), layer_label(double.inner[0])
        yield Finding(
            code="NN406",
            name=RULE.name,
            message=f"`{outer}` of a `{inner}` over the same axis: {_ceiling_words(double)}",
            path=double.place.site.path,
            span=graph.span(double.place.site),
            severity=RULE.severity,
            fixes=tuple(_fixes(graph, double, outer)),
            related=places_of(graph, double.inner, "the probabilities come from this `{name}`"),
        )


def _ceiling_words(double: DoubleSoftmax) -> str:
    classes = double.classes
    if classes is None or classes < 2:
        return "the probabilities are squeezed together"
    return f"no probability can exceed {math.e / (math.e + classes - 1):.3f} for {classes:,} classes"


def _fixes(graph: ProjectGraph, double: DoubleSoftmax, outer: str) -> Iterator[Fix]:
    edits = None if outer.lower().startswith("log") else unwrap(graph, double.place)
    if edits is not None:
        yield Fix(f"remove the outer {outer} (unsafe: the probabilities change)", Applicability.UNSAFE, edits)
