"""The deep check in an editor: real runs of real models, and where what they say is shown."""

from __future__ import annotations

from typing import Any

import pytest
from lsprotocol import types

from tests.lsp.conftest import StartEditor
from tests.lsp.deep_models import CONFIRMED, DISCOVERED, PARAMETERS, REFUTED
from tests.lsp.editor import Buffer, Editor

pytestmark = [pytest.mark.asyncio, pytest.mark.torch, pytest.mark.slow]

PROFILES = ("vscode-1.105", "neovim-0.12", "push-only")
DEEP_CHECK = "nnlint.deepCheck"
LAYER = "nn.Conv2d(3, 8, 3)"


def opened(editor: Editor, text: str, name: str = "model.py") -> Buffer:
    """A file that is open and saved."""
    editor.write(name, text)
    return editor.open(text, name)


async def run(buffer: Buffer, class_name: str = "Net", number: int = 1) -> str:
    """Check a class, and wait for the last word of its progress."""
    assert (await buffer.editor.execute(DEEP_CHECK, buffer.uri, class_name))["accepted"]
    return await buffer.editor.ending(number)


async def title(buffer: Buffer) -> str:
    """What stands over the one class of a text."""
    (lens,) = await buffer.lenses()
    assert lens.command is not None
    return lens.command.title


@pytest.mark.parametrize("profile", PROFILES[:2])
async def test_a_confirmed_finding_says_so_with_its_proof(start: StartEditor, profile: str) -> None:
    editor = await start(profile)
    buffer = opened(editor, CONFIRMED)
    (before,) = await buffer.diagnostics()
    assert await run(buffer) == "Net: 1 confirmed"
    (after,) = await buffer.diagnostics()
    assert after.message.startswith(f"{before.message} – confirmed: ")
    assert (before.severity, after.severity) == (types.DiagnosticSeverity.Information, types.DiagnosticSeverity.Warning)
    assert (before.range, before.code) == (after.range, after.code)
    assert after.data is not None
    assert after.data["verdict"]["kind"] == "confirmed"
    assert 8 in after.data["verdict"]["numbers"].values()
    assert editor.refreshes if editor.pulls else True


async def test_a_client_that_shows_no_progress_is_pushed_the_verdict(start: StartEditor) -> None:
    editor = await start("push-only")
    buffer = opened(editor, CONFIRMED)
    await buffer.diagnostics()
    assert (await editor.execute(DEEP_CHECK, buffer.uri, "Net"))["accepted"]
    pushed = await editor.wait_for_push(buffer.uri, lambda params: any("confirmed" in d.message for d in params.diagnostics))
    assert pushed.version == buffer.version
    assert editor.client.progress_reports == {}


@pytest.mark.parametrize("profile", PROFILES[:2])
async def test_a_refuted_finding_goes_with_its_hover_and_its_actions(start: StartEditor, profile: str) -> None:
    editor = await start(profile)
    buffer = opened(editor, REFUTED)
    assert await buffer.codes() == ["NN501"]
    assert await run(buffer) == "Net: 1 refuted"
    assert await buffer.codes() == []
    assert await buffer.hover(LAYER) is None
    assert await buffer.actions(LAYER) == []
    assert "1 refuted" in await title(buffer)


async def test_what_a_run_discovers_becomes_a_finding(start: StartEditor) -> None:
    editor = await start()
    buffer = opened(editor, DISCOVERED)
    assert await buffer.codes() == []
    assert await run(buffer) == "Net: 1 discovered"
    (found,) = await buffer.diagnostics()
    assert found.code == "NN501"
    assert LAYER in buffer.text_in(found.range)
    hover = await buffer.hover(LAYER)
    assert hover is not None
    assert "Built as `Net()`" in hover.contents.value


async def test_the_hover_says_how_the_model_was_built(start: StartEditor) -> None:
    editor = await start()
    buffer = opened(editor, CONFIRMED)
    await run(buffer)
    on_finding, on_class = await buffer.hover(LAYER), await buffer.hover("Net(")
    assert on_finding is not None
    assert on_class is not None
    for hover in (on_finding, on_class):
        assert "confirmed" in hover.contents.value
        assert "Built as `Net()`" in hover.contents.value
        assert f"{PARAMETERS:,} parameters" in hover.contents.value
        assert "torch" in hover.contents.value
    assert "bias-before-norm" in on_finding.contents.value
    assert "NN501 in line 7" in on_class.contents.value
    assert buffer.text_in(on_class.range) == "Net"


async def test_verdicts_stay_while_the_class_does_and_come_back_with_it(start: StartEditor) -> None:
    editor = await start()
    buffer = opened(editor, CONFIRMED)
    await run(buffer)
    buffer.edit("import torch.nn as nn\n", "import torch.nn as nn\n\nwidth = 8\n")
    (moved,) = await buffer.diagnostics()
    assert "confirmed" in moved.message
    assert buffer.text_in(moved.range).startswith("nn.Conv2d")
    assert "before later edits" in await title(buffer)
    hover = await buffer.hover("Net(")
    assert hover is not None
    assert "has changed since" in hover.contents.value
    buffer.edit("nn.BatchNorm2d(8)", "nn.BatchNorm2d(8, eps=1e-3)")
    (other,) = await buffer.diagnostics()
    assert "confirmed" not in other.message
    assert other.data is None
    assert (await title(buffer)).endswith("run deep check")
    buffer.replace(CONFIRMED)
    (undone,) = await buffer.diagnostics()
    assert "confirmed" in undone.message
    assert "before later edits" not in await title(buffer)


async def test_a_change_elsewhere_is_no_secret(start: StartEditor) -> None:
    editor = await start()
    buffer, other = opened(editor, CONFIRMED), opened(editor, "width = 8\n", "settings.py")
    await run(buffer)
    assert "before later edits" not in await title(buffer)
    other.edit("8", "16")
    assert "before later edits" in await title(buffer)


async def test_another_run_takes_the_place_of_what_was_said(start: StartEditor) -> None:
    editor = await start()
    buffer = opened(editor, REFUTED)
    assert await run(buffer) == "Net: 1 refuted"
    editor.write("model.py", CONFIRMED)
    buffer.replace(CONFIRMED)
    buffer.save()
    assert await run(buffer, number=2) == "Net: 1 confirmed"
    assert await buffer.codes() == ["NN501"]


async def test_the_class_at_a_position_is_run(start: StartEditor) -> None:
    editor = await start()
    buffer = opened(editor, CONFIRMED)
    inside = buffer.position(CONFIRMED.index("super().__init__"))
    place = {"uri": buffer.uri, "position": {"line": inside.line, "character": inside.character}}
    assert (await editor.execute(DEEP_CHECK, place))["accepted"]
    assert await editor.ending() == "Net: 1 confirmed"


async def test_progress_begins_and_ends_with_words_for_a_person(start: StartEditor) -> None:
    editor = await start()
    buffer = opened(editor, CONFIRMED)
    await run(buffer)
    (news,) = editor.client.progress_reports.values()
    assert isinstance(news[0], types.WorkDoneProgressBegin)
    assert (news[0].title, news[0].cancellable) == ("Deep check of Net", True)
    assert [type(one) for one in news].count(types.WorkDoneProgressEnd) == 1
    await editor.wait_until(lambda: "Net: 1 confirmed" in [message.message for message in editor.client.log_messages])


async def test_a_model_of_a_package_with_relative_imports_is_run(start: StartEditor) -> None:
    editor = await start()
    editor.write("pyproject.toml", "")
    editor.write("package/__init__.py", "")
    editor.write("package/sizes.py", "WIDTH = 8\n")
    text = CONFIRMED.replace("import torch.nn as nn\n", "import torch.nn as nn\n\nfrom .sizes import WIDTH\n").replace("8, 3)", "WIDTH, 3)")
    buffer = opened(editor, text, "package/model.py")
    assert await run(buffer) == "Net: 1 confirmed"


async def test_debug_information_knows_of_runs(start: StartEditor) -> None:
    editor = await start()
    buffer = opened(editor, CONFIRMED)
    assert "Deep check: nothing running; 0 classes run" in await editor.execute("nnlint.printDebugInformation")
    await run(buffer)
    assert "Deep check: nothing running; 1 classes run" in await editor.execute("nnlint.printDebugInformation")


async def test_what_is_not_saved_elsewhere_is_no_secret_either(start: StartEditor) -> None:
    editor = await start()
    buffer, other = opened(editor, CONFIRMED), opened(editor, "width = 8\n", "settings.py")
    other.edit("8", "16")
    assert await run(buffer) == "Net: 1 confirmed"
    assert "before later edits" in await title(buffer)
    assert any("what is not saved in settings.py" in message.message for message in editor.client.log_messages)


async def test_discoveries_of_rules_that_are_off_are_not_told(start: StartEditor) -> None:
    editor = await start(settings={"ignore": ["NN501"]})
    buffer = opened(editor, DISCOVERED)
    assert await run(buffer) == "Net: nothing to confirm"
    assert await buffer.codes() == []


async def test_a_client_that_shows_recipes_is_sent_the_page(start: StartEditor) -> None:
    editor = await start(experimental={"nnlintRecipe": True})
    reports: list[Any] = []
    editor.client.feature("nnlint/recipeReport")(lambda params: reports.append(params))
    buffer = opened(editor, CONFIRMED)
    assert (await editor.execute("nnlint.deepRecipe", buffer.uri, "Net"))["accepted"]
    assert (await editor.ending()).startswith("Net: ")
    (report,) = reports
    assert (report.uri, report.className) == (buffer.uri, "Net")
    assert "<title>Training recipe: Net" in report.html
    assert editor.client.shown_documents == []


async def test_the_recipe_is_shown_as_a_page(start: StartEditor) -> None:
    editor = await start()
    buffer = opened(editor, CONFIRMED)
    assert (await editor.execute("nnlint.deepRecipe", buffer.uri, "Net"))["accepted"]
    assert (await editor.ending()).startswith("Net: ")
    (shown,) = editor.client.shown_documents
    assert shown.external
    assert shown.uri.endswith(".html")
    assert (await title(buffer)).endswith("run deep check"), "a recipe gives no verdicts"
