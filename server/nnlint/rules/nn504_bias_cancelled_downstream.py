"""# bias-cancelled-downstream (NN504)

A layer's bias passes through further layers and vanishes in the normalizations behind them: it changes nothing in the end.

## Why

A layer without activation hands a bias on. What a depthwise convolution adds to each channel, the pointwise convolution after it
turns into another constant for each channel, and the batch norm after that subtracts it. The same happens in a residual stream
whose every reader is a normalization: what one block adds to the stream as a constant for each channel, each block behind it takes
out again before it looks.

The mathematics is that of `bias-before-norm` (NN501); what differs is that the normalization stands further away, so that a reader
does not expect it, and that a later change between the two may bring the bias to life. Therefore this rule is off by default.

## Bad

```python
import torch.nn as nn


class SeparableConv(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.depthwise = nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels)
        #                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ NN504
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)
        self.act = nn.ReLU()

    def forward(self, x):
        return self.act(self.bn(self.pointwise(self.depthwise(x))))
```

## Good

```python
import torch.nn as nn


class SeparableConv(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.depthwise = nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)
        self.act = nn.ReLU()

    def forward(self, x):
        return self.act(self.bn(self.pointwise(self.depthwise(x))))
```

## When it stays silent

Wherever `bias-before-norm` does, and where a layer in between pads with zeros: at the border the shift is smaller than in the
middle, and the normalization keeps that difference.

## Fix safety

The fix inserts `bias=False`, or rewrites a bias argument that is there. It is unsafe: the key `….bias` disappears from the
`state_dict`, so that an older checkpoint no longer loads strictly, and later layers draw other initial weights from the same seed.
An old checkpoint fits the new model exactly if what the bias amounted to at each normalization is subtracted from its running mean.
The fix is withheld where `bias-before-norm` (NN501) withholds it.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.bias_removal import report
from nnlint.dataflow.graph import ProjectGraph
from nnlint.findings import Finding, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="bias-cancelled-downstream", severity=Severity.HINT, on_by_default=False)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for bias in graph.redundant_biases:
        if not bias.trace.is_direct and not bias.trace.is_by_softmax:
            yield report(graph, bias, "NN504", RULE.name, RULE.severity, "further on, by {norm}")
