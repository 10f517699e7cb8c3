"""Commands: only those that are built are offered, and they answer."""

from __future__ import annotations

import sys

import pytest
from pygls.exceptions import JsonRpcException

from tests.lsp.conftest import StartEditor
from tests.lsp.texts import NET

pytestmark = pytest.mark.asyncio

INVALID_PARAMS = -32602


async def test_the_commands_that_are_built_are_offered(start: StartEditor) -> None:
    provider = (await start()).capabilities.execute_command_provider
    assert provider is not None
    assert set(provider.commands) == {
        "nnlint.printDebugInformation",
        "nnlint.showGraph",
        "nnlint.showDocumentation",
        "nnlint.deepCheck",
        "nnlint.deepRecipe",
        "nnlint.cancelDeepCheck",
    }


async def test_debug_information_says_what_a_report_needs(start: StartEditor) -> None:
    editor = await start()
    editor.write("pyproject.toml", "[tool.nnlint]\n")
    buffer = editor.open(NET)
    assert await buffer.codes() == ["NN501"]
    text = await editor.execute("nnlint.printDebugInformation", buffer.uri)
    for expected in (
        "pygls 2",
        f"Python {sys.version_info.major}.{sys.version_info.minor}",
        sys.executable,
        "Visual Studio Code 1.105.0",
        "utf-16",
        "pulled",
        buffer.uri,
        "version 1",
        str(editor.folder / "pyproject.toml"),
        "1 findings",
    ):
        assert expected in text
    assert "Conv2d" not in text, "a report should not carry anybody's code"


async def test_the_graph_of_a_class_is_shown(start: StartEditor) -> None:
    editor = await start()
    buffer = editor.open(NET)
    by_name = await editor.execute("nnlint.showGraph", buffer.uri, "Net")
    assert "Net.forward" in by_name
    assert "Conv2d" in by_name
    inside = buffer.position(NET.index("self.norm(self.conv"))
    place = {"uri": buffer.uri, "position": {"line": inside.line, "character": inside.character}}
    assert await editor.execute("nnlint.showGraph", place) == by_name


async def test_the_graph_follows_what_is_typed(start: StartEditor) -> None:
    editor = await start()
    buffer = editor.open(NET)
    buffer.edit("class Net", "class Renamed")
    assert "Renamed.forward" in await editor.execute("nnlint.showGraph", buffer.uri, "Renamed")


async def test_where_there_is_no_graph_a_sentence_says_why(start: StartEditor) -> None:
    editor = await start()
    buffer = editor.open(NET)
    assert "Missing" in await editor.execute("nnlint.showGraph", buffer.uri, "Missing")
    assert "no class" in await editor.execute("nnlint.showGraph", {"uri": buffer.uri, "position": {"line": 0, "character": 0}})
    assert "not open" in await editor.execute("nnlint.showGraph", editor.uri("elsewhere.py"), "Net")


async def test_wrong_arguments_are_refused(start: StartEditor) -> None:
    editor = await start()
    with pytest.raises(JsonRpcException) as caught:
        await editor.execute("nnlint.showGraph", 1)
    assert caught.value.code == INVALID_PARAMS
