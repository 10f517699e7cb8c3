"""The line over a model class: what it says before, during and after a run, and where it is not."""

from __future__ import annotations

import pytest
from lsprotocol import types

from nnlint.lsp.deep.lens import _rounded
from tests.lsp.conftest import StartEditor
from tests.lsp.deep_models import CONFIRMED, PARAMETERS
from tests.lsp.editor import Buffer
from tests.lsp.test_deep import opened, run, title

pytestmark = pytest.mark.asyncio

PROFILES = ("vscode-1.105", "neovim-0.11", "neovim-0.12", "push-only")
TWO = """\
import torch.nn as nn


class Data:
    pass


@decorated
class First(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.norm1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3)
        self.norm2 = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.norm2(self.conv2(self.norm1(self.conv1(x))))


def build():
    return First()


class Second(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(width, 1)

    def forward(self, x):
        return self.linear(x)


class Mixin:
    def forward(self, x):
        return x
"""


async def titles(buffer: Buffer) -> dict[str, str]:
    """The lenses by what they stand over."""
    lenses = await buffer.lenses()
    assert all(lens.command is not None for lens in lenses)
    return {buffer.text_in(lens.range): lens.command.title for lens in lenses if lens.command is not None}


@pytest.mark.parametrize("profile", PROFILES)
async def test_each_model_of_a_file_has_a_lens_and_nothing_else_has(start: StartEditor, profile: str) -> None:
    editor = await start(profile)
    buffer = opened(editor, TWO.replace("@decorated\n", ""))
    first = 3 * 8 * 9 + 8 + 16 + 8 * 8 * 9 + 8 + 16
    assert await titles(buffer) == {
        "First": f"{first} parameters · 2 spurious biases · run deep check",
        "Second": "Run deep check",
    }


@pytest.mark.parametrize("profile", PROFILES)
async def test_any_client_can_execute_the_command_of_a_lens(start: StartEditor, profile: str) -> None:
    editor = await start(profile)
    buffer = opened(editor, CONFIRMED)
    (lens,) = await buffer.lenses()
    assert lens.command is not None
    assert lens.command.command == "nnlint.deepCheck"
    assert [*(lens.command.arguments or ())] == [{"uri": buffer.uri, "className": "Net"}]
    assert lens.data == {"state": "idle", "className": "Net"}
    provider = editor.capabilities.execute_command_provider
    assert provider is not None
    assert lens.command.command in provider.commands


async def test_one_bias_is_one_bias(start: StartEditor) -> None:
    editor = await start()
    assert await title(opened(editor, CONFIRMED)) == f"{PARAMETERS} parameters · 1 spurious bias · run deep check"


async def test_a_lens_follows_what_is_typed(start: StartEditor) -> None:
    editor = await start()
    buffer = opened(editor, CONFIRMED)
    buffer.edit("(3, 8, 3)", "(3, 8, 3, bias=False)")
    assert await title(buffer) == f"{PARAMETERS - 8} parameters · run deep check"


@pytest.mark.parametrize("settings", [{"enable": False}, {"deep": {"codeLens": False}}])
async def test_settings_take_lenses_away(start: StartEditor, settings: dict[str, object]) -> None:
    editor = await start(settings=settings)
    buffer = opened(editor, CONFIRMED)
    await buffer.diagnostics()
    assert await buffer.lenses() == []


async def test_there_is_no_lens_where_nothing_can_be_run(start: StartEditor) -> None:
    editor = await start()
    assert await editor.open(CONFIRMED, uri="untitled:Untitled-1").lenses() == []
    cell = types.TextDocumentItem("vscode-notebook-cell:/home/me/model.ipynb#one", "python", 1, CONFIRMED)
    cells = [types.NotebookCell(types.NotebookCellKind.Code, cell.uri)]
    notebook = types.NotebookDocument("file:///home/me/model.ipynb", "jupyter-notebook", 1, cells)
    editor.client.notebook_document_did_open(types.DidOpenNotebookDocumentParams(notebook, [cell]))
    assert await Buffer(editor, cell.uri, CONFIRMED).lenses() == []
    assert await Buffer(editor, editor.uri("never_opened.py"), "").lenses() == []


@pytest.mark.torch
@pytest.mark.slow
@pytest.mark.parametrize("profile", ["vscode-1.105", "neovim-0.12"])
async def test_a_lens_tells_the_run_from_its_beginning_to_its_verdict(start: StartEditor, profile: str) -> None:
    editor = await start(profile)
    buffer = opened(editor, CONFIRMED)
    await buffer.lenses()
    await editor.execute("nnlint.deepCheck", buffer.uri, "Net")
    (during,) = await buffer.lenses()
    assert during.command is not None
    assert during.command.title == "Running deep check … (cancel)"
    assert during.command.command == "nnlint.cancelDeepCheck"
    await editor.ending()
    (after,) = await buffer.lenses()
    assert after.command is not None
    assert after.command.title == f"{PARAMETERS} parameters · 1 confirmed · run again"
    assert after.command.command == "nnlint.deepCheck"
    assert after.data == {"state": "done", "className": "Net"}
    assert editor.lens_refreshes >= 2, "the client is told of the beginning and of the end"


@pytest.mark.torch
@pytest.mark.slow
async def test_where_there_was_nothing_to_confirm_the_lens_says_that(start: StartEditor) -> None:
    editor = await start()
    buffer = opened(editor, CONFIRMED.replace("(3, 8, 3)", "(3, 8, 3, bias=False)"))
    assert await run(buffer) == "Net: nothing to confirm"
    assert await title(buffer) == f"{PARAMETERS - 8} parameters · nothing to confirm · run again"


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1 k"),
        (999_499, "999 k"),
        (999_500, "1 M"),
        (11_181_642, "11.2 M"),
        (175_000_000_000, "175 G"),
    ],
)
async def test_large_numbers_are_rounded_to_three_figures(count: int, words: str) -> None:
    assert _rounded(count) == words
