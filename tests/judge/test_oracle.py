"""The oracle's own arithmetic: what it chooses to run, what it makes of a package's layers, and how it holds findings against them."""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn

from benchmarks.oracle.compare import Call, Comparison, Layer, Reported, compare, merged, read_layers
from benchmarks.oracle.judge import change, outputs_of
from benchmarks.oracle.run import Limits, choose
from benchmarks.oracle.worker import judge, serve, survey
from benchmarks.oracle.zoo.doctests import Example

pytestmark = pytest.mark.torch

PACKAGE = """\
from torch import nn


def unit(cin, cout, norm=True):
    layers = [nn.Conv2d(cin, cout, 3)]
    if norm:
        layers.append(nn.BatchNorm2d(cout))
    return nn.Sequential(*layers, nn.ReLU())


class Net(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.body = unit(4, 4, norm)
        self.head = nn.Conv2d(4, 2, 1, bias=False)
        self.attention = nn.Linear(2, 1)

    def forward(self, x):
        x = self.head(self.body(self.norm(self.stem(x)).relu())).flatten(2).transpose(1, 2)
        return (self.attention(x).softmax(1) * x).sum(1)
"""
STEM, UNIT, CALLER, HEAD, ATTENTION = (14, 21), (5, 15), (16, 21), (17, 21), (18, 26)


class TinyZoo:
    """A package of one file, with one good and one broken recipe more than it needs."""

    def __init__(self, folder: Path) -> None:
        (folder / "tinynets").mkdir()
        (folder / "tinynets" / "net.py").write_text(PACKAGE, encoding="utf-8")
        sys.path.insert(0, str(folder))
        importlib.invalidate_caches()
        self.module: Any = importlib.import_module("tinynets.net")

    def recipes(self) -> list[str]:
        return ["normed", "plain", "broken"]

    def build(self, recipe: str) -> Any:
        if recipe == "broken":
            raise RuntimeError("no such model")
        return self.module.Net(norm=recipe == "normed")

    def inputs(self, model: Any, recipe: str) -> Iterator[tuple[Any, ...]]:
        yield (torch.randn(4, 3, 2, 2),)  # too small: the next are tried
        yield (torch.randn(4, 3, 9, 9),)


@pytest.fixture
def zoo(tmp_path: Path) -> Iterator[tuple[TinyZoo, Path]]:
    made = TinyZoo(tmp_path)
    yield made, tmp_path
    sys.path.remove(str(tmp_path))
    for name in ("tinynets.net", "tinynets"):
        sys.modules.pop(name, None)


def results(zoo: TinyZoo, folder: Path) -> list[dict[str, Any]]:
    return [judge(zoo, folder, recipe) | {"recipe": recipe} for recipe in ("normed", "plain")]


def reported(place: tuple[int, int]) -> Reported:
    return Reported("tinynets/net.py", *place, "NN501", "…")


def test_sites_of_a_package(zoo: tuple[TinyZoo, Path]) -> None:
    comparison = compare(read_layers(results(*zoo)), [])
    said = {(s["row"], s["column"]): (s["verdict"], set(s["causes"])) for s in comparison.sites}
    assert said == {
        STEM: ("redundant in all", {"norm"}),
        UNIT: ("redundant in some", {"norm"}),
        HEAD: ("no bias", set()),
        ATTENTION: ("redundant in all", {"softmax"}),
    }
    assert {(s["row"], s["column"]) for s in comparison.missed} == {STEM, ATTENTION}


def test_findings_are_confirmed_or_refuted(zoo: tuple[TinyZoo, Path]) -> None:
    layers = read_layers(results(*zoo))
    comparison = compare(layers, [reported(STEM), reported(UNIT), reported(ATTENTION)])
    assert [f["outcome"] for f in comparison.findings] == ["confirmed", "refuted", "confirmed"]
    assert comparison.findings[1]["needed in"] == ["plain"]
    assert comparison.summary["precision"] == pytest.approx(2 / 3, abs=1e-4)
    assert comparison.summary["recall, norm"] == comparison.summary["recall, softmax"] == 1.0


def test_a_finding_at_the_callers_argument_speaks_of_what_that_call_built(zoo: tuple[TinyZoo, Path]) -> None:
    layers = read_layers([r for r in results(*zoo) if r["recipe"] == "normed"])
    inside_the_call = reported((CALLER[0], CALLER[1] + 11))
    (finding,) = compare(layers, [inside_the_call]).findings
    assert finding["outcome"] == "confirmed"


def test_a_place_that_no_model_reached_is_not_exercised(zoo: tuple[TinyZoo, Path]) -> None:
    (finding,) = compare(read_layers(results(*zoo)), [reported((3, 1))]).findings
    assert finding["outcome"] == "not exercised"


def test_a_file_counts_for_eight_sites() -> None:
    def layer(path: str, row: int, verdict: str) -> Layer:
        return Layer("m", (Call(path, row, 1, row, 9),), verdict, "norm")

    layers = [layer("many.py", row, "redundant") for row in range(16)] + [layer("few.py", row, "needed") for row in range(2)]
    findings = [Reported(call.path, call.row, 1, "NN501", "") for call in (each.site for each in layers)]
    assert compare(layers, findings).summary["precision"] == pytest.approx(8 / 10)


def test_the_survey_needs_no_numbers_and_survives_a_broken_recipe(zoo: tuple[TinyZoo, Path], capsys: pytest.CaptureFixture[str]) -> None:
    survey(*zoo)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert '"error": "RuntimeError: no such model"' in lines[2]


def test_the_smallest_models_that_reach_every_site() -> None:
    a, b, c = ("x.py", 1, 1), ("x.py", 2, 1), ("y.py", 1, 1)
    surveyed = [
        {"recipe": "large", "parameters": 900, "sites": [[*a, True, "ReLU"], [*b, True, "ReLU"]]},
        {"recipe": "small", "parameters": 10, "sites": [[*a, True, "ReLU"]]},
        {"recipe": "other norm", "parameters": 20, "sites": [[*a, True, "BatchNorm2d"]]},
        {"recipe": "no bias", "parameters": 5, "sites": [[*c, False, "ReLU"]]},
        {"recipe": "nothing new", "parameters": 30, "sites": [[*a, True, "ReLU"], [*a, True, "BatchNorm2d"]]},
        {"recipe": "broken", "error": "…"},
        {"recipe": "huge", "parameters": 5000, "sites": [[*c, True, "ReLU"]]},
    ]
    assert list(choose(surveyed, Limits(cover=1, parameters=1000))) == ["small", "other norm", "large"]


def test_packages_are_counted_together() -> None:
    def one(path: str, verdicts: list[str]) -> Comparison:
        layers = [Layer("m", (Call(path, row, 1, row, 9),), verdict, "softmax") for row, verdict in enumerate(verdicts)]
        return compare(layers, [Reported(path, row, 1, "NN503", "") for row in range(2)])

    whole = merged([one("a/x.py", ["redundant", "redundant"]), one("b/y.py", ["redundant", "needed", "redundant"])])
    assert whole.summary["precision"] == pytest.approx(3 / 4)
    assert whole.summary["recall, softmax"] == pytest.approx(3 / 4)
    assert whole.summary["recall, norm"] is None


def test_a_served_judge_survives_models_that_raise_and_that_take_too_long(tmp_path: Path) -> None:
    class Slow(nn.Module):
        def forward(self) -> None:
            time.sleep(60)

    class Models:
        def recipes(self) -> list[str]:
            return ["raises", "slow"]

        def build(self, recipe: str) -> nn.Module:
            if recipe == "raises":
                raise RuntimeError("no such model")
            return Slow()

        def inputs(self, model: Any, recipe: str) -> Iterator[dict[str, Any]]:
            yield {}

    with pytest.MonkeyPatch.context() as patch, (tmp_path / "answers").open("w+") as answers, (tmp_path / "asked").open("w+") as asked:
        asked.write("raises\nslow\n")
        asked.seek(0)
        patch.setattr(sys, "stdin", asked)
        serve(cast(Any, Models()), tmp_path, 0.5, answers)
        answers.seek(0)
        assert [json.loads(line)["reason"] for line in answers] == ["RuntimeError: no such model", "took longer than 0 s"]


def test_an_example_runs_again_what_its_docstring_ran(tmp_path: Path) -> None:
    (tmp_path / "shown.py").write_text(
        '''\
from torch import nn


class Net(nn.Module):
    """A layer.

    >>> net = Net()
    >>> x = torch.ones(2, 3)
    >>> y = net(x)
    >>> y.shape
    torch.Size([2, 4])
    """

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 4)

    def forward(self, x):
        return self.layer(x)
''',
        encoding="utf-8",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path))
        example = Example("shown:Net")
        before = outputs_of(example())
        with torch.no_grad():
            example.net.layer.bias += 1
        assert change(before, outputs_of(example())) > 0.1
        sys.modules.pop("shown")
