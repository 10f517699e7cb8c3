"""nnlint's log, where a person looks for it: in the client."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from lsprotocol import types
from pygls.lsp.server import LanguageServer


class ClientLog(logging.Handler):
    """Sends records to the client by way of the event loop, which alone may write to it: records come from the worker's thread too."""

    def __init__(self, server: LanguageServer, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._server = server
        self._loop = loop

    def emit(self, record: logging.LogRecord) -> None:
        params = types.LogMessageParams(_type_of(record.levelno), self.format(record))
        with suppress(RuntimeError):  # the loop is closed: nobody reads any more
            self._loop.call_soon_threadsafe(self._server.window_log_message, params)


def _type_of(level: int) -> types.MessageType:
    if level >= logging.ERROR:
        return types.MessageType.Error
    return types.MessageType.Warning if level >= logging.WARNING else types.MessageType.Info
