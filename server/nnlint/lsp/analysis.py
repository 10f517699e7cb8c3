"""What the engine said of one version of a text, with all that is needed to find its places again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nnlint.engine import DefinedModel, Sources
from nnlint.findings import Assist, Finding
from nnlint.lsp.addresses import uri_of
from nnlint.lsp.documents import Document
from nnlint.settings import Settings
from nnlint.text import Span
from nnlint.workspace import ConfigError

# What holds for a text that is not checked.
NOTHING_ENABLED = Settings(frozenset())


@dataclass(frozen=True)
class Analysis:
    """The findings of `target` as it was when checked. `documents` are those that were open then, by path."""

    target: Document
    findings: tuple[Finding, ...]
    sources: Sources
    documents: Mapping[str, Document]
    assists: tuple[Assist, ...] = ()
    """What the rules can do in the target; none are known in a first answer."""
    models: tuple[DefinedModel, ...] = ()
    """The models that the target defines; none are known in a first answer."""
    settings: Settings = NOTHING_ENABLED
    """Those that hold for the target."""
    config_errors: tuple[ConfigError, ...] = ()
    """What is wrong with the config files of the open documents; the last good ones held instead."""
    seconds: float = 0.0
    is_provisional: bool = False
    """Whether this is a first answer to an edit, good enough to be shown; nothing is changed on its word."""
    _closed: dict[str, Document] = field(default_factory=dict, repr=False)

    def locate(self, path: str | None, span: Span) -> tuple[Document, Span]:
        """The document that a path's span stands in, and where there; `None` is the target's own path."""
        if path is None or path == self.target.path:
            return self.target.place(span)
        document = self.documents.get(path) or self._closed.get(path)
        if document is None:
            document = self._closed[path] = Document(uri_of(path), path, self.sources.text(path) or "")
        return document.place(span)
