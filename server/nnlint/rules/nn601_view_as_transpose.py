"""# view-as-transpose (NN601)

`view` or `reshape` is given the sizes in another order, as if it could swap axes: it only relabels them, and the elements get scrambled.

## Why

`view` and `reshape` never move an element. They cut the same row of numbers into other axes. Only `permute`, `transpose` and their kin
change which element stands where. `x.view(length, batch, dim)` of a `(batch, length, dim)` tensor has the shape that was wanted, raises
nothing, and gives each position the features of another position or another sample.

- With two samples of three positions, position 1 of sample 0 becomes what was position 2 of sample 0, and position 0 of sample 1 what was
  position 1 of sample 0.
- `view(batch, heads, length, dim)` of `(batch, length, heads * dim)` gives head 0 as its "positions" 0, 1, 2 the features of token 0
  that belong to heads 0, 1, 2.
- The network still trains, since enough parameters learn round it, and only gets worse than it ought to be: in the cases that were
  reported the tests had passed.

## Bad

```python
import torch.nn as nn


class SelfAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)

    def scores(self, x):
        batch, length, dim = x.shape
        q = self.query(x).view(batch, self.heads, length, dim // self.heads)
        #                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ NN601
        k = self.key(x).view(batch, length, self.heads, dim // self.heads).transpose(1, 2)
        return q @ k.transpose(-2, -1)
```

## Good

```python
import torch.nn as nn


class SelfAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)

    def scores(self, x):
        batch, length, dim = x.shape
        q = self.query(x).view(batch, length, self.heads, dim // self.heads).transpose(1, 2)
        k = self.key(x).view(batch, length, self.heads, dim // self.heads).transpose(1, 2)
        return q @ k.transpose(-2, -1)
```

## When it stays silent

- Nothing says which axis is which: sizes written as numbers, or sizes that are equal by chance. What counts is where a size comes from
  (`b, t, c = x.shape`, `x.size(0)`, the arguments of a layer).
- The elements are parameters or random numbers, whose order has no meaning yet.
- The rows are put back in their places after something that treats each of them alone.
- A padded matrix is cut anew on purpose, to shift its rows against each other (relative positions in attention).
- One of the axes has size 1, as the last state of a recurrent layer with one layer and one direction.

## Fix safety

The fix writes the permutation that makes this target of the source: `transpose`, or `permute` for more than two axes, behind the view
that splits an axis or before the one that merges some. It is unsafe: the program computes something else, which is the point, and a
network that was trained on scrambled elements has to be trained again. Where no permutation is certain there is no fix.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.layout.misreadings import Mistake
from nnlint.dataflow.layout.wording import call_words, chain, permuting_fix, source_words
from nnlint.findings import Finding, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="view-as-transpose", severity=Severity.WARNING)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for found in graph.misreadings:
        if found.mistake is not Mistake.SWAPS:
            continue
        yield Finding(
            code="NN601",
            name=RULE.name,
            message=f"`{call_words(graph, found)}` swaps no axes: it scrambles the elements of {source_words(graph, found)}",
            path=found.site.path,
            span=graph.method_span(found.site) or graph.span(found.site),
            severity=RULE.severity,
            fixes=tuple(permuting_fix(graph, found)),
            related=tuple(chain(graph, found)),
        )
