"""Which of a few words is spoken? A convolutional network over mel bands."""

import torch
import torch.nn as nn

from .blocks import NormAct, SeparableConv


class KeywordSpotter(nn.Module):
    def __init__(self, bands=16, classes=6, width=24, depth=2):
        super().__init__()
        # The published weights hold this bias, and they should load as they are.
        self.stem = nn.Conv1d(bands, width, 5, padding=2)  # nnlint: ignore[NN501]
        self.stem_post = NormAct(width)
        self.body = nn.Sequential(*[SeparableConv(width, width, 9) for _ in range(depth)])
        self.attention = nn.Conv1d(width, 1, 1)
        self.classifier = nn.Linear(width, classes)

    def forward(self, mel):
        x = self.body(self.stem_post(self.stem(mel)))
        weights = torch.softmax(self.attention(x), dim=-1)
        return self.classifier((x * weights).sum(dim=-1))
