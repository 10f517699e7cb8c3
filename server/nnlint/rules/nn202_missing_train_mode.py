"""# missing-train-mode (NN202)

After an evaluation, training goes on in evaluation mode: `model.train()` is not called again.

## Why

`eval()` lasts until `train()` is called. With `train()` once before the loop over the epochs, or never, only the first epoch is trained
as it should be: from the second one on dropout does nothing, and batch norm normalizes with running statistics that nothing moves any
more. Nothing crashes, and the loss goes on falling.

Four epochs of a small network with batch norm: the running mean moves by 1.9, 0.64, 0.60 and 0.75 where `train()` is called in each
epoch, and by 1.9, 0, 0 and 0 where it is called once.

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


def train(model, loader, optimizer):
    for x, y in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        #               ^^^^^^^^ NN202
        optimizer.step()


def test(model, loader):
    model.eval()
    with torch.no_grad():
        return sum((model(x).argmax(1) == y).sum().item() for x, y in loader) / len(loader.dataset)


def main(train_loader, test_loader):
    model = Net()
    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(10):
        train(model, train_loader, optimizer)
        print(test(model, test_loader))
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


def train(model, loader, optimizer):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()


def test(model, loader):
    model.eval()
    with torch.no_grad():
        return sum((model(x).argmax(1) == y).sum().item() for x, y in loader) / len(loader.dataset)


def main(train_loader, test_loader):
    model = Net()
    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(10):
        train(model, train_loader, optimizer)
        print(test(model, test_loader))
```

## When it stays silent

- The evaluation gives the mode back: `model.train()` at its end, `model.train(was_training)`, a context manager or decorator that
  restores it.
- Only a copy of the model, or a part of it, is put in evaluation mode.
- The optimizer is over other parameters: a frozen teacher, a feature extractor, the image of a style transfer.
- The model has no layer to which the mode matters.
- The mode is set by an expression (`model.train(phase == "train")`), by code that is not followed, or by a framework.
- There are more paths through the loop than are followed.

## Fix safety

The fix inserts `model.train()` at the top of the function that trains, or of the loop in which the evaluation left the model in evaluation
mode. It is unsafe: training changes, as it should.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.programs.mode_edits import put_in_training_mode
from nnlint.dataflow.programs.mode_mistakes import Mistake, WrongMode
from nnlint.dataflow.programs.mode_reports import chain_of, name_in
from nnlint.findings import Applicability, Finding, Fix, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="missing-train-mode", severity=Severity.WARNING)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for wrong in graph.mode_mistakes:
        if wrong.mistake is Mistake.TRAINED_AFTER_EVALUATION:
            name = name_in(graph, wrong)
            yield Finding(
                code="NN202",
                name=RULE.name,
                message=f"after its first evaluation `{name}` is trained in evaluation mode: nothing calls `{name}.train()` again",
                path=wrong.call.site.path,
                span=graph.span(wrong.call.site),
                severity=RULE.severity,
                fixes=tuple(_fixes(graph, wrong, name)),
                related=chain_of(graph, wrong),
            )


def _fixes(graph: ProjectGraph, wrong: WrongMode, name: str) -> Iterator[Fix]:
    edits = put_in_training_mode(graph, wrong)
    if edits is not None:
        yield Fix(f"call {name}.train() before the training goes on (unsafe: training changes)", Applicability.UNSAFE, edits)
