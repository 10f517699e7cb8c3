"""Inputs: those that people write, and those that are found without a word from them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor

from nnlint.deep.worker.building import Built, build
from nnlint.deep.worker.building.inputs import arguments
from nnlint.deep.worker.messages import Hint, Request, Way
from nnlint.deep.worker.problems import NoAnswer

pytestmark = pytest.mark.torch

MODELS = Path(__file__).parent / "models"
# Classes that others in the file are made of.
PARTS = {"Block"}


def _classes() -> list[str]:
    found = []
    for file in sorted(MODELS.glob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        found += [f"{file.stem}:{node.name}" for node in tree.body if isinstance(node, ast.ClassDef) and node.name not in PARTS]
    return found


def _build(name: str, inputs: str = "", hints: tuple[Hint, ...] = ()) -> Built:
    module, _, cls = name.partition(":")
    way = Way("constructor defaults", module, str(MODELS / f"{module}.py"), f"{cls}()", inputs)
    return build(Request("check", cls, (str(MODELS),), (way,), hints=hints), lambda *_: None)


# --- the pragma's words ---


def _args(text: str) -> tuple[tuple[object, ...], dict[str, object]]:
    return arguments(text, {"torch": torch, "SIZE": 8, "make": lambda: torch.zeros(2)}, torch.float32)


def test_sizes_stand_for_random_floats() -> None:
    (x,), kwargs = _args("(4, 3, 32, 32)")
    assert isinstance(x, Tensor) and x.shape == (4, 3, 32, 32) and x.dtype == torch.float32 and not kwargs
    assert 0.9 < float(x.std()) < 1.1


def test_sizes_may_be_names_of_the_module() -> None:
    (x,), _ = _args("(4, SIZE)")
    assert isinstance(x, Tensor) and x.shape == (4, 8)


def test_tokens_stand_for_random_integers_below_a_bound() -> None:
    (x,), _ = _args("tokens(50, 16, below=1000)")
    assert isinstance(x, Tensor) and x.dtype == torch.int64 and x.shape == (50, 16)
    assert 0 <= int(x.min()) < 100 and 900 < int(x.max()) < 1000


def test_a_list_holds_positional_arguments_and_a_list_within_is_one_of_them() -> None:
    args, kwargs = _args("[(2, 3), [(4,), (5,)], 7, None, {'a': (6,)}]")
    assert not kwargs and len(args) == 5
    first, several, number, nothing, named = args
    assert isinstance(first, Tensor) and first.shape == (2, 3)
    assert isinstance(several, list) and [tuple(t.shape) for t in several] == [(4,), (5,)]
    assert (number, nothing) == (7, None)
    assert isinstance(named, dict) and named["a"].shape == (6,)


def test_a_tuple_of_sizes_within_a_list_is_a_pair_of_tensors() -> None:
    (_, state), _ = _args("[(4, 16, 8), ((1, 4, 8), (1, 4, 8))]")
    assert isinstance(state, tuple) and [tuple(t.shape) for t in state] == [(1, 4, 8), (1, 4, 8)]


def test_a_dict_holds_keyword_arguments() -> None:
    args, kwargs = _args("{'ids': tokens(4, 16, below=9), 'mask': torch.ones(4, 16)}")
    assert not args and sorted(kwargs) == ["ids", "mask"]


def test_any_other_expression_is_evaluated_in_the_namespace() -> None:
    (x,), _ = _args("make()")
    assert isinstance(x, Tensor) and torch.equal(x, torch.zeros(2))


@pytest.mark.parametrize("text", ["(4, 3)", "tokens(4, 16, below=100)", "torch.rand(4, 3)"])
def test_inputs_are_the_same_every_time(text: str) -> None:
    assert torch.equal(_args(text)[0][0], _args(text)[0][0])  # type: ignore[call-overload]


@pytest.mark.parametrize("text", ["(4, 3", "unknown(4)", "1 / 0"])
def test_inputs_that_cannot_be_made_are_named_with_the_reason(text: str) -> None:
    with pytest.raises(NoAnswer, match="input="):
        _args(text)


# --- found ---


@pytest.mark.parametrize("name", _classes())
def test_inputs_are_found_that_the_model_takes(name: str) -> None:
    built = _build(name)
    assert built.model.training
    built.model(*built.args, **built.kwargs)


@pytest.mark.parametrize(
    "name", ["vision:Detector", "language:PackedTagger", "other:Critic", "vision:ByKey", "language:CharRNN", "vision:TwoScales"]
)
def test_what_was_found_is_described_in_the_words_of_the_pragma(name: str) -> None:
    found = _build(name)
    told = _build(name, found.described)
    assert repr(told.args) == repr(found.args) and repr(told.kwargs) == repr(found.kwargs)


@pytest.mark.parametrize(
    ("name", "described"),
    [
        ("vision:LeNet", "(4, 1, 28, 28)"),  # the flattened features of the head say so
        ("vision:PatchTransformer", "(4, 3, 64, 64)"),  # an attribute of the model does
        ("vision:ChannelsLast", "(4, 32, 32, 2)"),
        ("language:TinyGPT", "tokens(4, 8, below=65)"),  # no more positions than it has
        ("language:OneHot", "tokens(4, 27, below=2)"),
        ("other:Atari", "(4, 4, 84, 84)"),
        ("other:Autoencoder", "(4, 784)"),
        ("other:Radiance", "(4, 90)"),
        ("vision:TwoScales", "[[(4, 16, 32, 32), (4, 32, 32, 32)]]"),
        ("other:ConditionalGenerator", '{"noise": (4, 100), "labels": tokens(4, below=10)}'),
        ("language:CharRNN", '{"input": tokens(4, 16, below=60), "hidden": (2, 16, 32)}'),
    ],
)
def test_sizes_follow_from_the_layers_and_from_what_torch_says(name: str, described: str) -> None:
    assert _build(name).described == described


def test_the_batch_is_of_four() -> None:
    found = [_build(name) for name in ("vision:CifarNet", "other:Forecaster", "language:MaskedEncoder")]
    tensors = [t for built in found for t in (*built.args, *built.kwargs.values()) if isinstance(t, Tensor)]
    assert {t.shape[0] for t in tensors} == {4}


def test_a_model_in_double_precision_gets_doubles() -> None:
    (x,) = _build("other:DoublePrecision").args
    assert x.dtype == torch.float64


def test_hints_come_before_guesses() -> None:
    assert _build("vision:DownUp", hints=(Hint("x", (2, 1, 64, 48)),)).described == "(2, 1, 64, 48)"


def test_sizes_that_a_hint_leaves_open_come_from_the_layer_that_it_names() -> None:
    assert _build("vision:CifarNet", hints=(Hint("images", (None, None, 32, None), "features.0"),)).described == "(4, 3, 32, 32)"


def test_a_hint_that_is_wrong_is_not_the_end() -> None:
    assert _build("other:Forecaster", hints=(Hint("x", (4, 7)),)).described.startswith("(4, 96,")


def test_a_lazy_model_is_materialized_with_the_sizes_that_worked() -> None:
    built = _build("vision:Lazy")
    assert not any(isinstance(p, torch.nn.parameter.UninitializedParameter) for p in built.model.parameters())


def test_tries_that_failed_leave_no_trace_in_the_model() -> None:
    one, other = _build("other:Atari"), _build("other:Atari", "(4, 4, 84, 84)")
    for mine, theirs in zip(one.model.state_dict().values(), other.model.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)
