"""Workflow commands that GitHub Actions shows as annotations on the changed lines."""

from __future__ import annotations

from nnlint.cli.report import Report, preferred_fix
from nnlint.findings import Finding, Severity

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice", Severity.HINT: "notice"}


def render(report: Report) -> str:
    return "".join(f"{_command(report, finding)}\n" for finding in report.findings)


def _command(report: Report, finding: Finding) -> str:
    place = report.place(finding.path, finding.span)
    name = report.name(finding.path)
    properties = {"title": f"nnlint ({finding.code})", "file": name.replace("\\", "/"), "line": place.row, "endLine": place.end_row}
    if place.row == place.end_row:
        # GitHub refuses columns on an annotation of several lines.
        properties |= {"col": place.column, "endColumn": place.end_column}
    joined = ",".join(f"{key}={_escape_property(str(value))}" for key, value in properties.items())
    return f"::{_LEVELS[finding.severity]} {joined}::{_escape(_message(report, finding, f'{name}:{place.row}:{place.column}'))}"


def _message(report: Report, finding: Finding, where: str) -> str:
    lines = [f"{where}: {finding.code} {finding.message}", *([f"  {finding.verdict}"] if finding.verdict else [])]
    for related in finding.related:
        place = report.place(related.path, related.span)
        lines.append(f"  note: {report.name(related.path)}:{place.row}:{place.column}: {related.message}")
    fix = preferred_fix(finding)
    return "\n".join([*lines, *([f"  help: {fix.message}"] if fix else [])])


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
