"""A project that is too large for one check is checked in part: less is said, and nothing that is wrong."""

from __future__ import annotations

import pytest

from nnlint.engine import Engine
from nnlint.settings import Settings
from tests.rules.checking import MemorySources

NETS = """
from torch import nn


class Plain(nn.Module):
    def __init__(self, is_normed=True):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8) if is_normed else nn.Identity()

    def forward(self, x):
        return self.norm(self.conv(x))


class Looked(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.norm(self.conv(x))


class Alone(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.norm(self.conv(x))


class Part(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.norm(self.conv(x))

    def features(self, x):
        return self.conv(x)


class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.part = Part()

    def forward(self, x):
        return self.part(x)


def first():
    return Plain(), Looked(), Alone(), Whole()
"""
FACTORY = """
NETS = {}


def register(cls):
    NETS[cls.__name__] = cls
    return cls
"""
REGISTERED = """
from factory import register
from torch import nn


@register
class Registered(nn.Module):
    def __init__(self, is_normed=True):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8) if is_normed else nn.Identity()

    def forward(self, x):
        return self.norm(self.conv(x))
"""
# Who uses the nets in ways that take their findings back; `between` says nothing of torch.
BETWEEN = """
def without_norm():
    from nets import Plain

    return Plain(is_normed=False)
"""
LAST = """
import torch
from between import without_norm
from factory import NETS
from nets import Looked
from torch import nn


def last():
    return nn.Sequential(without_norm(), NETS["Registered"](is_normed=False), Looked())


def features(x):
    return torch.relu(Looked().conv(x))
"""
FILES = {"a_registered.py": REGISTERED, "between.py": BETWEEN, "factory.py": FACTORY, "nets.py": NETS, "z_last.py": LAST}
ENOUGH = 100_000


def check(fuel: int, *wanted: str) -> tuple[set[tuple[str, int]], int]:
    """The findings of the wanted files, of all if none are named, as file and offset; and how much was left out."""
    sources = MemorySources(FILES)
    paths = [path for path in sources.paths() if not wanted or path.endswith(wanted)]
    result = Engine(fuel).check(sources, paths, lambda _: Settings(frozenset({"NN501"})))
    assert result.internal_errors == []
    return {(finding.path, finding.span.start) for finding in result.findings}, result.left_out


def test_with_enough_fuel_nothing_is_left_out() -> None:
    found, left_out = check(ENOUGH)
    assert left_out == 0
    assert len(found) == 1, "`last` and both `features` take the others back"


@pytest.mark.parametrize("wanted", [(), ("nets.py",)])
@pytest.mark.parametrize("fuel", [*range(1, 1500, 40)])
def test_what_was_not_run_takes_findings_back_all_the_same(fuel: int, wanted: tuple[str, ...]) -> None:
    everything, _ = check(ENOUGH, *wanted)
    found, left_out = check(fuel, *wanted)
    assert found <= everything
    assert left_out or found == everything


def test_part_of_the_answers_is_given() -> None:
    assert any(left_out and found for found, left_out in map(check, range(1, 1500, 40)))


def test_the_same_is_left_out_each_time() -> None:
    assert check(300) == check(300)


def test_what_is_asked_for_comes_first() -> None:
    """Checked alone, a file has its own entries run before those of others that merely reach it."""
    whole = next(fuel for fuel in range(1, 1500, 10) if not check(fuel, "z_last.py")[1])
    assert check(whole)[1]


def test_statistics_say_why_a_layer_is_not_judged() -> None:
    sources = MemorySources(FILES)
    result = Engine(1).check(sources, sources.paths(), lambda _: Settings(frozenset()), counts_layers=True)
    assert {one.reason for one in result.constructions or ()} == {"the project is too large to be analyzed in one check"}
