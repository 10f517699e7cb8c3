"""The examples on the rules' pages, judged like the literate cases: their marks are true and their fixes change nothing but that."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.oracle.judge import judging
from nnlint.rules import all_rules
from tests.judge.examples import bias_verdicts
from tests.judge.output_bias import Gain
from tests.judge.test_cases import contradictions
from tests.judge.test_output_cases import gains
from tests.rules.literate import Case

pytestmark = pytest.mark.torch

# How to run each example, in the order of the page.
CANCELLED = {
    "NN501": ["Encoder(3, 5), (4, 3, 12, 12)"],
    "NN503": ["SelfAttention(6, 2), (3, 5, 6)"],
    "NN504": ["SeparableConv(3, 5), (4, 3, 8, 8)"],
}
NN502 = ["ChurnClassifier(5, 6), (96, 5)"]


def cases(code: str, heading: str, trials: list[str]) -> list[Case]:
    examples = all_rules()[code].examples(heading)
    assert len(examples) == len(trials), f"{code}: every example needs a line that runs it"
    return [Case(code, heading, code, {"model.py": text}, (trial,), None) for text, trial in zip(examples, trials, strict=True)]


@pytest.mark.parametrize("code", CANCELLED)
@pytest.mark.parametrize("heading", ["Bad", "Good"])
def test_cancelled_biases(heading: str, code: str, tmp_path: Path) -> None:
    for case in cases(code, heading, CANCELLED[code]):
        with judging():
            assert not contradictions(case, bias_verdicts(case.files, case.trials, tmp_path))


def test_outputs_without_bias(tmp_path: Path) -> None:
    for case in cases("NN502", "Bad", NN502):
        with judging():
            found = gains(case, tmp_path)
        marked = {(m.path, m.row + 1, m.start + 1) for m in case.marks}
        assert {place for place, verdicts in found.items() if verdicts == {Gain.USEFUL}} == marked
