"""Hovering over a finding, or over a code in a suppression, shows the rule's page."""

from __future__ import annotations

import pytest
from lsprotocol import types

from nnlint.rules import all_rules
from tests.lsp.conftest import StartEditor
from tests.lsp.texts import LAYER, NET

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("profile", ["vscode-1.105", "neovim-0.11"])
async def test_a_finding_shows_its_message_and_the_page_of_its_rule(start: StartEditor, profile: str) -> None:
    buffer = (await start(profile)).open(NET)
    [found] = await buffer.diagnostics()
    hover = await buffer.hover(LAYER)
    assert hover is not None
    assert isinstance(hover.contents, types.MarkupContent)
    assert hover.contents.kind == types.MarkupKind.Markdown
    assert found.message in hover.contents.value
    assert all_rules()["NN501"].page in hover.contents.value
    assert hover.range == found.range


async def test_a_client_without_markdown_gets_plain_text(start: StartEditor) -> None:
    hover = await (await start("push-only")).open(NET).hover(LAYER)
    assert hover is not None
    assert isinstance(hover.contents, types.MarkupContent)
    assert hover.contents.kind == types.MarkupKind.PlainText


async def test_a_place_without_a_finding_shows_nothing(start: StartEditor) -> None:
    assert await (await start()).open(NET).hover("import torch") is None


async def test_a_code_in_a_suppression_shows_the_page_of_its_rule(start: StartEditor) -> None:
    buffer = (await start()).open(NET.replace(LAYER, f"{LAYER}  # nnlint: ignore[NN502, NN501]"))
    hover = await buffer.hover("NN501")
    assert hover is not None
    assert isinstance(hover.contents, types.MarkupContent)
    assert hover.contents.value == all_rules()["NN501"].page
    assert hover.range == buffer.range_of("NN501")
    assert await buffer.hover("# nnlint") is None


async def test_the_page_follows_what_is_typed(start: StartEditor) -> None:
    buffer = (await start()).open(NET)
    assert await buffer.hover(LAYER) is not None
    buffer.edit(", 3)\n", ", 3, bias=False)\n")
    assert await buffer.hover("nn.Conv2d") is None
