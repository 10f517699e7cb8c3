"""# no-single-batch-overfit (NN101)

A training script never tries first whether the model can learn one batch by heart.

## Why

A model that cannot bring its loss on a single batch close to zero has a mistake in it: scrambled axes, a softmax before the loss, frozen
layers, gradients that are zeroed at the wrong moment, labels of other samples. The check takes seconds and needs no other data, and
what it finds is otherwise looked for in learning rates for days. A small classifier of ten classes brings its loss on a batch of 32
below 0.01 in 200 updates; with a softmax before the cross-entropy it stays above 1.46, however long it trains.

## Bad

```python
import torch
import torch.nn as nn
from torch.utils.data import DataLoader

model = nn.Linear(8, 2)
optimizer = torch.optim.Adam(model.parameters())
criterion = nn.CrossEntropyLoss()
train_loader = DataLoader(dataset, batch_size=32, shuffle=True)

for epoch in range(10):
    for inputs, labels in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), labels)
        loss.backward()
      # ^^^^^^^^^^^^^^^ NN101
        optimizer.step()
```

## Good

```python
import torch
import torch.nn as nn
from torch.utils.data import DataLoader

model = nn.Linear(8, 2)
optimizer = torch.optim.Adam(model.parameters())
criterion = nn.CrossEntropyLoss()
train_loader = DataLoader(dataset, batch_size=32, shuffle=True)

# Overfit one batch: what cannot learn a single batch by heart has a mistake in it. The model is trained by this.
for inputs, labels in [next(iter(train_loader))] * 200:
    optimizer.zero_grad()
    loss = criterion(model(inputs), labels)
    loss.backward()
    optimizer.step()
print(f"loss on one batch after 200 updates: {loss.item():.4f}")
for epoch in range(10):
    for inputs, labels in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), labels)
        loss.backward()
        optimizer.step()
```

## When it stays silent

- Any file of the project speaks of it: `overfit`, `one_batch`, a smoke test, `next(iter(loader))`, a `Subset`, `fast_dev_run`.
- A framework drives the training, or it has no loss that could reach zero: generative adversarial networks, reinforcement learning.
- The file is only imported, or its loop is not the plain one: one loss, one optimizer, batches inside epochs.
- Another file of the project was reported: there is one finding for a project.

## Fix safety

The fix puts the check before the loop over epochs, in the words of the loop itself. It is unsafe: the model is trained on that batch
before the real training starts. Run it, and take it out again.

## In the editor

Both ways to check are offered, as refactorings, on every loop over batches with one `backward()` and one step, whether the rule is on
or off and whatever the project has already; on loops that stand in no loop over epochs, or rest on it, the check comes right before
them. The second way writes a test, `test_overfit_one_batch.py` in the folder `tests`, or beside the script where there is none: the
statements that the loop rests on, followed back to where its function is called, and the names of the script imported from it. The test
asks that 200 updates bring the loss below a tenth of what it was, and uses the defaults of the command line. It is offered where it can
be run: not for a script that trains when it is imported, for a method, or for a function that is given what nothing in the file says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.overfit_test import overfit_test
from nnlint.dataflow.source_text import SourceText
from nnlint.dataflow.training_loops import TrainingLoop, overfit_check, training_loops, unchecked_training_loop
from nnlint.findings import Applicability, Assist, FileEdit, Finding, Fix, Severity
from nnlint.rule import Declaration
from nnlint.syntax.statements import Enclosing
from nnlint.text import Edit, Span

RULE = Declaration(name="no-single-batch-overfit", severity=Severity.HINT, on_by_default=False)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    loop = unchecked_training_loop(graph)
    if loop is None:
        return
    fix = _insert(graph, loop)
    yield Finding(
        code="NN101",
        name=RULE.name,
        message=f"nothing in the project overfits one batch of `{loop.loader}` before it trains on all of them",
        path=loop.update.path,
        span=graph.span(loop.update),
        severity=RULE.severity,
        fixes=() if fix is None else (fix,),
    )


def assists(source: SourceText, path: str) -> Iterator[Assist]:
    """The check and the test for every training loop of a file."""
    assert source.program is not None
    for loop in training_loops(source.program, path):
        place = source.enclosing_span(loop.update, Enclosing.LOOP, loop.depth)
        # What rests on the epoch can be checked inside it alone.
        insert = _insert(source, loop) or _insert(source, replace(loop, epochs=None))
        for fix in (insert, _write_test(source, loop)):
            if fix is not None and place is not None:
                yield Assist("NN101", path, place, fix)


def _insert(source: SourceText, loop: TrainingLoop) -> Fix | None:
    code = overfit_check(source, loop)
    edits = None if code is None else source.insert_around(loop.update, Enclosing.LOOP, code, outward=loop.depth)
    message = "insert a check that overfits one batch (unsafe: the model is trained by it)"
    return None if edits is None else Fix(message, Applicability.UNSAFE, edits)


def _write_test(source: SourceText, loop: TrainingLoop) -> Fix | None:
    found = overfit_test(source, loop)
    if found is None:
        return None
    edit = FileEdit(Edit(Span(0, 0), found.text), found.path, creates=True)
    return Fix(f"write a test that overfits one batch: {found.name}", Applicability.UNSAFE, (edit,))
