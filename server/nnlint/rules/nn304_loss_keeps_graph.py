"""# loss-keeps-graph (NN304)

A loss is added to a running total, or put into a list, together with the graph that it was computed by.

## Why

A tensor that needs gradients remembers how it was computed. `total_loss += loss` makes the total remember every iteration: after 200
iterations the total is the end of a chain of 200 additions, and none of the losses behind it can be freed. After `backward()` that is
a slow leak of memory, and where the graph was kept, or `backward()` comes only now and then, it is all activations of all iterations.
It ends in an out-of-memory error late in an epoch, far from its cause. PyTorch's FAQ has it first: "Don't accumulate history across
your training loop."

## Bad

```python
import torch.nn.functional as F


def train_one_epoch(model, loader, optimizer):
    total_loss = 0.0
    for inputs, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        total_loss += loss
      # ^^^^^^^^^^^^^^^^^^ NN304
    return total_loss / len(loader)
```

## Good

```python
import torch.nn.functional as F


def train_one_epoch(model, loader, optimizer):
    total_loss = 0.0
    for inputs, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        total_loss += loss.detach()
    return total_loss / len(loader)
```

## When it stays silent

- `.item()`, `.detach()`, `.data` or `float()` is on the way, or gradients are not recorded there.
- The total, or what is computed from it, is backpropagated itself: several losses of one iteration, truncated backpropagation
  through time, the rewards of an episode.
- The total is set anew, emptied or detached in the same loop.
- What is added was not seen to be backpropagated, as itself or as a term of a sum.

## Fix safety

`.detach()` is safe: the numbers are the same, and nothing waits for the device. `.item()` makes Python numbers of them and is unsafe:
the total is no tensor any more, and each call waits until the device is done.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.kept_graphs import KeptGraph, kept_graphs
from nnlint.findings import Applicability, Finding, Fix, Related, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="loss-keeps-graph", severity=Severity.WARNING)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for kept in kept_graphs(graph):
        does = "collects the losses" if kept.is_collected else "adds up the losses"
        yield Finding(
            code="NN304",
            name=RULE.name,
            message=f"`{kept.place}` {does} of all iterations with their graphs, which can never be freed",
            path=kept.site.path,
            span=graph.span(kept.site),
            severity=RULE.severity,
            fixes=tuple(_fixes(graph, kept)),
            related=(Related(kept.backward.path, graph.span(kept.backward), "the loss is backpropagated here"),),
        )


def _fixes(graph: ProjectGraph, kept: KeptGraph) -> Iterator[Fix]:
    detached, number = (graph.append(kept.addend, suffix, kept.part) for suffix in (".detach()", ".item()"))
    if detached is not None:
        yield Fix("add .detach()", Applicability.SAFE, detached)
    if number is not None:
        yield Fix("add .item() (unsafe: the total becomes a Python number)", Applicability.UNSAFE, number)
