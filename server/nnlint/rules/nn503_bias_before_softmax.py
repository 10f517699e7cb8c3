"""# bias-before-softmax (NN503)

A layer's bias is cancelled by a softmax: it adds the same number to everything that the softmax compares.

## Why

`softmax(z + c) = softmax(z)` for every number `c`: only differences count. A bias that reaches the softmax as one number for all
positions that it runs over therefore changes nothing.

- The keys of attention: a query `q` scores a key `k + b` with `q·k + q·b`, and `q·b` is the same number for every key. The bias of
  the key projection moves all scores of a query alike and leaves the attention weights as they are. With random weights, in float64,
  moving this bias changes the output by 4e-16 of its size.
- The last layer of a scoring network whose scores go through a softmax over the positions, as in attention pooling, additive
  attention or a context mask: its bias is added to every score.

The biases of queries and values do count, and so does the bias of a classifier, whose softmax runs over the classes.

This is no mistake that hurts: it is off by default, and is of use where every parameter costs, or where a bias is being looked at
as if it meant something.

## Bad

```python
import torch.nn as nn


class SelfAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        #          ^^^^^^^^^^^^^^^^^^^ NN503
        self.value = nn.Linear(dim, dim)

    def forward(self, x):
        b, n, c = x.shape
        q = self.query(x).view(b, n, self.heads, c // self.heads).transpose(1, 2)
        k = self.key(x).view(b, n, self.heads, c // self.heads).transpose(1, 2)
        v = self.value(x).view(b, n, self.heads, c // self.heads).transpose(1, 2)
        weights = (q @ k.transpose(-2, -1) * (c // self.heads) ** -0.5).softmax(dim=-1)
        return (weights @ v).transpose(1, 2).reshape(b, n, c)
```

## Good

```python
import torch.nn as nn


class SelfAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim, bias=False)
        self.value = nn.Linear(dim, dim)

    def forward(self, x):
        b, n, c = x.shape
        q = self.query(x).view(b, n, self.heads, c // self.heads).transpose(1, 2)
        k = self.key(x).view(b, n, self.heads, c // self.heads).transpose(1, 2)
        v = self.value(x).view(b, n, self.heads, c // self.heads).transpose(1, 2)
        weights = (q @ k.transpose(-2, -1) * (c // self.heads) ** -0.5).softmax(dim=-1)
        return (weights @ v).transpose(1, 2).reshape(b, n, c)
```

## When it stays silent

- The keys pass a rotation (rotary embeddings), a normalization or an activation before they meet the queries: then `q·b` differs
  from key to key, or is no sum any more.
- One layer makes queries, keys and values together (`nn.Linear(dim, 3 * dim)`): a third of its bias is without effect, the rest counts.
- The scores, or the keys, are used for something else as well.
- Nobody can see what computes the attention.

## Fix safety

The fix inserts `bias=False`, or rewrites a bias argument that is there. It is unsafe: the key `….bias` disappears from the
`state_dict`, so that an older checkpoint no longer loads strictly (dropping the key from it is exact), and later layers draw other
initial weights from the same seed. It is withheld where `bias-before-norm` (NN501) withholds it.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.bias_removal import report
from nnlint.dataflow.graph import ProjectGraph
from nnlint.findings import Finding, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="bias-before-softmax", severity=Severity.HINT, on_by_default=False)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for bias in graph.redundant_biases:
        if bias.trace.is_by_softmax:
            yield report(graph, bias, "NN503", RULE.name, RULE.severity, "by {norm}")
