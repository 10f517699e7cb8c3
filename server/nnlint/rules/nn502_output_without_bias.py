"""# output-without-bias (NN502)

The output layer has `bias=False`, so the model cannot express a base rate or an offset of its target by itself.

## Why

The bias of the output layer holds what is true before any input is seen: how rare a class is, where a regression target lies. Layers
followed by a normalization lose nothing by `bias=False`, and so the habit (or a helper function that sets it) spreads to the last
layer, which has nothing after it that could make up for it.

- With labels 95 to 5 and uninformative features, a linear classifier reaches a loss of 0.203 with a bias and stays at 0.692, that of
  guessing, without.
- A regression whose targets lie far from zero has to build the offset from its features, which costs capacity and time.
- A detection head starts with far too many positives; the usual cure, a bias initialized to the prior, is not possible.

With balanced classes and a wide last layer the harm can be too small to see. That is why this is information, not a warning.

## Bad

```python
import torch.nn as nn


class ChurnClassifier(nn.Module):
    def __init__(self, num_features, hidden):
        super().__init__()
        self.fc1 = nn.Linear(num_features, hidden, bias=False)
        self.norm = nn.BatchNorm1d(hidden)
        self.act = nn.ReLU()
        self.out = nn.Linear(hidden, 1, bias=False)
        #          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ NN502

    def forward(self, x):
        h = self.act(self.norm(self.fc1(x)))
        return self.out(h).squeeze(-1)
```

## Good

```python
import torch.nn as nn


class ChurnClassifier(nn.Module):
    def __init__(self, num_features, hidden):
        super().__init__()
        self.fc1 = nn.Linear(num_features, hidden, bias=False)
        self.norm = nn.BatchNorm1d(hidden)
        self.act = nn.ReLU()
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        h = self.act(self.norm(self.fc1(x)))
        return self.out(h).squeeze(-1)
```

## When it stays silent

- The weight is tied to an embedding, or the layer projects to a vocabulary: language models leave this bias out, and a token's
  frequency is learned elsewhere.
- The output is normalized or compared: `F.normalize`, cosine similarity, margin heads such as ArcFace, contrastive projections,
  a normalization layer after the last layer.
- Another learned term is added to the output, such as the thresholds of an ordinal regression.
- The layer is not the output of a model: the output projection of an attention block, the last layer of a block that others build on.
- `bias` is decided by an expression.

## Fix safety

The fix removes `bias=False`. It is unsafe: the model gains a parameter, so that an older checkpoint lacks the key `….bias` and no
longer loads strictly (a bias of zeros computes what the old model did), and later layers draw other initial weights from the same
seed.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.explanation import short_name
from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.outputs import outputs_without_bias
from nnlint.findings import Applicability, Finding, Fix, Related, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="output-without-bias", severity=Severity.INFO, on_by_default=True)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for output in outputs_without_bias(graph):
        edits = graph.remove_argument(output.site, "bias", "True")
        call = output.call.site
        yield Finding(
            code="NN502",
            name=RULE.name,
            message=f"the output layer `{short_name(output.layer.target)}` has no bias: the model cannot express an offset of its target",
            path=output.site.path,
            span=graph.span(output.site),
            severity=RULE.severity,
            fixes=(Fix("remove bias=False (unsafe: the state_dict gains a bias)", Applicability.UNSAFE, edits),) if edits else (),
            related=(Related(call.path, graph.span(call), "its result is what the model returns"),) if call is not None else (),
        )
