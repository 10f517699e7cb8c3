"""The objects of the JSON format, one a line."""

from __future__ import annotations

import json

from nnlint.cli.report import Report
from nnlint.cli.reporters.json import finding_object


def render(report: Report) -> str:
    objects = (finding_object(report, finding) for finding in report.findings)
    return "".join(json.dumps(item, ensure_ascii=False, separators=(",", ":")) + "\n" for item in objects)
