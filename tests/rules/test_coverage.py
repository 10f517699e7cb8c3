"""Which constructions of layers count as understood."""

from __future__ import annotations

from nnlint import engine
from nnlint.settings import Settings
from tests.rules.checking import ROOT, MemorySources
from tests.rules.literate import MAIN_FILE


def reasons(code: str) -> list[tuple[str, str | None]]:
    """Each counted construction in the order of the text: its class, and why it is not resolved."""
    result = engine.check(MemorySources({MAIN_FILE: code}), [f"{ROOT}/{MAIN_FILE}"], lambda _: Settings(frozenset()), counts_layers=True)
    assert result.internal_errors == []
    assert result.constructions is not None
    return [(one.target.removeprefix("torch.nn."), one.reason) for one in result.constructions]


BLOCK = """
from functools import partial
from torch import nn


class Block(nn.Module):
    def __init__(self, i, o, norm_layer=None, deep=False, **options):
        super().__init__()
        self.conv = nn.Conv2d(i, o, 3, **options)
        self.norm = (norm_layer or nn.BatchNorm2d)(o)
        if deep:
            self.deep = nn.Linear(o, o)

    def reset_head(self, classes: int):
        self.head = nn.Linear(3, classes) if classes > 0 else nn.Identity()

    def strip(self):
        self.reset_head(0)
        return self

    def forward(self, x):
        return self.norm(self.conv(x))
"""


def test_what_runs_with_known_flags_is_resolved() -> None:
    assert reasons(BLOCK) == [
        ("Conv2d", None),
        ("BatchNorm2d", None),
        ("Linear", "on a branch that no known caller takes"),
        ("Linear", None),
    ]


def test_a_caller_with_another_flag_is_followed_even_after_many_that_differ_in_numbers_alone() -> None:
    zoo = "".join(f"\n\ndef net{n}():\n    return Block({n}, {2 * n})\n" for n in range(1, 9))
    assert reasons(f"{BLOCK}{zoo}\n\ndef special():\n    return Block(3, 4, deep=True)\n")[2] == ("Linear", None)


def test_a_flag_that_nobody_knows_leaves_its_layer_unresolved() -> None:
    assert reasons(f"{BLOCK}\n\ndef net(bias):\n    return Block(3, 4, bias=bias)\n")[0] == (
        "Conv2d",
        "`bias` is not known: it depends on a value that nobody is known to give",
    )


def test_aliases_and_lazy_classes_are_counted_and_other_layers_are_not() -> None:
    assert reasons("import torch.nn as tn\n\nL = tn.LazyConv2d\nM = L\nnet = tn.Sequential(M(3, 1), tn.ReLU(), tn.Embedding(3, 4))\n") == [
        ("LazyConv2d", None)
    ]


def test_names_that_stand_for_each_other_are_no_layers() -> None:
    assert reasons("import torch\nA = B\nB = A\nnet = A(3)\n") == []
