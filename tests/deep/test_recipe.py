"""The checks of the recipe: for each a model that fails it, and a twin that passes."""

from __future__ import annotations

import importlib
import math
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nnlint.deep.client import DeepRun
from nnlint.deep.worker.messages import Answer, Limits, Way, decode, encode
from tests.deep.asking import Told, request_for

pytestmark = pytest.mark.torch
torch: Any = pytest.importorskip("torch")
recipe: Any = importlib.import_module("nnlint.deep.worker.recipe")

MLP = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(12, 32)
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        return self.head(F.relu(self.hidden(x)))
"""
FLAT = "(4, 12)"


def checked(folder: Path, check: str, source: str, inputs: str, **way: str) -> Any:
    """What one check says of `Net()`."""
    subject = _subject(folder, source, inputs, **way)
    module = importlib.import_module(f"nnlint.deep.worker.recipe.{check}")
    return module.check(subject, _objective(subject))


def objective(folder: Path, source: str, inputs: str, **way: str) -> Any:
    return _objective(_subject(folder, source, inputs, **way))


def overfitted(folder: Path, source: str, inputs: str, steps: int = 200, **way: str) -> Any:
    subject = _subject(folder, source, inputs, **way)
    overfit = importlib.import_module("nnlint.deep.worker.recipe.overfit")
    return overfit.check(subject, _objective(subject), overfit.Budget(steps, time.monotonic() + 600), Told())


def _subject(folder: Path, source: str, inputs: str, **way: str) -> Any:
    request = request_for(folder, source)
    ways = (Way("the test", "", request.ways[0].path, "Net()", inputs, **way),)
    built = importlib.import_module("nnlint.deep.worker.building").build(request_for(folder, source, ways=ways), Told())
    return importlib.import_module("nnlint.deep.worker.recipe.subject").Subject(built)


def _objective(subject: Any) -> Any:
    with subject.borrowed():
        return importlib.import_module("nnlint.deep.worker.recipe.objective").choose(subject.call(), subject)


# --- which loss ---

LAYERS = {
    "classes": ("nn.Linear(12, 10)", FLAT, "cross-entropy over 10 classes", math.log(10)),
    "probabilities": ("nn.Sequential(nn.Linear(12, 5), nn.Softmax(-1))", FLAT, "cross-entropy over 5 classes", math.log(5)),
    "log-probabilities": ("nn.Sequential(nn.Linear(12, 5), nn.LogSoftmax(-1))", FLAT, "cross-entropy over 5 classes", math.log(5)),
    "yes or no": ("nn.Sequential(nn.Linear(12, 1), nn.Sigmoid())", FLAT, "binary cross-entropy", math.log(2)),
    "a number": ("nn.Linear(12, 1)", FLAT, "mean squared error", 1.0),
    "pixels": ("nn.Conv2d(3, 6, 3, padding=1)", "(4, 3, 16, 16)", "cross-entropy over 6 classes", math.log(6)),
    "a mask": ("nn.Conv2d(3, 1, 3, padding=1)", "(4, 3, 16, 16)", "binary cross-entropy", math.log(2)),
    "an image": ("nn.Conv2d(3, 3, 3, padding=1)", "(4, 3, 16, 16)", "mean squared error", 1.0),
    "tokens": (
        "nn.Sequential(nn.Embedding(50, 8), nn.Linear(8, 50))",
        "tokens(4, 9, below=50)",
        "cross-entropy over 50 classes",
        math.log(50),
    ),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_the_loss_follows_from_what_forward_returns(tmp_path: Path, kind: str) -> None:
    layers, inputs, name, expected = LAYERS[kind]
    found = objective(tmp_path, wrapped(layers), inputs)
    assert found.name == name
    assert found.expected.value == pytest.approx(expected, rel=1e-3)


def wrapped(layers: str, returns: str = "self.layers(x)") -> str:
    return f"""
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = {layers}

    def forward(self, x):
        return {returns}
"""


@pytest.mark.parametrize("layers", ["nn.Sequential(nn.Linear(12, 5), nn.Tanh())", "nn.LSTM(12, 5)", "nn.GRU(12, 5, 2)"])
def test_nothing_is_asked_of_a_model_that_it_cannot_give(tmp_path: Path, layers: str) -> None:
    inputs = FLAT if "Linear" in layers else "(6, 4, 12)"
    found = objective(tmp_path, wrapped(layers), inputs)
    assert found.name == "mean squared error"
    assert "from -1 to 1" in found.reason


def test_the_result_is_found_within_what_is_returned(tmp_path: Path) -> None:
    for returns in ("{'features': x, 'logits': self.layers(x)}", "(self.layers(x), x)", "[[self.layers(x)]]"):
        assert objective(tmp_path, wrapped("nn.Linear(12, 10)", returns), FLAT).name == "cross-entropy over 10 classes"


def test_a_model_that_returns_its_loss_is_trained_with_it(tmp_path: Path) -> None:
    found = objective(tmp_path, wrapped("nn.Linear(12, 10)", "{'loss': self.layers(x).square().mean(), 'logits': self.layers(x)}"), FLAT)
    assert found.name == "the model's own loss"


WITH_TARGETS = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Linear(12, 10)

    def forward(self, x, targets=None):
        scores = self.layers(x)
        return scores, None if targets is None else F.cross_entropy(scores, targets)
"""


def test_a_loss_without_a_name_counts_where_targets_are_given(tmp_path: Path) -> None:
    assert objective(tmp_path, WITH_TARGETS, "[(4, 12), tokens(4, below=10)]").name == "the model's own loss"
    assert objective(tmp_path, WITH_TARGETS, "[(4, 12)]").name == "cross-entropy over 10 classes"


def test_the_pragma_decides_on_target_and_loss(tmp_path: Path) -> None:
    assert objective(tmp_path, MLP, FLAT, target="(4, 10)").name == "mean squared error"
    assert objective(tmp_path, MLP, FLAT, target="tokens(4, below=10)").name == "cross-entropy over 10 classes"
    named = objective(tmp_path, MLP, FLAT, loss="nn.CrossEntropyLoss(label_smoothing=0.1)")
    assert (named.name, named.expected.words) == ("nn.CrossEntropyLoss(label_smoothing=0.1)", "ln 10")
    assert objective(tmp_path, MLP, FLAT, loss="lambda scores, target: scores.square().mean()").expected is None


def test_a_loss_that_does_not_fit_is_told_with_its_cure(tmp_path: Path) -> None:
    problems = importlib.import_module("nnlint.deep.worker.problems")
    with pytest.raises(problems.NoAnswer, match=r"target \(4, 3\) has other sizes than the result \(4, 10\)"):
        objective(tmp_path, MLP, FLAT, target="(4, 3)")
    with pytest.raises(problems.NoAnswer, match=r"loss=nonsense cannot be computed: NameError"):
        objective(tmp_path, MLP, FLAT, loss="nonsense")


# --- initial loss ---


def test_an_initial_loss_near_ln_c_passes_and_one_far_above_fails(tmp_path: Path) -> None:
    fine = checked(tmp_path, "initial_loss", MLP, FLAT)
    assert fine.status == "pass"
    assert fine.numbers["expected loss"] == pytest.approx(math.log(10))
    loud = checked(tmp_path, "initial_loss", MLP.replace("(32, 10)", "(32, 10)\n        nn.init.normal_(self.head.weight, std=5)"), FLAT)
    assert loud.status == "fail"
    assert loud.numbers["initial loss"] > 2 * math.log(10)


def test_an_initial_loss_that_is_no_number_fails(tmp_path: Path) -> None:
    outcome = checked(tmp_path, "initial_loss", MLP, FLAT, loss="lambda scores, target: scores.sum().detach() / 0 * scores.mean()")
    assert outcome.status == "fail"


# --- one batch overfitted ---

BATCHES = {
    "a perceptron": (MLP, FLAT),
    "a convolution over pixels": (
        wrapped("nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 5, 1))"),
        "(4, 3, 16, 16)",
    ),
    "a bottleneck that ends in a sigmoid": (
        wrapped("nn.Sequential(nn.Conv2d(3, 32, 2, 2), nn.ReLU(), nn.ConvTranspose2d(32, 3, 2, 2), nn.Sigmoid())"),
        "(4, 3, 16, 16)",
    ),
    "dropout": (wrapped("nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Dropout(0.9), nn.Linear(32, 10))"), FLAT),
    "a recurrent layer": (wrapped("nn.LSTM(12, 32, batch_first=True)", "self.layers(x)[0][:, -1, :2]"), "(4, 6, 12)"),
    "tokens": (wrapped("nn.Sequential(nn.Embedding(50, 32), nn.Linear(32, 50))"), "tokens(4, 9, below=50)"),
    "a regression": (wrapped("nn.Sequential(nn.Linear(12, 32), nn.Tanh(), nn.Linear(32, 1))"), FLAT),
}


@pytest.mark.parametrize("kind", BATCHES)
def test_a_sound_model_learns_its_batch_by_heart(tmp_path: Path, kind: str) -> None:
    source, inputs = BATCHES[kind]
    outcome = overfitted(tmp_path, source, inputs)
    assert outcome.status == "pass", outcome.sentence
    assert outcome.curve.losses[-1] <= outcome.curve.goal == pytest.approx(0.01 * outcome.curve.losses[0])
    assert outcome.numbers["steps to 1 %"] == len(outcome.curve.losses) - 1


@pytest.mark.parametrize(
    "returns",
    [
        "self.head(F.relu(self.hidden(x)).mean(0, keepdim=True)).expand(4, 10)",  # all samples look the same
        "self.head(F.relu(self.hidden(x - x)))",
        "self.head(F.relu(self.hidden(x))).clamp(-0.5, 0.5)",
    ],
)
def test_a_model_that_cannot_tell_samples_apart_gets_stuck(tmp_path: Path, returns: str) -> None:
    outcome = overfitted(tmp_path, MLP.replace("self.head(F.relu(self.hidden(x)))", returns), FLAT, steps=80)
    assert outcome.status == "fail"
    assert "stuck" in outcome.sentence
    assert outcome.cure


def test_a_model_that_has_too_few_steps_is_not_called_stuck(tmp_path: Path) -> None:
    overfit = importlib.import_module("nnlint.deep.worker.recipe.overfit")
    subject = _subject(tmp_path, MLP, FLAT)
    outcome = overfit.check(subject, _objective(subject), overfit.Budget(200, time.monotonic() - 1), Told())
    assert (outcome.status, outcome.cure) == ("warn", "give it more time with --timeout")


def test_overfitting_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    source = wrapped("nn.Sequential(nn.Linear(12, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 10))")
    subject = _subject(tmp_path, source, FLAT)
    before = {name: value.clone() for name, value in subject.model.state_dict().items()}
    overfit = importlib.import_module("nnlint.deep.worker.recipe.overfit")
    overfit.check(subject, _objective(subject), overfit.Budget(5, time.monotonic() + 600), Told())
    assert all(torch.equal(value, before[name]) for name, value in subject.model.state_dict().items())
    assert subject.model.layers[2].p == 0.5


# --- gradients ---


def test_parameters_that_a_detach_cuts_off_are_named(tmp_path: Path) -> None:
    cut = checked(tmp_path, "gradients", MLP.replace("F.relu(self.hidden(x))", "F.relu(self.hidden(x)).detach()"), FLAT)
    assert cut.status == "fail"
    assert cut.names["read, but without a gradient"] == ("hidden.weight", "hidden.bias")
    assert checked(tmp_path, "gradients", MLP, FLAT).status == "pass"


def test_no_gradient_at_all_fails(tmp_path: Path) -> None:
    assert (
        checked(
            tmp_path, "gradients", MLP.replace("self.head(F", "self.head.requires_grad_(True)(F").replace(")))\n", "))).detach()\n"), FLAT
        ).status
        == "fail"
    )


def test_frozen_parameters_stand_apart(tmp_path: Path) -> None:
    frozen = checked(tmp_path, "gradients", MLP.replace("(12, 32)", "(12, 32).requires_grad_(False)"), FLAT)
    assert (frozen.status, frozen.names["frozen"]) == ("pass", ("hidden.weight", "hidden.bias"))


def test_a_head_that_starts_at_zero_hides_nothing(tmp_path: Path) -> None:
    started = checked(tmp_path, "gradients", MLP.replace("(32, 10)", "(32, 10)\n        nn.init.zeros_(self.head.weight)"), FLAT)
    assert started.status == "pass"
    assert started.names["zero until the first step"] == ("hidden.weight", "hidden.bias")
    dead = checked(tmp_path, "gradients", MLP.replace("(12, 32)", "(12, 32)\n        nn.init.constant_(self.hidden.bias, -99)"), FLAT)
    assert (dead.status, dead.names["zero"]) == ("warn", ("hidden.weight", "hidden.bias", "head.weight"))


def test_a_gradient_that_is_not_finite_fails(tmp_path: Path) -> None:
    broken = checked(tmp_path, "gradients", MLP.replace("F.relu(self.hidden(x))", "(self.hidden(x) - self.hidden(x)).sqrt()"), FLAT)
    assert broken.status == "fail"
    assert broken.names["not finite"] == ("hidden.weight", "hidden.bias")


def test_heads_of_which_only_one_is_trained_have_gradients_too(tmp_path: Path) -> None:
    assert (
        checked(
            tmp_path,
            "gradients",
            MLP.replace("return self.head(F.relu(self.hidden(x)))", "return self.head(x.repeat(1, 3)[:, :32]), self.hidden(x)"),
            FLAT,
        ).status
        == "pass"
    )


# --- unused layers ---


def test_layers_that_forward_never_uses_are_named(tmp_path: Path) -> None:
    source = MLP.replace(
        "(32, 10)",
        "(32, 10)\n        self.extra = nn.Sequential(nn.Linear(3, 3), nn.ReLU())\n        self.scale = nn.Parameter(torch.ones(5))",
    )
    unused = checked(tmp_path, "unused_layers", source, FLAT)
    assert unused.status == "warn"
    assert unused.names["layers"] == ("extra (Sequential, 12 parameters)",)
    assert unused.names["parameters"] == ("scale",)
    assert unused.numbers["unused parameters"] == 17
    assert checked(tmp_path, "unused_layers", MLP, FLAT).status == "pass"


@pytest.mark.parametrize(
    ("layers", "returns", "inputs"),
    [
        ("nn.Linear(12, 10)", "F.linear(x, self.layers.weight)", FLAT),  # the weight is borrowed, the bias is not
        ("nn.MultiheadAttention(12, 2, batch_first=True)", "self.layers(x, x, x)[0]", "(4, 6, 12)"),
        ("nn.TransformerEncoderLayer(12, 2, 16, batch_first=True)", "self.layers(x)", "(4, 6, 12)"),
        ("nn.Linear(12, 10)", "self.layers(x) if self.training else self.layers(x) * 2", FLAT),
        ("nn.LSTM(12, 8, 2, dropout=0.1)", "self.layers(x)[0]", "(6, 4, 12)"),
    ],
)
def test_layers_whose_parameters_are_read_are_used(tmp_path: Path, layers: str, returns: str, inputs: str) -> None:
    outcome = checked(tmp_path, "unused_layers", wrapped(layers, returns), inputs)
    assert "layers" not in outcome.names
    assert (outcome.status == "warn") == ("F.linear" in returns)


def test_a_layer_that_is_used_in_one_mode_alone_is_used(tmp_path: Path) -> None:
    source = MLP.replace("(32, 10)", "(32, 10)\n        self.aux = nn.Linear(32, 10)").replace(
        "return self.head(", "return (self.aux if self.training else self.head)("
    )
    assert checked(tmp_path, "unused_layers", source, FLAT).status == "pass"


# --- train and eval mode ---


def test_the_layers_that_make_modes_differ_are_named(tmp_path: Path) -> None:
    source = wrapped("nn.Sequential(nn.Linear(12, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 10))")
    outcome = checked(tmp_path, "modes", source, FLAT)
    assert outcome.status == "pass"
    assert set(outcome.names["layers that explain it"]) == {"BatchNorm1d", "Dropout"}
    assert "Both modes give the same" in checked(tmp_path, "modes", MLP, FLAT).sentence


def test_dropout_that_eval_mode_does_not_stop_fails(tmp_path: Path) -> None:
    always = checked(tmp_path, "modes", MLP.replace("F.relu(self.hidden(x))", "F.dropout(F.relu(self.hidden(x)))"), FLAT)
    assert (always.status, "random" in always.sentence) == ("fail", True)
    modal = checked(
        tmp_path, "modes", MLP.replace("F.relu(self.hidden(x))", "F.dropout(F.relu(self.hidden(x)), training=self.training)"), FLAT
    )
    assert (modal.status, modal.names["layers that explain it"]) == ("pass", ("Net",))


def test_statistics_that_eval_mode_updates_fail(tmp_path: Path) -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("mean", torch.zeros(12))
            self.head = nn.Linear(12, 10)

        def forward(self, x):
            {guard}self.mean.lerp_(x.mean(0), 0.1)
            return self.head(x)
    """
    updated = checked(tmp_path, "modes", source.format(guard=""), FLAT)
    assert (updated.status, updated.names["buffers that eval mode changes"]) == ("fail", ("mean",))
    assert checked(tmp_path, "modes", source.format(guard="if self.training: "), FLAT).status == "pass"


def test_layers_that_stay_in_training_mode_fail(tmp_path: Path) -> None:
    override = "\n    def train(self, mode=True):\n        self.training = mode\n        return self\n"
    assert checked(tmp_path, "modes", MLP + override, FLAT).names["in training mode after eval()"] == ("hidden", "head")


# --- independent samples ---


@pytest.mark.parametrize(
    ("layers", "mixing", "fine", "inputs"),
    [
        ("nn.Linear(12, 10)", "self.layers(x - x.mean(0))", "self.layers(x - x.mean(1, keepdim=True))", FLAT),
        (
            "nn.Linear(6, 6)",
            "self.layers(x.transpose(0, 1).reshape(4, 2, 6))",
            "self.layers(x.reshape(4, 2, 6))",
            FLAT.replace("4, 12", "4, 2, 6"),
        ),
        ("nn.Embedding(50, 8)", "self.layers(x).softmax(0)", "self.layers(x).softmax(1)", "tokens(4, 9, below=50)"),
    ],
)
def test_samples_that_flow_into_one_another_fail(tmp_path: Path, layers: str, mixing: str, fine: str, inputs: str) -> None:
    mixed = checked(tmp_path, "batch", wrapped(layers, mixing), inputs)
    assert mixed.status == "fail", mixed.sentence
    assert mixed.numbers["effect on other samples"] > 1e-3
    apart = checked(tmp_path, "batch", wrapped(layers, fine), inputs)
    assert (apart.status, apart.numbers["effect on other samples"]) == ("pass", 0.0)


def test_batch_statistics_of_norms_mix_no_samples(tmp_path: Path) -> None:
    assert checked(tmp_path, "batch", wrapped("nn.Sequential(nn.Linear(12, 8), nn.BatchNorm1d(8))"), FLAT).status == "pass"


def test_sequences_that_come_first_are_told_of(tmp_path: Path) -> None:
    first = checked(tmp_path, "batch", wrapped("nn.LSTM(12, 8)", "self.layers(x)[0]"), "(6, 4, 12)")
    assert (first.status, "batch_first=True" in first.cure) == ("warn", True)
    assert checked(tmp_path, "batch", wrapped("nn.LSTM(12, 8, batch_first=True)", "self.layers(x)[0]"), "(4, 6, 12)").status == "pass"


def test_a_result_that_does_not_depend_on_the_input_is_told_of(tmp_path: Path) -> None:
    assert checked(tmp_path, "batch", wrapped("nn.Linear(12, 10)", "self.layers(torch.ones_like(x))"), FLAT).status == "warn"


def test_an_input_that_relates_rows_to_one_another_makes_no_mistake_of_it(tmp_path: Path) -> None:
    source = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(12, 10)

        def forward(self, x, edge_index):
            return self.head(x.index_add(0, edge_index[1], x[edge_index[0]]))
    """
    assert checked(tmp_path, "batch", source, "[(5, 12), tokens(2, 7, below=5)]").status == "not applicable"


# --- dead activations ---


@pytest.mark.parametrize(
    "call", ["F.relu(self.hidden(x))", "self.hidden(x).relu()", "torch.relu_(self.hidden(x))", "nn.ReLU6()(self.hidden(x))"]
)
def test_units_that_are_off_for_every_input_fail(tmp_path: Path, call: str) -> None:
    source = MLP.replace("F.relu(self.hidden(x))", call)
    dead = checked(tmp_path, "activations", source.replace("(12, 32)", "(12, 32)\n        nn.init.constant_(self.hidden.bias, -99)"), FLAT)
    assert (dead.status, dead.numbers["largest share of dead units"]) == ("fail", 1.0)
    assert checked(tmp_path, "activations", source, FLAT).status == "pass"


def test_channels_are_units_of_convolutions_and_features_those_of_linear_layers(tmp_path: Path) -> None:
    source = wrapped("nn.Sequential(nn.Conv1d(3, 8, 3), nn.ReLU())") + "\nnet = Net\n"
    half = source.replace("nn.ReLU())", "nn.ReLU())\n        nn.init.constant_(self.layers[0].bias[:6], -99)")
    outcome = checked(tmp_path, "activations", half, "(4, 3, 11)")
    assert (outcome.status, outcome.numbers["largest share of dead units"]) == ("warn", 0.75)


def test_activations_pressed_against_their_bounds_fail(tmp_path: Path) -> None:
    source = wrapped("nn.Sequential(nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 10))")
    hard = source.replace("10))", "10))\n        nn.init.normal_(self.layers[0].weight, std=200)")
    assert checked(tmp_path, "activations", hard, FLAT).status == "fail"
    assert checked(tmp_path, "activations", source, FLAT).status == "pass"


def test_without_such_activations_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert checked(tmp_path, "activations", wrapped("nn.Linear(12, 10)"), FLAT).status == "not applicable"


# --- the whole recipe ---


def run(folder: Path, source: str, inputs: str = FLAT, **options: int) -> tuple[Answer, Told]:
    told = Told()
    return recipe.run(request_for(folder, source, inputs=inputs, task="recipe", options=options, limits=Limits(seconds=600)), told), told


def test_the_answer_is_plain_data_the_same_every_time_and_grows_check_by_check(tmp_path: Path) -> None:
    answer, told = run(tmp_path, MLP, steps=20)
    again, _ = run(tmp_path, MLP, steps=20)
    assert answer == again
    assert decode(encode(answer)) == answer
    assert answer.parameters == 746
    statuses = [[check["status"] for check in partial.details["checks"]] for partial in told.partials]
    assert [row.count("not applicable") for row in statuses] == [6, 5, 4, 3, 2, 1, 0]
    assert told.partials[-1] == answer


def test_what_one_check_meets_does_not_keep_others_from_their_work(tmp_path: Path) -> None:
    source = MLP.replace("return self.head", "assert self.training, 'evaluation is not written yet'\n        return self.head")
    answer, _ = run(tmp_path, source, steps=2)
    by_id = {check["id"]: check for check in answer.details["checks"]}
    assert by_id["initial-loss"]["status"] == "pass"
    assert "evaluation is not written yet" in by_id["modes"]["sentence"]


@pytest.mark.slow
def test_the_recipe_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    heard: list[str] = []
    request = request_for(tmp_path, MLP, inputs=FLAT, task="recipe", limits=Limits(seconds=180))
    answer = DeepRun(sys.executable, request, lambda progress: heard.append(progress.text)).answer()
    assert answer.problem == ""
    assert {check["status"] for check in answer.details["checks"]} == {"pass"}
    assert any("overfitting one batch" in text for text in heard)
    assert answer.versions["torch"] == torch.__version__


HANGING = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(12, 10)

    def forward(self, x):
        while not self.training and torch.is_grad_enabled():
            pass
        return self.head(x)
"""


@pytest.mark.slow
def test_a_model_that_takes_too_long_keeps_the_checks_that_were_done(tmp_path: Path) -> None:
    request = request_for(tmp_path, HANGING, inputs=FLAT, task="recipe", limits=Limits(seconds=30))
    answer = DeepRun(sys.executable, request).answer()
    assert "30 s" in answer.problem
    statuses = {check["id"]: check["status"] for check in answer.details["checks"]}
    assert statuses["initial-loss"] == "pass"
    assert statuses["modes"] == "not applicable"
