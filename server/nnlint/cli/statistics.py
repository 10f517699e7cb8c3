"""How many findings each rule has, and how many of the layers that are constructed were understood."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from nnlint.cli.report import Report
from nnlint.engine import Construction


def render_statistics(report: Report, constructions: Sequence[Construction] | None, output_format: str, is_verbose: bool = False) -> str:
    """A table, the most frequent rule first, and below it the layers; with `json` a list as ruff's, the layers being its last item.

    `constructions` is `None` where they were not counted. `is_verbose` lists those that are not resolved.
    """
    counts = Counter((finding.code, finding.name) for finding in report.findings)
    fixable = Counter(finding.code for finding in report.findings if report.is_fixable(finding))
    rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    if output_format == "json":
        items: list[dict[str, Any]] = [
            {"code": code, "name": name, "count": count, "fixable": fixable[code] > 0, "fixable_count": fixable[code]}
            for (code, name), count in rows
        ]
        return json.dumps([*items, *([_layer_item(report, constructions)] if constructions else [])], indent=2) + "\n"
    table = "".join(f"{count}\t{code}{_mark(fixable, code)}\t{name}\n" for (code, name), count in rows)
    layers = "".join(f"{line}\n" for line in _layer_lines(report, constructions, is_verbose)) if constructions else ""
    return table + ("\n" if table and layers else "") + layers


def _mark(fixable: Counter[str], code: str) -> str:
    """Which rules `--fix` would do something for; nothing where it would do nothing at all."""
    return ("\t[*]" if fixable[code] else "\t[ ]") if fixable else ""


def _layer_lines(report: Report, constructions: Sequence[Construction], is_verbose: bool) -> Iterator[str]:
    unresolved = [one for one in constructions if one.reason is not None]
    resolved, total = len(constructions) - len(unresolved), len(constructions)
    yield f"{resolved:,} of {total:,} constructions of layers resolved ({_percent(resolved, total)})"
    reached = sum(one.is_reached for one in constructions)
    if 0 < reached < total:
        yield f"{resolved:,} of the {reached:,} that known code reaches ({_percent(resolved, reached)})"
    for reason, count in _by_reason(unresolved):
        yield f"{count}\t{reason}"
        if is_verbose:
            yield from (f"\t{name}:{row}:{column}\t{target}" for name, row, column, target in _places(report, unresolved, reason))


def _percent(part: int, whole: int) -> str:
    """Rounded down, so that only all of it is 100 %."""
    return f"{1000 * part // whole / 10} %"


def _layer_item(report: Report, constructions: Sequence[Construction]) -> dict[str, Any]:
    """An item like those of rules; its `code` is null, as that of ruff's items that stand for no rule."""
    unresolved = [one for one in constructions if one.reason is not None]
    return {
        "code": None,
        "name": "layer-constructions",
        "count": len(constructions),
        "fixable": False,
        "fixable_count": 0,
        "resolved": len(constructions) - len(unresolved),
        "reached": sum(one.is_reached for one in constructions),
        "unresolved": [
            {
                "reason": reason,
                "count": count,
                "places": [
                    {"filename": name, "location": {"row": row, "column": column}, "class": target}
                    for name, row, column, target in _places(report, unresolved, reason)
                ],
            }
            for reason, count in _by_reason(unresolved)
        ],
    }


def _by_reason(unresolved: Sequence[Construction]) -> list[tuple[str, int]]:
    return sorted(Counter(one.reason or "" for one in unresolved).items(), key=lambda row: (-row[1], row[0]))


def _places(report: Report, unresolved: Sequence[Construction], reason: str) -> list[tuple[str, int, int, str]]:
    found = []
    for one in unresolved:
        if one.reason == reason and one.span is not None:
            place = report.place(one.path, one.span)
            found.append((report.name(one.path), place.row, place.column, one.target.removeprefix("torch.nn.")))
    return sorted(found)
