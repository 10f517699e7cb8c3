"""The fixes of NN501 change no output: the fixed model with the same remaining parameters computes the same.

With the load hook, a checkpoint of the old model loads into the new one as it is, and evaluation stays the same too.
"""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from benchmarks.oracle.judge import TOLERANCE, Trial, change, judging
from tests.judge.examples import trials
from tests.judge.test_cases import CASES
from tests.rules.checking import apply_fixes, check_files
from tests.rules.literate import Case
from tests.rules.test_edits import HOOKED

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


CASES_WITH_HOOKS = [c for c in CASES if c.trials and any(len(f.fixes) > 1 for f in check_files(c.files, ["NN501"]))]


def with_hooks(case: Case) -> dict[str, str]:
    """The files of a case after all the fixes that write a load hook; those of one class stand at one place, so one goes after another."""
    files = case.files
    while hooked := [f for f in check_files(files, ["NN501"]) if len(f.fixes) > 1]:
        files = apply_fixes(files, [(hooked[0], hooked[0].fixes[1])])
    return files


@pytest.fixture(params=CASES_WITH_HOOKS, ids=str)
def pairs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[tuple[Trial, Trial]]]:
    """The trials of a case before and after the fixes that write a load hook."""
    case: Case = request.param
    with (
        judging(),
        trials(case.files, case.trials, tmp_path / "before") as before,
        trials(with_hooks(case), case.trials, tmp_path / "after") as after,
    ):
        yield list(zip(before, after, strict=True))


def whole(trial: Trial) -> nn.Module:
    """All modules of a trial, in one that gives their keys a prefix."""
    trial.restore_buffers()
    inner = {id(child) for m in trial.modules for child in m.modules() if child is not m}
    return nn.ModuleDict({"net": nn.ModuleList(m for m in trial.modules if id(m) not in inner)})


def evaluated(trial: Trial) -> list[Tensor]:
    trial.remember_buffers()
    for module in trial.modules:
        module.eval()
    return trial.outputs()


def test_an_old_checkpoint_loads_through_the_hook_and_evaluates_alike(pairs: list[tuple[Trial, Trial]]) -> None:
    assert pairs
    for old, new in pairs:
        checkpoint = whole(old).state_dict()
        before = {key: value.clone() for key, value in checkpoint.items()}
        assert len(whole(new).state_dict()) < len(checkpoint)
        whole(new).load_state_dict(checkpoint, strict=True)
        assert checkpoint.keys() == before.keys()
        assert all(torch.equal(checkpoint[key], value) for key, value in before.items())
        assert change(evaluated(old), evaluated(new)) <= 1e-6


def test_a_new_checkpoint_loads_through_the_hook_as_it_is(pairs: list[tuple[Trial, Trial]]) -> None:
    for _, new in pairs:
        checkpoint = {key: value.clone() for key, value in whole(new).state_dict().items()}
        whole(new).load_state_dict(checkpoint, strict=True)
        assert all(torch.equal(value, checkpoint[key]) for key, value in whole(new).state_dict().items())


def test_hooks_are_offered_in_many_cases() -> None:
    assert len(CASES_WITH_HOOKS) >= 60


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deepcopy", "pickle"])
def test_a_copy_of_a_model_with_a_hook_loads_old_checkpoints_too(
    copied: Callable[[nn.Module], nn.Module], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hooked_block.py").write_text(HOOKED, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    block = copied(import_module("hooked_block").Block())
    monkeypatch.delitem(sys.modules, "hooked_block")
    block.load_state_dict(block.state_dict() | {"net.0.bias": torch.full((8,), 2.0)})
    assert torch.equal(block.state_dict()["net.1.running_mean"], torch.full((8,), -2.0))
