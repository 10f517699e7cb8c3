"""Hovering: the page of the rule that spoke, or that a suppression names, and what running the model said."""

from __future__ import annotations

import re

from lsprotocol import types

from nnlint.findings import Finding
from nnlint.lsp.analysis import Analysis
from nnlint.lsp.capabilities import Client
from nnlint.lsp.convert import offset_of, range_of
from nnlint.lsp.deep.outcomes import Outcome, Outcomes
from nnlint.lsp.deep.wording import about_class, about_finding
from nnlint.lsp.documents import Document
from nnlint.rules import all_rules
from nnlint.text import LineIndex, Span

_SUPPRESSION = re.compile(r"#\s*(?:nnlint|noqa)\b[^\r\n]*")
_CODE = re.compile(r"\bNN\d{3}\b")


def hover_of_findings(
    document: Document, position: types.Position, analysis: Analysis, outcomes: Outcomes, client: Client
) -> types.Hover | None:
    """What is said of the findings at a position; `None` where there is none."""
    at = offset_of(position, document.index, client.encoding)
    found = [(finding, span) for finding in analysis.findings if (span := _span_in(document, finding, analysis)) and _touches(span, at)]
    if not found:
        return None
    innermost = min((span for _, span in found), key=lambda span: span.end - span.start)
    said = (_said_of(finding, outcomes.on(finding, analysis.target), analysis.target) for finding, _ in found)
    return _hover("\n\n---\n\n".join(said), innermost, document.index, client)


def hover_of_class(document: Document, position: types.Position, outcomes: Outcomes, client: Client) -> types.Hover | None:
    """What the last run of the class said whose name stands under a position."""
    at = offset_of(position, document.index, client.encoding)
    for found in document.classes:
        outcome = outcomes.of_class(document, found.name) if _touches(found.name_span, at) else None
        if outcome is not None:
            return _hover(about_class(outcome, document), found.name_span, document.index, client)
    return None


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


def _said_of(finding: Finding, outcome: Outcome | None, document: Document) -> str:
    rule = all_rules().get(finding.code)
    return "\n\n".join(part for part in (finding.message, about_finding(finding, outcome, document), rule and rule.page) if part)


def _hover(text: str, span: Span, index: LineIndex, client: Client) -> types.Hover:
    kind = types.MarkupKind.Markdown if client.reads_markdown else types.MarkupKind.PlainText
    return types.Hover(types.MarkupContent(kind, text), range_of(span, index, client.encoding))
