"""Files that are not open: what is written to them counts for those that are."""

from __future__ import annotations

import pytest
from lsprotocol import types

from tests.lsp.conftest import StartEditor
from tests.lsp.test_diagnostics import LAYERS, USER
from tests.lsp.test_settings import say_that_it_changed, wait_for_codes

pytestmark = pytest.mark.asyncio

PROFILES = ["vscode-1.105", "neovim-0.11"]
OTHER_LAYERS = LAYERS.replace("BatchNorm2d", "Softplus")


@pytest.mark.parametrize("profile", PROFILES)
async def test_what_another_program_writes_to_an_imported_file_counts(start: StartEditor, profile: str) -> None:
    editor = await start(profile)
    editor.write("pyproject.toml", "")
    editor.write("layers.py", LAYERS)
    user = editor.open(USER, "user.py")
    assert await user.codes() == ["NN501"]
    refreshes = editor.refreshes
    await say_that_it_changed(editor, editor.write("layers.py", OTHER_LAYERS))
    await wait_for_codes(editor, user.uri, [], refreshes)


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_file_that_comes_or_goes_counts(start: StartEditor, profile: str) -> None:
    editor = await start(profile)
    editor.write("pyproject.toml", "")
    user = editor.open(USER, "user.py")
    assert await user.codes() == []
    for kind, codes in ((types.FileChangeType.Created, ["NN501"]), (types.FileChangeType.Deleted, [])):
        refreshes = editor.refreshes
        if kind is types.FileChangeType.Created:
            path = editor.write("layers.py", LAYERS)
        else:
            path.unlink()
        if editor.pulls:
            event = types.FileEvent(path.as_uri(), kind)
            editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
        await wait_for_codes(editor, user.uri, codes, refreshes)


async def test_an_open_buffer_counts_in_place_of_its_file_until_it_is_closed(start: StartEditor) -> None:
    editor = await start("neovim-0.12")
    editor.write("pyproject.toml", "")
    editor.write("layers.py", LAYERS)
    user = editor.open(USER, "user.py")
    assert await user.codes() == ["NN501"]
    layers = editor.open(OTHER_LAYERS, "layers.py")
    assert await user.codes() == []
    layers.close()
    assert await user.codes() == ["NN501"]


async def test_saving_what_is_open_disturbs_nobody(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    editor.write("pyproject.toml", "")
    buffer = editor.open(USER, "user.py")
    assert await buffer.codes() == []
    await say_that_it_changed(editor, editor.write("user.py", USER))
    await editor.settle()
    assert editor.refreshes == 0


async def test_the_server_and_the_command_line_say_the_same_of_a_saved_file(start: StartEditor) -> None:
    import json
    import subprocess
    import sys

    editor = await start("vscode-1.105")
    editor.write("pyproject.toml", "")
    editor.write("layers.py", LAYERS)
    path = editor.write("user.py", USER + "\n\nx = 1  # nnlint: ignore[NN502]\n")
    command = [sys.executable, "-m", "nnlint", "check", "--no-cache", "--output-format", "json", str(path)]
    listed = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    told = await editor.open(path.read_text(), "user.py").diagnostics()
    assert len(listed) == 2
    assert [(d.code, d.message, d.range.start.line + 1, d.range.start.character + 1) for d in told] == [
        (f["code"], f["message"], f["location"]["row"], f["location"]["column"]) for f in listed
    ]
