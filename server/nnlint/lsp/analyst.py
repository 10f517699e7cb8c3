"""Answers what the engine says of a document as it is now: the latest text wins, and nobody is told of an older one.

While a person types, a first answer to each edit comes at once, and the full check follows when typing has settled.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from enum import IntEnum
from functools import partial
from operator import itemgetter

from nnlint.engine import Cancelled
from nnlint.lsp.analysis import Analysis
from nnlint.lsp.documents import Document
from nnlint.lsp.open_documents import OpenDocuments
from nnlint.lsp.projects import Projects
from nnlint.lsp.worker import Worker

# After a change, the next one is waited for this long; what a person asked for does not wait.
SETTLE_SECONDS = 0.01
# A full check after an edit waits longer: until then its first answer stands.
REFINE_SECONDS = 0.4


class Urgency(IntEnum):
    """Who waits for an analysis; the smaller goes first."""

    ASKED = 0
    """A person, or an editor that saves: what will be done rests on it, so it is a full check."""
    TYPED = 1
    """Someone who looks at what is typed: a first answer will do."""
    AFFECTED = 2
    """Someone who looks at what the typed text may affect, or has a first answer: a full check, when typing has settled."""


class Analyst:
    """Keeps the last analysis of every document and makes new ones, the most urgent first, one at a time."""

    def __init__(self, worker: Worker, projects: Projects, documents: OpenDocuments) -> None:
        self._worker = worker
        self._projects = projects
        self._documents = documents
        self._wanted: dict[tuple[Urgency, str], asyncio.Future[None]] = {}
        self._current: dict[str, Analysis] = {}
        self._grounded: set[str] = set()
        self._edited: set[str] = set()
        self._generation = 0
        self._settled_at = dict.fromkeys(Urgency, 0.0)
        self._stop = threading.Event()
        self._running: asyncio.Task[None] | None = None
        self._started = asyncio.Event()
        self._news = asyncio.Event()
        self.busy_with: str | None = None
        """The address of the document that is being checked."""

    def start(self) -> None:
        """Let checks begin: what they need from the client is there."""
        self._started.set()

    def invalidate(self) -> None:
        """Something changed that findings may depend on: a file, a config, which documents are open."""
        self._outdate(SETTLE_SECONDS)
        # A new set, not an emptied one: a check that is under way then grounds nothing.
        self._grounded = set()
        self._edited.clear()
        self._stop.set()

    def edited(self, uri: str) -> None:
        """A person typed in a document."""
        self._outdate(REFINE_SECONDS)
        self._edited.add(uri)
        # Where there is nothing yet that a first answer could start from, the check under way is let finish to be that.
        if uri in self._grounded:
            self._stop.set()

    def is_edited(self, uri: str) -> bool:
        """Whether a person typed in a document since it was last checked in full."""
        return uri in self._edited

    def last(self, uri: str) -> Analysis | None:
        """The analysis of a document if nothing has changed since it was made."""
        return self._current.get(uri)

    async def analysis(self, uri: str, urgency: Urgency) -> Analysis | None:
        """The analysis of a document, or of a cell's notebook, as it is when this returns; `None` where it is not open.

        Up to the caller's next `await` nothing can change: the spans in it fit the document.
        """
        while document := self._documents.get(uri):
            if self._is_there(document.uri, urgency):
                return self._current[document.uri]
            # Several may wait for one analysis: that one of them gives up may not take it from the others.
            await asyncio.shield(self._want(document.uri, urgency))
        return None

    def _outdate(self, refine_seconds: float) -> None:
        self._generation += 1
        self._current.clear()
        now = asyncio.get_running_loop().time()
        self._settled_at |= {Urgency.TYPED: now + SETTLE_SECONDS, Urgency.AFFECTED: now + refine_seconds}

    def _is_there(self, uri: str, urgency: Urgency) -> bool:
        analysis = self._current.get(uri)
        return analysis is not None and (urgency is Urgency.TYPED or not analysis.is_provisional)

    def _want(self, uri: str, urgency: Urgency) -> asyncio.Future[None]:
        wanted = self._wanted.get((urgency, uri))
        if wanted is None:
            wanted = self._wanted[urgency, uri] = asyncio.get_running_loop().create_future()
            self._news.set()
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._run())
        return wanted

    async def _run(self) -> None:
        await self._started.wait()
        while self._wanted:
            urgency, uri = min(self._wanted, key=itemgetter(0))
            if await self._is_unsettled(urgency):
                continue
            document = self._documents.get(uri)
            if document is not None:
                self.busy_with = uri
                await self._analyze(document, urgency)
                self.busy_with = None
            self._settle()

    async def _analyze(self, document: Document, urgency: Urgency) -> None:
        """Check a document. What comes of it is dropped where something has changed since: another document may be more urgent by now."""
        generation = self._generation
        if urgency is Urgency.TYPED and document.uri in self._grounded:
            first = await self._worker.run(partial(self._projects.check_edit, document, self._documents.by_path()))
            if generation != self._generation:
                return
            if first is not None:
                self._current[document.uri] = first
                return
        await self._check(document)

    async def _check(self, document: Document) -> None:
        generation, grounded, stop = self._generation, self._grounded, threading.Event()
        self._stop = stop
        try:
            analyses = await self._worker.run(partial(self._projects.check, document, self._documents.by_path(), stop.is_set))
        except Cancelled:
            return
        checked = {analysis.target.uri: analysis for analysis in analyses}
        grounded.update(checked)
        if generation == self._generation:
            self._current.update(checked)
            self._edited.difference_update(checked)

    def _settle(self) -> None:
        """Tell those whose analysis is there, or whose document is closed."""
        for urgency, uri in [*self._wanted]:
            if self._is_there(uri, urgency) or self._documents.get(uri) is None:
                self._wanted.pop((urgency, uri)).set_result(None)

    async def _is_unsettled(self, urgency: Urgency) -> bool:
        """Whether the last change was only just now; if so, some time has passed since, or someone else wants something."""
        rest = self._settled_at[urgency] - asyncio.get_running_loop().time()
        if rest <= 0:
            return False
        self._news.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), rest)
        return True
