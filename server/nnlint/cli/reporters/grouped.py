"""Findings under their files."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from nnlint.cli.report import Report, verdict_mark
from nnlint.cli.style import printable
from nnlint.findings import Finding


def render(report: Report) -> str:
    groups = groupby(report.findings, key=lambda finding: report.name(finding.path))
    return "\n".join(_group(report, name, list(findings)) for name, findings in groups)


def _group(report: Report, name: str, findings: Sequence[Finding]) -> str:
    paint = report.style.paint
    rows = [(_where(report, finding), finding) for finding in findings]
    widest = max(len(where) for where, _ in rows)
    lines = [f"{paint(printable(name), 'strong')}:"]
    for where, finding in rows:
        fixable = f"[{paint('*', 'help')}] " if report.is_fixable(finding) else ""
        code = paint(finding.code, finding.severity.label)
        lines.append(f"  {where:<{widest}} {code} {fixable}{finding.message}{verdict_mark(finding)}")
    return "".join(f"{line}\n" for line in lines)


def _where(report: Report, finding: Finding) -> str:
    place = report.place(finding.path, finding.span)
    return f"{place.row}:{place.column}"
