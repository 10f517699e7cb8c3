"""# missing-zero-grad (NN301)

Nothing sets the gradients to zero between a step of the optimizer and the next `backward()`, so each step is taken along the sum of
all gradients since the training began.

## Why

`backward()` adds to `.grad`; it does not overwrite it. An optimizer that has stepped leaves its gradients where they are, and the next
`backward()` adds the new ones to them. Nothing fails: the steps only get larger and point into the past.

Measured, 100 steps of a small classifier (seeds 0 to 2): the weights of SGD moved by 42 to 48 instead of by 2.1 to 2.2, and its loss ended
at 2.3 to 3.7 instead of 0.14 to 0.19; that of Adam at 0.30 to 0.57 instead of 0.04 to 0.06.

Where `zero_grad()` stands is of no importance, as long as it is between a step and the next `backward()`: at the start of an iteration,
right before `backward()` and right after `step()` are the same.

## Bad

```python
import torch
from torch import nn


def train(model: nn.Module, loader, epochs: int) -> None:
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        for inputs, targets in loader:
            loss = criterion(model(inputs), targets)
            loss.backward()
          # ^^^^^^^^^^^^^^^ NN301
            optimizer.step()
```

## Good

```python
import torch
from torch import nn


def train(model: nn.Module, loader, epochs: int) -> None:
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        for inputs, targets in loader:
            loss = criterion(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
```

## When it stays silent

- Gradients are accumulated on purpose: `step()` and `zero_grad()` under one condition, or several `backward()` before one step.
- Something else sets them to zero: the model's `zero_grad()`, `p.grad = None`, `p.grad.zero_()`, a closure, a helper, the caller.
- The function has no loop and nobody is seen to call it in one; the caller may zero.
- The optimizer or what holds it is handed to code that is not read, or a framework (Lightning, the trainers of Hugging Face) runs the loop.
- Another optimizer's parameters get the gradients: a generator's pass through the discriminator.

## Fix safety

The fix writes `zero_grad()` before the `backward()`, or behind the `step()` where that stands in another function. It is unsafe: the
training computes something else from then on, which is its purpose.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.programs.updates import Mistake, WrongUpdate, written_optimizer
from nnlint.findings import Applicability, FileEdit, Finding, Fix, Related, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="missing-zero-grad", severity=Severity.WARNING)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for wrong in graph.wrong_updates:
        if wrong.mistake is Mistake.MISSING_ZERO:
            step = wrong.others[0]
            name = written_optimizer(graph, step)
            edits = None if name is None else _edits(graph, wrong, name)
            title = f"insert {name}.zero_grad() (unsafe: the steps become others)"
            yield Finding(
                code="NN301",
                name=RULE.name,
                message=f"gradients pile up: nothing zeroes them between the step of `{name or 'the optimizer'}` and this `backward()`",
                path=wrong.event.site.path,
                span=graph.span(wrong.event.site),
                severity=RULE.severity,
                fixes=() if edits is None else (Fix(title, Applicability.UNSAFE, edits),),
                related=(
                    Related(step.site.path, graph.span(step.site), "the optimizer steps here with the gradients of all rounds before"),
                ),
            )


def _edits(graph: ProjectGraph, wrong: WrongUpdate, name: str) -> tuple[FileEdit, ...] | None:
    backward, step = wrong.event.site, wrong.others[0].site
    if (backward.path, backward.block) == (step.path, step.block):
        return graph.insert_before(backward, f"{name}.zero_grad()")
    return graph.insert_after(step, f"{name}.zero_grad()")
