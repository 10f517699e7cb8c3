"""Brings diagnostics to the client: answers where it pulls, pushes elsewhere, and never both for one document."""

from __future__ import annotations

import hashlib

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from nnlint.lsp.addresses import uri_of
from nnlint.lsp.analysis import Analysis
from nnlint.lsp.analyst import Analyst, Urgency
from nnlint.lsp.background import Background
from nnlint.lsp.capabilities import Client
from nnlint.lsp.deep.outcomes import Outcomes
from nnlint.lsp.diagnostics import diagnostics_of, diagnostics_of_config
from nnlint.lsp.documents import Document
from nnlint.lsp.notebooks import Notebook
from nnlint.workspace import ConfigError


class Publisher:
    """Knows what the client was told last, so that it is told nothing twice."""

    def __init__(self, server: LanguageServer, client: Client, analyst: Analyst, outcomes: Outcomes) -> None:
        self._server = server
        self._client = client
        self._analyst = analyst
        self._outcomes = outcomes
        self._background = Background()
        self._updating: set[tuple[str, Urgency]] = set()
        self._answered: dict[str, str] = {}
        self._told: dict[str, tuple[int | None, list[types.Diagnostic]]] = {}
        self._broken_configs: frozenset[str] = frozenset()

    async def pull(self, uri: str, previous: str | None) -> types.DocumentDiagnosticReport:
        """The answer for a document that the client pulls; nothing for one that is pushed to, whose diagnostics it has already."""
        analysis = await self._analyst.analysis(uri, Urgency.TYPED if self._analyst.is_edited(uri) else Urgency.AFFECTED)
        items = []
        if analysis and not self.pushes_to(analysis.target):
            items = self._diagnostics(analysis)[uri]
            self._answered[uri] = _fingerprint(items)
            self._refine(analysis)
        result_id = _fingerprint(items)
        if result_id == previous:
            return types.RelatedUnchangedDocumentDiagnosticReport(result_id)
        return types.RelatedFullDocumentDiagnosticReport(items, result_id=result_id)

    def refresh(self) -> None:
        """Ask a client that pulls to pull everything again."""
        self._server.workspace_diagnostic_refresh(None)

    def pushes_to(self, document: Document) -> bool:
        """Whether a document's diagnostics are pushed: to a client that does not pull, and in notebooks, where one cell's change
        concerns cells that a client would not think to pull."""
        return not self._client.pulls or isinstance(document, Notebook)

    def update(self, uri: str, urgency: Urgency) -> None:
        """Check a document, and let the client know where something else comes of it than what it was told."""
        if (uri, urgency) not in self._updating:
            self._updating.add((uri, urgency))
            self._background.start(self._update(uri, urgency))

    def withdraw(self, uri: str) -> None:
        """Take back what was said of a document that is closed now."""
        self._answered.pop(uri, None)
        if uri in self._told:
            self._tell(uri, None, [])
            del self._told[uri]

    async def _update(self, uri: str, urgency: Urgency) -> None:
        try:
            analysis = await self._analyst.analysis(uri, urgency)
        finally:
            self._updating.discard((uri, urgency))
        if analysis is None:
            return
        by_uri = self._diagnostics(analysis)
        if self.pushes_to(analysis.target):
            for part in analysis.target.parts:
                self._tell(part.uri, part.version, by_uri[part.uri])
        elif uri in self._answered and self._answered[uri] != _fingerprint(by_uri[uri]):
            self.refresh()
        self._refine(analysis)

    def _refine(self, analysis: Analysis) -> None:
        """A first answer is followed by the full check, the last word."""
        if analysis.is_provisional:
            self.update(analysis.target.uri, Urgency.AFFECTED)

    def _diagnostics(self, analysis: Analysis) -> dict[str, list[types.Diagnostic]]:
        self._tell_of_configs(analysis.config_errors)
        return diagnostics_of(self._outcomes.laid_over(analysis), self._client)

    def _tell_of_configs(self, errors: tuple[ConfigError, ...]) -> None:
        """Show in each config file what is wrong with it, and take it back once it is right. Clients do not pull for these files."""
        by_uri = {uri_of(error.path): diagnostics_of_config(error) for error in errors if error.path is not None}
        for uri in self._broken_configs - by_uri.keys():
            self.withdraw(uri)
        for uri, diagnostics in by_uri.items():
            self._tell(uri, None, diagnostics)
        self._broken_configs = frozenset(by_uri)

    def _tell(self, uri: str, version: int | None, diagnostics: list[types.Diagnostic]) -> None:
        if self._told.get(uri) != (version, diagnostics):
            self._told[uri] = (version, diagnostics)
            self._server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, diagnostics, version))


def _fingerprint(items: list[types.Diagnostic]) -> str:
    return hashlib.blake2b(repr(items).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
