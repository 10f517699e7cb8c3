"""The literate cases of views, run: a marked call cuts across the axes of its source, or raises; no other call does.

Inputs have axes of different sizes, so that sizes tell axes apart.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import permutations
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.oracle.judge import judging
from nnlint.rules import all_rules
from tests.judge.examples import trials
from tests.rules.checking import apply_fixes, check_files
from tests.rules.literate import Case, read_cases

pytestmark = pytest.mark.torch

RULES = Path(__file__).parent.parent / "rules"
CASES = [case for code in ("nn601", "nn602", "nn603") for case in read_cases(RULES / f"{code}.md") if case.trials]
# How to run each example of a page.
PAGES = {
    "NN601": "lambda x: SelfAttention(12, 3).scores(x), (2, 5, 12)",
    "NN602": "SelfAttention(12, 3), (2, 5, 12)",
    "NN603": "Tagger(11, 5, 4, 3), randint(11, (3, 7))",
}


@dataclass(frozen=True)
class View:
    """One call of `view` or `reshape` in a case: where, and what it did."""

    path: str
    row: int
    is_across: bool
    raises: bool
    cuts_samples: bool = False


def is_across(source: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether a reading ends an axis of its result where the source has no boundary, nor could have one by cutting an axis evenly."""
    left = [n for n in source if n != 1]
    for size in target:
        while size != 1:
            if size % left[0] == 0:
                size //= left.pop(0)
            elif left[0] % size == 0:
                left[0], size = left[0] // size, 1
            else:
                return True
    return False


def cuts_samples(source: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether a matrix has more rows than the source has samples, and a row is no product of the source's last axes."""
    return len(target) == 2 and target[0] > source[0] and target[1] not in [prod(source[at:]) for at in range(len(source))]


@contextmanager
def recorded_views(folder: Path) -> Iterator[list[View]]:
    """Every view of code in a folder; one that raises goes on as a `reshape`."""
    found: list[View] = []
    view, reshape, function = torch.Tensor.view, torch.Tensor.reshape, torch.reshape

    def note(source: torch.Tensor, result: torch.Tensor, raises: bool) -> None:
        frame = sys._getframe(2)
        path = Path(frame.f_code.co_filename)
        positions = list(frame.f_code.co_positions())[frame.f_lasti // 2]
        if path.is_relative_to(folder):
            row = _row_of_call(path, positions[0] or 0, positions[1] or 0)
            shapes = tuple(source.shape), tuple(result.shape)
            across = result.numel() > 0 and is_across(*shapes)
            found.append(View(str(path.relative_to(folder)), row, across, raises, cuts_samples(*shapes)))

    def recording(original: Any) -> Any:
        def call(self: torch.Tensor, *shape: Any) -> torch.Tensor:
            try:
                result, raises = original(self, *shape), False
            except RuntimeError as error:
                if "view size is not compatible" not in str(error):
                    raise
                result, raises = reshape(self, *shape), True
            note(self, result, raises)
            return result

        return call

    torch.Tensor.view, torch.Tensor.reshape, torch.reshape = map(recording, (view, reshape, function))  # type: ignore[assignment, method-assign]
    try:
        yield found
    finally:
        torch.Tensor.view, torch.Tensor.reshape, torch.reshape = view, reshape, function  # type: ignore[assignment, method-assign]


def _row_of_call(path: Path, first: int, last: int) -> int:
    """The line on which the method's name stands: the last one of the call that has it."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return next(row for row in range(last, first - 1, -1) if "view(" in lines[row - 1] or "reshape(" in lines[row - 1])


def views_of(case: Case, folder: Path) -> list[View]:
    with judging(), recorded_views(folder.resolve()) as found, trials(case.files, case.trials, folder) as made:
        for trial in made:
            trial.outputs()
    return found


def contradictions(case: Case, views: list[View]) -> Iterator[str]:
    marks = {(mark.path, mark.row + 1): mark.code for mark in case.marks}
    for view in dict.fromkeys(views):
        code = marks.get((view.path, view.row))
        if view.is_across and code not in ("NN601", "NN603"):
            yield f"{view.path}:{view.row} cuts across its axes"
        if view.raises and code is None:
            yield f"{view.path}:{view.row} raises"
    for (path, row), code in marks.items():
        here = [view for view in views if (view.path, view.row) == (path, row)]
        if not any(_does(code, view) for view in here):
            yield f"{path}:{row} is marked {code}, and nothing happens there"


def _does(code: str, view: View) -> bool:
    return view.raises if code == "NN602" else view.is_across or (code == "NN603" and view.cuts_samples)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.source}-{case}")
def test_torch_agrees(case: Case, tmp_path: Path) -> None:
    assert not list(contradictions(case, views_of(case, tmp_path)))


@pytest.mark.parametrize("case", [c for c in CASES if c.marks], ids=lambda case: f"{case.source}-{case}")
def test_fixes_run_and_are_in_order(case: Case, tmp_path: Path) -> None:
    """What is fixed makes the same shapes, and no view is across or raises any more."""
    found = [f for f in check_files(case.files, ["NN601", "NN602"]) if f.fixes]
    if not found:
        return
    fixed = apply_fixes(case.files, [(f, f.fixes[0]) for f in found])
    after = views_of(Case(case.source, case.section, case.title, fixed, case.trials, None), tmp_path)
    assert not any(view.is_across or view.raises for view in after)


@pytest.mark.parametrize("code", PAGES)
@pytest.mark.parametrize("heading", ["Bad", "Good"])
def test_pages(code: str, heading: str, tmp_path: Path) -> None:
    for text in all_rules()[code].examples(heading):
        case = Case(code, heading, code, {"model.py": text}, (PAGES[code],), None)
        assert not list(contradictions(case, views_of(case, tmp_path)))


# --- the figures on the pages ---


def test_a_relabeled_time_axis_holds_other_samples() -> None:
    """NN601: two samples of three positions, `view(length, batch)`."""
    x = torch.tensor([[0, 1, 2], [10, 11, 12]])
    assert x.view(3, 2).tolist() == [[0, 1], [2, 10], [11, 12]]
    assert not any(torch.equal(x.view(3, 2), x.permute(order)) for order in permutations(range(2)) if x.permute(order).shape == (3, 2))


def test_heads_of_a_scrambled_split_are_parts_of_one_token() -> None:
    """NN601: head 0 gets, as its positions 0, 1, 2, the features of token 0."""
    batch, length, heads, dim = 1, 3, 3, 2
    channels = torch.arange(length * heads * dim).view(batch, length, heads * dim)
    assert channels.view(batch, heads, length, dim)[0, 0].tolist() == [[0, 1], [2, 3], [4, 5]]


def test_the_last_state_mixes_two_samples_in_a_row() -> None:
    """NN603: (directions, batch, features) read as (batch, -1)."""
    owner = torch.arange(4).view(1, 4, 1).expand(2, 4, 3).contiguous()
    direction = torch.arange(2).view(2, 1, 1).expand(2, 4, 3).contiguous()
    assert [sorted(set(row)) for row in owner.view(4, -1).tolist()] == [[0, 1], [2, 3], [0, 1], [2, 3]]
    assert [sorted(set(row)) for row in direction.view(4, -1).tolist()] == [[0], [0], [1], [1]]


def test_a_wrong_number_of_features_makes_rows_of_parts() -> None:
    """NN603: 16 channels of 10 by 10, read as rows of 16 * 5 * 5."""
    assert torch.zeros(3, 16, 10, 10).view(-1, 16 * 5 * 5).shape == (12, 400)


def test_a_wrong_mark_is_contradicted(tmp_path: Path) -> None:
    code = (
        "import torch.nn as nn\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n        return x.view(3, 2, 5)\n"
        "        #        ^^^^^^^^^^^^ NN602\n"
    )
    case = Case("nn602", "", "", {"model.py": code}, ("Net(), (2, 3, 5)",), None)
    assert len(list(contradictions(case, views_of(case, tmp_path)))) == 2
