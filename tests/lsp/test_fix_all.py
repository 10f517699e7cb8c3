"""Fixing on save: safe fixes by `source.fixAll.nnlint`, the rest only where a person names the rule."""

from __future__ import annotations

import pytest
from lsprotocol import types

from tests.lsp.conftest import StartEditor
from tests.lsp.texts import DEEP, LAYER, MENDED, MIXED, NET

pytestmark = pytest.mark.asyncio

PROFILES = ["vscode-1.105", "neovim-0.12", "neovim-0.11", "push-only"]
PARENTS = ["source", "source.fixAll", "source.fixAll.nnlint", ""]


@pytest.mark.parametrize("profile", PROFILES)
async def test_naming_the_rule_applies_all_its_fixes(start: StartEditor, profile: str) -> None:
    buffer = (await start(profile)).open(DEEP)
    [action] = await buffer.fix_all("source.fixAll.nnlint.NN501")
    assert action.kind == "source.fixAll.nnlint.NN501"
    assert action.edit is not None, "applied on save by editors that do not resolve"
    assert action.edit.change_annotations is None, "a person's own word needs no confirmation"
    await buffer.apply(action)
    assert buffer.text.count("bias=False") == 2
    assert await buffer.codes() == []
    assert await buffer.fix_all("source.fixAll.nnlint.NN501") == []


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_parent_kind_returns_no_unsafe_fix(start: StartEditor, profile: str) -> None:
    buffer = (await start(profile)).open(NET)
    assert await buffer.codes() == ["NN501"]
    for kind in PARENTS:
        assert [action.kind for action in await buffer.fix_all(kind) if str(action.kind).startswith("source")] == []


async def test_a_parent_kind_applies_what_is_safe_and_leaves_the_rest(start: StartEditor) -> None:
    buffer = (await start()).open(MIXED)
    for kind in PARENTS:
        assert await buffer.codes() == ["NN501", "NN001"]
        [action] = [action for action in await buffer.fix_all(kind) if str(action.kind).startswith("source")]
        assert action.kind == "source.fixAll.nnlint"
        await buffer.apply(action)
        assert LAYER in buffer.text
        assert "ignore" not in buffer.text
        assert await buffer.codes() == ["NN501"]
        buffer.replace(MIXED)


async def test_the_config_can_move_a_rule_to_the_safe_ones(start: StartEditor) -> None:
    editor = await start()
    editor.write("pyproject.toml", '[tool.nnlint]\nextend-safe-fixes = ["NN501"]\n')
    buffer = editor.open(NET)
    [action] = await buffer.fix_all("source.fixAll")
    await buffer.apply(action)
    assert buffer.text == NET.replace(LAYER, MENDED)


async def test_a_rule_is_named_as_everywhere(start: StartEditor) -> None:
    buffer = (await start()).open(NET)
    for selector in ("NN5", "bias-before-norm", "NN501"):
        [action] = await buffer.fix_all(f"source.fixAll.nnlint.{selector}")
        await buffer.apply(action)
        assert buffer.text == NET.replace(LAYER, MENDED)
        buffer.replace(NET)


async def test_kinds_that_mean_nothing_here_return_nothing(start: StartEditor) -> None:
    buffer = (await start()).open(NET)
    for kind in ("source.fixAll.nnlint.NN999", "source.fixAll.nnlint.NN502", "source.fixAll.ruff", "source.organizeImports", "refactor"):
        assert await buffer.fix_all(kind) == []


async def test_where_nothing_is_to_fix_there_is_no_action(start: StartEditor) -> None:
    buffer = (await start()).open(NET.replace(LAYER, MENDED))
    for kind in (*PARENTS, "source.fixAll.nnlint.NN501"):
        assert await buffer.fix_all(kind) == []


async def test_the_light_bulb_that_comes_by_itself_holds_no_source_actions(start: StartEditor) -> None:
    buffer = (await start()).open(MIXED)
    everywhere = buffer.range(0, len(MIXED))
    automatic = await buffer.actions(everywhere, trigger=types.CodeActionTriggerKind.Automatic)
    assert automatic
    assert {str(action.kind) for action in automatic} == {"quickfix"}
    invoked = await buffer.actions(everywhere, trigger=types.CodeActionTriggerKind.Invoked)
    assert "source.fixAll.nnlint" in {str(action.kind) for action in invoked}


async def test_a_request_for_quick_fixes_holds_nothing_else(start: StartEditor) -> None:
    buffer = (await start()).open(MIXED)
    actions = await buffer.actions(buffer.range(0, len(MIXED)), ["quickfix"])
    assert {str(action.kind) for action in actions} == {"quickfix"}


@pytest.mark.parametrize("profile", PROFILES)
async def test_saving_while_typing_fixes_the_text_as_it_is_and_nothing_half_typed(start: StartEditor, profile: str) -> None:
    buffer = (await start(profile)).open("import torch.nn as nn\n")
    half = "\n\ndef half(a, (\n    return nn.Conv2d(\n"
    buffer.edit("import torch.nn as nn\n", NET + half)
    buffer.edit("class Net", "# a line more\nclass Net")
    typed = buffer.text
    [action] = await buffer.fix_all("source.fixAll.nnlint.NN501")
    await buffer.apply(action)
    assert buffer.text == typed.replace(LAYER, MENDED)
