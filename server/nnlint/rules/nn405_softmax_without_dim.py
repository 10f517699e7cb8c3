"""# softmax-without-dim (NN405)

`softmax`, `log_softmax` or `softmin` is not told which axis sums to one, and takes one by the number of axes.

## Why

Without `dim`, torch takes axis 0 of a tensor with one or three axes, and axis 1 of all others. For a batch of sequences `(B, T, C)`
that is the batch: the samples of a batch then share one unit of probability, so that what is predicted for one depends on the others,
and for a batch of one every "probability" is 1.0. A layer that is right for `(B, C)` becomes wrong when an axis is added, and nothing
fails. The choice is deprecated: torch warns of it at run time, once, in a line of text that training logs bury.

## Bad

```python
import torch.nn as nn
import torch.nn.functional as F


class Attention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)

    def forward(self, x):
        scores = self.query(x) @ self.key(x).transpose(-2, -1)
        return F.softmax(scores) @ x
        #      ^^^^^^^^^^^^^^^^^ NN405
```

## Good

```python
import torch.nn as nn
import torch.nn.functional as F


class Attention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)

    def forward(self, x):
        scores = self.query(x) @ self.key(x).transpose(-2, -1)
        return F.softmax(scores, dim=-1) @ x
```

## When it stays silent

- `dim` is given, by name or position, or may come in through `*args` or `**kwargs`.
- `torch.softmax`, `torch.log_softmax` and the methods of tensors: they fail without `dim`.
- `F.gumbel_softmax` and `nn.Softmax2d`, which have an axis of their own.

## Fix safety

Where the number of axes is proved, a fix writes the axis that is taken today: it is safe, and makes visible what is computed. For
three axes, and where their number is not known, another fix writes `dim=-1`, the likely intention; it is unsafe, since it may compute
something else.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.softmax_axes import SoftmaxWithoutAxis, softmaxes_without_axis
from nnlint.findings import Applicability, Finding, Fix, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="softmax-without-dim", severity=Severity.WARNING)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for softmax in softmaxes_without_axis(graph):
        yield Finding(
            code="NN405",
            name=RULE.name,
            message=_message(graph.callee_text(softmax.site), softmax),
            path=softmax.site.path,
            span=graph.span(softmax.site),
            severity=RULE.severity,
            fixes=tuple(_fixes(graph, softmax)),
        )


def _message(name: str, softmax: SoftmaxWithoutAxis) -> str:
    if softmax.axis is None:
        return f"`{name}` without `dim` takes axis 0 of a tensor with one or three axes, and axis 1 of others"
    if softmax.rank == 3:
        return f"`{name}` without `dim` takes axis 0 of the three: where that is the batch, over its samples"
    return f"`{name}` without `dim` takes axis {softmax.axis} here, by a choice that is deprecated"


def _fixes(graph: ProjectGraph, softmax: SoftmaxWithoutAxis) -> Iterator[Fix]:
    if softmax.axis is not None:
        edits = graph.set_argument(softmax.site, "dim", str(softmax.axis), softmax.target)
        yield Fix(f"write dim={softmax.axis}, the axis that is taken today", Applicability.SAFE, edits)
    if softmax.rank in (3, None):
        edits = graph.set_argument(softmax.site, "dim", "-1", softmax.target)
        yield Fix("write dim=-1, the last axis (unsafe: it may compute something else)", Applicability.UNSAFE, edits)
