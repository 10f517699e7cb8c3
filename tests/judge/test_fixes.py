"""The fixes of NN501 change no output: the fixed model with the same remaining parameters computes the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from benchmarks.oracle.judge import TOLERANCE, Trial, change, judging
from tests.judge.examples import trials
from tests.judge.test_cases import CASES
from tests.rules.checking import apply_fixes, check_files
from tests.rules.literate import Case

pytestmark = pytest.mark.torch


def copy_state(source: Trial, target: Trial) -> int:
    """Gives the target what the source has, module by module; returns how many parameters only the source has."""
    lost = 0
    source.restore_buffers()
    with torch.no_grad():
        for old, new in zip(source.modules, target.modules, strict=True):
            kept = own_state(new)
            for name, value in own_state(old).items():
                if name in kept:
                    kept[name].copy_(value)
                else:
                    lost += 1
    target.remember_buffers()
    return lost


def own_state(module: nn.Module) -> dict[str, Tensor]:
    return dict(module.named_parameters(recurse=False)) | dict(module.named_buffers(recurse=False))


@pytest.mark.parametrize("case", [c for c in CASES if c.trials and any(m.code == "NN501" for m in c.marks)], ids=str)
def test_outputs_stay(case: Case, tmp_path: Path) -> None:
    found = [f for f in check_files(case.files, ["NN501"]) if f.fixes]
    if not found:
        return
    fixed = apply_fixes(case.files, [(f, f.fixes[0]) for f in found])
    with (
        judging(),
        trials(case.files, case.trials, tmp_path / "before") as before,
        trials(fixed, case.trials, tmp_path / "after") as after,
    ):
        pairs = list(zip(before, after, strict=True))
        assert sum(copy_state(old, new) for old, new in pairs) > 0
        for old, new in pairs:
            assert change(old.outputs(), new.outputs()) <= TOLERANCE
