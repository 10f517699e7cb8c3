"""Runs of models that a person has asked for: one goes at a time, in a thread of its own, and the event loop never waits for it.

Nothing here starts by itself. Leaving the process ends every run: the worker notices that its pipe is closed.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from nnlint.deep.client import DeepRun
from nnlint.deep.interpreters import InterpreterError, choose
from nnlint.deep.recipe import recipe_request
from nnlint.deep.verdicts import discovered
from nnlint.deep.worker.messages import RECIPE, Answer
from nnlint.lsp.analysis import Analysis
from nnlint.lsp.analyst import Analyst, Urgency
from nnlint.lsp.background import Background
from nnlint.lsp.capabilities import Client
from nnlint.lsp.deep.arguments import Asked
from nnlint.lsp.deep.lens import Seen
from nnlint.lsp.deep.outcomes import Outcome, Outcomes
from nnlint.lsp.deep.progress import WorkDone
from nnlint.lsp.deep.recipes import show_recipe
from nnlint.lsp.deep.run import RUNNING, WAITING, Refused, Run
from nnlint.lsp.deep.wording import summary
from nnlint.lsp.documents import Document
from nnlint.lsp.notebooks import Notebook
from nnlint.lsp.open_documents import OpenDocuments
from nnlint.lsp.preferences import DeepPreferences
from nnlint.lsp.projects import Projects
from nnlint.lsp.worker import Worker
from nnlint.workspace.decoding import read_source
from nnlint.workspace.errors import UnreadableSource

if TYPE_CHECKING:
    from nnlint.deep.plan import Plan

log = logging.getLogger(__name__)

_UNTRUSTED = "this workspace is not trusted: trust it first, the deep check runs its code"


class DeepChecks:
    """Starts runs, knows those under way, and keeps what the others said in `outcomes`."""

    def __init__(
        self,
        server: LanguageServer,
        client: Client,
        documents: OpenDocuments,
        analyst: Analyst,
        engine: Worker,
        projects: Projects,
        preferences: Callable[[], DeepPreferences],
        changed: Callable[[str | None], None],
    ) -> None:
        """`preferences` says those of now. `changed` is told the address of a document for which a verdict has come, and `None` where
        only a run's state is another."""
        self.is_trusted = True
        self.outcomes = Outcomes()
        self._server = server
        self._client = client
        self._documents = documents
        self._analyst = analyst
        self._engine = engine
        self._projects = projects
        self._preferences = preferences
        self._changed = changed
        self._runs: dict[tuple[str, str], Run] = {}
        self._turn = asyncio.Lock()
        self._thread = Worker("nnlint-deep")
        self._background = Background()
        self._numbers = itertools.count(1)

    def __iter__(self) -> Iterator[Run]:
        return iter(tuple(self._runs.values()))

    def start(self, task: str, asked: Asked) -> str:
        """Begin a run in place of one of the same class; raises `Refused`. What is returned says so."""
        document, class_name = self._class_asked(asked)
        self._refuse_what_cannot_run(asked, document, class_name)
        self.cancel(document.uri, class_name)
        work = WorkDone(self._server, f"nnlint-deep-{next(self._numbers)}", self._client.shows_progress)
        run = Run(task, document, class_name, work, asked.python)
        self._runs[document.uri, class_name] = run
        run.state = WAITING if self._turn.locked() or len(self._runs) > 1 else RUNNING
        run.job = self._background.start(self._carry_out(run))
        self._changed(None)
        return f"{run.title} has begun."

    def cancel(self, uri: str | None = None, class_name: str | None = None) -> int:
        """End the runs of a class, of all classes of a document, or all; how many there were."""
        ended = [run for run in self if uri in (None, run.document.uri) and class_name in (None, run.class_name)]
        for run in ended:
            run.cancel()
        return len(ended)

    def cancel_asked(self, asked: Asked | None) -> str:
        """End what a person asks to be ended, and say what that was."""
        if asked is None:
            ended = self.cancel()
        else:
            named = asked.class_name is not None or asked.line is not None
            ended = self.cancel(asked.uri, self._class_asked(asked)[1] if named else None)
        return f"{ended} cancelled." if ended else "Nothing was running."

    def cancel_token(self, token: int | str) -> None:
        """End the run whose progress was cancelled in the client."""
        for run in self:
            if run.work.token == token:
                run.cancel()

    def stop(self) -> None:
        """The client is leaving."""
        self._background.cancel()

    def can_run(self, document: Document) -> bool:
        """Whether the classes of a document could be run if a person asked."""
        return self.is_trusted and is_file(document)

    def seen(self, analysis: Analysis) -> Iterator[Seen]:
        """What there is to say over each model that a file defines."""
        target = analysis.target
        for model in analysis.models:
            found = [finding for finding in analysis.findings if model.whole.start <= finding.span.start < model.whole.end]
            yield Seen(model, found, self.outcomes.of_class(target, model.name), self._runs.get((target.uri, model.name)))

    def _class_asked(self, asked: Asked) -> tuple[Document, str]:
        document = self._documents.get(asked.uri)
        if document is None:
            raise Refused(f"{asked.uri} is not open")
        class_name = asked.class_name or (None if asked.line is None else document.class_at(asked.line))
        if class_name is None:
            raise Refused("the cursor stands in no class: put it into the one to run")
        return document, class_name

    def _refuse_what_cannot_run(self, asked: Asked, document: Document, class_name: str) -> None:
        if not self.is_trusted or not asked.is_trusted:
            raise Refused(_UNTRUSTED)
        if not is_file(document):
            raise Refused("the deep check runs files on the disk: save the class in a .py file first")
        if all(found.name != class_name for found in document.classes):
            raise Refused(f"there is no class {class_name} at the top level of {document.name}")
        if not is_saved(document):
            raise Refused(f"{document.name} has unsaved changes: save it first, the deep check runs the file on the disk")

    async def _carry_out(self, run: Run) -> None:
        end = f"{run.title}: cancelled"
        try:
            await run.work.begin(run.title, "waiting for another run" if run.state == WAITING else "reading the project")
            async with self._turn:
                if run.state == WAITING:
                    run.state = RUNNING
                    self._changed(None)
                end = await self._result(run)
        except Exception:
            end = f"{run.title} failed; please report this"
            log.exception("%s", end)
        finally:
            if self._runs.get((run.document.uri, run.class_name)) is run:
                del self._runs[run.document.uri, run.class_name]
            run.work.end(end)
            log.info("%s", end)
            self._changed(run.document.uri)

    async def _result(self, run: Run) -> str:
        """Run the model and keep what that says; a sentence for the person."""
        try:
            outcome = await self._outcome(run)
        except (Refused, InterpreterError) as error:
            outcome = Outcome(run.class_name, run.document, Answer(problem=str(error)))
        if run.task == RECIPE and outcome.answer.details:
            return await show_recipe(self._server, self._client, run.document, run.class_name, outcome.answer)
        if run.task != RECIPE:
            self.outcomes.add(outcome)
        end = summary(outcome)
        if not outcome.has_answers:
            self.warn(end)
        return end

    async def _outcome(self, run: Run) -> Outcome:
        analysis = await self._analyst.analysis(run.document.uri, Urgency.ASKED)
        if analysis is None or analysis.target.text != run.document.text:
            raise Refused(f"{run.document.name} was changed before the run began: save it and ask again")
        plan = await self._plan(run, analysis)
        unsaved = await self._thread.run(partial(_unsaved, analysis))
        if unsaved:
            log.warning("%s: the run does not see what is not saved in %s", run.title, ", ".join(unsaved))
        answer = await self._answer(run, plan)
        target = analysis.target
        found = discovered(target.path, target.text, [answer], analysis.findings, analysis.settings) if answer.discoveries else []
        return Outcome(run.class_name, run.document, answer, plan.findings, tuple(found), is_outdated=bool(unsaved))

    async def _plan(self, run: Run, analysis: Analysis) -> Plan:
        try:
            plan = await self._engine.run(partial(self._projects.plan, run.document, analysis.documents, run.class_name, analysis.findings))
        except LookupError as error:
            raise Refused(str(error.args[0])) from None
        seconds = self._preferences().timeout or plan.request.limits.seconds
        request = replace(plan.request, limits=replace(plan.request.limits, seconds=seconds))
        return replace(plan, request=recipe_request(request) if run.task == RECIPE else request)

    async def _answer(self, run: Run, plan: Plan) -> Answer:
        python = await self._thread.run(partial(choose, self._preferences().interpreter or run.python))
        deep = DeepRun(python, plan.request, run.work.tell)
        try:
            return await self._thread.run(deep.answer)
        finally:
            deep.cancel()

    def warn(self, message: str) -> None:
        """Tell a person that nothing came of what they asked for: most clients show nothing of a command's result."""
        self._server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, message))


def _unsaved(analysis: Analysis) -> list[str]:
    """The names of the open files of a project that are on the disk as they were before."""
    files = set(analysis.sources.paths())
    return sorted(d.name for d in analysis.documents.values() if d.path in files and is_file(d) and not is_saved(d))


def is_file(document: Document) -> bool:
    return os.path.isabs(document.path) and not isinstance(document, Notebook)


def is_saved(document: Document) -> bool:
    """Whether a file says what the client shows. Clients keep line ends of their own, and a last one as they like."""
    try:
        on_disk = read_source(document.path).text
    except UnreadableSource:
        return False
    return _lines(on_disk) == _lines(document.text)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
