"""Layouts held against torch: sizes, strides, and which element of the input stands where.

Random chains of operations on a tensor of random sizes are run by torch and by the engine. Each axis of the input has a tensor of its
own, which holds the index along that axis: run through the same chain, it shows where the axis went.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnlint.dataflow.graph import Node
from nnlint.dataflow.layout.atoms import Layout, axis_size
from nnlint.dataflow.layout.rules import new_layouts
from nnlint.dataflow.transfer.products import Monomial
from tests.judge.operations import NOT_RUN, Scene, scenes
from tests.judge.test_transfer import graph_of

pytestmark = pytest.mark.torch

NAMES = "nchw"
SEEDS = range(150)


class _Chain:
    """A random chain of operations, as Python on `x`. `axes` are the sizes of the result, as texts."""

    def __init__(self, choose: random.Random) -> None:
        self.choose = choose
        self.axes = list(NAMES)
        self.steps: list[str] = []

    def grow(self, count: int) -> str:
        while len(self.steps) < count:
            getattr(self, self.choose.choice(("permute", "transpose", "merge", "split", "unsqueeze", "flatten", "slice", "keep", "pick")))()
        return "x" + "".join(self.steps)

    def permute(self) -> None:
        order = list(range(len(self.axes)))
        self.choose.shuffle(order)
        self.axes = [self.axes[at] for at in order]
        self.steps.append(f".permute({', '.join(map(str, order))})")

    def transpose(self) -> None:
        if len(self.axes) > 1:
            one, other = self.choose.sample(range(len(self.axes)), 2)
            self.axes[one], self.axes[other] = self.axes[other], self.axes[one]
            self.steps.append(f".transpose({one}, {other - len(self.axes)})")

    def merge(self) -> None:
        if len(self.axes) > 2:
            at = self.choose.randrange(len(self.axes) - 1)
            self.axes[at : at + 2] = [f"{self.axes[at]} * {self.axes[at + 1]}"]
            self._reshape()

    def split(self) -> None:
        at = self.choose.randrange(len(self.axes))
        if self.axes[at] in NAMES:
            name = self.axes[at]
            self.axes[at : at + 1] = [f"{name} // 2", "2"] if self.choose.random() < 0.5 else ["2", f"{name} // 2"]
            self._reshape()

    def _reshape(self) -> None:
        sizes = ["-1" if "cut" in axis else axis for axis in self.axes]
        if "-1" not in sizes and self.choose.random() < 0.3:
            sizes[self.choose.randrange(len(sizes))] = "-1"
        self.steps.append(f".reshape({', '.join(sizes)})")

    def unsqueeze(self) -> None:
        at = self.choose.randint(0, len(self.axes))
        self.axes.insert(at, "1")
        self.steps.append(f".unsqueeze({at})")

    def flatten(self) -> None:
        if len(self.axes) > 2:
            at = self.choose.randrange(len(self.axes) - 1)
            self.axes[at : at + 2] = [f"{self.axes[at]} * {self.axes[at + 1]}"]
            self.steps.append(f".flatten({at}, {at + 1})")

    def slice(self) -> None:
        at = self.choose.randrange(len(self.axes))
        if self.axes[at] in NAMES and "cut" not in self.axes:
            self.axes[at] = "cut"
            self.steps.append(f"[{':, ' * at}1:]")

    def pick(self) -> None:
        if len(self.axes) > 2:
            at = self.choose.randrange(len(self.axes))
            del self.axes[at]
            self.steps.append(f"[{':, ' * at}0]")

    def keep(self) -> None:
        self.steps.append(self.choose.choice((".contiguous()", ".clone()", ".relu()", ".detach()")))


def laid_out(scene: Scene) -> tuple[Layout | None, Node]:
    graph = graph_of(scene.code)
    (result,) = graph.results
    return new_layouts().of(result), result


def number(size: Monomial | None, sizes: tuple[int, ...]) -> int | None:
    """The product for an input of these sizes; `None` where something else is part of it."""
    if size is None:
        return None
    whole = size.number
    for key, power in size.powers:
        axis = _input_axis(key)
        if axis is None:
            return None
        whole *= Fraction(sizes[axis]) ** power
    return int(whole)


def _input_axis(key: object) -> int | None:
    """The axis of `x` of which a symbol is the size."""
    match key:
        case ("size", Node(operation="input") as node, int() as axis) if node is node.graph.inputs[0]:
            return axis
    return None


def wrong_sizes_and_strides(layout: Layout, found: Tensor, sizes: tuple[int, ...]) -> Iterator[str]:
    if layout.rank != found.dim():
        yield f"{layout.rank} axes, torch has {found.dim()}"
        return
    for at, axis in enumerate(layout.axes):
        size = number(axis_size(axis), sizes)
        if size is not None and size != found.shape[at]:
            yield f"axis {at} was to have {size} elements, torch has {found.shape[at]}"
        stride = number(axis[-1].stride, sizes) if axis else None
        if stride is not None and found.shape[at] > 1 and stride != found.stride(at):
            yield f"axis {at} was to have stride {stride}, torch has {found.stride(at)}"


def wrong_places(layout: Layout, indices: dict[int, Tensor], sizes: tuple[int, ...]) -> Iterator[str]:
    """Axes of the input that are not where the layout has them: `indices` holds, for each, its index at every element."""
    for at, axis in enumerate(layout.axes):
        inner = 1
        for atom in reversed(axis):
            size = number(atom.size, sizes)
            if size is None:
                break
            keys = [key for key, power in atom.size.powers if power == 1]
            source = _input_axis(keys[0]) if len(keys) == 1 and atom.size.number == 1 else None
            if source in indices and source is not None:
                index = indices[source]
                along = torch.arange(index.shape[at]) // inner % size
                expected = along.reshape([-1 if axis_at == at else 1 for axis_at in range(index.dim())]).expand_as(index)
                if not torch.equal(index.long(), expected):
                    yield f"axis {source} of the input is not at axis {at}"
            inner *= size


def run(expression: str, x: Tensor) -> Any:
    return eval(expression, {"torch": torch, "nn": nn, "F": F, "x": x, "y": x} | dict(zip(NAMES, x.shape, strict=False)))


@pytest.mark.parametrize("seed", SEEDS)
def test_chains(seed: int) -> None:
    choose = random.Random(seed)
    sizes = tuple(choose.sample([4, 6, 10, 14], 4))
    expression = _Chain(choose).grow(choose.randint(1, 5))
    layout, _ = laid_out(Scene(expression, sizes))
    assert layout is not None, expression
    found = run(expression, torch.zeros(sizes))
    indices = {}
    for axis, size in enumerate(sizes):
        shape = [size if at == axis else 1 for at in range(4)]
        indices[axis] = run(expression, torch.arange(size).reshape(shape).expand(sizes).contiguous())
    # A size that a slice left has no name; an axis that it cut is not looked for.
    cut = {axis for axis, index in indices.items() if index.numel() == 0 or int(index.min()) > 0}
    whole = {axis: index for axis, index in indices.items() if axis not in cut}
    wrong = [*wrong_sizes_and_strides(layout, found, sizes), *wrong_places(layout, whole, sizes)]
    assert not wrong, expression


RULED = sorted(name for name in new_layouts()._rules if name not in NOT_RUN)


@pytest.mark.parametrize("name", RULED)
def test_torch_lays_out_as_the_rule_says(name: str) -> None:
    """On an input whose elements lie in order in memory, and on one whose last two axes were exchanged there."""
    choose = random.Random(zlib.crc32(name.encode()))
    for scene in scenes(name, choose):
        for source in ("x", "x.transpose(-1, -2).contiguous().transpose(-1, -2)"):
            moved = Scene(re.sub(r"\bx\b", source, scene.expression), scene.sizes, scene.rank_is_told)
            torch.manual_seed(0)
            try:
                found = run_scene(moved, torch.rand(scene.sizes))
            except RuntimeError:  # a view that needs its elements in order
                continue
            layout, _ = laid_out(moved)
            if layout is not None:
                first = found if isinstance(found, Tensor) else found[0]
                assert not list(wrong_sizes_and_strides(layout, first, scene.sizes)), moved.expression


def run_scene(scene: Scene, x: Tensor) -> Any:
    scope = {"torch": torch, "nn": nn, "F": F, "x": x, "y": torch.rand(x.shape)} | dict(zip("nchwd", x.shape, strict=False))
    return eval(scene.expression, scope)


def test_a_wrong_layout_is_contradicted() -> None:
    sizes = (4, 6, 10, 14)
    layout, _ = laid_out(Scene("x.permute(0, 2, 1, 3)", sizes))
    assert layout is not None
    indices = {
        axis: torch.arange(size).reshape([size if a == axis else 1 for a in range(4)]).expand(sizes) for axis, size in enumerate(sizes)
    }
    assert list(wrong_places(layout, indices, sizes))
    assert list(wrong_sizes_and_strides(layout, torch.zeros(sizes), sizes))
