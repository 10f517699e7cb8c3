"""The expectations of the literate cases of biases without effect, computed: what is marked is redundant, the rest is needed."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from benchmarks.oracle.judge import Verdict, judging
from benchmarks.oracle.sites import Place
from tests.judge.examples import Judgement, bias_verdicts
from tests.rules.literate import Case, Mark, read_cases

pytestmark = pytest.mark.torch

RULES = Path(__file__).parent.parent / "rules"
CASES = [case for code in ("nn501", "nn503", "nn504") for case in read_cases(RULES / f"{code}.md")]
REDUNDANT_CODES = {"NN501", "NN503", "NN504", "silent"}


def stands_at(mark: Mark, place: Place) -> bool:
    return (mark.path, mark.row + 1, mark.start + 1) == (place.path, place.row, place.column)


def covers(mark: Mark, judgement: Judgement) -> bool:
    """Whether the layer was constructed by the marked call, or by something that the marked call called."""
    return any(stands_at(mark, place) for place in judgement.construction.places)


def contradictions(case: Case, judgements: list[Judgement]) -> list[str]:
    """Where torch disagrees with the marks, in words."""
    found = []
    marks = [mark for mark in case.marks if mark.code in REDUNDANT_CODES]
    for mark in marks:
        verdicts = {j.verdict for j in judgements if covers(mark, j)} - {Verdict.NOT_EXERCISED}
        claimed = Verdict.NEEDED if mark.is_known_false_alarm else Verdict.REDUNDANT
        if verdicts != {claimed}:
            found.append(f"{mark.path}:{mark.row + 1} is marked {mark.code}, torch says {sorted(v.value for v in verdicts)}")
    unmarked = defaultdict(set)
    for judgement in judgements:
        if not any(covers(mark, judgement) for mark in marks):
            unmarked[judgement.construction.site].add(judgement.verdict)
    for site, verdicts in unmarked.items():
        if not verdicts & {Verdict.NEEDED, Verdict.TRAINING_ONLY}:
            found.append(f"{site.path}:{site.row} is not marked, torch says {sorted(v.value for v in verdicts)}")
    return found


@pytest.mark.parametrize("case", [c for c in CASES if c.trials], ids=str)
def test_torch_agrees(case: Case, tmp_path: Path) -> None:
    with judging():
        judgements = bias_verdicts(case.files, case.trials, tmp_path)
    assert not contradictions(case, judgements)


def test_a_wrong_mark_is_contradicted(tmp_path: Path) -> None:
    code = "from torch import nn\nnet = nn.Sequential(\n    nn.Linear(4, 3),\n    nn.BatchNorm1d(3),\n    nn.Linear(3, 2),\n)\n"
    wrong = code.replace("(3, 2),\n", "(3, 2),\n  # ^^^^^^^^^^^^^^^ NN501\n")
    case = Case("nn501", "", "", {"model.py": wrong}, ("net, (8, 4)",), None)
    with judging():
        judgements = bias_verdicts(case.files, case.trials, tmp_path)
    assert contradictions(case, judgements) == [
        "model.py:5 is marked NN501, torch says ['needed']",
        "model.py:3 is not marked, torch says ['redundant']",
    ]
