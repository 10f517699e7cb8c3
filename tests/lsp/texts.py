"""Texts that the tests open."""

from __future__ import annotations

NET = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.norm(self.conv(x))
"""
LAYER = "nn.Conv2d(3, 8, 3)"
MENDED = "nn.Conv2d(3, 8, 3, bias=False)"

# Two layers whose bias is cancelled.
DEEP = """\
import torch.nn as nn


class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3)
        self.norm1 = nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 16, 3)
        self.norm2 = nn.BatchNorm2d(16)

    def forward(self, x):
        x = self.norm1(self.first(x)).relu()
        return self.norm2(self.second(x)).relu()
"""

# A suppression that has nothing to suppress (its fix is safe) beside a bias that is cancelled (its fix is not).
MIXED = NET + "\n\nvalue = 1  # nnlint: ignore[NN501]\n"
