"""# missing-eval-mode (NN201)

An evaluation runs while its model is in training mode: nothing calls `model.eval()` before it.

## Why

A module is in training mode from its construction on, until `eval()` is called. In training mode dropout drops, and batch norm
normalizes with the statistics of the batch at hand and moves its running statistics. `torch.no_grad()` changes nothing of that: it
only stops the recording of gradients.

A small classifier with batch norm and dropout, on 2,000 test samples: 94.3 % are right in evaluation mode. In training mode it is
89.4 % with batches of a hundred and 69.8 % with batches of four; two runs over the same data differ by two fifths of the size of the
outputs. And the evaluation trains: one batch of shifted data in training mode, under `no_grad()`, moved the running mean so far that 83 %
were left afterwards, in evaluation mode.

## Bad

```python
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(20, 64)
        self.dropout = nn.Dropout(0.5)
        self.out = nn.Linear(64, 4)

    def forward(self, x):
        return self.out(self.dropout(F.relu(self.hidden(x))))


def accuracy(model, loader):
    correct = 0
    with torch.no_grad():
        for x, y in loader:
            correct += (model(x).argmax(dim=1) == y).sum().item()
            #           ^^^^^^^^ NN201
    return correct / len(loader.dataset)


def main(train_loader, test_loader):
    model = Net()
    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(10):
        model.train()
        for x, y in train_loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        print(accuracy(model, test_loader))
```

## Good

```python
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(20, 64)
        self.dropout = nn.Dropout(0.5)
        self.out = nn.Linear(64, 4)

    def forward(self, x):
        return self.out(self.dropout(F.relu(self.hidden(x))))


def accuracy(model, loader):
    model.eval()
    correct = 0
    with torch.no_grad():
        for x, y in loader:
            correct += (model(x).argmax(dim=1) == y).sum().item()
    return correct / len(loader.dataset)


def main(train_loader, test_loader):
    model = Net()
    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(10):
        model.train()
        for x, y in train_loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        print(accuracy(model, test_loader))
```

## When it stays silent

- The mode is not known to be training on every path: a model that a function is given by unknown callers, one that was handed to code
  that is not followed, `model.train(flag)`, children that are switched on their own (dropout left on on purpose, frozen batch norm).
- The model has no layer to which the mode matters, or parts of it are not known and nothing in the code calls `train()`.
- What is called is no evaluation: its result, or what is computed from it, reaches a loss that is trained (teachers, pseudo labels,
  targets, frozen encoders); it is not compared with anything (samples of a generator, warm-up); the function samples with dropout, adapts,
  attacks or explains by name.
- A framework switches the mode: Lightning, the Trainer of transformers, fastai, skorch, ...

## Fix safety

The fix inserts `model.eval()` at the top of the function that evaluates, or before the loop, in the names that are there; a `train()` at
the top of the evaluation becomes `eval()`. Where training goes on afterwards and nothing calls `train()`, it inserts that as well. It is
unsafe: the results of the evaluation change, as they should.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.programs.mode_edits import evaluate_in_eval_mode
from nnlint.dataflow.programs.mode_mistakes import Mistake, WrongMode
from nnlint.dataflow.programs.mode_reports import chain_of, name_in
from nnlint.findings import Applicability, Finding, Fix, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="missing-eval-mode", severity=Severity.WARNING)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for wrong in graph.mode_mistakes:
        if wrong.mistake is Mistake.EVALUATED_IN_TRAINING:
            name = name_in(graph, wrong)
            yield Finding(
                code="NN201",
                name=RULE.name,
                message=f"`{name}` is evaluated in training mode: dropout drops, and batch norm uses and updates batch statistics",
                path=wrong.call.site.path,
                span=graph.span(wrong.call.site),
                severity=RULE.severity,
                fixes=tuple(_fixes(graph, wrong, name)),
                related=chain_of(graph, wrong),
            )


def _fixes(graph: ProjectGraph, wrong: WrongMode, name: str) -> Iterator[Fix]:
    edits = evaluate_in_eval_mode(graph, wrong)
    if edits is not None:
        yield Fix(f"call {name}.eval() before the evaluation (unsafe: the results change)", Applicability.UNSAFE, edits)
