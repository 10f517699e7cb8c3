"""Depthwise separable convolutions over time."""

import torch.nn as nn


class NormAct(nn.Module):
    """Batch norm, then an activation."""

    def __init__(self, channels, act_layer=nn.ReLU):
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)
        self.act = act_layer()

    def forward(self, x):
        return self.act(self.norm(x))


class SeparableConv(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1):
        super().__init__()
        padding = kernel_size // 2
        self.depthwise = nn.Conv1d(in_channels, in_channels, kernel_size, stride, padding, groups=in_channels)
        self.depthwise_post = NormAct(in_channels)
        self.pointwise = nn.Conv1d(in_channels, out_channels, 1)
        self.pointwise_post = NormAct(out_channels, nn.Hardswish)

    def forward(self, x):
        x = self.depthwise_post(self.depthwise(x))
        return self.pointwise_post(self.pointwise(x))
