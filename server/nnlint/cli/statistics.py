"""How many findings each rule has."""

from __future__ import annotations

import json
from collections import Counter

from nnlint.cli.report import Report


def render_statistics(report: Report, output_format: str) -> str:
    """A table, the most frequent rule first; with `json` a list as ruff's."""
    counts = Counter((finding.code, finding.name) for finding in report.findings)
    fixable = Counter(finding.code for finding in report.findings if report.is_fixable(finding))
    rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    if output_format == "json":
        items = [
            {"code": code, "name": name, "count": count, "fixable": fixable[code] > 0, "fixable_count": fixable[code]}
            for (code, name), count in rows
        ]
        return json.dumps(items, indent=2) + "\n"
    return "".join(f"{count}\t{code}{_mark(fixable, code)}\t{name}\n" for (code, name), count in rows)


def _mark(fixable: Counter[str], code: str) -> str:
    """Which rules `--fix` would do something for; nothing where it would do nothing at all."""
    return ("\t[*]" if fixable[code] else "\t[ ]") if fixable else ""
