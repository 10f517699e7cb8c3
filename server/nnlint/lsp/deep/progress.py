"""Work that takes a while, shown by the client with a way to cancel it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from nnlint.deep.worker.messages import Progress

# A client that does not even answer whether it shows progress is not waited for longer.
_PATIENCE = 2.0
# News come no oftener than a person can read them.
_PAUSE = 0.2


class WorkDone:
    """One piece of work under a token of its own. A client that shows no progress is told nothing."""

    def __init__(self, server: LanguageServer, token: str, is_shown: bool) -> None:
        self.token = token
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._is_shown = is_shown
        self._latest: Progress | None = None

    async def begin(self, title: str, message: str) -> None:
        """Ask the client to show it, and wait until it does."""
        if not self._is_shown:
            return
        try:
            await asyncio.wait_for(self._server.work_done_progress.create_async(self.token), _PATIENCE)
        except (JsonRpcException, TimeoutError):
            self._is_shown = False
            return
        self._server.work_done_progress.begin(self.token, types.WorkDoneProgressBegin(title, cancellable=True, message=message))

    def tell(self, progress: Progress) -> None:
        """How far it is; from any thread, as often as it likes."""
        is_scheduled, self._latest = self._latest is not None, progress
        if is_scheduled:
            return
        with suppress(RuntimeError):  # the loop is closed: nobody reads any more
            self._loop.call_soon_threadsafe(self._loop.call_later, _PAUSE, self._report)

    def end(self, message: str) -> None:
        if self._is_shown:
            self._is_shown = False
            self._server.work_done_progress.end(self.token, types.WorkDoneProgressEnd(message=message))
            self._server.work_done_progress.tokens.pop(self.token, None)

    def _report(self) -> None:
        latest, self._latest = self._latest, None
        if latest is None or not self._is_shown:
            return
        share = "" if latest.share is None else f" ({latest.share:.0%})"
        self._server.work_done_progress.report(self.token, types.WorkDoneProgressReport(message=f"{latest.text}{share}", cancellable=True))
