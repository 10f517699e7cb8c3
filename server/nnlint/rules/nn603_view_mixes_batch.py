"""# view-mixes-batch (NN603)

`view` or `reshape` makes rows that hold elements of several samples, or several rows of one sample: samples flow into one another.

## Why

A network is trained on the belief that row `i` of every tensor belongs to sample `i`. `view` does not know about samples: it cuts the
elements in the order of memory. Where the batch is not the first axis, or the rest of a sample does not fill a row, the rows stop
being samples, and nothing raises.

- The last state of an LSTM is `(layers * directions, batch, features)`, with `batch_first=True` as well. `h_n.view(batch, -1)` of a
  bidirectional one gives the first half of the rows the forward states of two samples each, and no backward state at all.
- `view(-1, 16 * 5 * 5)` of a map of 16 channels that turned out as 10 by 10 makes 12 rows of 3 samples.
- `logits.reshape(-1, classes)` of `(batch, classes, height, width)` makes rows that are pieces of one class's map, not the classes of
  one pixel.

## Bad

```python
import torch.nn as nn


class Tagger(nn.Module):
    def __init__(self, words, dim, hidden, tags):
        super().__init__()
        self.embed = nn.Embedding(words, dim)
        self.lstm = nn.LSTM(dim, hidden, batch_first=True, bidirectional=True)
        self.classify = nn.Linear(2 * hidden, tags)

    def forward(self, tokens):
        outputs, (last, _) = self.lstm(self.embed(tokens))
        return self.classify(last.view(tokens.size(0), -1))
        #                         ^^^^^^^^^^^^^^^^^^^^^^^^ NN603
```

## Good

```python
import torch.nn as nn


class Tagger(nn.Module):
    def __init__(self, words, dim, hidden, tags):
        super().__init__()
        self.embed = nn.Embedding(words, dim)
        self.lstm = nn.LSTM(dim, hidden, batch_first=True, bidirectional=True)
        self.classify = nn.Linear(2 * hidden, tags)

    def forward(self, tokens):
        outputs, (last, _) = self.lstm(self.embed(tokens))
        return self.classify(last.transpose(0, 1).reshape(tokens.size(0), -1))
```

## When it stays silent

- Nothing says which axis is the batch: it is known where a layer takes an axis for it (recurrent layers, convolutions, pools).
- The axes in front of the batch have size 1: one layer, one direction.
- The batch is merged with what follows it, as frames folded into the batch (`view(batch * frames, …)`).
- A feature map may have been pooled to one element, so that `view(-1, channels)` is right.
- All axes are named and merely stand in another order: that is `view-as-transpose` (NN601).

## Fix safety

There is no fix: whether the batch has to move, or the layer behind has to be of another size, only the author knows.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.layout.misreadings import Misreading, Mistake
from nnlint.dataflow.layout.wording import call_words, chain, source_words
from nnlint.findings import Finding, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="view-mixes-batch", severity=Severity.WARNING)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for found in graph.misreadings:
        if found.mistake is Mistake.MIXES:
            yield Finding(
                code="NN603",
                name=RULE.name,
                message=_message(graph, found),
                path=found.site.path,
                span=graph.method_span(found.site) or graph.span(found.site),
                severity=RULE.severity,
                related=tuple(chain(graph, found)),
            )


def _message(graph: ProjectGraph, found: Misreading) -> str:
    call, source = call_words(graph, found), source_words(graph, found)
    if found.rows is not None:
        return f"`{call}` makes {found.rows} rows of each sample of {source}: a row is no longer a sample"
    return f"`{call}` lets samples flow into one another: the elements of {source} are not in the order of its rows"
