"""One line a finding: `models/net.py:5:9: NN501 [*] message [confirmed]`.

`[*]` where `--fix` would apply a fix; the verdict at the end where a model was run.
"""

from __future__ import annotations

from nnlint.cli.report import Report, verdict_mark
from nnlint.cli.style import printable
from nnlint.findings import Finding


def render(report: Report) -> str:
    return "".join(f"{_line(report, finding)}\n" for finding in report.findings)


def _line(report: Report, finding: Finding) -> str:
    place = report.place(finding.path, finding.span)
    paint = report.style.paint
    where = f"{paint(printable(report.name(finding.path)), 'strong')}:{place.row}:{place.column}:"
    fixable = f"[{paint('*', 'help')}] " if report.is_fixable(finding) else ""
    return f"{where} {paint(finding.code, finding.severity.label)} {fixable}{finding.message}{verdict_mark(finding)}"
