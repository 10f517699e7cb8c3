"""The server's life: how it starts and ends, what it costs, and that nothing a client sends brings it down."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from tests.lsp.conftest import StartEditor
from tests.lsp.editor import PATIENCE, SERVER
from tests.lsp.texts import LAYER, MENDED, NET

pytestmark = pytest.mark.asyncio

METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
NOT_INITIALIZED = -32002
BRACKETS = 20_000


async def test_leaving_in_order_ends_with_status_0_and_without_it_with_1(start: StartEditor) -> None:
    in_order, without = await start(), await start()
    await in_order.client.shutdown_session()
    assert in_order.exit_status == 0
    without.client.exit(None)
    assert without.client._server is not None
    assert await asyncio.wait_for(without.client._server.wait(), PATIENCE) == 1


async def test_leaving_does_not_wait_for_a_check(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    buffer = editor.open(huge(NET))
    check = asyncio.ensure_future(buffer.diagnostics())
    await asyncio.sleep(0)
    await asyncio.wait_for(editor.client.shutdown_session(), PATIENCE)
    assert editor.exit_status == 0
    assert not check.done() or check.exception() is not None, "the check was waited for"
    check.cancel()
    with suppress(asyncio.CancelledError, JsonRpcException):
        await check


async def test_a_client_that_vanishes_takes_the_server_with_it(start: StartEditor) -> None:
    editor = await start()
    process = editor.client._server
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), PATIENCE) == 1


async def test_a_person_is_answered_while_a_long_check_runs(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    check = asyncio.ensure_future(editor.open(huge(NET), "huge.py").diagnostics())
    await asyncio.sleep(0)
    assert await editor.client.workspace_execute_command_async(types.ExecuteCommandParams("nnlint.showDocumentation", ["NN501"])) is None
    assert not check.done()
    check.cancel()
    with suppress(asyncio.CancelledError):
        await check


async def test_a_pull_that_is_cancelled_is_answered_so_and_the_next_one_is_right(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    buffer = editor.open(NET)
    params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(buffer.uri))
    pull = editor.client.protocol.send_request_async(types.TEXT_DOCUMENT_DIAGNOSTIC, params, "pull-1")
    cancelled = asyncio.ensure_future(pull)
    await asyncio.sleep(0)
    editor.client.cancel_request(types.CancelParams("pull-1"))
    buffer.edit(LAYER, MENDED)
    assert await buffer.codes() == []
    with suppress(JsonRpcException):
        await cancelled


async def test_garbage_between_messages_is_survived(start: StartEditor) -> None:
    editor = await start("neovim-0.11")
    process = editor.client._server
    assert process is not None
    assert process.stdin is not None
    for garbage in (b"{\r\n", b"\xff\xfe\x00\r\n\r\n", frame(b"{not json"), frame(b"[1, 2]"), frame(b'{"jsonrpc": "2.0"}'), frame(b"null")):
        process.stdin.write(garbage)
    process.stdin.write(frame(json.dumps({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"wrong": 1}}).encode()))
    process.stdin.write(frame(b"[" * 100_000))
    assert await editor.open(NET).codes() == ["NN501"]


async def test_requests_without_sensible_parameters_are_answered() -> None:
    process = await asyncio.create_subprocess_exec(*SERVER, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(request(1, "initialize", {"processId": None, "rootUri": None, "capabilities": {}}))
    assert (await answer(process.stdout))["id"] == 1
    for number, parameters in enumerate([{"textDocument": 5}, [1, 2], None], 2):
        process.stdin.write(request(number, "textDocument/hover", parameters))
        answered = await answer(process.stdout)
        assert (answered["id"], answered["error"]["code"]) == (number, INVALID_PARAMS)
    process.stdin.write(request(9, "shutdown", None))
    assert (await answer(process.stdout))["id"] == 9
    process.stdin.close()
    await asyncio.wait_for(process.wait(), PATIENCE)


async def test_unknown_methods_and_documents_are_survived(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    with pytest.raises(JsonRpcException) as caught:
        await editor.client.protocol.send_request_async("nnlint/unheardOf", {})
    assert caught.value.code == METHOD_NOT_FOUND
    editor.client.protocol.notify("$/unheardOf", {})
    identifier = types.VersionedTextDocumentIdentifier(3, editor.uri("never_opened.py"))
    change = types.TextDocumentContentChangeWholeDocument("x = 1")
    editor.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))
    editor.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(identifier.uri)))
    assert await editor.open(NET).codes() == ["NN501"]


@pytest.mark.slow
async def test_texts_that_would_bring_a_parser_down_are_survived(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    texts = {
        "closed brackets": f"x = {'(' * BRACKETS}1{')' * BRACKETS}\n",
        "open brackets": f"x = {'[' * BRACKETS}\n",
        "many branches": "if a:\n    pass\n" + "elif a:\n    pass\n" * 10_000,
        "a long chain": f"x = a{'.b()' * 5_000}\n",
        "null bytes": "x = 1\0\n",
        "half of a pair": "x = '\ud83d'\n",
        "nothing": "",
        "five megabytes": "# " + "x" * 5_000_000,
    }
    for name, text in texts.items():
        await editor.open(text, f"{name}.py").diagnostics()
        assert await editor.open(NET, f"after {name}.py").codes() == ["NN501"], name


async def test_a_server_on_a_port_serves_one_client(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(*SERVER, "--tcp", str(port))
    try:
        reader, writer = await connect(port)
        writer.write(request(1, "initialize", {"processId": None, "rootUri": None, "capabilities": {}}))
        assert (await answer(reader))["result"]["serverInfo"]["name"] == "nnlint"
        writer.write(request(2, "shutdown", None))
        assert (await answer(reader))["result"] is None
        writer.write(frame(json.dumps({"jsonrpc": "2.0", "method": "exit"}).encode()))
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
    finally:
        if process.returncode is None:
            process.kill()


async def test_a_request_before_the_introduction_is_refused() -> None:
    process = await asyncio.create_subprocess_exec(*SERVER, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    place = {"textDocument": {"uri": "file:///a.py"}, "position": {"line": 0, "character": 0}}
    process.stdin.write(request(1, "textDocument/hover", place))
    assert (await answer(process.stdout))["error"]["code"] == NOT_INITIALIZED
    process.stdin.close()
    await asyncio.wait_for(process.wait(), PATIENCE)


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="memory is read from /proc")
async def test_ten_open_files_cost_less_than_150_megabytes_and_no_torch(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    buffers = [editor.open(NET.replace("Net", f"Net{number}") * 20, f"model_{number}.py") for number in range(10)]
    for buffer in buffers:
        assert set(await buffer.codes()) == {"NN501"}
    status = dict(line.split(":", 1) for line in Path(f"/proc/{editor.pid}/status").read_text().splitlines())
    assert int(status["VmHWM"].split()[0]) < 150 * 1024
    assert "torch" not in Path(f"/proc/{editor.pid}/maps").read_text()


async def test_what_is_printed_does_not_reach_the_client() -> None:
    program = "import nnlint.engine as engine; engine.Engine = lambda: print('stray'); from nnlint.lsp.server import main; main()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, **pipes)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(request(1, "initialize", {"processId": None, "rootUri": None, "capabilities": {}}))
    assert (await answer(process.stdout))["result"]["serverInfo"]["name"] == "nnlint"
    _, errors = await asyncio.wait_for(process.communicate(b""), PATIENCE)
    assert b"stray" in errors


async def test_a_defect_of_the_engine_is_logged_and_shown_as_no_findings(start: StartEditor) -> None:
    program = "from nnlint.engine import Engine; Engine.check = lambda *_: 1 / 0; from nnlint.lsp.server import main; main()"
    editor = await start("vscode-1.105", server=(sys.executable, "-c", program))
    buffer = editor.open(NET)
    assert await buffer.codes() == []
    buffer.edit(LAYER, MENDED)
    assert await buffer.codes() == []
    await editor.settle()
    logged = [message for message in editor.client.log_messages if message.type == types.MessageType.Error]
    assert any("ZeroDivisionError" in message.message and buffer.uri in message.message for message in logged)


def huge(text: str) -> str:
    """A text whose check takes far longer than an answer."""
    return "".join(text.replace("class Net", f"class Net{number}") for number in range(2_000))


def frame(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


def request(number: int, method: str, params: Any) -> bytes:
    return frame(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode())


async def answer(reader: asyncio.StreamReader) -> dict[str, Any]:
    """The next response; notifications are passed over."""
    while True:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        message: dict[str, Any] = json.loads(await reader.readexactly(length))
        if "id" in message:
            return message


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(ConnectionRefusedError):
                return await asyncio.open_connection("127.0.0.1", port)
            await asyncio.sleep(0.05)
