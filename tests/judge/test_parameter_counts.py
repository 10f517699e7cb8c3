"""The sizes in NN501's message are those of the real layers."""

from __future__ import annotations

import pytest
from torch import nn

from tests.rules.checking import check_files
from tests.rules.literate import MAIN_FILE

pytestmark = pytest.mark.torch

LAYERS = [
    ("nn.Conv2d(3, 64, 3)", "nn.BatchNorm2d(64)"),
    ("nn.Conv1d(4, 6, kernel_size=5, groups=2)", "nn.BatchNorm1d(6)"),
    ("nn.Conv3d(4, 8, (1, 3, 5), groups=4)", "nn.BatchNorm3d(8)"),
    ("nn.ConvTranspose2d(6, 4, (3, 2), groups=2)", "nn.BatchNorm2d(4)"),
    ("nn.Linear(7, 5)", "nn.BatchNorm1d(5)"),
]


@pytest.mark.parametrize(("layer", "norm"), LAYERS)
def test_the_counts_are_torchs(layer: str, norm: str) -> None:
    made = eval(layer, {"nn": nn})
    total = sum(parameter.numel() for parameter in made.parameters())
    (found,) = check_files({MAIN_FILE: f"from torch import nn\n\nnet = nn.Sequential({layer}, {norm})\n"}, ["NN501"])
    assert f"({made.bias.numel():,} of {total:,} parameters without effect)" in found.message
