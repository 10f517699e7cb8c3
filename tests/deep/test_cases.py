"""The literate cases of the rules, run: what is marked as a mistake, no run may refute; what is marked as a false alarm, none may confirm.

Nothing but the code of the case is given: models are built and fed as the plan says.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from nnlint.deep.plan import PROVABLE, plans_for_findings
from nnlint.rules import all_rules
from nnlint.settings import Settings
from nnlint.text import LineIndex
from nnlint.workspace import Workspace, check_files, disk_sources
from tests.deep.forked import forked_answer
from tests.rules.literate import Case, read_cases, without_marks

pytestmark = [pytest.mark.torch, pytest.mark.slow]

RULES = Path(__file__).parent.parent / "rules"
CASES = [(code, case) for code in sorted(PROVABLE) for case in read_cases(RULES / f"{code.lower()}.md")]
# The share of the findings in cases that a run decides without a pragma; the others are scripts, or models nothing is known to build.
LEAST_DECIDED = 0.8
_decided: Counter[bool] = Counter()


def verdicts(code: str, case: Case, folder: Path) -> list[tuple[str, str, str]]:
    """Of each finding of one rule: the line that it stands in, and kind and message of the verdict."""
    for name, text in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(without_marks(text), "utf-8")
    project = Workspace(named=[str(folder)], isolated=True).project_of(str(folder / next(iter(case.files))))
    sources = disk_sources(project, project.files)
    settings = Settings(frozenset({code}) & all_rules().keys())
    findings = check_files(sources, list(project.files), lambda _: settings).findings
    plans, unanswerable = plans_for_findings(sources, findings)
    found = [("", "no plan", reason) for _, reason in unanswerable]
    for plan in plans:
        answer = forked_answer(plan.request)
        said = {verdict.id: verdict for verdict in answer.verdicts}
        for number, finding in enumerate(plan.findings):
            index = LineIndex(sources.text(finding.path) or "")
            line = index.line_text(index.position(finding.span.start).line).strip()
            verdict = said.get(str(number))
            found.append((line, "no answer", answer.problem) if verdict is None else (line, verdict.kind, verdict.message))
    return found


def false_alarms(case: Case) -> set[str]:
    """The lines that are marked as known false alarms."""
    return {
        text.split("\n")[m.row].strip()
        for path, text in case.files.items()
        for m in case.marks
        if m.path == path and m.is_known_false_alarm
    }


@pytest.mark.parametrize(("code", "case"), CASES, ids=lambda value: value if isinstance(value, str) else str(value))
def test_no_run_contradicts_a_case(code: str, case: Case, tmp_path: Path) -> None:
    wrong = false_alarms(case)
    found = verdicts(code, case, tmp_path.resolve())
    _decided.update(kind in ("confirmed", "refuted") for _, kind, _ in found)
    contradicted = [(line, kind, message) for line, kind, message in found if kind == ("confirmed" if line in wrong else "refuted")]
    assert not contradicted


def test_most_findings_get_a_verdict_without_any_pragma() -> None:
    if _decided.total() < 100:
        pytest.skip("only a part of the cases was run")
    assert _decided[True] >= LEAST_DECIDED * _decided.total(), _decided
