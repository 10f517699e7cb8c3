"""pygls's server, made nnlint's: with a session, own documents, errors that go to the log, and an exit that waits for nothing."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import Any

from lsprotocol import types
from pygls.exceptions import (
    JsonRpcContentModified,
    JsonRpcException,
    JsonRpcInvalidParams,
    JsonRpcRequestCancelled,
    JsonRpcServerNotInitialized,
)
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol

from nnlint import __version__
from nnlint.lsp.client_log import ClientLog
from nnlint.lsp.session import Session

log = logging.getLogger(__name__)

# pygls would keep texts of its own; the session's documents take their place.
_OWN_SYNCHRONIZATION = (
    types.TEXT_DOCUMENT_DID_OPEN,
    types.TEXT_DOCUMENT_DID_CHANGE,
    types.TEXT_DOCUMENT_DID_CLOSE,
    types.NOTEBOOK_DOCUMENT_DID_OPEN,
    types.NOTEBOOK_DOCUMENT_DID_CHANGE,
    types.NOTEBOOK_DOCUMENT_DID_CLOSE,
)
_ANY_NOTEBOOK = "*"
_PYTHON_CELLS = types.NotebookDocumentSyncOptions(
    [types.NotebookDocumentFilterWithNotebook(_ANY_NOTEBOOK, [types.NotebookCellLanguage("python")])]
)
_EXPECTED_ERRORS = (JsonRpcContentModified.CODE, JsonRpcRequestCancelled.CODE)


class _Protocol(LanguageServerProtocol):
    """Answers requests whose parameters make no sense, too: pygls would leave the client waiting."""

    def structure_message(self, data: dict[str, Any]) -> Any:
        try:
            return super().structure_message(data)
        except JsonRpcInvalidParams as error:
            if "id" in data and "method" in data:
                self._send_response(data["id"], error=error.to_response_error())
            raise


class Server(LanguageServer):
    """The session starts when a client introduces itself."""

    def __init__(self) -> None:
        super().__init__("nnlint", __version__, types.TextDocumentSyncKind.Incremental, _PYTHON_CELLS, protocol_cls=_Protocol)
        self._session: Session | None = None
        self.exit_status = 1  # what leaving without a shutdown request means
        for method in _OWN_SYNCHRONIZATION:
            self.protocol.fm.builtin_features.pop(method)

    @property
    def session(self) -> Session:
        if self._session is None:
            raise JsonRpcServerNotInitialized
        return self._session

    def begin(self, params: types.InitializeParams) -> None:
        logger = logging.getLogger("nnlint")
        logger.addHandler(ClientLog(self, asyncio.get_running_loop()))
        logger.setLevel(logging.INFO)
        self._session = Session(self, params)

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Errors go to the log: a pop-up would stand in the way of a person who can do nothing about it."""
        if isinstance(error, JsonRpcException) and error.code in _EXPECTED_ERRORS:
            return
        details = error.data if isinstance(error, JsonRpcException) and isinstance(error.data, dict) else {}
        log.error("%s\n%s", error, "".join(details.get("traceback", ())))

    def shutdown(self) -> None:
        """The client is gone; threads that still work are not waited for."""
        leave(self.exit_status)


def leave(status: int) -> None:
    """Leave the process at once. An ordinary exit waits for threads, and one deep in native code cannot be stopped."""
    logging.shutdown()
    sys.stderr.flush()
    os._exit(status)
