"""The cases of losses that do not fit, run with the real torch: what losses and softmaxes are given says which codes a case must have.

A judge's line is evaluated among the names of the case. While it runs, torch's losses and softmaxes note what comes in: numbers between 0
and 1, scores, or logarithms of what sums to one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.judge.examples import _imported
from tests.rules.literate import Case, read_cases

pytestmark = pytest.mark.torch

RULES = Path(__file__).parent.parent / "rules"
CODES = ("nn401", "nn402", "nn403", "nn404", "nn406")
CASES = [case for code in CODES if (RULES / f"{code}.md").exists() for case in read_cases(RULES / f"{code}.md")]
CLOSE = 1e-5
SOFTMAXES = ("softmax", "log_softmax")


def is_within_unit(x: Tensor) -> bool:
    return bool(((x >= 0) & (x <= 1)).all())


def sums_to_one(x: Tensor, dim: int) -> bool:
    return is_within_unit(x) and bool((x.sum(dim) - 1).abs().max() < CLOSE)


def is_log_softmax(x: Tensor) -> bool:
    axis = 0 if x.dim() == 1 else 1
    return bool(x.logsumexp(axis).abs().max() < CLOSE)


def _cross_entropy(x: Tensor, **given: Any) -> str | None:
    return "NN401" if is_within_unit(x) or is_log_softmax(x) else None


def _with_logits(x: Tensor, **given: Any) -> str | None:
    return "NN402" if is_within_unit(x) else None


def _nll(x: Tensor, reduction: str = "mean", **given: Any) -> str | None:
    return "NN403" if reduction != "none" and bool((x.exp().sum(1 if x.dim() > 1 else 0) > 1 + 1e-2).any()) else None


def _bce(x: Tensor, **given: Any) -> str | None:
    return None if is_within_unit(x) else "NN404"


JUDGES: dict[str, Callable[..., str | None]] = {
    "cross_entropy": _cross_entropy,
    "binary_cross_entropy_with_logits": _with_logits,
    "multilabel_soft_margin_loss": _with_logits,
    "nll_loss": _nll,
    "binary_cross_entropy": _bce,
}


@contextmanager
def listening(found: list[str]) -> Iterator[None]:
    """While it lasts, losses and softmaxes note in `found` what is wrong with what they are given; none of them raises for it."""
    inside: list[None] = []

    def loss(name: str, judge: Callable[..., str | None]) -> Callable[..., Any]:
        plain = getattr(F, name)

        def judged(input: Tensor, *rest: Any, **given: Any) -> Any:
            code = None if inside else judge(input.detach(), **{k: v for k, v in given.items() if k == "reduction"})
            found.extend([code] if code else [])
            inside.append(None)
            try:
                return plain(input.clamp(0, 1) if code == "NN404" else input, *rest, **given)
            finally:
                inside.pop()

        return judged

    def softmax(plain: Callable[..., Any]) -> Callable[..., Any]:
        def judged(input: Tensor, *rest: Any, **given: Any) -> Any:
            dim = given.get("dim", rest[0] if rest else None)
            if not inside and dim is not None and input.size(dim) > 1 and sums_to_one(input.detach(), dim):
                found.append("NN406")
            return plain(input, *rest, **given)

        return judged

    with pytest.MonkeyPatch.context() as monkey:
        for name, judge in JUDGES.items():
            monkey.setattr(F, name, loss(name, judge))
        for name in SOFTMAXES:
            for home in (F, torch, Tensor):
                monkey.setattr(home, name, softmax(getattr(home, name)))
        yield


def codes_seen(case: Case, folder: Path) -> set[str]:
    """The codes of all mistakes that happen while the case's lines run."""
    torch.manual_seed(3)
    found: list[str] = []
    names = _imported(case.files, folder)
    with listening(found):
        for line in case.trials:
            eval(line, {**names, "torch": torch})
    # A softmax of probabilities on the way to a loss that wants none of them is that loss's finding.
    return set(found) - ({"NN406"} if {"NN401", "NN402"} & set(found) else set())


@pytest.mark.parametrize("case", [c for c in CASES if c.trials], ids=lambda case: f"{case.source}-{case}")
def test_torch_agrees(case: Case, tmp_path: Path) -> None:
    marked = {mark.code for mark in case.marks if mark.code != "silent" and not mark.is_known_false_alarm}
    assert codes_seen(case, tmp_path) == marked


def test_a_wrong_mark_is_contradicted(tmp_path: Path) -> None:
    text = "import torch\nloss = torch.nn.NLLLoss()\ndef run(x):\n    return loss(torch.softmax(x, 1), torch.tensor([0, 1]))\n"
    case = Case("nn403", "", "", {"model.py": text}, ("run(torch.randn(2, 3))",), None)
    assert codes_seen(case, tmp_path) == {"NN403"}
