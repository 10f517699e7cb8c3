"""What is open in the client: documents and notebooks, by their addresses as the client spells them."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types

from nnlint.lsp.addresses import path_of
from nnlint.lsp.documents import Document
from nnlint.lsp.notebooks import Notebook
from nnlint.text import Encoding


class OpenDocuments:
    """The last snapshot of everything that is open. A cell is found under its own address too, as its notebook."""

    def __init__(self) -> None:
        self._by_uri: dict[str, Document] = {}
        self._notebook_of_cell: dict[str, str] = {}

    def __iter__(self) -> Iterator[Document]:
        return iter(tuple(self._by_uri.values()))

    def __len__(self) -> int:
        return len(self._by_uri)

    def get(self, uri: str) -> Document | None:
        """The document, or the notebook, that an address stands for or is a cell of."""
        return self._by_uri.get(self._notebook_of_cell.get(uri, uri))

    def by_path(self) -> dict[str, Document]:
        return {document.path: document for document in self._by_uri.values()}

    def open(self, item: types.TextDocumentItem) -> Document:
        return self._put(Document(item.uri, path_of(item.uri), item.text, item.version))

    def change(self, params: types.DidChangeTextDocumentParams, encoding: Encoding) -> Document | None:
        """The document after its changes; `None` where it is not open."""
        document = self._by_uri.get(params.text_document.uri)
        return document and self._put(document.changed(params.content_changes, params.text_document.version, encoding))

    def open_notebook(self, params: types.DidOpenNotebookDocumentParams) -> Document:
        return self._put(Notebook.opened(params))

    def change_notebook(self, params: types.DidChangeNotebookDocumentParams, encoding: Encoding) -> tuple[Document, Document] | None:
        """The notebook before and after its changes; `None` where it is not open."""
        before = self._by_uri.get(params.notebook_document.uri)
        if not isinstance(before, Notebook):
            return None
        return before, self._put(before.after(params.change, params.notebook_document.version, encoding))

    def close(self, uri: str) -> Document | None:
        closed = self._by_uri.pop(uri, None)
        self._forget_cells(uri)
        return closed

    def _put(self, document: Document) -> Document:
        self._forget_cells(document.uri)
        self._by_uri[document.uri] = document
        self._notebook_of_cell.update({part.uri: document.uri for part in document.parts if part is not document})
        return document

    def _forget_cells(self, uri: str) -> None:
        for cell in [cell for cell, notebook in self._notebook_of_cell.items() if notebook == uri]:
            del self._notebook_of_cell[cell]
