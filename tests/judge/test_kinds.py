"""Every rule of kinds held against torch: what is claimed of a value holds of what torch computes.

A claimed probability is never negative and sums to one along its axis; what is within [0, 1] is; log-probabilities are the logarithms of
such. Raw scores are claimed of no value that torch normalizes. What goes in is a softmax, a sigmoid, or the logarithm of
the first.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from nnlint.dataflow.kinds.kind import Kind, KindFact
from nnlint.dataflow.kinds.query import KindQuery
from nnlint.dataflow.kinds.rules import with_kind_rules
from tests.judge.operations import NOT_RUN, Scene, scenes
from tests.judge.test_transfer import graph_of, run

pytestmark = pytest.mark.torch

CLOSE = 1e-8
# What `x` and `y` are made of before the operation sees them; the axis is the one of channels.
FORMS = {
    "softmax": "{0}.softmax(dim=1)",
    "last": "{0}.softmax(dim=-1)",
    "log_softmax": "{0}.log_softmax(dim=1)",
    "sigmoid": "{0}.sigmoid()",
}


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def formed(scene: Scene, form: str) -> Scene:
    """The scene on tensors of a kind; what is behind them keeps its names."""
    return Scene(f"(lambda x, y: {scene.expression})({form.format('x')}, {form.format('y')})", scene.sizes)


def contradiction(fact: KindFact, found: Tensor) -> str | None:
    """Why torch's result is not of the kind; `None` where it is."""
    values = found.exp() if fact.kind in (Kind.LOG_PROBABILITY, Kind.LOG_UNIT) else found
    if fact.kind is Kind.RAW:
        axes = [a for a in range(values.dim()) if values.size(a) > 1 and bool(((values.sum(a) - 1).abs() < CLOSE).all())]
        return f"it sums to one along axis {axes[0]}" if axes else None
    if bool((values < -CLOSE).any() | (values > 1 + CLOSE).any()):
        return "it does not lie within [0, 1]"
    if fact.kind in (Kind.PROBABILITY, Kind.LOG_PROBABILITY) and isinstance(fact.axis, int):
        gap = (values.sum(fact.axis) - 1).abs().max()
        return None if gap < CLOSE else f"it does not sum to one along axis {fact.axis}"
    return None


def results(scene: Scene) -> Iterator[tuple[KindFact, Tensor]]:
    """What is claimed of a scene's result, and the result."""
    generator = torch.Generator().manual_seed(11)
    x, y = (3 * torch.randn(scene.sizes, generator=generator) for _ in range(2))
    graph = graph_of(scene.code)
    fact = KindQuery().kind_of(graph.results[0]) if graph.results else None
    if fact is not None:
        try:
            found = run(scene, x, y)
        except (RuntimeError, ValueError, IndexError):  # what the operation does not take
            return
        first = found if isinstance(found, Tensor) else found[0]
        if first.is_floating_point() and not bool(first.isnan().any()):
            yield fact, first


NAMES = sorted(name for name in with_kind_rules() if name not in NOT_RUN)


@pytest.mark.parametrize("name", NAMES)
def test_torch_agrees_with_the_kind(name: str) -> None:
    for form in FORMS.values():
        for scene in scenes(name, random.Random(zlib.crc32(name.encode()))):
            for fact, found in results(formed(scene, form)):
                assert contradiction(fact, found) is None, (scene.expression, form, fact.kind, fact.axis)


@pytest.mark.parametrize(
    ("expression", "kind", "axis"),
    [
        ("x.softmax(1).permute(0, 2, 1)", Kind.PROBABILITY, 2),
        ("x.softmax(dim=-1).unsqueeze(1)", Kind.PROBABILITY, 3),
        ("x.log_softmax(1).exp()", Kind.PROBABILITY, 1),
        ("x.softmax(1).log()", Kind.LOG_PROBABILITY, 1),
        ("x.softmax(1).mean(0)", Kind.PROBABILITY, 0),
        ("torch.stack([x.softmax(1), y.softmax(1)]).mean(0)", Kind.PROBABILITY, 1),
        ("torch.cat([x.softmax(1), y.softmax(1)], 0)", Kind.PROBABILITY, 1),
        ("x.softmax(1)[:, 0]", Kind.UNIT, None),
        ("1 - x.sigmoid()", Kind.UNIT, None),
        ("x.sigmoid() * y.sigmoid()", Kind.UNIT, None),
        ("x - x.logsumexp(1, keepdim=True)", Kind.LOG_PROBABILITY, 1),
        ("(x.softmax(1) / 0.5)", None, None),
        ("x.softmax(1) + 1e-6", None, None),
        ("x.softmax(1).pow(2)", None, None),
        ("nn.Dropout(0.5)(x.softmax(1))", None, None),
        ("F.interpolate(x.softmax(1), scale_factor=2, mode='linear')", Kind.PROBABILITY, 1),
    ],
)  # fmt: skip
def test_what_is_known(expression: str, kind: Kind | None, axis: int | None) -> None:
    scene = Scene(expression, (3, 4, 5))
    graph = graph_of(scene.code)
    fact = KindQuery().kind_of(graph.results[0])
    assert (fact and fact.kind, fact and fact.axis) == (kind, axis)
    for claimed, found in results(scene):
        assert contradiction(claimed, found) is None


def test_a_wrong_kind_is_contradicted() -> None:
    x = torch.randn(3, 4)
    assert contradiction(KindFact(Kind.PROBABILITY, (), 0), x.softmax(1)) is not None
    assert contradiction(KindFact(Kind.UNIT, ()), x) is not None
    assert contradiction(KindFact(Kind.LOG_PROBABILITY, (), 1), x.softmax(1)) is not None
    assert contradiction(KindFact(Kind.RAW, ()), x.softmax(1)) is not None
    assert contradiction(KindFact(Kind.PROBABILITY, (), 1), x.softmax(1)) is None
