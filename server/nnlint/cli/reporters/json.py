"""A list in the shape of ruff's JSON, with `related` and `verdict` besides."""

from __future__ import annotations

import json
from typing import Any

from nnlint.cli.report import Place, Report, preferred_fix
from nnlint.findings import Finding, Fix
from nnlint.rule_url import rule_url


def render(report: Report) -> str:
    return json.dumps([finding_object(report, finding) for finding in report.findings], indent=2, ensure_ascii=False) + "\n"


def finding_object(report: Report, finding: Finding) -> dict[str, Any]:
    place = report.place(finding.path, finding.span)
    return {
        "cell": finding.cell,
        "code": finding.code,
        "end_location": _end(place),
        "filename": report.name(finding.path),
        "fix": _fix(report, finding, preferred_fix(finding)),
        "location": _start(place),
        "message": finding.message,
        "name": finding.name,
        "noqa_row": place.row,
        "related": [
            {
                "filename": report.name(related.path),
                "location": _start(related_place),
                "end_location": _end(related_place),
                "message": related.message,
            }
            for related in finding.related
            if (related_place := report.place(related.path, related.span))
        ],
        "severity": finding.severity.label,
        "url": rule_url(finding.code),
        "verdict": finding.verdict.as_json() if finding.verdict else None,
    }


def _fix(report: Report, finding: Finding, fix: Fix | None) -> dict[str, Any] | None:
    if fix is None:
        return None
    edits = []
    for file_edit in fix.edits:
        place = report.place(file_edit.path or finding.path, file_edit.edit.span)
        elsewhere = file_edit.path not in (None, finding.path)
        edits.append(
            {
                "content": file_edit.edit.content,
                "end_location": _end(place),
                "filename": report.name(file_edit.path or finding.path) if elsewhere else None,
                "location": _start(place),
            }
        )
    return {"applicability": fix.applicability.value, "edits": edits, "message": fix.message}


def _start(place: Place) -> dict[str, int]:
    return {"column": place.column, "row": place.row}


def _end(place: Place) -> dict[str, int]:
    return {"column": place.end_column, "row": place.end_row}
