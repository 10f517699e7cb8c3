"""The expectations of the literate NN502 cases, computed: a marked layer would gain by a bias, one marked `useless` would not."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks.oracle.judge import Trial, judging
from benchmarks.oracle.sites import Place, construction_of, recorded_modules
from tests.judge.examples import trials
from tests.judge.output_bias import Gain, gain
from tests.rules.literate import Case, read_cases

pytestmark = pytest.mark.torch

CASES = [c for c in read_cases(Path(__file__).parent.parent / "rules" / "nn502.md") if c.trials]


def gains(case: Case, folder: Path) -> dict[tuple[str, int, int], set[Gain]]:
    """What torch says of every layer without a bias, by file, row and column of the call that constructed it."""
    found: defaultdict[tuple[str, int, int], set[Gain]] = defaultdict(set)
    with trials(case.files, case.trials, folder) as made:
        for trial in made:
            for layer in trial.layers:
                construction = construction_of(layer)
                if layer.bias is None and construction is not None:
                    found[_key(construction.site, folder)].add(gain(trial, layer))
    return found


def _key(place: Place, folder: Path) -> tuple[str, int, int]:
    return str(Path(place.path).relative_to(folder.resolve())), place.row, place.column


@pytest.mark.parametrize("case", CASES, ids=str)
def test_torch_agrees(case: Case, tmp_path: Path) -> None:
    with judging():
        found = gains(case, tmp_path)
    for mark in case.marks:
        verdicts = found.pop((mark.path, mark.row + 1, mark.start + 1), set())
        if mark.code == "NN502":
            assert verdicts == {Gain.USEFUL}, f"{mark.path}:{mark.row + 1}"
        else:
            assert verdicts in ({Gain.CANCELLED}, {Gain.DUPLICATED}), f"{mark.path}:{mark.row + 1}"
    if case.section == "Traps" and not case.marks:
        assert Gain.USEFUL in set().union(*found.values()), "a trap that torch can refute says so with `useless`"


def _gain(build: object, shape: tuple[int, ...]) -> list[Gain]:
    with judging(), recorded_modules() as modules:
        torch.manual_seed(0)
        model, x = build(), torch.randn(shape)  # type: ignore[operator]
        trial = Trial(modules, lambda: model(x))
        return [gain(trial, layer) for layer in trial.layers if layer.bias is None]


def test_the_judge_of_outputs() -> None:
    assert _gain(lambda: nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2, bias=False)), (64, 4)) == [Gain.USEFUL]
    assert _gain(lambda: nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2, bias=False)), (64, 4)) == [Gain.DUPLICATED]
    assert _gain(lambda: nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 5, bias=False)), (64, 4)) == [Gain.USEFUL]
    assert _gain(lambda: nn.Sequential(nn.Linear(4, 3, bias=False), nn.BatchNorm1d(3)), (64, 4)) == [Gain.CANCELLED]
    with pytest.raises(ValueError, match="more samples"):
        _gain(lambda: nn.Sequential(nn.Linear(4, 30), nn.ReLU(), nn.Linear(30, 2, bias=False)), (4, 4))
