"""The saved report: figures of each package and of all together, and every disagreement between torch and nnlint with its reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.oracle.compare import SITES_A_FILE, Answer, Comparison, merged
from benchmarks.oracle.reasons import Place, reasons
from scripts.fetch_corpus import fetch

FOLDER = Path(__file__).parent
_FIGURES = (
    "exercised findings", "precision", "redundant by a norm", "recall, norm", "redundant by a softmax", "recall, softmax",
    "redundant otherwise",
)  # fmt: skip
# Sites that nothing is wrong with are counted only.
_LISTED = ("redundant in all", "redundant in some")

_HEAD = """\
# What torch says of nnlint's findings

Written by `python -m benchmarks.oracle --save`, for {codes}. A site is a call in a package's source that constructs a convolution or a
linear layer; torch ran models of the package and said of each bias whether any output can depend on it. Precision is the share of the
exercised findings that are redundant in every instance, recall the share of the sites redundant in every instance that are found, by
what makes them so. A file counts for at most {most} sites. Constructions are those that `lsp-check --statistics` counts.

Packages of the zoo that are missing from the table were not compared in this run, and are in none of its figures.

| package | models | findings exercised | precision | by a norm | recall | by a softmax | recall | otherwise | constructions resolved |
|---|---|---|---|---|---|---|---|---|---|"""


@dataclass(frozen=True, slots=True)
class Judged:
    """A package: what torch says of its models, what nnlint says of its sources, and both side by side."""

    package: str
    version: str
    results: list[dict[str, Any]]
    comparison: Comparison
    answer: Answer

    @property
    def models(self) -> Counter[str]:
        return Counter(result["status"] for result in self.results)


def disagreements(comparison: Comparison) -> list[dict[str, Any]]:
    """The findings that torch does not confirm."""
    return [f for f in comparison.findings if f["outcome"] not in ("confirmed", "not exercised")]


def described(judged: Judged) -> str:
    """The figures and the disagreements of one package, in lines."""
    lines = [f"{judged.package} {judged.version}: {dict(judged.models)}"]
    lines += [f"  {key}: {value}" for key, value in judged.comparison.summary.items()]
    if judged.answer.constructions:
        lines.append(f"  constructions resolved: {judged.answer.resolved} of {judged.answer.constructions}")
    lines += [f"  {f['outcome']}: {_place(f)} {f['code']} {f['needed in']}" for f in disagreements(judged.comparison)]
    lines += [f"  missed ({', '.join(s['causes'])}): {_place(s)} {s['models']}" for s in judged.comparison.missed]
    return "\n".join(lines)


def save(judged: list[Judged], codes: str) -> None:
    """Writes `report.json` and `report.md` into this folder."""
    for one in judged:
        _add_reasons(one)
    whole = merged(one.comparison for one in judged)
    content = {
        "codes": codes,
        "all": whole.summary | _resolved(one.answer for one in judged),
        "packages": [_content(one) for one in judged],
    }
    (FOLDER / "report.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (FOLDER / "report.md").write_text(_page(judged, whole, codes), encoding="utf-8")


def _add_reasons(judged: Judged) -> None:
    """Notes on every miss what the analysis says of that call."""
    places: list[Place] = [(s["file"], s["row"], s["column"]) for s in judged.comparison.missed]
    said = reasons(fetch(judged.package), places)
    for site, place in zip(judged.comparison.missed, places, strict=True):
        site["reasons"] = said[place]


def _content(judged: Judged) -> dict[str, Any]:
    comparison = judged.comparison
    return {
        "package": judged.package, "version": judged.version, "models": dict(judged.models),
        "summary": comparison.summary, **_resolved([judged.answer]), "unresolved": judged.answer.unresolved,
        "findings": comparison.findings,
        "sites": [s for s in comparison.sites if s["verdict"] in _LISTED],
        "failed models": {r["recipe"]: r["reason"] for r in judged.results if r["status"] == "failed"},
    }  # fmt: skip


def _resolved(answers: Iterable[Answer]) -> dict[str, Any]:
    answers = list(answers)
    total, resolved = sum(a.constructions for a in answers), sum(a.resolved for a in answers)
    return {"constructions": total, "constructions resolved": resolved, "share resolved": round(resolved / total, 4) if total else None}


def _page(judged: list[Judged], whole: Comparison, codes: str) -> str:
    lines = [_HEAD.format(codes=codes, most=SITES_A_FILE)]
    lines += [_row(f"{j.package} {j.version}", j.models["judged"], j.comparison.summary, [j.answer]) for j in judged]
    lines.append(_row("**these together**", sum(j.models["judged"] for j in judged), whole.summary, [j.answer for j in judged]))
    for one in judged:
        lines += _disagreements(one)
    return "\n".join(lines) + "\n"


def _row(name: str, models: int, summary: dict[str, Any], answers: list[Answer]) -> str:
    figures = ["–" if summary[key] is None else str(summary[key]) for key in _FIGURES]
    share = _resolved(answers)["share resolved"]
    return f"| {name} | {models} | {' | '.join(figures)} | {'–' if share is None else share} |"


def _disagreements(judged: Judged) -> list[str]:
    wrong, missed = disagreements(judged.comparison), judged.comparison.missed
    if not wrong and not missed:
        return []
    lines = ["", f"## {judged.package}", ""]
    lines += [f"- {f['outcome']}: `{_place(f)}` {f['code']}; needed in {', '.join(f['needed in'])}" for f in wrong]
    lines += [f"- missed, {'/'.join(s['causes'])}: `{_place(s)}` ({s['models'][0]}): {'; '.join(s['reasons'])}" for s in missed]
    return lines


def _place(entry: dict[str, Any]) -> str:
    return f"{entry['file']}:{entry['row']}:{entry['column']}"
