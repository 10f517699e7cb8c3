"""The cases of modules in the wrong mode, run with the real torch: in which mode modules are called, and with gradients or without.

A judge's line is evaluated among the names of the case. While it runs, each call of a module notes the row of the case it comes from.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.judge.examples import _imported
from tests.rules.literate import Case, read_cases

pytestmark = pytest.mark.torch

RULES = Path(__file__).parent.parent / "rules"
CASES = [
    case for code in ("nn201", "nn202", "nn203", "nn205") if (RULES / f"{code}.md").exists() for case in read_cases(RULES / f"{code}.md")
]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a module from a row of a case, counted from zero."""

    file: str
    row: int
    is_training: bool
    is_recorded: bool  # its result has a graph


def batches(features: int, classes: int = 4, count: int = 2, size: int = 6) -> list[tuple[Tensor, Tensor]]:
    return [(torch.randn(size, features), torch.randint(0, classes, (size,))) for _ in range(count)]


def _has_graph(result: Any) -> bool:
    if isinstance(result, (tuple, list)):
        return any(_has_graph(part) for part in result)
    return isinstance(result, Tensor) and result.requires_grad


@contextmanager
def listening(folder: Path) -> Iterator[list[Call]]:
    """While it lasts, modules note who calls them."""
    found: list[Call] = []
    plain = nn.Module.__call__

    def noted(self: nn.Module, *given: Any, **named: Any) -> Any:
        is_training = self.training
        result = plain(self, *given, **named)
        frame = sys._getframe(1)
        if Path(frame.f_code.co_filename).parent == folder:
            found.append(Call(Path(frame.f_code.co_filename).name, frame.f_lineno - 1, is_training, _has_graph(result)))
        return result

    with pytest.MonkeyPatch.context() as monkey:
        monkey.setattr(nn.Module, "__call__", noted)
        yield found


def calls_in(case: Case, folder: Path) -> list[Call]:
    torch.manual_seed(5)
    names = _imported(case.files, folder)
    with listening(folder) as found:
        for line in case.trials:
            eval(line, {**names, "torch": torch, "batches": batches})
    return found


@pytest.mark.parametrize("case", [c for c in CASES if c.trials], ids=lambda case: f"{case.source}-{case}")
def test_torch_agrees(case: Case, tmp_path: Path) -> None:
    calls = calls_in(case, tmp_path)
    for mark in case.marks:
        at = [call for call in calls if (call.file, call.row) == (mark.path, mark.row)]
        if mark.code == "NN201":
            assert at and all(call.is_training for call in at), mark
        elif mark.code in ("NN202", "NN203"):
            assert any(call.is_recorded and not call.is_training for call in at), mark
        elif at:  # a statement that was to switch gradients off calls nothing
            assert all(call.is_recorded for call in at), mark
