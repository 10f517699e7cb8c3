"""Positions: line ends as the protocol counts them, columns in each encoding, and texts that survive incremental changes."""

from __future__ import annotations

import pytest
from lsprotocol import types

from tests.lsp.conftest import StartEditor
from tests.lsp.texts import LAYER, MENDED, NET

pytestmark = pytest.mark.asyncio

ENCODINGS = {"vscode-1.105": "utf-16", "neovim-0.12": "utf-8", "neovim-0.11": "utf-8", "push-only": "utf-16"}
WIDE = NET.replace("self.conv = ", 'héllo = "😀 日本"; self.conv = ')
LINE_ENDS = ["\r\n", "\r", "\n"]
ODD_LINES = {
    "a form feed": NET.replace("\n\n\n", "\n\f\n"),
    "a line separator in a string": 'note = "one\u2028two"\n' + NET,
    "a next-line character in a comment": "# one\x85two\n" + NET,
    "carriage returns and line feeds": NET.replace("\n", "\r\n"),
    "carriage returns alone": NET.replace("\n", "\r"),
    "mixed line ends": NET.replace("\n\n\n", "\r\n\r\n"),
    "characters beyond the basic plane": WIDE,
}


@pytest.mark.parametrize(("profile", "encoding"), ENCODINGS.items())
async def test_the_encoding_is_the_one_that_the_client_likes_best(start: StartEditor, profile: str, encoding: str) -> None:
    editor = await start(profile)
    assert (editor.capabilities.position_encoding or "utf-16") == encoding


@pytest.mark.parametrize("profile", ENCODINGS)
async def test_a_finding_stands_under_its_call_in_texts_with_odd_characters(start: StartEditor, profile: str) -> None:
    editor = await start(profile)
    for name, text in ODD_LINES.items():
        buffer = editor.open(text, f"{name}.py")
        marked = [buffer.text_in(found.range) for found in await buffer.diagnostics() if found.code == "NN501"]
        assert marked == [LAYER], name


async def test_columns_can_be_code_points(start: StartEditor) -> None:
    editor = await start("neovim-0.12", encodings=[types.PositionEncodingKind.Utf32, types.PositionEncodingKind.Utf8])
    assert editor.capabilities.position_encoding == types.PositionEncodingKind.Utf32
    buffer = editor.open(WIDE)
    buffer.edit("日本", "日💡本")
    [found] = await buffer.diagnostics()
    assert buffer.text_in(found.range) == LAYER


@pytest.mark.parametrize("profile", ENCODINGS)
async def test_a_fix_fits_a_text_with_odd_characters_that_was_typed_into(start: StartEditor, profile: str) -> None:
    editor = await start(profile)
    for name, text in ODD_LINES.items():
        buffer = editor.open(text, f"{name}.py")
        buffer.edit("class Net", f"# 😀\u2028 more\fclass{next(end for end in LINE_ENDS if end in text)}class Net")
        buffer.edit("self.norm = nn", 'self.näme = "💡\u2029"; self.norm = nn')
        typed = buffer.text
        [fix_all] = await buffer.fix_all("source.fixAll.nnlint.NN501")
        await buffer.apply(fix_all)
        assert buffer.text == typed.replace(LAYER, MENDED), name
