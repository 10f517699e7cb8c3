"""Findings with their source, what explains them, and the fix as it would change the text."""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.cli.frames import Frame
from nnlint.cli.report import Report, preferred_fix
from nnlint.cli.style import printable
from nnlint.findings import Applicability, Finding, Fix
from nnlint.text import Edit, LineIndex, Span, apply_edits

_HOW_TO_APPLY = {
    Applicability.SAFE: "; apply it with --fix",
    Applicability.UNSAFE: "; apply it with --fix --unsafe-fixes",
    Applicability.DISPLAY: "",
}


def render(report: Report) -> str:
    return "\n".join("".join(f"{line}\n" for line in _finding(report, finding)) for finding in report.findings)


def _finding(report: Report, finding: Finding) -> Iterator[str]:
    label = finding.severity.label
    paint = report.style.paint
    gutter = _gutter(report, finding)
    yield f"{paint(f'{label}[{finding.code}]', label)} {paint(finding.name, 'quiet')}: {paint(finding.message, 'strong')}"
    yield from _located(report, finding.path, finding.span, Frame(gutter, label))
    if finding.verdict is not None:
        yield f"{paint('note', 'note')}: {printable(str(finding.verdict))}"
    for related in finding.related:
        yield f"{paint('note', 'note')}: {related.message}"
        yield from _located(report, related.path, related.span, Frame(gutter, "note", context=0, mark="-"))
    fix = preferred_fix(finding)
    if fix is not None:
        yield f"{paint('help', 'help')}: {fix.message}{_HOW_TO_APPLY[fix.applicability]}"
        yield from _change(report, finding, fix, gutter)


def _gutter(report: Report, finding: Finding) -> int:
    """The width of the line numbers of all of a finding's frames."""
    spans = [(finding.path, finding.span), *((related.path, related.span) for related in finding.related)]
    return max(len(str(report.place(path, span).end_row + 1)) for path, span in spans)


def _located(report: Report, path: str, span: Span, frame: Frame) -> Iterator[str]:
    place = report.place(path, span)
    index = report.index(path)
    yield f"{'':{frame.gutter}}{report.style.paint('-->', 'gutter')} {printable(report.name(path))}:{place.row}:{place.column}"
    if index.text:
        yield from frame.lines(index, span, report.style)


def _change(report: Report, finding: Finding, fix: Fix, gutter: int) -> Iterator[str]:
    """The lines that the fix takes out and puts in, where they are few and in the finding's own file."""
    edits = [file_edit.edit for file_edit in fix.edits]
    if not edits or any(file_edit.path not in (None, finding.path) for file_edit in fix.edits):
        return
    index = report.index(finding.path)
    first = index.position(min(edit.span.start for edit in edits)).line
    last = index.position(max(edit.span.end for edit in edits)).line
    if last - first > 2:
        return
    bar = report.style.paint("|", "gutter")
    yield f"{'':{gutter}} {bar}"
    old, new = _changed_lines(index, edits, first, last)
    yield from (_signed(report, f"{line:>{gutter}}", "-", text, "removed") for line, text in enumerate(old, first + 1))
    yield from (_signed(report, f"{line:>{gutter}}", "+", text, "added") for line, text in enumerate(new, first + 1))
    yield f"{'':{gutter}} {bar}"


def _signed(report: Report, number: str, sign: str, text: str, role: str) -> str:
    return f"{report.style.paint(number, 'gutter')} {report.style.paint(f'{sign} {printable(text)}'.rstrip(), role)}"


def _changed_lines(index: LineIndex, edits: list[Edit], first: int, last: int) -> tuple[list[str], list[str]]:
    span = Span(index.line_span(first).start, index.line_span(last).end)
    old = index.text[span.start : span.end]
    new = LineIndex(apply_edits(old, [Edit(edit.span.shifted(-span.start), edit.content) for edit in edits]))
    return [index.line_text(line) for line in range(first, last + 1)], [new.line_text(line) for line in range(new.line_count)]
