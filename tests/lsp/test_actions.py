"""The light-bulb: what is offered at a finding, how it is said, and what it does to the text."""

from __future__ import annotations

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from tests.lsp.conftest import StartEditor
from tests.lsp.texts import DEEP, LAYER, MENDED, NET

pytestmark = pytest.mark.asyncio

PROFILES = ["vscode-1.105", "neovim-0.12", "neovim-0.11", "push-only"]
CONTENT_MODIFIED = -32801


@pytest.mark.parametrize("profile", PROFILES)
async def test_the_quick_fix_cures_the_finding_and_says_that_it_is_unsafe(start: StartEditor, profile: str) -> None:
    buffer = (await start(profile)).open(NET)
    [found] = await buffer.diagnostics()
    fix = await buffer.action(LAYER, "bias=False")
    assert "unsafe" in fix.title
    assert "NN501" in fix.title
    assert fix.kind == types.CodeActionKind.QuickFix
    assert fix.is_preferred
    assert [(d.code, d.range) for d in fix.diagnostics or []] == [("NN501", found.range)]
    await buffer.apply(fix)
    assert buffer.text == NET.replace(LAYER, MENDED)
    assert await buffer.codes() == []


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_client_gets_edits_in_the_form_that_it_can_take(start: StartEditor, profile: str) -> None:
    editor = await start(profile)
    buffer = editor.open(NET)
    fix = await buffer.action(LAYER, "bias=False")
    assert (fix.edit is None) == (profile != "push-only"), "resolved later where the client can"
    if fix.edit is None:
        fix = await editor.client.code_action_resolve_async(fix)
    assert fix.edit is not None
    is_versioned = profile == "vscode-1.105"
    assert (fix.edit.document_changes is not None) == is_versioned
    assert (fix.edit.changes is not None) != is_versioned


async def test_the_second_fix_lets_old_checkpoints_load_and_is_not_the_preferred_one(start: StartEditor) -> None:
    buffer = (await start()).open(NET)
    fix = await buffer.action(LAYER, "when an older checkpoint is loaded")
    assert "unsafe" in fix.title
    assert not fix.is_preferred
    await buffer.apply(fix)
    assert MENDED in buffer.text
    assert "self._register_load_state_dict_pre_hook(self._absorb_bias_of_conv)" in buffer.text
    assert await buffer.codes() == []


async def test_a_person_can_have_unsafe_fixes_confirmed_where_the_client_can_ask(start: StartEditor) -> None:
    editor = await start("vscode-1.105", settings={"confirmUnsafeFixes": True})
    buffer = editor.open(NET)
    fix = await editor.client.code_action_resolve_async(await buffer.action(LAYER, "bias=False"))
    assert fix.edit is not None
    assert fix.edit.change_annotations is not None
    [(name, annotation)] = fix.edit.change_annotations.items()
    assert annotation.needs_confirmation
    [change] = fix.edit.document_changes or []
    assert isinstance(change, types.TextDocumentEdit)
    assert [edit.annotation_id for edit in change.edits if isinstance(edit, types.AnnotatedTextEdit)] == [name]


async def test_unasked_the_title_alone_says_that_a_fix_is_unsafe(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    buffer = editor.open(NET)
    fix = await editor.client.code_action_resolve_async(await buffer.action(LAYER, "bias=False"))
    assert "unsafe" in fix.title
    assert fix.edit is not None
    assert fix.edit.change_annotations is None


async def test_what_was_offered_for_an_older_text_is_not_applied_to_a_newer_one(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    buffer = editor.open(NET)
    fix = await buffer.action(LAYER, "bias=False")
    buffer.edit("import torch.nn as nn\n", "import torch\nimport torch.nn as nn\n")
    with pytest.raises(JsonRpcException) as caught:
        await editor.client.code_action_resolve_async(fix)
    assert caught.value.code == CONTENT_MODIFIED


async def test_nothing_is_offered_away_from_findings(start: StartEditor) -> None:
    buffer = (await start()).open(NET)
    assert await buffer.actions("nn.BatchNorm2d(8)", trigger=types.CodeActionTriggerKind.Automatic) == []


async def test_the_cursor_at_either_edge_of_a_finding_is_at_the_finding(start: StartEditor) -> None:
    buffer = (await start()).open(NET)
    place = buffer.range_of(LAYER)
    for edge in (place.start, place.end):
        titles = [action.title for action in await buffer.actions(types.Range(edge, edge), ["quickfix"])]
        assert any("bias=False" in title for title in titles)


async def test_all_findings_of_a_rule_can_be_fixed_at_once_where_there_are_several(start: StartEditor) -> None:
    editor = await start()
    buffer = editor.open(DEEP)
    await buffer.apply(await buffer.action("nn.Conv2d(3, 8, 3)", "Fix all NN501"))
    assert buffer.text.count("bias=False") == 2
    assert await buffer.codes() == []
    single = editor.open(NET, "net.py")
    titles = [action.title for action in await single.actions(LAYER)]
    assert not any("Fix all NN501" in title for title in titles)


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_rule_can_be_disabled_for_a_line(start: StartEditor, profile: str) -> None:
    buffer = (await start(profile)).open(DEEP)
    await buffer.apply(await buffer.action("nn.Conv2d(3, 8, 3)", "Disable NN501 for this line"))
    assert buffer.text == DEEP.replace("nn.Conv2d(3, 8, 3)", "nn.Conv2d(3, 8, 3)  # nnlint: ignore[NN501]")
    assert [buffer.text_in(found.range) for found in await buffer.diagnostics()] == ["nn.Conv2d(8, 16, 3)"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("# nnlint: ignore[NN502]", "# nnlint: ignore[NN502, NN501]", id="a suppression of another rule"),
        pytest.param("# type: ignore", "# type: ignore  # nnlint: ignore[NN501]", id="a comment of another tool"),
    ],
)
async def test_disabling_for_a_line_adds_to_the_comment_that_is_there(start: StartEditor, before: str, after: str) -> None:
    text = NET.replace(LAYER, f"{LAYER}  {before}")
    buffer = (await start()).open(text)
    await buffer.apply(await buffer.action(LAYER, "Disable NN501 for this line"))
    assert buffer.text == text.replace(before, after)
    assert "NN501" not in await buffer.codes()


async def test_disabling_for_a_line_finds_a_line_that_can_take_a_comment(start: StartEditor) -> None:
    text = NET.replace(f"self.conv = {LAYER}", "self.conv = \\\n            nn.Conv2d(\\\n            3, 8,\n            3)")
    buffer = (await start()).open(text)
    await buffer.apply(await buffer.action("nn.Conv2d(", "Disable NN501 for this line"))
    assert "\\  #" not in buffer.text
    assert await buffer.codes() == []


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_rule_can_be_disabled_for_a_file(start: StartEditor, profile: str) -> None:
    buffer = (await start(profile)).open(DEEP)
    await buffer.apply(await buffer.action("nn.Conv2d(3, 8, 3)", "Disable NN501 for this file"))
    assert buffer.text == "# nnlint: ignore-file[NN501]\n" + DEEP
    assert await buffer.codes() == []


async def test_disabling_for_a_file_stays_below_the_lines_that_must_be_first_and_adds_to_what_is_there(start: StartEditor) -> None:
    head = "#!/usr/bin/env python\r\n# -*- coding: utf-8 -*-\r\n"
    text = NET.replace("\n", "\r\n")
    editor = await start()
    buffer = editor.open(head + text)
    await buffer.apply(await buffer.action(LAYER, "Disable NN501 for this file"))
    assert buffer.text == f"{head}# nnlint: ignore-file[NN501]\r\n{text}"
    other = editor.open(f"# nnlint: ignore-file[NN502]\n{NET}", "other.py")
    await other.apply(await other.action(LAYER, "Disable NN501 for this file"))
    assert other.text == f"# nnlint: ignore-file[NN502, NN501]\n{NET}"


async def test_the_documentation_of_a_rule_can_be_shown(start: StartEditor) -> None:
    editor = await start()
    buffer = editor.open(NET)
    show = await buffer.action(LAYER, "Show documentation for NN501")
    assert show.command is not None
    await editor.execute(show.command.command, *(show.command.arguments or ()))
    [shown] = editor.client.shown_documents
    assert shown.uri.startswith("file:")
    assert "nn501" in shown.uri


async def test_the_documentation_is_not_offered_to_a_client_that_cannot_show_it(start: StartEditor) -> None:
    buffer = (await start("push-only")).open(NET)
    assert [action.title for action in await buffer.actions(LAYER) if "documentation" in action.title] == []


async def test_a_syntax_error_can_be_neither_fixed_nor_disabled(start: StartEditor) -> None:
    buffer = (await start()).open("def half(a, (\n")
    titles = [action.title for action in await buffer.actions(buffer.range(0, len(buffer.text)), ["quickfix"])]
    assert titles == ["Show documentation for NN000"]


async def test_a_fix_that_the_config_withholds_is_shown_but_cannot_be_applied(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    editor.write("pyproject.toml", '[tool.nnlint]\nunfixable = ["NN501"]\n')
    buffer = editor.open(NET)
    fix = await buffer.action(LAYER, "bias=False")
    assert fix.disabled is not None
    assert (fix.edit, fix.data) == (None, None)


async def test_a_client_that_shows_no_disabled_actions_gets_none(start: StartEditor) -> None:
    editor = await start("neovim-0.11")
    editor.write("pyproject.toml", '[tool.nnlint]\nunfixable = ["NN501"]\n')
    buffer = editor.open(NET)
    assert not any("bias=False" in action.title for action in await buffer.actions(LAYER))


async def test_actions_fit_what_was_typed_a_moment_ago(start: StartEditor) -> None:
    buffer = (await start("push-only")).open("import torch.nn as nn\n")
    buffer.edit("import torch.nn as nn\n", "\n\n" + NET)
    await buffer.apply(await buffer.action(LAYER, "bias=False"))
    assert buffer.text == "\n\n" + NET.replace(LAYER, MENDED)
