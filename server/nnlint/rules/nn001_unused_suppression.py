"""# unused-suppression (NN001)

A suppression comment suppresses nothing: the finding that it was written for is gone, or never was.

## Why

A comment such as `# nnlint: ignore[NN501]` says "I know, and it is right as it is". Once the code has changed so that there is no
finding left, the comment tells the next reader of a problem that does not exist, and it would hide the same mistake if it came back.

Only codes of rules that were switched on for this run count: a comment for a rule that was not asked is left alone.

## Bad

```python
import torch.nn as nn


def conv_block(in_channels, out_channels):
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),  # nnlint: ignore[NN501]
        #                                                                ^^^^^^^^^^^^^^^^^^^^^^^ NN001
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )
```

## Good

```python
import torch.nn as nn


def conv_block(in_channels, out_channels):
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )
```

## When it stays silent

- A comment that names several codes is reported only for those that suppress nothing; the fix keeps the others.
- `# noqa` comments without a code of nnlint belong to other tools.

## Fix safety

The fix removes the comment, or the codes in it that do nothing, and is safe: comments change no program.
"""

from __future__ import annotations

from nnlint.findings import Severity
from nnlint.rule import Declaration

RULE = Declaration(name="unused-suppression", severity=Severity.INFO, on_by_default=True)
