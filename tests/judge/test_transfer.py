"""Every transfer row held against torch: what an operation does to a shift lies within what its row says, on random shapes and arguments.

For each expression, the input is moved by random addends that are constant along all axes but a random few. The change of the output is
then computed, and compared with the row's fact: none at all, or one that is constant along all axes that the fact does not name.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnlint.dataflow.explore import explore
from nnlint.dataflow.facts import ANY_SHIFT, NO_SHIFT, Shift, ShiftFact
from nnlint.dataflow.graph import Graph, Node
from nnlint.dataflow.ranks import settle_ranks
from nnlint.dataflow.transfer import all_rows, find_row
from nnlint.dataflow.transfer.sizes import size_of
from nnlint.dataflow.values import Const
from nnlint.semantics.program import Program
from nnlint.syntax.parser import Parser
from tests.judge.operations import NOT_RUN, Scene, scenes
from tests.rules.checking import MemorySources

pytestmark = pytest.mark.torch

ROUNDS = 2
CLOSE = 1e-9


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@cache
def graph_of(code: str) -> Graph:
    """The graph of `Net.forward`."""
    sources = MemorySources({"model.py": code})
    program = Program(sources.text, sources.paths(), sources.import_roots, Parser())
    project = explore(program, sources.paths(), sources.paths())
    (graph,) = [g for g in project.graphs if g.name == "Net.forward"]
    settle_ranks(graph)
    return graph


def facts(graph: Graph, fact: ShiftFact) -> dict[Node, ShiftFact]:
    """The fact of each node, when the result of `self.first` has the given one."""
    found: dict[Node, ShiftFact] = {}
    seed = next(node for node in graph.nodes if node.operation == "torch.nn.Identity")
    for node in graph.nodes:
        given = [found.get(read, NO_SHIFT) for read in node.inputs]
        row = find_row(node.operation)
        if node is seed:
            found[node] = fact
        elif row is not None:
            found[node] = row.shift(node, given)
        else:
            found[node] = NO_SHIFT if all(f is NO_SHIFT for f in given) else ANY_SHIFT
    return found


def run(scene: Scene, x: Tensor, y: Tensor) -> Any:
    """What torch makes of the expression; its random numbers are the same each time."""
    torch.manual_seed(5)
    scope = {"torch": torch, "nn": nn, "F": F, "x": x.clone(), "y": y.clone()} | dict(zip("nchwd", x.shape, strict=False))
    return eval(scene.expression, scope)


def is_within(change: Tensor, fact: ShiftFact) -> bool:
    """Whether a change of an output is one that a fact allows."""
    if fact is ANY_SHIFT:
        return True
    if fact is NO_SHIFT:
        return bool((change.abs() < CLOSE).all())
    assert isinstance(fact, Shift)
    axes = {a % change.dim() for a in fact.axes}
    constant = (axis for axis in range(change.dim()) if axis not in axes)
    return all(bool((change.diff(dim=axis).abs() < CLOSE).all()) for axis in constant)


def contradictions(scene: Scene, choose: random.Random) -> Iterator[str]:
    """Where torch does not do what the rows say."""
    generator = torch.Generator().manual_seed(choose.randrange(10**6))
    x, y = (torch.randn(scene.sizes, generator=generator) for _ in range(2))
    before = run(scene, x, y)
    graph = graph_of(scene.code)
    (result,) = graph.results or [None]
    if result is None:
        yield "the engine sees no result"
        return
    several = not isinstance(before, Tensor)
    first = before[0] if several else before
    if result.rank is not None and result.rank != first.dim():
        yield f"rank {result.rank}, torch has {first.dim()}"
    yield from wrong_sizes(result, first, x)
    for _ in range(6):
        axes = frozenset(choose.sample(range(len(scene.sizes)), choose.randint(0, min(2, len(scene.sizes)))))
        shape = [size if axis in axes else 1 for axis, size in enumerate(scene.sizes)]
        moved = run(scene, x + torch.randn(shape, generator=generator), y)
        fact = facts(graph, Shift(axes, is_exact=len(axes) <= 1))[result]
        after = moved[0] if several else moved
        if fact is not ANY_SHIFT and (after.shape != first.shape or not is_within((after.double() - first.double()).nan_to_num(), fact)):
            yield f"a shift along {sorted(axes)} was to become {fact}"


def wrong_sizes(result: Node, found: Tensor, x: Tensor) -> Iterator[str]:
    """Sizes of the result that are claimed to be a number, or the size of an axis of `x`, and are not."""
    for axis in range(found.dim()):
        size = size_of(result, axis - (found.dim() if result.rank is None else 0))
        claimed = None
        match size:
            case Const(value=int() as number):
                claimed = number
            case _ if (
                (key := getattr(size, "key", None)) and key[0] == "size" and key[1].operation in ("input", "narrowed", "torch.nn.Identity")
            ):
                claimed = x.shape[key[2]] if key[1].rank is not None or key[2] < 0 else None
        if claimed is not None and claimed != found.shape[axis]:
            yield f"axis {axis} was to have {claimed} elements, torch has {found.shape[axis]}"


@pytest.mark.parametrize("name", [name for name in all_rows() if name not in NOT_RUN])
def test_torch_does_what_the_row_says(name: str) -> None:
    choose = random.Random(zlib.crc32(name.encode()))
    shown = 0
    for _ in range(ROUNDS):
        for scene in scenes(name, choose):
            graph = graph_of(scene.code)
            assert any(node.operation == name for node in graph.nodes), f"{scene.expression} is not seen as {name}: {graph.nodes}"
            shown += 1
            wrong = list(contradictions(scene, choose))
            assert not wrong, (scene.expression, scene.sizes, wrong)
    assert shown >= ROUNDS


def test_what_is_not_run_is_in_the_table() -> None:
    assert set(NOT_RUN) <= set(all_rows())


def test_a_wrong_fact_is_contradicted() -> None:
    """Batch norm keeps what differs from sample to sample."""
    scene = Scene("nn.BatchNorm2d(4)(x)", (3, 4, 6, 8))
    x, y = torch.randn(scene.sizes), torch.randn(scene.sizes)
    change = run(scene, x + torch.randn(3, 1, 1, 1), y) - run(scene, x, y)
    assert not is_within(change, NO_SHIFT)
    assert not is_within(change, Shift(frozenset({1})))
    assert is_within(change, ANY_SHIFT)
