"""The examples that come with the project: they run, and what is found in them is what torch says."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from benchmarks.oracle.judge import Verdict, judging
from tests.judge.examples import bias_verdicts
from tests.rules.checking import check_files, mark_of

pytestmark = pytest.mark.torch

ROOT = Path(__file__).parent.parent.parent
FILES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").rglob("*.py"))}
TRIALS = (
    "UNet(1, 2, 4), (4, 1, 16, 16)",
    "resnet10(num_classes=3), (4, 3, 12, 12)",
    "resnet18_slow_statistics(num_classes=3), (4, 3, 12, 12)",
    "ChurnModel([4, 7], 3, hidden=(6, 5)), randint(4, (16, 2)), (16, 3)",
    "Generator(5, 2), (4, 5, 1, 1)",
    "Discriminator(3), (4, 1, 16, 16)",
    "CharTransformer(9, dim=8), randint(9, (2, 6))",
    "KeywordSpotter(4, 3, 6), (4, 4, 20)",
    "DigitNet(3), (4, 1, 12, 12)",
)
# Redundant and rightly not reported as NN501: suppressed in the file; cancelled by a softmax, which is another rule.
LEFT_OUT = {
    ("examples/keyword_spotting/model.py", "self.stem = nn.Conv1d(bands, width, 5, padding=2)  # nnlint: ignore[NN501]"),
    ("examples/keyword_spotting/model.py", "self.attention = nn.Conv1d(width, 1, 1)"),
}
# Not found today: a loop over two functions that build models runs what they return only once, for both together.
KNOWN_MISSES = {
    ("examples/resnet.py", "return nn.Conv2d(in_planes, out_planes, kernel_size=1, stride=stride)"),
}


def statement(path: str, row: int) -> tuple[str, str]:
    return path, FILES[path].split("\n")[row - 1].strip()


def test_findings_are_what_torch_says(tmp_path: Path) -> None:
    with judging():
        judgements = bias_verdicts(FILES, TRIALS, tmp_path)
    verdicts: dict[tuple[str, int], set[Verdict]] = {}
    for j in judgements:
        verdicts.setdefault((j.construction.site.path, j.construction.site.row), set()).add(j.verdict)
    redundant = {statement(*place) for place, said in verdicts.items() if said == {Verdict.REDUNDANT}}
    found = {statement(m.path, m.row + 1) for m in (mark_of(f, FILES) for f in check_files(FILES, ["NN501"]))}
    assert redundant - found == LEFT_OUT | KNOWN_MISSES
    assert found <= redundant


@pytest.mark.parametrize("name", ["unet", "resnet", "tabular", "dcgan", "language_model", "keyword_spotting.train", "digits"])
def test_examples_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setattr(sys, "argv", [name])
    runpy.run_module(f"examples.{name}", run_name="__main__")
