"""The open documents: immutable snapshots of their texts, changed by the client's words alone.

pygls keeps documents too, but counts lines with `str.splitlines`, which also splits at form feeds and U+2028 and so corrupts
a text under incremental changes. The server takes its synchronization over and stores them here.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from lsprotocol import types

from nnlint.lsp.convert import span_of
from nnlint.text import Edit, Encoding, LineIndex, Span, apply_edits

if TYPE_CHECKING:
    from nnlint.syntax.scanner import Scan

_CLASS = re.compile(r"class\s+(\w+)")


@dataclass(frozen=True, slots=True)
class ClassText:
    """Where a class stands in a text: its name, and the whole of its statement."""

    name: str
    name_span: Span
    statement: Span


@dataclass(frozen=True)
class Document:
    """One version of a text. `path` is its file, or an invented one where it has none; `version` is `None` for what is not open."""

    uri: str
    path: str
    text: str
    version: int | None = None
    is_importable: ClassVar[bool] = True
    """Whether other files may import it."""

    @property
    def name(self) -> str:
        """What a person calls it."""
        return posixpath.basename(self.path)

    @cached_property
    def index(self) -> LineIndex:
        return LineIndex(self.text)

    @cached_property
    def scan(self) -> Scan:
        """The text's logical lines and comments."""
        from nnlint.syntax.scanner import scan

        return scan(self.text)

    @property
    def parts(self) -> tuple[Document, ...]:
        """The client's documents that the text is made of."""
        return (self,)

    def part(self, uri: str) -> Document | None:
        return next((part for part in self.parts if part.uri == uri), None)

    def place(self, span: Span) -> tuple[Document, Span]:
        """Where a span of the text stands: in which part, and where there."""
        return self, span

    @cached_property
    def statements(self) -> tuple[Span, ...]:
        """The top-level statements, each from its first decorator to the end of its last line."""
        from nnlint.syntax.blocks import BlockKind, cut

        spans: list[Span] = []
        for block in cut(self.scan.lines):
            start = spans.pop().start if block.kind is BlockKind.MEMBER else block.span.start
            spans.append(Span(start, block.span.end))
        return tuple(spans)

    @cached_property
    def classes(self) -> tuple[ClassText, ...]:
        """The top-level classes. Of two of one name the later one counts, as it does in Python."""
        by_name = {}
        for line in self.scan.lines:
            if line.indent == 0 and line.word == "class" and (match := _CLASS.match(self.text, line.start)):
                statement = next(span for span in self.statements if span.start <= line.start < span.end)
                by_name[match[1]] = ClassText(match[1], Span(*match.span(1)), statement)
        return tuple(by_name.values())

    def class_at(self, line: int) -> str | None:
        """The name of the top-level class that a line belongs to."""
        end = self.index.line_span(min(line, self.index.line_count - 1)).end
        before = [span for span in self.statements if span.start <= end]
        return next((found.name for found in self.classes if before and found.statement == before[-1]), None)

    def changed(self, changes: Iterable[types.TextDocumentContentChangeEvent], version: int | None, encoding: Encoding) -> Document:
        """The document after changes, each of which speaks of the text that the one before it left."""
        document = self
        for change in changes:
            document = replace(document, text=document._text_after(change, encoding))
        return replace(document, version=version)

    def _text_after(self, change: types.TextDocumentContentChangeEvent, encoding: Encoding) -> str:
        if isinstance(change, types.TextDocumentContentChangeWholeDocument):
            return change.text
        return apply_edits(self.text, [Edit(span_of(change.range, self.index, encoding), change.text)])
