"""# zero-grad-before-step (NN302)

The gradients are set to zero between `backward()` and `step()`: the optimizer has nothing to step along, and the model never changes.

## Why

Nothing fails and the loss is printed as ever; it only does not fall. Measured: after 100 steps the weights have moved by exactly 0, with
SGD and with Adam.

## Bad

```python
import torch
from torch import nn


def train(model: nn.Module, loader) -> None:
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())
    for inputs, targets in loader:
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.zero_grad()
      # ^^^^^^^^^^^^^^^^^^^^^ NN302
        optimizer.step()
```

## Good

```python
import torch
from torch import nn


def train(model: nn.Module, loader) -> None:
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())
    for inputs, targets in loader:
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
```

## When it stays silent

- Other gradients are thrown away: those of another optimizer, or those that a generator's loss left in the discriminator.
- A batch is skipped: `zero_grad()` and then no `step()` on that path.
- Something that is not read may run a `backward()` between.

## Fix safety

The fix moves `zero_grad()` behind `step()`, where both stand in one function. It is unsafe: the model starts to learn.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.programs.updates import Mistake
from nnlint.findings import Applicability, Finding, Fix, Related, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="zero-grad-before-step", severity=Severity.ERROR)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for wrong in graph.wrong_updates:
        if wrong.mistake is Mistake.ZERO_BEFORE_STEP:
            backward, step = wrong.others[0], wrong.others[-1]
            zero = wrong.event.site
            is_near = (zero.path, zero.block) == (step.site.path, step.site.block)
            edits = graph.move_after(zero, step.site) if is_near else None
            yield Finding(
                code="NN302",
                name=RULE.name,
                message="the gradients are set to zero before the optimizer steps: the step changes nothing",
                path=wrong.event.site.path,
                span=graph.span(wrong.event.site),
                severity=RULE.severity,
                fixes=()
                if edits is None
                else (Fix("move it behind step() (unsafe: the model starts to learn)", Applicability.UNSAFE, edits),),
                related=(
                    Related(backward.site.path, graph.span(backward.site), "computes the gradients that are thrown away"),
                    Related(step.site.path, graph.span(step.site), "steps without gradients"),
                ),
            )
