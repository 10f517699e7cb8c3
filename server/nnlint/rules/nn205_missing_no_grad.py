"""# missing-no-grad (NN205)

An evaluation records gradients that nothing computes; or `torch.no_grad()` stands on a line of its own, where it does nothing.

## Why

`eval()` switches dropout and batch norm and has nothing to do with gradients. While gradients are recorded, each operation keeps what its
derivative needs: memory, and time to allot it, for a graph that is thrown away. Where outputs or losses are kept in a list, all of their
graphs are kept. The results are the same.

Twenty batches of 64 through six linear layers of 512, the sums of the outputs in a list: 121 MB are kept for the gradients, and
nothing under `torch.no_grad()`.

`torch.no_grad()` is a context manager and a decorator. Called as a statement it makes an object that is dropped.

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


def evaluate(model, loader):
    model.eval()
    total = 0.0
    for x, y in loader:
        output = model(x)
        #        ^^^^^^^^ NN205
        total += F.cross_entropy(output, y).item()
    return total / len(loader)
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


def evaluate(model, loader):
    model.eval()
    total = 0.0
    with torch.no_grad():
        for x, y in loader:
            output = model(x)
            total += F.cross_entropy(output, y).item()
    return total / len(loader)
```

## When it stays silent

- A gradient is computed with the result somewhere, or the code around speaks of gradients: saliency, attacks, physics losses, penalties.
- The result is returned or stored with its graph, and nothing says that it is only measured.
- Gradients are off already: in the caller, by a decorator, by `torch.set_grad_enabled(False)` for all; or the model is frozen.
- Neither the code says by `eval()` or by name that this is an evaluation.
- A framework evaluates.

## Fix safety

The fix puts the evaluation, with the loops around it, under `with torch.no_grad():`, written as the file's imports call it, and takes out
a `torch.no_grad()` that stands for itself. It is safe: nothing in it needs a gradient. Where the result leaves the function with its graph
it is unsafe.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.programs.recording_mistakes import Recorded, function_at, wrap_evaluations
from nnlint.findings import Applicability, Finding, Fix, Related, Severity
from nnlint.rule import Declaration
from nnlint.semantics.definitions import Site

RULE = Declaration(name="missing-no-grad", severity=Severity.INFO)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    mistakes = graph.recording_mistakes
    idle = {function: site for site, function in mistakes.idle.items()}
    told = set()
    for found in mistakes.found():
        site = found[0].call.site
        vain = idle.get(function_at(found[0].call, found[0].layout))
        if vain is None:
            yield _finding(
                graph, site, "evaluation records gradients that nothing computes: memory and time for a graph without use", found
            )
        elif vain not in told:
            told.add(vain)
            yield _idle(graph, vain, found)
    for site in mistakes.idle:
        if site not in told:
            yield _idle(graph, site, [])


def _idle(graph: ProjectGraph, site: Site, found: list[Recorded]) -> Finding:
    written = graph.callee_text(site)
    return _finding(graph, site, f"`{written}()` on a line of its own switches nothing off: it is `with {written}():`", found)


def _finding(graph: ProjectGraph, site: Site, message: str, found: list[Recorded]) -> Finding:
    return Finding(
        code="NN205",
        name=RULE.name,
        message=message,
        path=site.path,
        span=graph.span(site),
        severity=RULE.severity,
        fixes=tuple(_fixes(graph, site, found)),
        related=tuple(_related(graph, site, found)),
    )


def _related(graph: ProjectGraph, site: Site, found: list[Recorded]) -> Iterator[Related]:
    for recorded in found:
        if recorded.call.site != site:
            yield Related(recorded.call.site.path, graph.span(recorded.call.site), "gradients are recorded here")
    if found and (cause := found[0].seen.cause) is not None and cause.words == "eval":
        yield Related(cause.site.path, graph.span(cause.site), "the evaluation begins here")


def _fixes(graph: ProjectGraph, site: Site, found: list[Recorded]) -> Iterator[Fix]:
    edits = wrap_evaluations(graph, found) if found else None
    if edits is None:
        return
    is_idle = found[0].call.site != site and site in graph.recording_mistakes.idle
    deleted = graph.delete_statement(site) if is_idle else ()
    if deleted is None:
        return
    is_safe = not any(recorded.escapes for recorded in found)
    words = "" if is_safe else " (unsafe: the result is handed on, and would carry no gradients)"
    yield Fix(f"evaluate under no_grad{words}", Applicability.SAFE if is_safe else Applicability.UNSAFE, (*deleted, *edits))
