"""# backward-step-order (NN303)

`backward()` and `step()` are out of order: the optimizer steps before the gradients are computed, twice, or never.

## Why

- `step()` before `backward()`: the first step has no gradients and does nothing, all others use those of the batch before, or, where
  `zero_grad()` stands between, none at all. Measured: with `zero_grad()`, `step()`, `backward()` the weights moved by exactly 0 in
  100 steps.
- A loop that zeroes gradients and computes them, and never steps: `optimizer.step()` was forgotten, or written without its parentheses,
  or only the scheduler steps.
- `scaler.step(optimizer)` in one branch and `optimizer.step()` for both: with mixed precision every update is made twice.

## Bad

```python
import torch
from torch import nn


def train(model: nn.Module, loader) -> None:
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        optimizer.step()
      # ^^^^^^^^^^^^^^^^ NN303
        loss.backward()
```

## Good

```python
import torch
from torch import nn


def train(model: nn.Module, loader) -> None:
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
```

## When it stays silent

- `backward()` runs in one function and `step()` in another, in the right order.
- Gradients are wanted for themselves: attacks, saliency, Fisher information, tests that look at `.grad`.
- The optimizer is handed to code that is not read, which may step.

## Fix safety

The fix moves `step()` behind `backward()`, or writes the missing one. It is unsafe: the model learns otherwise than before. Of two steps a
person has to say which one is meant for which branch; there is no fix.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.programs.trace import Event
from nnlint.dataflow.programs.updates import Mistake, WrongUpdate
from nnlint.findings import Applicability, FileEdit, Finding, Fix, Related, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="backward-step-order", severity=Severity.ERROR)

_MESSAGES = {
    Mistake.STEP_BEFORE_BACKWARD: "the optimizer steps before the gradients of this loss are computed",
    Mistake.SECOND_STEP: "the optimizer has stepped already: every update of that branch is made twice",
    Mistake.NO_STEP: "gradients are computed and set to zero, and the optimizer never steps: the model does not learn",
}
_RELATED = {
    Mistake.STEP_BEFORE_BACKWARD: "the gradients are computed here, behind the step",
    Mistake.SECOND_STEP: "the first step",
    Mistake.NO_STEP: "the gradients are set to zero here",
}


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for wrong in graph.wrong_updates:
        if wrong.mistake in _MESSAGES:
            fix = _fix(graph, wrong, wrong.others[0])
            yield Finding(
                code="NN303",
                name=RULE.name,
                message=_MESSAGES[wrong.mistake],
                path=wrong.event.site.path,
                span=graph.span(wrong.event.site),
                severity=RULE.severity,
                fixes=() if fix is None else (fix,),
                related=tuple(Related(e.site.path, graph.span(e.site), _RELATED[wrong.mistake]) for e in wrong.others[:1]),
            )


def _fix(graph: ProjectGraph, wrong: WrongUpdate, other: Event) -> Fix | None:
    edits: tuple[FileEdit, ...] | None = None
    title = ""
    is_near = (wrong.event.site.path, wrong.event.site.block) == (other.site.path, other.site.block)
    if wrong.mistake is Mistake.STEP_BEFORE_BACKWARD and is_near:
        edits, title = graph.move_after(wrong.event.site, other.site), "move it behind backward()"
    elif wrong.mistake is Mistake.NO_STEP:
        name = graph.callee_text(other.site).removesuffix(".zero_grad")
        edits, title = graph.insert_after(wrong.event.site, f"{name}.step()"), f"insert {name}.step()"
    return None if edits is None else Fix(f"{title} (unsafe: the model learns otherwise)", Applicability.UNSAFE, edits)
