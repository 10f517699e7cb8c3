"""Runs that do not end by themselves: the server goes on answering, whoever asked can end them, and nothing of them is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from tests.lsp.conftest import StartEditor
from tests.lsp.deep_models import CONFIRMED, ENDLESS, are_gone, descendants
from tests.lsp.editor import PATIENCE, RUN_PATIENCE, Buffer, Editor, start_editor
from tests.lsp.test_deep import LAYER, opened, title

pytestmark = [pytest.mark.asyncio, pytest.mark.torch, pytest.mark.slow]

DEATH = 5.0  # seconds in which a tree of processes has to end
SLEEPER = "sleep"


async def stuck(editor: Editor) -> tuple[Buffer, set[int]]:
    """A run that is caught in an endless loop and has started a process in a session of its own, and all processes of it."""
    buffer = opened(editor, ENDLESS)
    assert (await editor.execute("nnlint.deepCheck", buffer.uri, "Net"))["accepted"]
    found: set[int] = set()
    async with asyncio.timeout(RUN_PATIENCE):
        while not any(is_named(pid, SLEEPER) for pid in found):
            await asyncio.sleep(0.1)
            found = descendants(editor.pid)
    return buffer, found


def is_named(pid: int, name: str) -> bool:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            return file.read().strip() == name
    except OSError:
        return False


async def test_a_person_is_answered_while_a_model_loops(start: StartEditor) -> None:
    editor = await start(settings={"deep": {"timeout": 600}})
    buffer, _ = await stuck(editor)
    for _ in range(10):
        assert await buffer.hover(LAYER) is not None
        assert await buffer.codes() == ["NN501"]
    buffer.edit("(8)", "(8, eps=1e-3)")
    assert await buffer.codes() == ["NN501"]
    assert "Deep check of Net running" in await editor.execute("nnlint.printDebugInformation")
    assert await title(buffer) == "Running deep check … (cancel)"
    await editor.execute("nnlint.cancelDeepCheck")
    assert "cancelled" in await editor.ending()


async def test_a_model_that_loops_ends_in_no_answer_after_its_time(start: StartEditor) -> None:
    editor = await start(settings={"deep": {"timeout": 12}})
    buffer, processes = await stuck(editor)
    end = await editor.ending()
    assert end.startswith("Net: no answer: ")
    assert "12 s" in end
    assert editor.take_messages() == [end]
    assert are_gone(processes, DEATH)
    assert (await title(buffer)).startswith("No answer: ")


@pytest.mark.parametrize("how", ["the lens", "the command", "the progress"])
async def test_a_run_is_cancelled_and_nothing_of_it_is_left(start: StartEditor, how: str) -> None:
    editor = await start(settings={"deep": {"timeout": 600}})
    buffer, processes = await stuck(editor)
    if how == "the lens":
        (lens,) = await buffer.lenses()
        assert lens.command is not None
        await editor.execute(lens.command.command, *(lens.command.arguments or ()))
    elif how == "the command":
        assert await editor.execute("nnlint.cancelDeepCheck", buffer.uri, "Net") == {"accepted": True, "message": "1 cancelled."}
    else:
        (token,) = editor.client.progress_reports
        editor.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))
    assert await editor.ending() == "Deep check of Net: cancelled"
    assert are_gone(processes, DEATH)
    assert (await title(buffer)).endswith("run deep check")
    assert await buffer.codes() == ["NN501"]


async def test_runs_wait_for_one_another(start: StartEditor) -> None:
    editor = await start(settings={"deep": {"timeout": 600}})
    await stuck(editor)
    second = opened(editor, CONFIRMED, "second.py")
    assert (await editor.execute("nnlint.deepCheck", second.uri, "Net"))["accepted"]
    assert await title(second) == "Deep check is waiting for another run … (cancel)"
    assert (await editor.execute("nnlint.cancelDeepCheck", editor.uri("model.py"), "Net"))["message"] == "1 cancelled."
    assert await editor.ending(2) == "Net: 1 confirmed"


async def test_asking_again_takes_the_place_of_the_run_before(start: StartEditor) -> None:
    editor = await start(settings={"deep": {"timeout": 600}})
    buffer, processes = await stuck(editor)
    editor.write("model.py", CONFIRMED)
    buffer.replace(CONFIRMED)
    assert (await editor.execute("nnlint.deepCheck", buffer.uri, "Net"))["accepted"]
    assert await editor.ending(1) == "Deep check of Net: cancelled"
    assert await editor.ending(2) == "Net: 1 confirmed"
    assert are_gone(processes, DEATH)


async def test_shutting_down_waits_for_no_run_and_leaves_nothing(start: StartEditor) -> None:
    editor = await start(settings={"deep": {"timeout": 600}})
    _, processes = await stuck(editor)
    await asyncio.wait_for(editor.client.shutdown_session(), PATIENCE)
    assert editor.exit_status == 0
    assert are_gone(processes, DEATH)


async def test_a_client_that_vanishes_takes_the_run_with_it(start: StartEditor) -> None:
    editor = await start(settings={"deep": {"timeout": 600}})
    _, processes = await stuck(editor)
    server = editor.client._server
    assert server is not None
    assert server.stdin is not None
    server.stdin.close()
    await asyncio.wait_for(server.wait(), PATIENCE)
    assert are_gone(processes, DEATH)


async def test_a_server_that_is_killed_takes_the_run_with_it(tmp_path: Path) -> None:
    editor = await start_editor("vscode-1.105", tmp_path, settings={"deep": {"timeout": 600}})
    _, processes = await stuck(editor)
    assert len(processes) >= 3, "the supervisor, the model and the process that it started"
    os.kill(editor.pid, signal.SIGKILL)
    assert are_gone(processes, DEATH)
    with suppress(JsonRpcException, RuntimeError):
        await editor.client.stop()
