"""All that the server keeps for its client, and what follows when any of it changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from functools import partial

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from nnlint.lsp.addresses import path_of
from nnlint.lsp.analysis import Analysis
from nnlint.lsp.analyst import Analyst, Urgency
from nnlint.lsp.background import Background
from nnlint.lsp.capabilities import Client
from nnlint.lsp.deep.arguments import Asked
from nnlint.lsp.deep.checks import DeepChecks
from nnlint.lsp.deep.lens import lens_of
from nnlint.lsp.deep.run import Refused
from nnlint.lsp.documents import Document
from nnlint.lsp.open_documents import OpenDocuments
from nnlint.lsp.preferences import SECTION, DeepPreferences, Preferences
from nnlint.lsp.projects import Projects, Roots
from nnlint.lsp.publisher import Publisher
from nnlint.lsp.worker import Worker

log = logging.getLogger(__name__)

# How long the first check waits for the client's settings, so that nothing is shown that they switch off.
_SETTINGS_SECONDS = 1.0
# How often files are looked at that the client does not tell of.
_LOOK_SECONDS = 1.0
# In vast projects more rarely: the pauses are this many times as long as the looking.
_LOOK_SHARE = 30
_WARM_UP = "import torch\n"


class Session:
    """One client's documents, preferences and projects. Everything here happens on the event loop; the projects live in the worker."""

    def __init__(self, server: LanguageServer, params: types.InitializeParams) -> None:
        self._server = server
        self._initial_settings = params.initialization_options
        self._background = Background()
        self.client = Client.of(params)
        self.documents = OpenDocuments()
        self.worker = Worker()
        self.roots = _roots(self._folders(), {}, self._initial_settings)
        self.projects = Projects(self.roots, watches_files=not self.client.watches_files)
        self.analyst = Analyst(self.worker, self.projects, self.documents)
        self.deep = DeepChecks(
            server, self.client, self.documents, self.analyst, self.worker, self.projects, self._deep_preferences, self._deep_changed
        )
        self.deep.is_trusted = _is_trusted(self._initial_settings)
        self.publisher = Publisher(server, self.client, self.analyst, self.deep.outcomes)

    def start(self) -> None:
        """The client is ready to be asked and told."""
        # The first check imports much; better now than when a person waits for it.
        self.worker.run(partial(self.projects.check, Document("nnlint:warm-up", "nnlint:warm-up", _WARM_UP), {}))
        self._background.start(self._start())
        self._background.start(self._keep_looking())

    def stop(self) -> None:
        self.deep.stop()
        self._background.cancel()

    def open(self, item: types.TextDocumentItem) -> None:
        if item.language_id.lower() == "python" or item.uri.endswith(".py"):
            self.documents.open(item)
            self._changed(item.uri)

    def change(self, params: types.DidChangeTextDocumentParams) -> None:
        if self.documents.change(params, self.client.encoding):
            self._edited(params.text_document.uri)

    def save(self, uri: str) -> None:
        """A saved text is one that a person is done with for now: what holds for it is told without waiting for another key."""
        if document := self.documents.get(uri):
            self.publisher.update(document.uri, Urgency.ASKED)

    def close(self, uri: str) -> None:
        if closed := self.documents.close(uri):
            self.worker.run(self.projects.reread)
            self._withdraw(closed.parts)
            self._changed(uri)

    def open_notebook(self, params: types.DidOpenNotebookDocumentParams) -> None:
        self._changed(self.documents.open_notebook(params).uri)

    def change_notebook(self, params: types.DidChangeNotebookDocumentParams) -> None:
        if change := self.documents.change_notebook(params, self.client.encoding):
            before, after = change
            self._withdraw(part for part in before.parts if after.part(part.uri) is None)
            self._edited(after.uri)

    def files_changed(self, events: Iterable[types.FileEvent]) -> None:
        """What the client saw on the disk. That an open document was saved changes nothing that is checked now."""
        open_paths = self.documents.by_path().keys()
        others = [e for e in events if e.type != types.FileChangeType.Changed or path_of(e.uri) not in open_paths]
        if others:
            self.deep.outcomes.others_changed()
            self.renew()
        else:
            self.worker.run(self.projects.reread)

    def renew(self, roots: Roots | None = None) -> None:
        """Look at configs and files again, and check everything anew."""
        self.roots = roots or self.roots
        self.worker.run(partial(self.projects.renew, self.roots))
        self._changed()

    def settings_changed(self, settings: object = None) -> None:
        """The client's settings, or its open folders, are others now."""
        if self.client.has_configuration:
            self._background.start(self._fetch_settings())
        else:
            self._take_settings({None: settings} if settings else {})

    async def analyzed(self, uri: str, urgency: Urgency) -> tuple[Analysis, Document] | None:
        """What holds for a document that a person asks about, as it is when this returns; `None` where it is not open."""
        analysis = await self.analyst.analysis(uri, urgency)
        document = None if analysis is None else analysis.target.part(uri)
        return None if analysis is None or document is None else (self.deep.outcomes.laid_over(analysis), document)

    def preferences_for(self, document: Document) -> Preferences:
        return self.roots.preferences_for(document.path)

    async def graph(self, uri: str, class_name: str) -> str:
        """The dataflow graph of a class as text, or a sentence that says why there is none."""
        document = self.documents.get(uri)
        if document is None:
            return f"{uri} is not open."
        try:
            return await self.worker.run(partial(self.projects.graph, document, self.documents.by_path(), class_name))
        except LookupError as error:
            return str(error.args[0]) if error.args else f"There is no class {class_name} in {uri}."

    async def graph_at(self, uri: str, line: int) -> str:
        """The dataflow graph of the class that a line belongs to."""
        document = self.documents.get(uri)
        class_name = None if document is None else document.class_at(line)
        return await self.graph(uri, class_name) if class_name else "The cursor stands in no class."

    def start_run(self, task: str, asked: Asked) -> dict[str, object]:
        """Begin a run of a model; where it cannot be begun, a person is told why."""
        try:
            return {"accepted": True, "message": self.deep.start(task, asked)}
        except Refused as refusal:
            self.deep.warn(str(refusal))
            return {"accepted": False, "message": str(refusal)}

    def cancel_run(self, asked: Asked | None) -> dict[str, object]:
        try:
            return {"accepted": True, "message": self.deep.cancel_asked(asked)}
        except Refused as refusal:
            return {"accepted": False, "message": str(refusal)}

    async def lenses(self, uri: str) -> list[types.CodeLens]:
        """What stands over the model classes of a document; nothing where no deep check could be run."""
        document = self.documents.get(uri)
        if document is None or not self.deep.can_run(document) or not self._has_lenses(document):
            return []
        analyzed = await self.analyzed(uri, Urgency.AFFECTED)
        if analyzed is None:
            return []
        analysis, document = analyzed
        return [lens_of(seen, document, self.client.encoding) for seen in self.deep.seen(analysis)]

    def grant_trust(self) -> None:
        """The person trusts the code of the workspace from now on."""
        self.deep.is_trusted = True
        self._deep_changed(None)

    def _has_lenses(self, document: Document) -> bool:
        preferences = self.preferences_for(document)
        return preferences.enable and preferences.deep.code_lens

    def _deep_preferences(self) -> DeepPreferences:
        """Those that hold for all folders: a folder's own settings may come with the project, which may not name a program to run."""
        return self.roots.default.deep

    def _deep_changed(self, uri: str | None) -> None:
        """A run began or ended; if a document is named, there are verdicts on what is in it."""
        if uri is not None:
            self.publisher.update(uri, Urgency.AFFECTED)
        if self.client.refreshes_lenses:
            self._server.workspace_code_lens_refresh(None)

    async def _start(self) -> None:
        if self.client.has_configuration:
            fetching = self._background.start(self._fetch_settings())
            await asyncio.wait({fetching}, timeout=_SETTINGS_SECONDS)
        self.analyst.start()

    async def _fetch_settings(self) -> None:
        scopes = [None, *self._folders()]
        items = [types.ConfigurationItem(scope_uri=uri, section=SECTION) for uri in scopes]
        try:
            settings = await self._server.workspace_configuration_async(types.ConfigurationParams(items))
        except JsonRpcException as error:
            log.warning("the client did not tell its settings (%s); those that it began with hold", error)
            return
        self._take_settings({scope: value for scope, value in zip(scopes, settings, strict=False) if value})

    def _take_settings(self, settings: Mapping[str | None, object]) -> None:
        roots = _roots(self._folders(), settings, self._initial_settings)
        for preferences in (roots.default, *roots.by_folder.values()):
            for problem in preferences.problems:
                log.warning("%s; it is left aside", problem)
        if roots != self.roots:
            self.renew(roots)

    def _folders(self) -> tuple[str, ...]:
        """The addresses of the folders open in the client."""
        workspace = self._server.workspace
        return tuple(folder.uri for folder in workspace.folders.values()) or ((workspace.root_uri,) if workspace.root_uri else ())

    def _changed(self, uri: str | None = None) -> None:
        """Check anew: a document and those that it may affect, or all."""
        self.analyst.invalidate()
        self._push(uri)
        if self.client.pulls and uri is None and len(self.documents):
            self.publisher.refresh()

    def _edited(self, uri: str) -> None:
        """Answer what was typed, and check anew what it may affect."""
        self.deep.outcomes.others_changed(uri)
        self.analyst.edited(uri)
        self._push(uri)

    def _push(self, first: str | None) -> None:
        for document in self.documents:
            if self.publisher.pushes_to(document):
                self.publisher.update(document.uri, Urgency.TYPED if document.uri == first else Urgency.AFFECTED)

    def _withdraw(self, parts: Iterable[Document]) -> None:
        for part in parts:
            self.publisher.withdraw(part.uri)

    async def _keep_looking(self) -> None:
        pause = _LOOK_SECONDS
        while True:
            await asyncio.sleep(pause)
            if len(self.documents):
                has_changed, seconds = await self.worker.run(self.projects.has_changed_on_disk)
                pause = max(_LOOK_SECONDS, _LOOK_SHARE * seconds)
                if has_changed:
                    self.deep.outcomes.others_changed()
                    self.renew()


def _is_trusted(options: object) -> bool:
    """Whether code of the workspace may be run. Only the client's first words say so: settings may be a project's own."""
    return not (isinstance(options, Mapping) and options.get("trusted") is False)


def _roots(folders: Iterable[str], settings: Mapping[str | None, object], initial: object) -> Roots:
    """The open folders with their preferences: those that hold for the folder, else for all, else what the client said at first."""
    everywhere = settings.get(None) or initial
    paths = {path_of(uri): uri for uri in folders}
    by_folder = {path: Preferences.read(settings.get(uri) or everywhere, path) for path, uri in paths.items()}
    return Roots(Preferences.read(everywhere, next(iter(paths), "")), by_folder)
