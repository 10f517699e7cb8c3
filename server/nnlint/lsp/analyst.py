"""Answers what the engine says of a document as it is now: the latest text wins, and nobody is told of an older one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import IntEnum
from functools import partial

from nnlint.lsp.analysis import Analysis
from nnlint.lsp.documents import Document
from nnlint.lsp.open_documents import OpenDocuments
from nnlint.lsp.projects import Projects
from nnlint.lsp.worker import Worker

# While a person types, a check waits this long for the next key; what a person asked for does not wait.
SETTLE_SECONDS = 0.03


class Urgency(IntEnum):
    """Who waits for an analysis; the smaller goes first."""

    ASKED = 0
    TYPED = 1
    AFFECTED = 2


@dataclass(slots=True)
class _Wanted:
    urgency: Urgency
    done: asyncio.Future[None]


class Analyst:
    """Keeps the last analysis of every document and makes new ones, the most urgent first, one at a time."""

    def __init__(self, worker: Worker, projects: Projects, documents: OpenDocuments) -> None:
        self._worker = worker
        self._projects = projects
        self._documents = documents
        self._wanted: dict[str, _Wanted] = {}
        self._current: dict[str, Analysis] = {}
        self._generation = 0
        self._changed_at = 0.0
        self._running: asyncio.Task[None] | None = None
        self._started = asyncio.Event()
        self.busy_with: str | None = None
        """The address of the document that is being checked."""

    def start(self) -> None:
        """Let checks begin: what they need from the client is there."""
        self._started.set()

    def invalidate(self) -> None:
        """Something changed that findings may depend on: a document, a file, a config."""
        self._generation += 1
        self._current.clear()
        self._changed_at = asyncio.get_running_loop().time()

    def last(self, uri: str) -> Analysis | None:
        """The analysis of a document if nothing has changed since it was made."""
        return self._current.get(uri)

    async def analysis(self, uri: str, urgency: Urgency) -> Analysis | None:
        """The analysis of a document, or of a cell's notebook, as it is when this returns; `None` where it is not open.

        Up to the caller's next `await` nothing can change: the spans in it fit the document.
        """
        while document := self._documents.get(uri):
            if document.uri in self._current:
                return self._current[document.uri]
            # Several may wait for one analysis: that one of them gives up may not take it from the others.
            await asyncio.shield(self._want(document.uri, urgency))
        return None

    def _want(self, uri: str, urgency: Urgency) -> asyncio.Future[None]:
        wanted = self._wanted.get(uri)
        if wanted is None:
            wanted = self._wanted[uri] = _Wanted(urgency, asyncio.get_running_loop().create_future())
        wanted.urgency = min(wanted.urgency, urgency)
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._run())
        return wanted.done

    async def _run(self) -> None:
        await self._started.wait()
        while self._wanted:
            uri, wanted = min(self._wanted.items(), key=lambda item: item[1].urgency)
            if wanted.urgency is not Urgency.ASKED and await self._is_unsettled():
                continue
            document = self._documents.get(uri)
            if document is not None:
                await self._analyze(document)
            self._settle()

    async def _analyze(self, document: Document) -> None:
        """Check a document. What comes of it is dropped where something has changed since: another document may be more urgent by now."""
        generation = self._generation
        self.busy_with = document.uri
        analyses = await self._worker.run(partial(self._projects.check, document, self._documents.by_path()))
        self.busy_with = None
        if generation == self._generation:
            self._current.update((analysis.target.uri, analysis) for analysis in analyses)

    def _settle(self) -> None:
        """Tell those whose analysis is there, or whose document is closed."""
        for uri in [uri for uri in self._wanted if uri in self._current or self._documents.get(uri) is None]:
            self._wanted.pop(uri).done.set_result(None)

    async def _is_unsettled(self) -> bool:
        """Whether the last change was only just now; if so, some time has passed since."""
        rest = self._changed_at + SETTLE_SECONDS - asyncio.get_running_loop().time()
        if rest <= 0:
            return False
        await asyncio.sleep(rest)
        return True
