"""# syntax-error (NN000)

The file, or a part of it, does not parse as Python, and what does not parse is not checked.

## Why

A rule can only speak about code that it can read. The file is cut into its top-level statements, and one that does not parse loses
only itself: the findings in the rest of the file stay. This finding marks the part that was left out, so that a clean result is never
a file that was not looked at.

Code that is nested deeper than Python itself accepts counts as well.

## Bad

```python
import torch.nn as nn


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 4)

    def forward(self, x)
    #                  ^ NN000
        return self.fc(x)
```

## Good

```python
import torch.nn as nn


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 4)

    def forward(self, x):
        return self.fc(x)
```

## When it stays silent

On the syntax of every Python 3 up to 3.14, whichever Python runs the check.

## Fix safety

There is no fix: what was meant cannot be known.
"""

from __future__ import annotations

from nnlint.findings import Severity
from nnlint.rule import Declaration

RULE = Declaration(name="syntax-error", severity=Severity.ERROR, on_by_default=True)
