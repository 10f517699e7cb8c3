"""Puts the judge's sites beside what nnlint reports: what is confirmed, refuted and missed."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import nnlint
from benchmarks.oracle.judge import Verdict

# One file of one style would decide alone otherwise.
SITES_A_FILE = 8

_SAYS_SOMETHING = {Verdict.NEEDED.value, Verdict.REDUNDANT.value, Verdict.TRAINING_ONLY.value}


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """A call in a package's source, and where it ends."""

    path: str
    row: int
    column: int
    end_row: int
    end_column: int

    def encloses(self, path: str, row: int, column: int) -> bool:
        return path == self.path and (self.row, self.column) <= (row, column) < (self.end_row, self.end_column)

    def starts_at(self, path: str, row: int, column: int) -> bool:
        return (path, row, column) == (self.path, self.row, self.column)


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of one model: the calls that led to it, innermost first, and what was said of its bias."""

    model: str
    chain: tuple[Call, ...]
    verdict: str
    cause: str | None

    @property
    def site(self) -> Call:
        return self.chain[0]

    @property
    def is_exercised(self) -> bool:
        return self.verdict in _SAYS_SOMETHING


@dataclass(frozen=True, slots=True)
class Reported:
    """A finding's place, code and message."""

    path: str
    row: int
    column: int
    code: str
    message: str


@dataclass(slots=True)
class Comparison:
    """Everything that the report says."""

    sites: list[dict[str, Any]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    missed: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)


def read_layers(results: Iterable[dict[str, Any]]) -> list[Layer]:
    """The layers of all models that could be judged."""
    return [
        Layer(result["recipe"], tuple(Call(*c) for c in said["chain"]), said["verdict"], said.get("cause"))
        for result in results
        if result["status"] == "judged"
        for said in result["layers"]
    ]


@dataclass(frozen=True, slots=True)
class Answer:
    """What `lsp-check` says of a package: its findings, and how many constructions of layers it counted and understood."""

    findings: list[Reported]
    constructions: int
    resolved: int
    unresolved: dict[str, int]  # by reason


def ask_nnlint(folder: Path, codes: str, kept: Path, counts: bool) -> Answer:
    """Runs `lsp-check` on the sources for its findings and, where asked to count, for its statistics; paths are relative to the folder.

    What it said is kept in the folder `kept`, for as long as nnlint itself is the same.
    """
    found = _kept_check(folder, kept, "--select", codes)
    findings = [Reported(f["filename"], f["location"]["row"], f["location"]["column"], f["code"], f["message"]) for f in found]
    if not counts:
        return Answer(findings, 0, 0, {})
    (layers,) = [entry for entry in _kept_check(folder, kept, "--select", codes, "--statistics") if entry["name"] == "layer-constructions"]
    reasons = {entry["reason"]: entry["count"] for entry in layers["unresolved"]}
    return Answer(findings, layers["count"], layers["resolved"], reasons)


def _kept_check(folder: Path, kept: Path, *options: str) -> list[dict[str, Any]]:
    file = kept / f"{_fingerprint()}{'-'.join(options)}.json"
    if not file.exists():
        said = _check(folder, *options)
        kept.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(said), encoding="utf-8")
    return list(json.loads(file.read_text(encoding="utf-8")))


@cache
def _fingerprint() -> str:
    """A word that is another one once any file of nnlint has changed."""
    digest = hashlib.sha256()
    for path in sorted(Path(nnlint.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _check(folder: Path, *options: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "nnlint", "check", *options, "--output-format", "json", "--exit-zero", "--no-cache", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise SystemExit(f"nnlint failed on {folder}:\n{done.stderr}")
    return list(json.loads(done.stdout))


def covered(reported: Reported, layers: list[Layer]) -> list[Layer]:
    """The layers that a finding speaks of: built by the call at its place or, for a finding at an argument, by the call around it."""
    place = reported.path, reported.row, reported.column
    at_call = [layer for layer in layers if any(call.starts_at(*place) for call in layer.chain)]
    return at_call or [layer for layer in layers if any(call.encloses(*place) for call in layer.chain)]


def _outcome(layers: list[Layer]) -> str:
    verdicts = {layer.verdict for layer in layers if layer.is_exercised}
    if not verdicts:
        return "not exercised"
    if verdicts == {Verdict.REDUNDANT.value}:
        return "confirmed"
    return "refuted" if Verdict.NEEDED.value in verdicts else "kept in evaluation"


def _site_verdict(layers: list[Layer]) -> str:
    verdicts = {layer.verdict for layer in layers if layer.is_exercised}
    if not verdicts:
        return "no bias" if all(layer.verdict == "no bias" for layer in layers) else "not exercised"
    if verdicts == {Verdict.REDUNDANT.value}:
        return "redundant in all"
    return "redundant in some" if Verdict.REDUNDANT.value in verdicts else "needed"


def compare(layers: list[Layer], reported: list[Reported]) -> Comparison:
    """Judges every finding and every site."""
    comparison = Comparison()
    found: set[int] = set()
    for finding in reported:
        spoken_of = covered(finding, layers)
        found.update(map(id, spoken_of))
        comparison.findings.append({
            "file": finding.path, "row": finding.row, "column": finding.column, "code": finding.code, "message": finding.message,
            "outcome": _outcome(spoken_of),
            "needed in": sorted({layer.model for layer in spoken_of if layer.verdict == Verdict.NEEDED.value})[:5],
        })  # fmt: skip
    by_site: defaultdict[Call, list[Layer]] = defaultdict(list)
    for layer in layers:
        by_site[layer.site].append(layer)
    for site, built in sorted(by_site.items()):
        entry = _site_entry(site, built)
        comparison.sites.append(entry)
        redundant = [layer for layer in built if layer.verdict == Verdict.REDUNDANT.value]
        entry["found"] = bool(redundant) and all(id(layer) in found for layer in redundant)
        if entry["verdict"] == "redundant in all" and not entry["found"]:
            comparison.missed.append(entry)
    comparison.summary = _summary(comparison)
    return comparison


def _site_entry(site: Call, layers: list[Layer]) -> dict[str, Any]:
    causes = Counter(layer.cause for layer in layers if layer.cause)
    return {
        "file": site.path, "row": site.row, "column": site.column, "verdict": _site_verdict(layers),
        "layers": dict(Counter(layer.verdict for layer in layers)), "causes": dict(causes),
        "models": sorted({layer.model for layer in layers if layer.verdict != "no bias"})[:3],
    }  # fmt: skip


def _weighted(entries: list[dict[str, Any]]) -> dict[int, float]:
    """What each entry counts: a file counts for eight at most."""
    in_file = Counter(e["file"] for e in entries)
    return {id(e): min(1.0, SITES_A_FILE / in_file[e["file"]]) for e in entries}


def _share(entries: list[dict[str, Any]], is_right: Any) -> float | None:
    weights = _weighted(entries)
    total = sum(weights.values())
    return round(sum(weights[id(e)] for e in entries if is_right(e)) / total, 4) if total else None


def merged(comparisons: Iterable[Comparison]) -> Comparison:
    """All packages as one; files are named after their packages, so none meets another."""
    whole = Comparison()
    for one in comparisons:
        whole.sites += one.sites
        whole.findings += one.findings
        whole.missed += one.missed
    whole.summary = _summary(whole)
    return whole


def _summary(comparison: Comparison) -> dict[str, Any]:
    exercised = [f for f in comparison.findings if f["outcome"] != "not exercised"]
    redundant = [s for s in comparison.sites if s["verdict"] == "redundant in all"]
    by_norm = [s for s in redundant if "norm" in s["causes"]]
    by_softmax = [s for s in redundant if "softmax" in s["causes"] and s not in by_norm]
    by_other = [s for s in redundant if s not in by_softmax and s not in by_norm]
    return {
        "sites": dict(Counter(s["verdict"] for s in comparison.sites)),
        "findings": dict(Counter(f["outcome"] for f in comparison.findings)),
        "exercised findings": len(exercised),
        "precision": _share(exercised, lambda f: f["outcome"] == "confirmed"),
        "redundant by a norm": len(by_norm),
        "recall, norm": _share(by_norm, lambda s: s["found"]),
        "redundant by a softmax": len(by_softmax),
        "recall, softmax": _share(by_softmax, lambda s: s["found"]),
        "redundant otherwise": len(by_other),
        "recall, otherwise": _share(by_other, lambda s: s["found"]),
    }
