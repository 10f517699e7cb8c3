"""A bare language client on a server's stdin and stdout: as little of our own as possible between a message and the clock."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PULLS = {
    "textDocument": {"diagnostic": {"relatedDocumentSupport": True}, "publishDiagnostics": {"versionSupport": True}},
    "workspace": {"diagnostics": {"refreshSupport": True}},
}
"""The capabilities of an editor that asks for diagnostics, as VS Code does."""


class LanguageClient:
    """`nnlint server` in a process of its own, initialized on one folder."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen([sys.executable, "-m", "nnlint", "server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._requests = 0
        self.pid = self._process.pid
        uri = folder.as_uri()
        self.request(
            "initialize",
            {"processId": None, "rootUri": uri, "capabilities": PULLS, "workspaceFolders": [{"uri": uri, "name": folder.name}]},
        )
        self.notify("initialized", {})

    def open(self, path: Path, text: str) -> None:
        self.notify("textDocument/didOpen", {"textDocument": {"uri": path.as_uri(), "languageId": "python", "version": 0, "text": text}})

    def replace_line(self, path: Path, version: int, line: int, before: str, after: str) -> None:
        """Changes one line, as a keystroke does; the server is told the range and the new text."""
        edit = {"range": {"start": {"line": line, "character": 0}, "end": {"line": line, "character": len(before)}}, "text": after}
        self.notify("textDocument/didChange", {"textDocument": {"uri": path.as_uri(), "version": version}, "contentChanges": [edit]})

    def diagnostics(self, path: Path) -> list[dict[str, Any]]:
        """The diagnostics of a document, pulled."""
        report = self.request("textDocument/diagnostic", {"textDocument": {"uri": path.as_uri()}})
        items: list[dict[str, Any]] = report["items"]
        return items

    def request(self, method: str, params: object) -> Any:
        """Sends a request and waits for its answer; requests of the server's own are answered with nothing on the way."""
        self._requests += 1
        self._send({"id": self._requests, "method": method, "params": params})
        while True:
            message = self._receive()
            if "method" in message and "id" in message:
                self._send({"id": message["id"], "result": None})
            elif message.get("id") == self._requests:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]

    def notify(self, method: str, params: object) -> None:
        self._send({"method": method, "params": params})

    def close(self) -> None:
        self.request("shutdown", None)
        self.notify("exit", None)
        self._process.wait(timeout=30)

    def _send(self, message: dict[str, object]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout
        length = 0
        while header := self._process.stdout.readline().strip():
            name, _, value = header.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if not length:
            raise RuntimeError(f"the server ended with exit status {self._process.wait()}; its own words stand above")
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        return message
