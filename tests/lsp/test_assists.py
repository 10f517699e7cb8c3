"""What rules offer at a place where nothing is wrong: at every training loop, a check that overfits one batch and a test of it."""

from __future__ import annotations

import ast

import pytest
from lsprotocol import types

from tests.lsp.conftest import StartEditor
from tests.lsp.editor import Buffer

pytestmark = pytest.mark.asyncio

INSERT = "insert a check that overfits one batch"
WRITE = "write a test that overfits one batch"
SCRIPT = """\
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return self.layer(x)


def train(net, batches, epochs=2):
    adam = torch.optim.Adam(net.parameters())
    for epoch in range(epochs):
        for samples, targets in batches:
            adam.zero_grad()
            loss = nn.functional.cross_entropy(net(samples), targets)
            loss.backward()
            adam.step()


if __name__ == "__main__":
    rows = TensorDataset(torch.randn(64, 4), torch.randint(3, (64,)))
    train(Classifier(), DataLoader(rows, batch_size=16))
"""
CHECKED = "# see test_overfit_tiny_batch\n" + SCRIPT
EDITORS = ["vscode-1.105", "neovim-0.12", "neovim-0.11"]


async def titles(buffer: Buffer, at: str, **request: list[str]) -> list[str]:
    return [action.title for action in await buffer.actions(at, **request)]


@pytest.mark.parametrize("text", [SCRIPT, CHECKED])
@pytest.mark.parametrize("profile", EDITORS)
async def test_a_training_loop_can_be_checked_though_the_rule_is_off(start: StartEditor, profile: str, text: str) -> None:
    buffer = (await start(profile)).open(text)
    assert await buffer.codes() == []
    insert = await buffer.action("loss.backward()", INSERT)
    assert insert.kind == types.CodeActionKind.RefactorRewrite
    assert "unsafe" in insert.title
    await buffer.apply(insert)
    assert "for samples, targets in [next(iter(batches))] * 200:" in buffer.text
    assert buffer.text.index("* 200") < buffer.text.index("for epoch")
    ast.parse(buffer.text)


@pytest.mark.parametrize("profile", EDITORS)
async def test_the_test_is_a_new_file_that_imports_from_the_script(start: StartEditor, profile: str) -> None:
    editor = await start(profile)
    editor.write("train.py", SCRIPT)
    editor.write("tests/test_data.py", "import train\n")
    buffer = editor.open(SCRIPT, "train.py")
    await buffer.apply(await buffer.action("loss.backward()", WRITE))
    written = editor.buffers[editor.uri("tests/test_overfit_one_batch.py")].text
    ast.parse(written)
    assert "from train import Classifier\n" in written
    assert "net = Classifier()" in written
    assert buffer.text == SCRIPT


async def test_every_loop_of_a_project_has_both(start: StartEditor) -> None:
    editor = await start()
    for name in ("a.py", "b.py"):
        editor.write(name, SCRIPT)
        buffer = editor.open(SCRIPT, name)
        offered = await titles(buffer, "for samples, targets in batches:")
        assert [sum(words in title for title in offered) for words in (INSERT, WRITE)] == [1, 1]


async def test_an_existing_file_is_left_alone(start: StartEditor) -> None:
    editor = await start()
    editor.write("train.py", SCRIPT)
    editor.write("test_overfit_one_batch.py", "")
    editor.write("pyproject.toml", "")
    buffer = editor.open(SCRIPT, "train.py")
    await buffer.apply(await buffer.action("loss.backward()", WRITE))
    assert editor.uri("test_overfit_one_batch_2.py") in editor.buffers


async def test_a_client_that_creates_no_files_is_offered_the_check_alone(start: StartEditor) -> None:
    buffer = (await start("push-only")).open(SCRIPT)
    offered = await titles(buffer, "loss.backward()")
    assert [INSERT in title for title in offered if "one batch" in title] == [True]


async def test_they_are_neither_quick_fixes_nor_away_from_the_loop_nor_made_on_save(start: StartEditor) -> None:
    buffer = (await start()).open(SCRIPT)
    assert await titles(buffer, "loss.backward()", only=["quickfix"]) == []
    assert len(await titles(buffer, "loss.backward()", only=["refactor"])) == 2
    assert await titles(buffer, "class Classifier", only=["refactor"]) == []
    assert await buffer.fix_all("source.fixAll") == []


async def test_what_a_finding_offers_is_not_offered_twice(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    editor.write("pyproject.toml", '[tool.nnlint]\nextend-select = ["NN101"]\n')
    editor.write("train.py", SCRIPT)
    buffer = editor.open(SCRIPT, "train.py")
    assert await buffer.codes() == ["NN101"]
    offered = await titles(buffer, "loss.backward()")
    assert [sum(words in title for title in offered) for words in (INSERT, WRITE)] == [1, 1]


async def test_a_config_that_withholds_the_fixes_of_the_rule_withholds_these(start: StartEditor) -> None:
    editor = await start()
    editor.write("pyproject.toml", '[tool.nnlint]\nunfixable = ["NN101"]\n')
    assert await titles(editor.open(SCRIPT, "train.py"), "loss.backward()", only=["refactor"]) == []
