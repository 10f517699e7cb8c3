"""# bias-before-norm (NN501)

A layer's bias is cancelled by the normalization right after it: it costs memory and optimizer state and changes nothing.

## Why

A normalization such as `BatchNorm2d` subtracts the mean of each channel. A bias adds one number to a whole channel, so the
mean moves by that number and the subtraction takes it out again: in training, the network computes exactly the same function
whatever the bias is. Where the normalization has an affine part, its own `bias` does the layer's job.

- The bias is a parameter that is stored, synchronized between processes and kept in the optimizer, for nothing. Its gradient is
  pure rounding error, which Adam scales up to full steps, so the useless bias even drifts.
- In low precision a large useless bias takes bits away from the signal that is being normalized.
- In evaluation mode the running mean holds the same number and takes it out as well. It needs some time to catch up, so early
  evaluations are a little worse with the bias than without.

What is cancelled follows from the axes that are averaged. Batch norm averages over all axes but the channels, instance norm (and
`GroupNorm(C, C)`) over the spatial ones, a `LayerNorm` over those in its `normalized_shape`. A shift that is constant along all
averaged axes vanishes; any other survives, at least in part.

## Bad

```python
import torch.nn as nn


class Encoder(nn.Module):
    def __init__(self, in_channels, channels):
        super().__init__()
        self.conv0 = nn.Conv2d(in_channels, channels, kernel_size=3, padding=1)
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1)
        #            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ NN501
        self.norm = nn.BatchNorm2d(channels)
        self.actv = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        x = self.conv0(x)
        x = self.conv1(x)
        x = self.norm(x)
        x = self.actv(x)
        return self.pool(x)
```

## Good

```python
import torch.nn as nn


class Encoder(nn.Module):
    def __init__(self, in_channels, channels):
        super().__init__()
        self.conv0 = nn.Conv2d(in_channels, channels, kernel_size=3, padding=1)
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.actv = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        x = self.conv0(x)
        x = self.conv1(x)
        x = self.norm(x)
        x = self.actv(x)
        return self.pool(x)
```

`conv0` keeps its bias: `conv1` pads with zeros, so at the border the shift is smaller than in the middle, and batch norm, which
averages over all positions, does not cancel that difference.

## When it stays silent

The rule speaks only where every use of the layer, on every path and in every method, ends in a normalization that cancels the
bias. It is silent where

- an activation, dropout, a zero-padded pooling or pixel shuffle stands between the layer and the normalization;
- the normalization keeps the shift: `LayerNorm` over the channels, `GroupNorm` with fewer groups than channels, RMS norm,
  a batch norm frozen in evaluation mode or with `momentum=0.0`, `F.batch_norm` without `training=True`;
- the layer's output is also used without the normalization (an auxiliary head, a second method, a gate);
- the same construction call serves layers that need their bias, such as the first block of a discriminator;
- the bias is frozen on purpose (`layer.bias.requires_grad = False`);
- further layers with parameters stand between: that is `bias-cancelled-downstream` (NN504).

Max pooling, upsampling, cropping, reshaping, concatenating channels and one sum directly before the normalization do not rescue a
bias: it is still cancelled, and reported.

## Fix safety

The fix inserts `bias=False`, or rewrites a bias argument that is there. It is unsafe: the trained function stays the same, but the
key `….bias` disappears from the `state_dict`, so that an older checkpoint no longer loads strictly, and later layers draw other
initial weights from the same seed.

Code that reads the bias of such a layer without asking whether there is one, as `nn.init.zeros_(m.bias)` over all convolutions,
would fail afterwards. Where it is a statement of its own, the same fix puts `if m.bias is not None:` before it, in other files too, and
its title says so; where it is not, no fix is offered. None is offered either where the call passes `*args` or `**kwargs` on,
which might hold a bias already.

Where weights are loaded into the model (`load_state_dict`, `from_pretrained`, a table of addresses), the finding names the
place: published weights hold the bias, and whether it may go is for a person to decide. The state of an optimizer that was saved
before does not fit either.

## Old checkpoints

A checkpoint that was trained with the bias fits the new model exactly if the bias is dropped and subtracted from the running mean of
the normalization, where it has one. `nnlint migrate old.pt --model net.py::Net -o new.pt` does that to a file, and proves that both
models evaluate alike.

For many old files there is a second fix. Besides `bias=False` it writes a load hook into the class, so that these files go on loading
strictly while new ones load as they are:

```python
        self._register_load_state_dict_pre_hook(self._absorb_bias_of_conv1)

    @staticmethod
    def _absorb_bias_of_conv1(state_dict, prefix, *_):
        bias = state_dict.pop(f"{prefix}conv1.bias", None)
        mean = f"{prefix}norm.running_mean"
        if bias is not None and mean in state_dict:
            state_dict[mean] = state_dict[mean] - bias
```

It is offered where layer and normalization are attributes of the class that constructs the layer, or stand in a `Sequential` of it,
where nothing lies between them, and where the one serves the other alone. `--fix` never chooses it.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.bias_removal import report
from nnlint.dataflow.graph import ProjectGraph
from nnlint.findings import Finding, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="bias-before-norm", severity=Severity.INFO, on_by_default=True)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for bias in graph.redundant_biases:
        if bias.trace.is_direct and not bias.trace.is_by_softmax:
            yield report(graph, bias, "NN501", RULE.name, RULE.severity, "by {norm} right after it")
