"""When no model is run: nobody asked, nothing may be run, or there is nothing that could be; each with a word for the person."""

from __future__ import annotations

import sys
import venv
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from nnlint.lsp.deep.checks import is_saved
from nnlint.lsp.documents import Document
from tests.lsp.conftest import StartEditor
from tests.lsp.deep_models import CONFIRMED, descendants
from tests.lsp.editor import Editor
from tests.lsp.test_deep import LAYER, opened

pytestmark = pytest.mark.asyncio

INVALID_PARAMS = -32602
NOTEBOOK = "file:///home/me/model.ipynb"


async def refused(editor: Editor, *arguments: Any, command: str = "nnlint.deepCheck") -> str:
    """Why a command is refused: what it returns and what pops up are the same words."""
    reply = await editor.execute(command, *arguments)
    assert not reply["accepted"]
    assert editor.take_messages() == [reply["message"]]
    assert editor.client.progress_reports == {}
    return str(reply["message"])


async def test_nothing_is_run_until_somebody_asks(start: StartEditor) -> None:
    editor = await start()
    buffer = opened(editor, CONFIRMED)
    await buffer.diagnostics()
    await buffer.lenses()
    await buffer.hover(LAYER)
    await buffer.actions(LAYER)
    buffer.edit("(8)", "(8, eps=1e-3)")
    buffer.save()
    await buffer.diagnostics()
    await buffer.fix_all("source.fixAll.nnlint.NN501")
    await editor.settle()
    assert descendants(editor.pid) == set()
    assert editor.client.progress_reports == {}


async def test_a_project_cannot_name_the_interpreter_or_ask_for_a_run(start: StartEditor) -> None:
    editor = await start()
    editor.write("nnlint.toml", f'[deep]\npython = "{sys.executable}"\n')
    await opened(editor, CONFIRMED).diagnostics()
    published = await editor.wait_for_push(editor.uri("nnlint.toml"), lambda params: bool(params.diagnostics))
    assert "no project file may" in published.diagnostics[0].message


async def test_what_is_not_saved_is_not_run(start: StartEditor) -> None:
    editor = await start()
    buffer = opened(editor, CONFIRMED)
    buffer.edit("(8)", "(8, eps=1e-3)")
    assert await refused(editor, buffer.uri, "Net") == (
        "model.py has unsaved changes: save it first, the deep check runs the file on the disk"
    )


async def test_line_ends_of_the_client_are_no_change(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_bytes(CONFIRMED.replace("\n", "\r\n").encode())
    assert is_saved(Document(path.as_uri(), str(path), CONFIRMED.rstrip("\n")))
    assert not is_saved(Document(path.as_uri(), str(path), CONFIRMED + "x = 1\n"))
    assert not is_saved(Document((tmp_path / "new.py").as_uri(), str(tmp_path / "new.py"), CONFIRMED))


async def test_buffers_without_a_file_and_cells_are_not_run(start: StartEditor) -> None:
    editor = await start()
    buffer = editor.open(CONFIRMED, uri="untitled:Untitled-1")
    assert "save the class in a .py file first" in await refused(editor, buffer.uri, "Net")
    cell = types.TextDocumentItem("vscode-notebook-cell:/home/me/model.ipynb#one", "python", 1, CONFIRMED)
    notebook = types.NotebookDocument(NOTEBOOK, "jupyter-notebook", 1, [types.NotebookCell(types.NotebookCellKind.Code, cell.uri)])
    editor.client.notebook_document_did_open(types.DidOpenNotebookDocumentParams(notebook, [cell]))
    assert "save the class in a .py file first" in await refused(editor, cell.uri, "Net")


async def test_an_untrusted_workspace_is_not_run_until_it_is_trusted(start: StartEditor) -> None:
    editor = await start(options={"trusted": False})
    buffer = opened(editor, CONFIRMED)
    for command in ("nnlint.deepCheck", "nnlint.deepRecipe"):
        assert "not trusted" in await refused(editor, buffer.uri, "Net", command=command)
    assert await buffer.lenses() == []
    assert "not trusted" in await editor.execute("nnlint.printDebugInformation")
    editor.client.protocol.notify("nnlint/didGrantTrust", {})
    assert len(await buffer.lenses()) == 1


async def test_settings_cannot_grant_trust(start: StartEditor) -> None:
    editor = await start(options={"trusted": False}, settings={"trusted": True})
    buffer = opened(editor, CONFIRMED)
    assert "not trusted" in await refused(editor, buffer.uri, "Net")


async def test_a_command_that_says_it_is_not_trusted_is_refused(start: StartEditor) -> None:
    editor = await start()
    buffer = opened(editor, CONFIRMED)
    assert "not trusted" in await refused(editor, {"uri": buffer.uri, "className": "Net", "trusted": False})


async def test_a_class_that_is_not_there_is_refused(start: StartEditor) -> None:
    editor = await start()
    buffer = opened(editor, CONFIRMED)
    assert "no class Missing" in await refused(editor, buffer.uri, "Missing")
    assert "the cursor stands in no class" in await refused(editor, {"uri": buffer.uri, "position": {"line": 0, "character": 0}})
    assert "not open" in await refused(editor, editor.uri("elsewhere.py"), "Net")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="none"),
        pytest.param([1], id="a number"),
        pytest.param(["file:///a.py"], id="no class"),
        pytest.param([{"className": "Net"}], id="no document"),
        pytest.param([{"uri": "file:///a.py", "className": 1}], id="a class that is a number"),
        pytest.param([{"uri": "file:///a.py", "position": {"line": "1"}}], id="a line that is a text"),
        pytest.param([{"uri": "file:///a.py", "className": "Net", "trusted": "no"}], id="trust that is a text"),
    ],
)
async def test_arguments_that_make_no_sense_are_an_error(start: StartEditor, arguments: list[Any]) -> None:
    editor = await start()
    with pytest.raises(JsonRpcException) as caught:
        await editor.execute("nnlint.deepCheck", *arguments)
    assert caught.value.code == INVALID_PARAMS


async def test_cancelling_where_nothing_runs_says_so(start: StartEditor) -> None:
    editor = await start()
    buffer = opened(editor, CONFIRMED)
    assert await editor.execute("nnlint.cancelDeepCheck") == {"accepted": True, "message": "Nothing was running."}
    assert await editor.execute("nnlint.cancelDeepCheck", buffer.uri, "Net") == {"accepted": True, "message": "Nothing was running."}
    assert editor.take_messages() == []


async def test_an_interpreter_without_torch_is_named_with_the_cure(start: StartEditor, tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", symlinks=True)
    python = str(tmp_path / "bare" / "bin" / "python")
    editor = await start()
    buffer = opened(editor, CONFIRMED)
    assert (await editor.execute("nnlint.deepCheck", {"uri": buffer.uri, "className": "Net", "python": python}))["accepted"]
    end = await editor.ending()
    assert "torch is not installed" in end
    assert python in end
    assert editor.take_messages() == [end]
    (lens,) = await buffer.lenses()
    assert lens.command is not None
    assert lens.command.title.startswith("No answer: torch is not installed")
    (finding,) = await buffer.diagnostics()
    assert "confirmed" not in finding.message, "what no run has answered stays as it was"


async def test_the_persons_setting_goes_over_what_is_selected(start: StartEditor, tmp_path: Path) -> None:
    named = str(tmp_path / "not-there" / "python")
    editor = await start(settings={"deep": {"interpreter": named}})
    buffer = opened(editor, CONFIRMED)
    await editor.execute("nnlint.deepCheck", {"uri": buffer.uri, "className": "Net", "python": sys.executable})
    assert f"{named} does not exist" in await editor.ending()
    assert named in editor.take_messages()[0]


async def test_a_folders_own_settings_cannot_name_an_interpreter(start: StartEditor, tmp_path: Path) -> None:
    person, project = str(tmp_path / "persons" / "python"), str(tmp_path / "projects" / "python")
    editor = await start()
    editor.client.set_configuration({"nnlint": {"deep": {"interpreter": person}}})
    editor.client.set_configuration({"nnlint": {"deep": {"interpreter": project}}}, scope_uri=tmp_path.as_uri())
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(None))
    while project not in await editor.execute("nnlint.printDebugInformation"):
        pass
    buffer = opened(editor, CONFIRMED)
    await editor.execute("nnlint.deepCheck", buffer.uri, "Net")
    assert f"{person} does not exist" in await editor.ending()
    editor.take_messages()


@pytest.mark.torch
@pytest.mark.slow
async def test_a_file_that_does_not_parse_gives_the_reason(start: StartEditor) -> None:
    editor = await start()
    buffer = opened(editor, CONFIRMED + "\n\ndef broken(:\n    pass\n")
    assert (await editor.execute("nnlint.deepCheck", buffer.uri, "Net"))["accepted"]
    end = await editor.ending()
    assert end.startswith("Net: no answer: ")
    assert "SyntaxError" in end
    assert editor.take_messages() == [end]


@pytest.mark.torch
@pytest.mark.slow
async def test_a_constructor_that_nobody_calls_gives_the_pragma_to_write(start: StartEditor) -> None:
    editor = await start()
    buffer = opened(editor, CONFIRMED.replace("__init__(self)", "__init__(self, backbone)", 1))
    assert (await editor.execute("nnlint.deepCheck", buffer.uri, "Net"))["accepted"]
    end = await editor.ending()
    assert "backbone" in end
    assert "# nnlint: deep" in end
    assert editor.take_messages() == [end]
