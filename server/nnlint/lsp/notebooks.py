"""Notebooks: their Python cells in order, checked as one text, whose findings are shown in the cells that they are from."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from lsprotocol import types

from nnlint.lsp.addresses import path_of
from nnlint.lsp.documents import Document
from nnlint.text import Encoding, Span

# Magics that run the rest of their cell as Python; any other makes the cell something else (`%%bash`).
_PYTHON_MAGIC = re.compile(r"\s*%%(?:time|timeit|capture|prun|debug|memit|mprun|lprun)\b[^\r\n]*")
_CELL_MAGIC = re.compile(r"\s*%%")
# What IPython takes at the start of a statement: `%magic`, `!command`, `?name`, `name?`, `files = !ls`.
_SHELL_OR_MAGIC = re.compile(r"[ \t]*(?:[\w., \t]+=[ \t]*(?=[%!]))?([%!?][^\r\n]*|[\w.]+\?{1,2}[ \t]*(?=[\r\n]|\Z))")

_MAGIC_CHARACTER = re.compile(r"[%!?]")


@dataclass(frozen=True)
class Notebook(Document):
    """`text` is that of the Python cells, one after another; what only IPython understands is replaced, character by character."""

    order: tuple[str, ...] = ()
    """The addresses of all cells, also of those that are no Python."""
    cells: Mapping[str, Document] = field(default_factory=dict)
    """The Python cells."""
    is_importable: ClassVar[bool] = False

    @classmethod
    def opened(cls, params: types.DidOpenNotebookDocumentParams) -> Notebook:
        notebook = params.notebook_document
        order = tuple(cell.document for cell in notebook.cells)
        return cls._assembled(notebook.uri, notebook.version, order, _documents(params.cell_text_documents))

    @classmethod
    def _assembled(cls, uri: str, version: int, order: tuple[str, ...], cells: Mapping[str, Document]) -> Notebook:
        text = "".join(python_only(cells[cell].text) + "\n" for cell in order if cell in cells)
        return cls(uri, path_of(uri), text, version, order, cells)

    @property
    def parts(self) -> tuple[Document, ...]:
        return tuple(self.cells[cell] for cell in self.order if cell in self.cells)

    def place(self, span: Span) -> tuple[Document, Span]:
        """The cell in which a span starts, and where there; what reaches into the next cell ends with this one."""
        parts, starts = self.parts, self._starts()
        at = bisect_right(starts, span.start) - 1
        local = span.shifted(-starts[at])
        size = len(parts[at].text)
        return parts[at], Span(min(local.start, size), min(local.end, size))

    def after(self, change: types.NotebookDocumentChangeEvent, version: int, encoding: Encoding) -> Notebook:
        """The notebook after cells were added, removed, moved or typed into."""
        order, cells = self.order, dict(self.cells)
        if change.cells is not None and (structure := change.cells.structure) is not None:
            array = structure.array
            added = tuple(cell.document for cell in array.cells or ())
            order = (*order[: array.start], *added, *order[array.start + array.delete_count :])
            cells.update(_documents(structure.did_open or ()))
            for closed in structure.did_close or ():
                cells.pop(closed.uri, None)
        for typed in (change.cells and change.cells.text_content) or ():
            if typed.document.uri in cells:
                cells[typed.document.uri] = cells[typed.document.uri].changed(typed.changes, typed.document.version, encoding)
        return self._assembled(self.uri, version, order, cells)

    def _starts(self) -> list[int]:
        starts = [0]
        for part in self.parts[:-1]:
            starts.append(starts[-1] + len(part.text) + 1)
        return starts


def _documents(items: Sequence[types.TextDocumentItem]) -> dict[str, Document]:
    """The Python cells among documents. A cell's address is no file's: its path is its own."""
    return {item.uri: Document(item.uri, item.uri, item.text, item.version) for item in items if item.language_id.lower() == "python"}


def python_only(text: str) -> str:
    """A cell's text, as long as before, without what only IPython understands."""
    if _CELL_MAGIC.match(text):
        magic = _PYTHON_MAGIC.match(text)
        if magic is None:
            return re.sub(r"[^\r\n]", " ", text)
        return re.sub(r"[^\r\n]", " ", magic[0]) + python_only(text[magic.end() :])
    replaced = _without_shell(text)
    while replaced != text:  # a bracket in a command may have hidden those below it
        text, replaced = replaced, _without_shell(replaced)
    return text


def _without_shell(text: str) -> str:
    if not _MAGIC_CHARACTER.search(text):
        return text
    from nnlint.syntax.scanner import scan

    for line in scan(text).lines:
        match = _SHELL_OR_MAGIC.match(text, line.start)
        if match:
            text = text[: match.start(1)] + _placeholder(len(match[1])) + text[match.end(1) :]
    return text


def _placeholder(length: int) -> str:
    """An expression of this length that does nothing."""
    return ("0#" + " " * length)[:length]
