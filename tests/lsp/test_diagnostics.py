"""Squiggles: what is said of a document, where, how, and to which client."""

from __future__ import annotations

import pytest
from lsprotocol import types

from tests.lsp.conftest import StartEditor

pytestmark = pytest.mark.asyncio

PROFILES = ["vscode-1.105", "neovim-0.12", "neovim-0.11", "push-only"]

MODEL = """\
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.norm(self.conv(x))
"""


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_bias_before_a_norm_is_marked_at_its_layer(start: StartEditor, profile: str) -> None:
    editor = await start(profile)
    buffer = editor.open(MODEL)
    [found] = await buffer.diagnostics()
    assert (found.code, found.source, found.severity) == ("NN501", "nnlint", types.DiagnosticSeverity.Information)
    assert buffer.text_in(found.range) == "nn.Conv2d(3, 8, 3)"
