"""Hovering: the page of the rule that spoke, or that a suppression names."""

from __future__ import annotations

import re

from lsprotocol import types

from nnlint.findings import Finding
from nnlint.lsp.analysis import Analysis
from nnlint.lsp.capabilities import Client
from nnlint.lsp.convert import offset_of, range_of
from nnlint.lsp.documents import Document
from nnlint.rules import all_rules
from nnlint.text import LineIndex, Span

_SUPPRESSION = re.compile(r"#\s*(?:nnlint|noqa)\b[^\r\n]*")
_CODE = re.compile(r"\bNN\d{3}\b")


def hover_of_findings(document: Document, position: types.Position, analysis: Analysis, client: Client) -> types.Hover | None:
    """What is said of the findings at a position; `None` where there is none."""
    at = offset_of(position, document.index, client.encoding)
    found = [(finding, span) for finding in analysis.findings if (span := _span_in(document, finding, analysis)) and _touches(span, at)]
    if not found:
        return None
    innermost = min((span for _, span in found), key=lambda span: span.end - span.start)
    return _hover("\n\n---\n\n".join(_said_of(finding) for finding, _ in found), innermost, document.index, client)


def hover_of_suppression(document: Document, position: types.Position, client: Client) -> types.Hover | None:
    """The page of a rule whose code stands under a position within a suppression comment."""
    line = document.index.line_span(min(position.line, document.index.line_count - 1))
    comment = _SUPPRESSION.search(document.text, line.start, line.end)
    if comment is None:
        return None
    at = offset_of(position, document.index, client.encoding)
    for match in _CODE.finditer(document.text, comment.start(), comment.end()):
        span = Span(*match.span())
        rule = all_rules().get(match[0])
        if rule is not None and _touches(span, at):
            return _hover(rule.page, span, document.index, client)
    return None


def _span_in(document: Document, finding: Finding, analysis: Analysis) -> Span | None:
    part, span = analysis.target.place(finding.span)
    return span if part.uri == document.uri else None


def _touches(span: Span, offset: int) -> bool:
    return span.start <= offset <= span.end


def _said_of(finding: Finding) -> str:
    rule = all_rules().get(finding.code)
    return finding.message if rule is None else f"{finding.message}\n\n{rule.page}"


def _hover(text: str, span: Span, index: LineIndex, client: Client) -> types.Hover:
    kind = types.MarkupKind.Markdown if client.reads_markdown else types.MarkupKind.PlainText
    return types.Hover(types.MarkupContent(kind, text), range_of(span, index, client.encoding))
