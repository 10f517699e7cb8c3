"""First answers to what is typed, and the full checks that have the last word on them."""

from __future__ import annotations

import sys

import pytest

from nnlint.engine import Cancelled
from nnlint.lsp.documents import Document
from nnlint.lsp.projects import Projects
from tests.lsp.conftest import StartEditor
from tests.lsp.editor import Buffer, Editor
from tests.lsp.test_settings import wait_for_codes
from tests.lsp.texts import LAYER, MENDED, NET

pytestmark = pytest.mark.asyncio

PROFILES = ["vscode-1.105", "neovim-0.11"]
# A server to which nobody ever stops typing, so that only what is asked for is checked in full.
NEVER_SETTLED = "import nnlint.lsp.analyst as analyst; analyst.REFINE_SECONDS = 3600; from nnlint.lsp.server import main; main()"
TYPING = (sys.executable, "-c", NEVER_SETTLED)

BLOCK = """\
import torch.nn as nn


class Block(nn.Module):
    def __init__(self, norm_layer={default}):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, bias=False)
        self.norm = norm_layer(8) if norm_layer is not None else nn.Identity()

    def forward(self, x):
        return self.norm(self.conv(x))
"""
CALLER = """\
import torch.nn as nn

from block import Block


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block(norm_layer={norm})

    def forward(self, x):
        return self.block(x)
"""
# What the block does by default, what its caller makes of it, what is said of the block alone, and what in the light of its caller.
CASES = [("None", "nn.BatchNorm2d", [], ["NN501"]), ("nn.BatchNorm2d", "nn.Softplus", ["NN501"], [])]


async def open_block(editor: Editor, default: str, norm: str) -> Buffer:
    """A block whose caller is another file, with a useless bias just typed."""
    editor.write("pyproject.toml", "")
    editor.write("caller.py", CALLER.format(norm=norm))
    buffer = editor.open(BLOCK.format(default=default), "block.py")
    assert await buffer.codes() == []
    buffer.edit(MENDED, LAYER)
    return buffer


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_useless_bias_is_marked_as_soon_as_it_is_typed(start: StartEditor, profile: str) -> None:
    buffer = (await start(profile, server=TYPING)).open(NET.replace(LAYER, MENDED))
    assert await buffer.codes() == []
    buffer.edit(MENDED, LAYER)
    [found] = await buffer.diagnostics()
    assert found.code == "NN501"
    assert buffer.text_in(found.range) == LAYER


@pytest.mark.parametrize("profile", PROFILES)
async def test_what_was_found_elsewhere_in_the_file_stays_and_moves_with_its_text(start: StartEditor, profile: str) -> None:
    buffer = (await start(profile, server=TYPING)).open(NET + NET.replace("Net", "Other").replace(LAYER, MENDED))
    assert await buffer.codes() == ["NN501"]
    buffer.edit("class Net", "# a line more\nclass Net")
    buffer.edit(MENDED, "nn.Conv2d(3, 8, 3, 1, bias=False)")
    [found] = await buffer.diagnostics()
    assert found.code == "NN501"
    assert buffer.text_in(found.range) == LAYER


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("default", "norm", "alone", "with_caller"), CASES)
async def test_a_first_answer_is_put_right_where_a_caller_decides(
    start: StartEditor, profile: str, default: str, norm: str, alone: list[str], with_caller: list[str]
) -> None:
    editor = await start(profile)
    buffer = await open_block(editor, default, norm)
    refreshes = editor.refreshes
    assert await buffer.codes() == alone
    await wait_for_codes(editor, buffer.uri, with_caller, refreshes)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("default", "norm", "alone", "with_caller"), CASES)
async def test_saving_asks_for_the_last_word(
    start: StartEditor, profile: str, default: str, norm: str, alone: list[str], with_caller: list[str]
) -> None:
    editor = await start(profile, server=TYPING)
    buffer = await open_block(editor, default, norm)
    assert await buffer.codes() == alone
    refreshes = editor.refreshes
    buffer.save()
    await wait_for_codes(editor, buffer.uri, with_caller, refreshes)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("default", "norm", "alone", "with_caller"), CASES)
async def test_fixes_rest_on_the_full_check(
    start: StartEditor, profile: str, default: str, norm: str, alone: list[str], with_caller: list[str]
) -> None:
    buffer = await open_block(await start(profile, server=TYPING), default, norm)
    assert await buffer.codes() == alone
    assert len(await buffer.fix_all("source.fixAll.nnlint.NN501")) == len(with_caller)
    fixes = [action for action in await buffer.actions(LAYER, ["quickfix"]) if action.title.startswith("NN501")]
    assert bool(fixes) == bool(with_caller)


async def test_a_first_answer_that_holds_disturbs_nobody(start: StartEditor) -> None:
    editor = await start("vscode-1.105", server=TYPING)
    buffer = editor.open(NET)
    assert await buffer.codes() == ["NN501"]
    buffer.edit(LAYER, MENDED)
    assert await buffer.codes() == []
    buffer.save()
    assert await buffer.fix_all("source.fixAll.nnlint.NN501") == []
    await editor.settle()
    assert editor.refreshes == 0


async def test_a_check_that_nobody_waits_for_any_more_is_stopped() -> None:
    with pytest.raises(Cancelled):
        Projects().check(Document("untitled:1", "untitled:1", NET), {}, lambda: True)
