"""# view-of-non-contiguous (NN602)

`.view()` is asked to merge axes that do not lie side by side in memory: it raises a `RuntimeError`.

## Why

`permute`, `transpose`, `.T`, slices and `expand` move no element. They change how memory is walked through, and the result is no longer
contiguous. `view` never copies, so it can only merge axes whose elements follow each other in memory; where they do not, torch raises
"view size is not compatible with input tensor's size and stride".

- Most of what is computed element by element (`relu`, `gelu`, `dropout`, `+`, `*`, `.to()`, `clone()`) keeps that order of memory; a
  matrix product, a linear layer, a softmax, `cat`, `stack` or a layer norm lays its result out anew.
- Where one of the sizes happens to be 1 the call works. That is why such code passes a test with one sample, or with one head, and
  fails later.

## Bad

```python
import torch.nn as nn


class SelfAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.project = nn.Linear(dim, dim)

    def forward(self, x):
        batch, length, dim = x.shape
        q, k, v = self.qkv(x).reshape(batch, length, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * (dim // self.heads) ** -0.5).softmax(dim=-1)
        return self.project((weights @ v).transpose(1, 2).view(batch, length, dim))
        #                                                 ^^^^^^^^^^^^^^^^^^^^^^^^ NN602
```

## Good

```python
import torch.nn as nn


class SelfAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.project = nn.Linear(dim, dim)

    def forward(self, x):
        batch, length, dim = x.shape
        q, k, v = self.qkv(x).reshape(batch, length, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * (dim // self.heads) ** -0.5).softmax(dim=-1)
        return self.project((weights @ v).transpose(1, 2).reshape(batch, length, dim))
```

## When it stays silent

- The view only splits axes, or merges some that do lie side by side (`x.transpose(0, 1).view(length, batch, heads, -1)`).
- An axis between is known to have size 1, or may well have: a feature map that was pooled.
- A slice may be the whole axis (`x[:, :limit]`).
- The order of memory is up to the backend: the outputs of a recurrent layer with `batch_first=True`, `nn.MultiheadAttention`,
  `F.scaled_dot_product_attention`.
- The same call takes one axis for another (`view-as-transpose`, NN601) or mixes samples (`view-mixes-batch`, NN603): making it run
  would only hide that.

## Fix safety

The fix replaces `view` by `reshape`. It is safe: where `view` works, `reshape` gives the same view, and where it raises, `reshape`
copies.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.layout.misreadings import Mistake
from nnlint.dataflow.layout.wording import call_words, chain
from nnlint.findings import Applicability, Finding, Fix, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="view-of-non-contiguous", severity=Severity.WARNING)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for found in graph.misreadings:
        if found.mistake is not Mistake.RAISES:
            continue
        edits = graph.rename_method(found.site, "reshape")
        yield Finding(
            code="NN602",
            name=RULE.name,
            message=f"`{call_words(graph, found)}` merges axes that do not lie side by side in memory: it raises, unless one has size 1",
            path=found.site.path,
            span=graph.method_span(found.site) or graph.span(found.site),
            severity=RULE.severity,
            fixes=(Fix("use `reshape`, which copies where it has to", Applicability.SAFE, edits),) if edits else (),
            related=tuple(chain(graph, found)),
        )
