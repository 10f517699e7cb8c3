"""What a run says of a finding, held against models of which torch leaves no doubt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nnlint.deep.worker import checking
from nnlint.deep.worker.messages import Answer, Verdict
from nnlint.deep.worker.problems import NoAnswer
from tests.deep.asking import Told, request_for

pytestmark = pytest.mark.torch

CONFIRMED, REFUTED, NO_ANSWER = "confirmed", "refuted", "no answer"


def answer_to(folder: Path, source: str, model: str = "Net()", inputs: str = "") -> Answer:
    return checking.run(request_for(folder, source, model, inputs=inputs), Told())


def verdict_on(folder: Path, source: str, model: str = "Net()", inputs: str = "") -> Verdict:
    """The verdict on the one question of a source."""
    (verdict,) = answer_to(folder, source, model, inputs).verdicts
    return verdict


def module(init: str, forward: str) -> str:
    """A class `Net` with these statements in its constructor and in `forward(self, x)`."""
    lines = ["class Net(nn.Module):", "    def __init__(self):", "        super().__init__()"]
    lines += [f"        {line}" for line in init.strip().splitlines()]
    lines += ["", "    def forward(self, x):", *(f"        {line}" for line in forward.strip().splitlines())]
    return "\n".join(lines) + "\n"


# --- NN501, NN503, NN504 ---


def test_a_bias_before_batch_norm_is_confirmed_with_its_numbers(tmp_path: Path) -> None:
    verdict = verdict_on(
        tmp_path,
        module(
            "self.conv = nn.Conv2d(3, 8, 3)  # ? NN501 nn.Conv2d(3, 8, 3)\nself.norm = nn.BatchNorm2d(8)",
            "return torch.relu(self.norm(self.conv(x)))",
        ),
    )
    assert verdict.kind == CONFIRMED
    assert verdict.numbers["max |Δ|"] < 1e-9
    assert verdict.numbers["parameters wasted"] == 8
    assert "8 parameters wasted" in verdict.message


def test_a_bias_behind_which_a_nonlinearity_stands_is_refuted_and_the_run_says_where_it_goes(tmp_path: Path) -> None:
    verdict = verdict_on(
        tmp_path,
        module(
            "self.conv = nn.Conv2d(3, 8, 3)  # ? NN501 nn.Conv2d(3, 8, 3)\nself.norm = nn.BatchNorm2d(8)",
            "return self.norm(torch.relu(self.conv(x)))",
        ),
    )
    assert verdict.kind == REFUTED
    assert "`relu` (net.py:" in verdict.message


@pytest.mark.parametrize(
    ("norm", "kind"),
    [
        ("nn.BatchNorm2d(8)", CONFIRMED),
        ("nn.SyncBatchNorm(8)", CONFIRMED),
        ("nn.InstanceNorm2d(8)", CONFIRMED),
        ("nn.GroupNorm(8, 8)", CONFIRMED),
        ("nn.GroupNorm(2, 8)", REFUTED),
        ("nn.LayerNorm([8, 30, 30])", REFUTED),
        ("nn.BatchNorm2d(8, momentum=0.0)", REFUTED),
        ("nn.BatchNorm2d(8, momentum=None)", CONFIRMED),
        ("nn.BatchNorm2d(8, track_running_stats=False)", CONFIRMED),
        ("nn.InstanceNorm2d(8, track_running_stats=True)", CONFIRMED),
    ],
)
def test_norms_cancel_as_the_rules_say(tmp_path: Path, norm: str, kind: str) -> None:
    source = module(
        f"self.conv = nn.Conv2d(3, 8, 3)  # ? NN501 nn.Conv2d(3, 8, 3)\nself.norm = {norm}", "return torch.tanh(self.norm(self.conv(x)))"
    )
    assert verdict_on(tmp_path, source, inputs="(4, 3, 32, 32)").kind == kind


OWN_NORM = """
class OwnNorm(nn.Module):
    def __init__(self, momentum):
        super().__init__()
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(8))

    def forward(self, x):
        if self.training:
            mean = x.mean((0, 2, 3))
            self.mean += self.momentum * (mean.detach() - self.mean)
        else:
            mean = self.mean
        return x - mean[:, None, None]

"""


@pytest.mark.parametrize(("momentum", "kind"), [(0.1, CONFIRMED), (0.005, NO_ANSWER), (0.0, REFUTED)])
def test_statistics_of_a_norm_written_by_hand_are_given_time(tmp_path: Path, momentum: float, kind: str) -> None:
    init = f"self.conv = nn.Conv2d(3, 8, 3)  # ? NN501 nn.Conv2d(3, 8, 3)\nself.norm = OwnNorm({momentum})"
    source = OWN_NORM + "\n" + module(init, "return torch.tanh(self.norm(self.conv(x)))")
    assert verdict_on(tmp_path, source, inputs="(4, 3, 12, 12)").kind == kind


def test_one_instance_that_needs_its_bias_refutes_the_call(tmp_path: Path) -> None:
    source = """
    def conv():
        return nn.Conv2d(3, 3, 3)  # ? NN501


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.norm = conv(), conv(), nn.BatchNorm2d(3)

        def forward(self, x):
            return torch.sigmoid(self.b(torch.relu(self.norm(self.a(x)))))
    """
    verdict = verdict_on(tmp_path, source)
    assert verdict.kind == REFUTED
    assert "`b`" in verdict.message


def test_a_zero_initialized_head_hides_nothing(tmp_path: Path) -> None:
    source = module(
        "self.fc = nn.Linear(6, 5)  # ? NN501 nn.Linear(6, 5)\n"
        "self.head = nn.Linear(5, 2)\nnn.init.zeros_(self.head.weight)\nself.gate = nn.Parameter(torch.zeros(()))",
        "return self.gate * self.head(torch.tanh(self.fc(x)))",
    )
    assert verdict_on(tmp_path, source).kind == REFUTED


def test_a_model_that_cannot_be_differentiated_is_judged_by_its_outputs_alone(tmp_path: Path) -> None:
    layers = "self.conv = nn.Conv2d(3, 8, 3)  # ? NN501 nn.Conv2d(3, 8, 3)\nself.norm = nn.BatchNorm2d(8)"
    assert verdict_on(tmp_path, module(layers, "return self.norm(self.conv(x)).detach()")).kind == CONFIRMED
    assert verdict_on(tmp_path, module(layers, "return self.norm(torch.relu(self.conv(x))).detach()")).kind == REFUTED


def test_a_finding_at_an_argument_is_about_the_call_around_it(tmp_path: Path) -> None:
    layers = "self.conv = nn.Conv2d(3, 8, 3, bias=True)  # ? NN501 bias=True\nself.norm = nn.BatchNorm2d(8)"
    assert verdict_on(tmp_path, module(layers, "return self.norm(self.conv(x))")).kind == CONFIRMED


def test_dropout_keeps_a_bias_alive_although_the_norm_is_behind_it(tmp_path: Path) -> None:
    source = module(
        "self.conv = nn.Conv2d(3, 8, 3)  # ? NN501 nn.Conv2d(3, 8, 3)\nself.drop = nn.Dropout(0.5)\nself.norm = nn.BatchNorm2d(8)",
        "return self.norm(self.drop(self.conv(x)))",
    )
    assert verdict_on(tmp_path, source).kind == REFUTED


def test_a_layer_whose_result_is_thrown_away_gives_no_answer(tmp_path: Path) -> None:
    source = module(
        "self.conv = nn.Conv2d(3, 8, 3)  # ? NN501 nn.Conv2d(3, 8, 3)\nself.other = nn.Conv2d(3, 4, 1)",
        "self.conv(x)\nreturn self.other(x)",
    )
    verdict = verdict_on(tmp_path, source)
    assert verdict.kind == NO_ANSWER
    assert "reaches an output" in verdict.message


def test_a_key_bias_before_a_softmax_is_confirmed(tmp_path: Path) -> None:
    source = module(
        "self.q = nn.Linear(6, 5)\nself.k = nn.Linear(6, 5)  # ? NN503 nn.Linear(6, 5)\nself.v = nn.Linear(6, 5)",
        "return torch.softmax(self.q(x) @ self.k(x).transpose(1, 2), -1) @ self.v(x)",
    )
    assert verdict_on(tmp_path, source, inputs="(4, 7, 6)").kind == CONFIRMED


def test_a_bias_that_vanishes_behind_another_layer_is_confirmed(tmp_path: Path) -> None:
    source = module(
        "self.a = nn.Conv2d(3, 5, 3)  # ? NN504 nn.Conv2d(3, 5, 3)\nself.b = nn.Conv2d(5, 8, 3)\nself.norm = nn.BatchNorm2d(8)",
        "return self.norm(self.b(self.a(x)))",
    )
    assert verdict_on(tmp_path, source).kind == CONFIRMED


@pytest.mark.parametrize(
    ("init", "forward", "code"),
    [
        ("self.a = nn.Conv2d(3, 8, 3)\nself.norm = nn.BatchNorm2d(8)", "return self.norm(self.a(x))", "NN501"),
        (
            "self.a = nn.Conv2d(3, 5, 3)\nself.b = nn.Conv2d(5, 8, 3, bias=False)\nself.norm = nn.BatchNorm2d(8)",
            "return self.norm(self.b(self.a(x)))",
            "NN504",
        ),
        ("self.a = nn.Linear(6, 1)", "return (torch.softmax(self.a(x), 1) * x).sum(1)", "NN503"),
    ],
)
def test_biases_that_nobody_asked_about_are_discovered_as_what_they_are(tmp_path: Path, init: str, forward: str, code: str) -> None:
    inputs = "(4, 7, 6)" if code == "NN503" else "(4, 3, 32, 32)"
    answer = answer_to(tmp_path, module(init, forward), inputs=inputs)
    (found,) = answer.discoveries
    assert found.code == code
    assert Path(found.place.path).name == "net.py"


def test_nothing_is_discovered_where_biases_matter(tmp_path: Path) -> None:
    answer = answer_to(
        tmp_path,
        module("self.a = nn.Conv2d(3, 8, 3)\nself.norm = nn.LayerNorm(30)", "return torch.relu(self.norm(self.a(x)))"),
        inputs="(4, 3, 32, 32)",
    )
    # LayerNorm over the last axis alone: a shift per channel is constant along it.
    assert [found.code for found in answer.discoveries] == ["NN501"]
    answer = answer_to(tmp_path, module("self.a = nn.Conv2d(3, 8, 3)", "return torch.relu(self.a(x))"), inputs="(4, 3, 32, 32)")
    assert answer.discoveries == ()


# --- NN502 ---


def test_an_output_layer_without_bias_is_confirmed(tmp_path: Path) -> None:
    source = module(
        "self.a = nn.Linear(6, 5)\nself.b = nn.Linear(5, 3, bias=False)  # ? NN502 nn.Linear(5, 3, bias=False)",
        "return self.b(torch.relu(self.a(x)))",
    )
    assert verdict_on(tmp_path, source).kind == CONFIRMED


def test_an_output_layer_whose_offset_another_parameter_holds_is_refuted(tmp_path: Path) -> None:
    source = module(
        "self.b = nn.Linear(6, 3, bias=False)  # ? NN502 nn.Linear(6, 3, bias=False)\nself.offset = nn.Parameter(torch.zeros(3))",
        "return self.b(x) + self.offset",
    )
    verdict = verdict_on(tmp_path, source)
    assert verdict.kind == REFUTED
    assert "`offset`" in verdict.message


def test_an_output_that_is_normalized_needs_no_bias(tmp_path: Path) -> None:
    source = module(
        "self.b = nn.Linear(6, 3, bias=False)  # ? NN502 nn.Linear(6, 3, bias=False)\nself.norm = nn.BatchNorm1d(3)",
        "return self.norm(self.b(x))",
    )
    assert verdict_on(tmp_path, source).kind == REFUTED


# --- NN401, NN402, NN404, NN406 ---


@pytest.mark.parametrize(
    ("code", "forward", "kind"),
    [
        ("NN401", "return torch.softmax(self.fc(x), 1)  # ? NN401", CONFIRMED),
        ("NN401", "return F.log_softmax(self.fc(x), 1)  # ? NN401", CONFIRMED),
        ("NN401", "return torch.sigmoid(self.fc(x))  # ? NN401", CONFIRMED),
        ("NN401", "y = self.fc(x)\nreturn y if self.training else torch.softmax(y, 1)  # ? NN401 torch.softmax(y, 1)", REFUTED),
        ("NN402", "return torch.sigmoid(self.fc(x))  # ? NN402", CONFIRMED),
        ("NN402", "return 4 * torch.sigmoid(self.fc(x)) - 2  # ? NN402 torch.sigmoid(self.fc(x))", REFUTED),
        ("NN404", "return self.fc(x)  # ? NN404", CONFIRMED),
        ("NN404", "return self.fc(x).sigmoid()  # ? NN404 self.fc(x)", REFUTED),
        (
            "NN406",
            "return torch.softmax(torch.softmax(self.fc(x), 1), 1)  # ? NN406",
            CONFIRMED,
        ),
        (
            "NN406",
            "return torch.softmax(torch.softmax(self.fc(x), 0), 1)  # ? NN406",
            REFUTED,
        ),
        ("NN406", "y = self.fc(x)\nreturn torch.softmax(y, 1)  # ? NN406", REFUTED),
    ],
)
def test_what_a_loss_is_given_is_measured(tmp_path: Path, code: str, forward: str, kind: str) -> None:
    verdict = verdict_on(tmp_path, module("self.fc = nn.Linear(6, 5)", forward), inputs="(4, 6)")
    assert verdict.kind == kind, verdict


def test_the_floor_of_the_loss_is_that_of_the_formula(tmp_path: Path) -> None:
    verdict = verdict_on(tmp_path, module("self.fc = nn.Linear(6, 10)", "return torch.softmax(self.fc(x), 1)  # ? NN401"))
    assert verdict.numbers["loss floor"] == pytest.approx(1.4612, abs=1e-4)  # ln(e + 9) - 1
    assert verdict.numbers["classes"] == 10


def test_a_softmax_layer_is_found_by_the_place_of_its_construction(tmp_path: Path) -> None:
    source = module(
        "self.fc = nn.Linear(6, 5)\nself.inner = nn.Softmax(dim=1)\nself.outer = nn.Softmax(dim=1)  # ? NN406 nn.Softmax(dim=1)",
        "return self.outer(self.inner(self.fc(x)))",
    )
    assert verdict_on(tmp_path, source).kind == CONFIRMED


# --- NN204 ---


@pytest.mark.parametrize(
    ("forward", "kind"),
    [
        ("return F.dropout(self.fc(x), 0.5)  # ? NN204", CONFIRMED),
        ("return F.dropout(self.fc(x), 0.5, self.training)  # ? NN204", REFUTED),
        ("return nn.Dropout(0.5)(self.fc(x))  # ? NN204 nn.Dropout(0.5)", CONFIRMED),
        ("return F.alpha_dropout(self.fc(x), 0.5)  # ? NN204", CONFIRMED),
        (
            "y = self.fc(x)\nreturn F.scaled_dot_product_attention(y, y, y, dropout_p=0.5)  # ? NN204",
            CONFIRMED,
        ),
        ("y = self.fc(x)\nreturn F.scaled_dot_product_attention(y, y, y)  # ? NN204", REFUTED),
    ],
)
def test_dropout_that_ignores_the_mode_is_seen_to_drop(tmp_path: Path, forward: str, kind: str) -> None:
    verdict = verdict_on(tmp_path, module("self.fc = nn.Linear(6, 5)", forward), inputs="(4, 7, 6)")
    assert verdict.kind == kind, verdict


def test_what_another_dropout_does_is_not_blamed_on_the_one_that_was_asked_about(tmp_path: Path) -> None:
    source = module(
        "self.fc = nn.Linear(6, 5)",
        "y = F.dropout(self.fc(x), 0.5, self.training)  # ? NN204 F.dropout(self.fc(x), 0.5, self.training)\nreturn F.dropout(y, 0.5)",
    )
    assert verdict_on(tmp_path, source).kind == REFUTED


# --- NN601, NN602, NN603 ---


@pytest.mark.parametrize(
    ("forward", "kind"),
    [
        ("b, t, c = x.shape\nreturn x.view(t, b, c)  # ? NN601", CONFIRMED),
        ("b, t, c = x.shape\nreturn x.view(b, 2, t, c // 2)  # ? NN601", CONFIRMED),
        ("b, t, c = x.shape\nreturn x.view(b, t, 2, c // 2)  # ? NN601", NO_ANSWER),
        ("b, t, c = x.shape\nreturn x.view(b * t, c)  # ? NN601", REFUTED),
        ("b, t, c = x.shape\nreturn x.reshape(b, c, t)  # ? NN601", CONFIRMED),
        ("b, t, c = x.shape\nreturn x.permute(1, 0, 2).reshape(b, t * c)  # ? NN603", CONFIRMED),
        ("return x.reshape(-1, 10)  # ? NN603", CONFIRMED),
        ("b, t, c = x.shape\nreturn x.reshape(b, t * c)  # ? NN603", REFUTED),
        ("b, t, c = x.shape\nreturn x.transpose(1, 2).view(b, t * c)  # ? NN602", CONFIRMED),
        (
            "b, t, c = x.shape\nreturn x.transpose(1, 2).contiguous().view(b, t * c)  # ? NN602",
            REFUTED,
        ),
    ],
)
def test_views_are_judged_by_the_elements_that_they_move(tmp_path: Path, forward: str, kind: str) -> None:
    verdict = verdict_on(tmp_path, module("self.fc = nn.Linear(6, 6)", "x = self.fc(x)\n" + forward), inputs="(5, 7, 6)")
    assert verdict.kind == kind, verdict


def test_the_message_of_a_view_that_raises_is_torchs_own(tmp_path: Path) -> None:
    source = module("self.fc = nn.Linear(6, 6)", "return self.fc(x).transpose(1, 2).view(-1)  # ? NN602")
    assert "view size is not compatible" in verdict_on(tmp_path, source, inputs="(5, 7, 6)").message


def test_samples_that_reach_one_another_are_counted(tmp_path: Path) -> None:
    source = module(
        "self.fc = nn.Linear(6, 6)",
        "b, t, c = x.shape\nreturn self.fc(x).transpose(0, 1).reshape(b, t * c)  # ? NN603",
    )
    verdict = verdict_on(tmp_path, source, inputs="(5, 7, 6)")
    assert verdict.numbers["samples that reach others"] == 5


def test_equal_sizes_tell_nothing_where_the_model_takes_no_others(tmp_path: Path) -> None:
    view = "b, t, c = x.shape\nreturn self.fc(x).view(t, b, c)  # ? NN601 view(t, b, c)"
    fixed = module("self.fc = nn.Linear(6, 6)", "assert x.shape == (6, 6, 6)\n" + view)
    assert verdict_on(tmp_path, fixed, inputs="(6, 6, 6)").kind == NO_ANSWER
    assert verdict_on(tmp_path, module("self.fc = nn.Linear(6, 6)", view), inputs="(6, 6, 6)").kind == CONFIRMED


def test_an_axis_that_is_split_may_have_been_merged_in_another_order(tmp_path: Path) -> None:
    forward = "b, t, c = x.shape\ny = self.fc(x).reshape(b * t, c)\nreturn y.view(t, b, c)  # ? NN601 y.view(t, b, c)"
    assert verdict_on(tmp_path, module("self.fc = nn.Linear(6, 6)", forward), inputs="(5, 7, 6)").kind == NO_ANSWER


# --- the task ---


def test_a_question_that_one_way_leaves_open_is_put_to_the_next(tmp_path: Path) -> None:
    source = """
    class Net(nn.Module):
        def __init__(self, normed=False):
            super().__init__()
            if normed:
                self.body = nn.Sequential(
                    nn.Conv2d(3, 4, 3),  # ? NN501 nn.Conv2d(3, 4, 3)
                    nn.BatchNorm2d(4),
                )
            else:
                self.body = nn.Conv2d(3, 4, 3, bias=False)

        def forward(self, x):
            return self.body(x)
    """
    request = request_for(tmp_path, source)
    request = replace(request, ways=(*request.ways, replace(request.ways[0], model="Net(normed=True)")))
    (verdict,) = checking.run(request, Told()).verdicts
    assert verdict.kind == CONFIRMED
    assert "Net(normed=True)" in verdict.message


TWO_FORMS = """
class Net(nn.Module):
    def __init__(self, normed=False):
        super().__init__()
        self.a = nn.Conv2d(3, 4, 3)  # ? NN501 nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4) if normed else nn.Tanh()
        if normed:
            self.b = nn.Conv2d(4, 4, 1)  # ? NN501 nn.Conv2d(4, 4, 1)
            self.last = nn.BatchNorm2d(4)

    def forward(self, x):
        y = self.norm(self.a(x))
        return self.last(self.b(torch.relu(y))) if hasattr(self, "b") else y
"""


def test_what_one_model_has_refuted_no_other_one_discovers(tmp_path: Path) -> None:
    request = request_for(tmp_path, TWO_FORMS)
    told = Told()
    answer = checking.run(replace(request, ways=(*request.ways, replace(request.ways[0], model="Net(normed=True)"))), told)
    assert [verdict.kind for verdict in answer.verdicts] == [REFUTED, CONFIRMED]
    assert answer.discoveries == ()
    assert told.partials[-1].verdicts == answer.verdicts, "a run that ends early keeps what all models have said"


PART = """
class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q = nn.Linear(6, 5)
        self.k = nn.Linear(6, 5)  # ? NN503 nn.Linear(6, 5)

    def forward(self, x):
        scores = self.q(x) @ self.k(x).transpose(1, 2)
        return torch.softmax(scores, -1) @ x, scores


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = Attention()

    def forward(self, x):
        return self.attention(x)[0]
"""


def test_what_a_part_returns_besides_does_not_refute_what_holds_in_its_holder(tmp_path: Path) -> None:
    request = request_for(tmp_path, PART, "Attention()", inputs="(4, 7, 6)")
    alone = request.ways[0]
    part, holder = replace(alone, is_part=True), replace(alone, model="Net()")
    kinds = [
        [verdict.kind for verdict in checking.run(replace(request, ways=ways), Told()).verdicts]
        for ways in ((alone,), (part,), (part, holder), (part, replace(holder, model="Net(1)")))
    ]
    assert kinds == [[REFUTED], [NO_ANSWER], [CONFIRMED], [NO_ANSWER]]


def test_a_model_whose_runs_differ_gives_way_to_the_next(tmp_path: Path) -> None:
    source = """
    class Net(nn.Module):
        def __init__(self, noisy=True):
            super().__init__()
            self.noisy, self.runs = noisy, 0
            self.conv = nn.Conv2d(3, 4, 3)  # ? NN501 nn.Conv2d(3, 4, 3)
            self.norm = nn.BatchNorm2d(4)

        def forward(self, x):
            self.runs += self.noisy
            return self.norm(self.conv(x)) + self.runs
    """
    request = request_for(tmp_path, source)
    with pytest.raises(NoAnswer, match="differ"):
        checking.run(request, Told())
    answer = checking.run(replace(request, ways=(*request.ways, replace(request.ways[0], model="Net(noisy=False)"))), Told())
    assert [verdict.kind for verdict in answer.verdicts] == [CONFIRMED]


def test_a_way_that_was_changed_to_work_is_followed_by_the_next(tmp_path: Path) -> None:
    source = """
    class Net(nn.Module):
        def __init__(self, pretrained=True, normed=False):
            super().__init__()
            if pretrained:
                self.load_state_dict(torch.load("weights.pt"))
            self.body = nn.Conv2d(3, 4, 3)
            if normed:
                self.body = nn.Sequential(
                    nn.Conv2d(3, 4, 3),  # ? NN501 nn.Conv2d(3, 4, 3)
                    nn.BatchNorm2d(4),
                )

        def forward(self, x):
            return self.body(x)
    """
    request = request_for(tmp_path, source)
    further = replace(request.ways[0], model="Net(normed=True)")
    (verdict,) = checking.run(replace(request, ways=(*request.ways, further)), Told()).verdicts
    assert verdict.kind == CONFIRMED


def test_the_order_of_calls_is_that_of_the_run(tmp_path: Path) -> None:
    answer = answer_to(
        tmp_path, module("self.b = nn.Linear(5, 5)\nself.a = nn.Linear(6, 5)\nself.unused = nn.Linear(6, 5)", "return self.b(self.a(x))")
    )
    assert [entry["layer"] for entry in answer.details["order"]] == ["a", "b"]


def test_partial_answers_come_after_every_question(tmp_path: Path) -> None:
    told = Told()
    source = module(
        "self.n = nn.BatchNorm2d(8)\n"
        "self.a = nn.Conv2d(3, 8, 3)  # ? NN501 nn.Conv2d(3, 8, 3)\n"
        "self.b = nn.Conv2d(8, 8, 1)  # ? NN501 nn.Conv2d(8, 8, 1)",
        "return self.b(self.n(self.a(x)))",
    )
    answer = checking.run(request_for(tmp_path, source), told)
    assert [len(partial.verdicts) for partial in told.partials] == [1, 2]
    assert [verdict.kind for verdict in answer.verdicts] == [CONFIRMED, REFUTED]
