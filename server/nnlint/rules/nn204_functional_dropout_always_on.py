"""# functional-dropout-always-on (NN204)

Dropout is called in a way that ignores whether the module is training, so that it also drops in evaluation, or never drops at all.

## Why

`F.dropout(x, p)` has no module whose mode it could know: its `training` is True by default, and `model.eval()` does not reach it. The
model then predicts at random: a toy classifier with `F.dropout(h, 0.5)` before its last layer gave another class to 5 in 100 inputs
when it was asked twice, and its accuracy was 91.8 % where the same weights reach 92.9 % without dropout. Nothing fails, and the
training loss looks as it should.

The same happens in three other ways:

- `nn.Dropout(p)(x)` inside `forward()`: a layer that is built on the way is in training mode, as every new layer is.
- `F.scaled_dot_product_attention(..., dropout_p=self.p)` drops whenever `dropout_p` is not zero.
- `F.alpha_dropout` and `F.feature_alpha_dropout` have the opposite default: without `training=` they never drop, and the model is
  not regularized.

## Bad

```python
import torch.nn as nn
import torch.nn.functional as F


class Classifier(nn.Module):
    def __init__(self, num_features, num_classes):
        super().__init__()
        self.hidden = nn.Linear(num_features, 64)
        self.out = nn.Linear(64, num_classes)

    def forward(self, x):
        h = F.relu(self.hidden(x))
        h = F.dropout(h, 0.5)
        #   ^^^^^^^^^^^^^^^^^ NN204
        return self.out(h)
```

## Good

```python
import torch.nn as nn
import torch.nn.functional as F


class Classifier(nn.Module):
    def __init__(self, num_features, num_classes):
        super().__init__()
        self.hidden = nn.Linear(num_features, 64)
        self.out = nn.Linear(64, num_classes)

    def forward(self, x):
        h = F.relu(self.hidden(x))
        h = F.dropout(h, 0.5, training=self.training)
        return self.out(h)
```

## When it stays silent

- `training` is given, by name or position: `training=True` is a decision (the prenet of Tacotron, Monte Carlo dropout).
- A test of the mode decides about the call, or about the probability: `if self.training:`, `self.p if self.training else 0.0`.
- The function or method is for training alone by its name (`train_step`, `loss`, `augment`), or its class says that it always drops
  (`MCDropout`, `Bayesian…`).
- The probability is a parameter of the function: the caller decides.
- The class overrides `train()` or `eval()`, or is no module; a function outside of classes is reported where the code of a module
  calls it.

## Fix safety

The fix adds `training=self.training` (to a layer that is built on the way `.train(self.training)`, to `dropout_p` a condition), where
`self` is a module. It is unsafe: evaluation then computes something else, which is its purpose.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.dropouts import Kind, UnswitchedDropout, unswitched_dropouts
from nnlint.dataflow.graph import ProjectGraph
from nnlint.findings import Applicability, FileEdit, Finding, Fix, Related, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="functional-dropout-always-on", severity=Severity.WARNING)

_MESSAGES = {
    Kind.ALWAYS_ON: "`{name}` also drops in evaluation: it does not know the module's mode without `training=`",
    Kind.NEVER_ON: "`{name}` never drops: its `training` is False where it is not given",
    Kind.BUILT_ON_THE_WAY: "`{name}` also drops in evaluation: a layer that is built where it is called is always in training mode",
    Kind.ATTENTION: "`{name}` also drops in evaluation: `dropout_p` is not zero then",
}


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for dropout in unswitched_dropouts(graph):
        related = (
            (Related(dropout.caller.path, graph.span(dropout.caller), "called here by a module"),) if dropout.caller is not None else ()
        )
        yield Finding(
            code="NN204",
            name=RULE.name,
            message=_MESSAGES[dropout.kind].format(name=graph.callee_text(dropout.site)),
            path=dropout.site.path,
            span=graph.span(dropout.site),
            severity=RULE.severity,
            fixes=tuple(_fixes(graph, dropout)),
            related=related,
        )


def _fixes(graph: ProjectGraph, dropout: UnswitchedDropout) -> Iterator[Fix]:
    if dropout.switch is None:
        return
    if dropout.kind is Kind.BUILT_ON_THE_WAY:
        yield _fix(f"add .train({dropout.switch})", graph.append(dropout.site, f".train({dropout.switch})"))
    elif dropout.kind is Kind.ATTENTION:
        written = graph.argument_text(dropout.site, "dropout_p", dropout.target)
        value = f"{written} if {dropout.switch} else 0.0"
        yield _fix(f"drop only if {dropout.switch}", graph.set_argument(dropout.site, "dropout_p", value, dropout.target))
    else:
        edits = graph.set_argument(dropout.site, "training", dropout.switch, dropout.target)
        yield _fix(f"add training={dropout.switch}", edits)


def _fix(message: str, edits: tuple[FileEdit, ...] | None) -> Fix:
    return Fix(f"{message} (unsafe: evaluation computes something else)", Applicability.UNSAFE, edits or ())
