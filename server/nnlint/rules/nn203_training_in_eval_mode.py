"""# training-in-eval-mode (NN203)

An optimizer trains a model that is in evaluation mode from the start.

## Why

In evaluation mode dropout does nothing and batch norm normalizes with its running statistics and does not move them: a network that
starts from scratch then keeps the mean 0 and the variance 1 that it was made with, whatever its data look like. It happens where
`eval()` comes after loading weights and training follows, where teacher and student are mixed up, and with
`from_pretrained()` of transformers, which gives a model in evaluation mode.

300 steps in evaluation mode moved the running mean of a batch norm by exactly 0.

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


def finetune(loader, path):
    model = Net()
    model.load_state_dict(torch.load(path))
    model.eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        #                      ^^^^^^^^ NN203
        loss.backward()
        optimizer.step()
    torch.save(model.state_dict(), path)
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


def finetune(loader, path):
    model = Net()
    model.load_state_dict(torch.load(path))
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    torch.save(model.state_dict(), path)
```

## When it stays silent

- The optimizer is over something else than what is in evaluation mode: adversarial images, a linear probe, a head on a frozen backbone.
- Some of its parameters are frozen (`requires_grad = False`), or only a part of the module is in evaluation mode: frozen batch norm.
- The model has no layer to which the mode matters.
- The mode is in doubt on some path, set by an expression, or by code that is not followed.
- A framework switches the mode.

## Fix safety

The fix turns the `eval()` into `train()` where nothing is evaluated with it, else it inserts `train()` where the training begins. It is
unsafe: training changes, as it should.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.programs.mode_edits import put_in_training_mode
from nnlint.dataflow.programs.mode_mistakes import Mistake, WrongMode
from nnlint.dataflow.programs.mode_reports import chain_of, name_in
from nnlint.findings import Applicability, Finding, Fix, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="training-in-eval-mode", severity=Severity.WARNING)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for wrong in graph.mode_mistakes:
        if wrong.mistake is Mistake.TRAINED_IN_EVALUATION:
            name = name_in(graph, wrong)
            yield Finding(
                code="NN203",
                name=RULE.name,
                message=f"`{name}` is trained in evaluation mode: dropout does nothing, and batch norm learns no statistics",
                path=wrong.call.site.path,
                span=graph.span(wrong.call.site),
                severity=RULE.severity,
                fixes=tuple(_fixes(graph, wrong, name)),
                related=chain_of(graph, wrong),
            )


def _fixes(graph: ProjectGraph, wrong: WrongMode, name: str) -> Iterator[Fix]:
    edits = put_in_training_mode(graph, wrong)
    if edits is not None:
        yield Fix(f"train {name} in training mode (unsafe: training changes)", Applicability.UNSAFE, edits)
