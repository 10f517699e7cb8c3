"""One package: its findings, a run for each, and what the oracle said of the same calls."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.oracle.zoo import BESIDES, SITE_PACKAGES
from nnlint.deep.client import DeepRun
from nnlint.deep.plan import Plan, plans_for_findings
from nnlint.deep.worker.messages import Answer, Progress
from nnlint.findings import Finding
from nnlint.rules import all_rules
from nnlint.settings import Settings
from nnlint.text import LineIndex
from nnlint.workspace import Workspace, check_files, disk_sources
from scripts.fetch_corpus import ROOT, fetch

PACKAGES = tuple(BESIDES)
ORACLE = ROOT / "benchmarks" / "oracle" / "report.json"
_ENVIRONMENT = Path(__file__).with_name("environment")
# What the oracle says of a finding, and the verdict that agrees with it.
_AGREES = {"confirmed": "confirmed", "refuted": "refuted", "kept in evaluation": "refuted"}
_SITE_AGREES = {"redundant in all": True, "redundant in some": True, "needed": False}


@dataclass
class Judged:
    """A finding with the verdict of its run; `oracle` is what the oracle said, empty where it did not exercise the call."""

    file: str
    row: int
    code: str
    kind: str
    message: str
    oracle: str
    origin: str = ""
    model: str = ""
    inputs: str = ""
    seconds: float = 0.0

    @property
    def agrees(self) -> bool | None:
        """Whether deep check and oracle say the same; `None` where one of them says nothing."""
        if self.kind not in ("confirmed", "refuted") or self.oracle not in _AGREES:
            return None
        return _AGREES[self.oracle] == self.kind


@dataclass
class Found:
    """A discovery, and whether the oracle knows that call's bias as redundant; `None` where it says nothing."""

    file: str
    row: int
    code: str
    model: str
    agrees: bool | None


@dataclass
class Compared:
    package: str
    findings: list[Judged] = field(default_factory=list)
    discoveries: list[Found] = field(default_factory=list)


def compared(package: str, codes: list[str], seconds: float, jobs: int) -> Compared:
    """Runs the deep check on every finding of a package."""
    folder = fetch(package)
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(_ENVIRONMENT), str(ROOT), str(ROOT / "server"), *(str(fetch(name)) for name in BESIDES[package]), str(SITE_PACKAGES)]
    )
    project = Workspace(named=[str(folder)], isolated=True).project_of(str(next(folder.rglob("*.py"))))
    sources = disk_sources(project, project.files)
    settings = Settings(frozenset(codes) & all_rules().keys())
    findings = check_files(sources, list(project.files), lambda path: settings).findings
    plans, unanswerable = plans_for_findings(sources, findings)
    result = Compared(package)
    oracle = _oracle(package)

    def judged(finding: Finding, kind: str, message: str, answer: Answer | None = None) -> Judged:
        file = str(Path(finding.path).relative_to(folder))
        place = LineIndex(sources.text(finding.path) or "").position(finding.span.start)
        said = oracle.get((file, place.line + 1, place.column + 1, finding.code), "")
        one = Judged(file, place.line + 1, finding.code, kind, message, said)
        return (
            one if answer is None else replace(one, origin=answer.origin, model=answer.model, inputs=answer.inputs, seconds=answer.seconds)
        )

    for finding, reason in unanswerable:
        result.findings.append(judged(finding, "no plan", reason))
    with ThreadPoolExecutor(jobs) as pool:
        for plan, answer in pool.map(lambda plan: _run(plan, seconds), plans):
            verdicts = {verdict.id: verdict for verdict in answer.verdicts}
            for number, finding in enumerate(plan.findings):
                verdict = verdicts[str(number)]
                result.findings.append(judged(finding, verdict.kind, verdict.message, answer))
            result.discoveries += _discoveries(answer, folder, package, codes)
    result.findings.sort(key=lambda j: (j.file, j.row, j.code))
    return result


def _run(plan: Plan, seconds: float) -> tuple[Plan, Answer]:
    request = replace(plan.request, limits=replace(plan.request.limits, seconds=seconds))

    def told(progress: Progress) -> None:
        del progress

    return plan, DeepRun(sys.executable, request, told).answer()


def _oracle(package: str) -> dict[tuple[str, int, int, str], str]:
    """What the oracle's last report says of each finding of a package."""
    entry = _report(package)
    return {} if entry is None else {(f["file"], f["row"], f["column"], f["code"]): f["outcome"] for f in entry["findings"]}


def _report(package: str) -> Any:
    packages = json.loads(ORACLE.read_text("utf-8"))["packages"]
    return next((entry for entry in packages if entry["package"] == package), None)


def _discoveries(answer: Answer, folder: Path, package: str, codes: list[str]) -> Iterator[Found]:
    entry = _report(package)
    sites = {} if entry is None else {(s["file"], s["row"]): _SITE_AGREES.get(s["verdict"]) for s in entry["sites"]}
    for found in answer.discoveries:
        path = Path(found.place.path)
        if found.code in codes and path.is_relative_to(folder):
            file = str(path.relative_to(folder))
            yield Found(file, found.place.row, found.code, answer.model, sites.get((file, found.place.row)))
