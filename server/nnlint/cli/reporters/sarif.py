"""SARIF 2.1.0, which GitHub code scanning and other dashboards take in."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nnlint import __version__
from nnlint.cli.report import Place, Report
from nnlint.findings import Finding, Fix, Severity
from nnlint.rule import Rule
from nnlint.rule_url import rule_url
from nnlint.rules import all_rules
from nnlint.text import Edit, Span

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note", Severity.HINT: "note"}
# What GitHub sorts alerts by, in its own words.
_PROBLEM_SEVERITIES = {"error": "error", "warning": "warning", "note": "recommendation"}
_BASE = "%SRCROOT%"  # the usual name for the folder that paths are relative to


def render(report: Report) -> str:
    codes = sorted({finding.code for finding in report.findings})
    fingerprints = _Fingerprints(report)
    run = {
        "tool": {"driver": {"name": "nnlint", "version": __version__, "rules": [_rule(all_rules()[code]) for code in codes]}},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_BASE: {"uri": Path.cwd().as_uri().rstrip("/") + "/"}},
        "results": [_result(report, finding, codes.index(finding.code), fingerprints.of(finding)) for finding in report.findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    level = _LEVELS[rule.severity]
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.summary},
        "help": {"text": rule.page, "markdown": rule.page},
        **({"helpUri": url} if (url := rule_url(rule.code)) else {}),
        "defaultConfiguration": {"enabled": rule.on_by_default, "level": level},
        "properties": {"tags": ["pytorch"], "precision": "high", "problem.severity": _PROBLEM_SEVERITIES[level]},
    }


def _result(report: Report, finding: Finding, rule_index: int, fingerprint: str) -> dict[str, Any]:
    verdict = f"\n{finding.verdict}" if finding.verdict else ""
    related = [
        {"id": number, **_location(report, one.path, one.span), "message": {"text": one.message}}
        for number, one in enumerate(finding.related, 1)
    ]
    return {
        "ruleId": finding.code,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message + verdict},
        "locations": [_location(report, finding.path, finding.span)],
        "relatedLocations": related,
        "fixes": [_fix(report, finding, fix) for fix in finding.fixes if fix.edits],
        "partialFingerprints": {"nnlint/v1": fingerprint},
        "properties": {"severity": finding.severity.label, "verdict": finding.verdict.as_json() if finding.verdict else None},
    }


def _location(report: Report, path: str, span: Span) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": _artifact(path), "region": _region(report.place(path, span))}}


def _artifact(path: str) -> dict[str, str]:
    """A file below the working folder by its way from there, as GitHub wants it; any other by its full address."""
    here = os.path.join(os.getcwd(), "")
    if not path.startswith(here):
        return {"uri": Path(path).as_uri()}
    return {"uri": quote(os.fsencode(path[len(here) :].replace(os.sep, "/"))), "uriBaseId": _BASE}


def _region(place: Place) -> dict[str, int]:
    return {"startLine": place.row, "startColumn": place.column, "endLine": place.end_row, "endColumn": place.end_column}


def _fix(report: Report, finding: Finding, fix: Fix) -> dict[str, Any]:
    edits: dict[str, list[Edit]] = {}
    for file_edit in fix.edits:
        edits.setdefault(file_edit.path or finding.path, []).append(file_edit.edit)
    changes = [
        {"artifactLocation": _artifact(path), "replacements": [_replacement(report, path, edit) for edit in own]}
        for path, own in edits.items()
    ]
    return {"description": {"text": fix.message}, "artifactChanges": changes, "properties": {"applicability": fix.applicability.value}}


def _replacement(report: Report, path: str, edit: Edit) -> dict[str, Any]:
    return {"deletedRegion": _region(report.place(path, edit.span)), "insertedContent": {"text": edit.content}}


class _Fingerprints:
    """Tells whether two runs speak of one mistake: by rule and text, so that neither moved lines nor another message make it a new one."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._seen: Counter[tuple[str, str, str]] = Counter()

    def of(self, finding: Finding) -> str:
        """To be asked once a finding, in the order of the report: equal ones in a file are told apart by their number."""
        text = self._report.index(finding.path).text[finding.span.start : finding.span.end]
        key = (finding.path, finding.code, " ".join(text.split()))
        self._seen[key] += 1
        words = "\0".join([*key[1:], str(self._seen[key])])
        return hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
