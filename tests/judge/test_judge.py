"""The judge judged: patterns built by hand whose verdict is known from the mathematics (or, for the odd ones, was measured)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.oracle.causes import Cause, cause
from benchmarks.oracle.judge import Nondeterministic, Trial, Verdict, judging
from benchmarks.oracle.precision import FullPrecision
from benchmarks.oracle.sites import construction_of, recorded_modules

pytestmark = pytest.mark.torch

NEEDED, REDUNDANT, TRAINING_ONLY, NOT_EXERCISED = Verdict
Forward = Callable[..., Any]


@pytest.fixture(autouse=True)
def _judging() -> Iterator[None]:
    with judging():
        yield


class Apply(nn.Module):
    """A module made of a function, so that a pattern fits on a line."""

    def __init__(self, function: Forward, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self.function = function

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(self, *inputs)


def judge(build: Callable[[], nn.Module], *shapes: tuple[int, ...]) -> list[Verdict]:
    """The verdict on every layer with a bias, in the order of construction."""
    with recorded_modules() as modules:
        torch.manual_seed(1)
        model = build()
    inputs = [torch.randn(shape) for shape in shapes]
    trial = Trial(modules, lambda: model(*inputs))
    layers = sorted((m for m in trial.layers if m.bias is not None), key=lambda m: modules.index(m))
    return [trial.verdict(layer) for layer in layers]


IMAGE, SEQUENCE, TABLE, TOKENS, VOLUME = (4, 3, 12, 12), (4, 3, 16), (16, 6), (4, 5, 6), (3, 2, 6, 6, 6)


def conv(**options: object) -> nn.Module:
    return nn.Conv2d(3, 8, 3, **options)  # type: ignore[arg-type]


def functional(function: Callable[[Tensor], Tensor]) -> nn.Module:
    return Apply(lambda _, x: function(x))


# The normalizations: what each averages over decides.
NORMS: list[tuple[str, Callable[[], nn.Module], tuple[int, ...], Verdict]] = [
    ("batch norm 2d", lambda: nn.Sequential(conv(), nn.BatchNorm2d(8)), IMAGE, REDUNDANT),
    ("batch norm 1d after a linear layer", lambda: nn.Sequential(nn.Linear(6, 9), nn.BatchNorm1d(9)), TABLE, REDUNDANT),
    ("batch norm 1d after conv 1d", lambda: nn.Sequential(nn.Conv1d(3, 8, 3), nn.BatchNorm1d(8)), SEQUENCE, REDUNDANT),
    ("batch norm 3d", lambda: nn.Sequential(nn.Conv3d(2, 4, 3), nn.BatchNorm3d(4)), VOLUME, REDUNDANT),
    ("lazy batch norm", lambda: nn.Sequential(nn.LazyConv2d(8, 3), nn.LazyBatchNorm2d()), IMAGE, REDUNDANT),
    ("synchronized batch norm", lambda: nn.Sequential(conv(), nn.SyncBatchNorm(8)), IMAGE, REDUNDANT),
    ("batch norm without affine", lambda: nn.Sequential(conv(), nn.BatchNorm2d(8, affine=False)), IMAGE, REDUNDANT),
    ("batch norm without statistics", lambda: nn.Sequential(conv(), nn.BatchNorm2d(8, track_running_stats=False)), IMAGE, REDUNDANT),
    ("batch norm with cumulative average", lambda: nn.Sequential(conv(), nn.BatchNorm2d(8, momentum=None)), IMAGE, REDUNDANT),
    ("batch norm with momentum 0", lambda: nn.Sequential(conv(), nn.BatchNorm2d(8, momentum=0.0)), IMAGE, TRAINING_ONLY),
    ("batch norm 1d on the wrong axis", lambda: nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(5)), TOKENS, NEEDED),
    ("instance norm", lambda: nn.Sequential(conv(), nn.InstanceNorm2d(8)), IMAGE, REDUNDANT),
    ("instance norm with affine", lambda: nn.Sequential(conv(), nn.InstanceNorm2d(8, affine=True)), IMAGE, REDUNDANT),
    ("instance norm with statistics", lambda: nn.Sequential(conv(), nn.InstanceNorm2d(8, track_running_stats=True)), IMAGE, REDUNDANT),
    ("group norm, one group a channel", lambda: nn.Sequential(conv(), nn.GroupNorm(8, 8)), IMAGE, REDUNDANT),
    ("group norm, fewer groups", lambda: nn.Sequential(conv(), nn.GroupNorm(4, 8)), IMAGE, NEEDED),
    ("group norm, one group", lambda: nn.Sequential(conv(), nn.GroupNorm(1, 8)), IMAGE, NEEDED),
    ("layer norm over features", lambda: nn.Sequential(nn.Linear(6, 9), nn.LayerNorm(9)), TABLE, NEEDED),
    ("layer norm over channels and space", lambda: nn.Sequential(conv(), nn.LayerNorm([8, 10, 10])), IMAGE, NEEDED),
    ("layer norm over space", lambda: nn.Sequential(conv(), nn.LayerNorm([10, 10])), IMAGE, REDUNDANT),
    ("layer norm over width", lambda: nn.Sequential(conv(), nn.LayerNorm(10)), IMAGE, REDUNDANT),
    ("RMS norm", lambda: nn.Sequential(nn.Linear(6, 9), nn.RMSNorm(9)), TABLE, NEEDED),
    ("local response norm", lambda: nn.Sequential(conv(), nn.LocalResponseNorm(3)), IMAGE, NEEDED),
    ("F.normalize", lambda: nn.Sequential(nn.Linear(6, 9), functional(F.normalize)), TABLE, NEEDED),
    (
        "F.batch_norm with default training=False",
        lambda: nn.Sequential(conv(), functional(lambda x: F.batch_norm(x, torch.zeros(8), torch.ones(8)))),
        IMAGE,
        NEEDED,
    ),
    (
        "F.batch_norm(training=True)",
        lambda: nn.Sequential(conv(), functional(lambda x: F.batch_norm(x, None, None, training=True))),
        IMAGE,
        REDUNDANT,
    ),
    ("F.instance_norm", lambda: nn.Sequential(conv(), functional(F.instance_norm)), IMAGE, REDUNDANT),
    (
        "F.instance_norm on given statistics",
        lambda: nn.Sequential(conv(), functional(lambda x: F.instance_norm(x, torch.zeros(8), torch.ones(8), use_input_stats=False))),
        IMAGE,
        NEEDED,
    ),
    ("F.group_norm", lambda: nn.Sequential(conv(), functional(lambda x: F.group_norm(x, 8))), IMAGE, REDUNDANT),
    ("F.layer_norm over space", lambda: nn.Sequential(conv(), functional(lambda x: F.layer_norm(x, [10, 10]))), IMAGE, REDUNDANT),
]


@pytest.mark.parametrize(("build", "shape", "expected"), [n[1:] for n in NORMS], ids=[n[0] for n in NORMS])
def test_normalizations(build: Callable[[], nn.Module], shape: tuple[int, ...], expected: Verdict) -> None:
    assert judge(build, shape)[0] is expected


# What stands between the layer and batch norm.
BETWEEN: list[tuple[str, Callable[[], nn.Module], int, Verdict]] = [
    ("nothing", nn.Identity, 8, REDUNDANT),
    ("max pool", lambda: nn.MaxPool2d(3, 2, padding=1), 8, REDUNDANT),
    ("adaptive max pool", lambda: nn.AdaptiveMaxPool2d(4), 8, REDUNDANT),
    ("average pool", lambda: nn.AvgPool2d(2), 8, REDUNDANT),
    ("average pool, ceil mode", lambda: nn.AvgPool2d(3, 2, ceil_mode=True), 8, REDUNDANT),
    ("average pool, zero padded", lambda: nn.AvgPool2d(3, 1, padding=1), 8, NEEDED),
    ("average pool, padding not counted", lambda: nn.AvgPool2d(3, 1, padding=1, count_include_pad=False), 8, REDUNDANT),
    ("adaptive average pool", lambda: nn.AdaptiveAvgPool2d(3), 8, REDUNDANT),
    ("power-average pool", lambda: nn.LPPool2d(2, 2), 8, NEEDED),
    ("nearest upsampling", lambda: nn.Upsample(scale_factor=2), 8, REDUNDANT),
    ("bicubic upsampling", lambda: nn.Upsample(scale_factor=2, mode="bicubic"), 8, REDUNDANT),
    ("ReLU", nn.ReLU, 8, NEEDED),
    ("GELU", nn.GELU, 8, NEEDED),
    ("PReLU", nn.PReLU, 8, NEEDED),
    ("softmax over another axis", lambda: nn.Softmax(dim=-1), 8, REDUNDANT),
    ("dropout", lambda: nn.Dropout(0.3), 8, NEEDED),
    ("dropout of probability 0", lambda: nn.Dropout(0.0), 8, REDUNDANT),
    ("channel dropout", lambda: nn.Dropout2d(0.4), 8, NEEDED),
    ("zero padding", lambda: nn.ZeroPad2d(1), 8, NEEDED),
    ("reflection padding", lambda: nn.ReflectionPad2d(1), 8, REDUNDANT),
    ("pixel shuffle", lambda: nn.PixelShuffle(2), 2, NEEDED),
    ("pixel unshuffle", lambda: nn.PixelUnshuffle(2), 32, REDUNDANT),
    ("channel shuffle", lambda: nn.ChannelShuffle(2), 8, REDUNDANT),
    ("crop", lambda: functional(lambda x: x[:, :, 1:-1, 1:-1]), 8, REDUNDANT),
    ("scaling by a number", lambda: functional(lambda x: 0.5 * x), 8, REDUNDANT),
    ("its own gate", lambda: functional(lambda x: x * torch.sigmoid(x)), 8, NEEDED),
    ("its own square", lambda: functional(lambda x: x * x), 8, NEEDED),
    ("cat with itself on the channels", lambda: functional(lambda x: torch.cat([x, x.flip(2)], 1)), 16, REDUNDANT),
    ("cat with zeros on the batch", lambda: functional(lambda x: torch.cat([x, torch.zeros_like(x)], 0)), 8, NEEDED),
    ("cat with zeros along the width", lambda: functional(lambda x: torch.cat([x, torch.zeros_like(x)], 3)), 8, NEEDED),
    ("unpadded convolution", lambda: nn.Conv2d(8, 5, 3), 5, REDUNDANT),
    ("zero-padded convolution", lambda: nn.Conv2d(8, 5, 3, padding=1), 5, NEEDED),
    ("pointwise convolution with padding", lambda: nn.Conv2d(8, 5, 1, padding=1), 5, NEEDED),
    ("'same' convolution of size 1", lambda: nn.Conv2d(8, 5, 1, padding="same"), 5, REDUNDANT),
    ("reflecting convolution", lambda: nn.Conv2d(8, 5, 3, padding=1, padding_mode="reflect"), 5, REDUNDANT),
    ("transposed convolution", lambda: nn.ConvTranspose2d(8, 5, 3, stride=2), 5, NEEDED),
    ("transposed convolution of size 1", lambda: nn.ConvTranspose2d(8, 5, 1), 5, REDUNDANT),
]


@pytest.mark.parametrize(("between", "channels", "expected"), [b[1:] for b in BETWEEN], ids=[b[0] for b in BETWEEN])
def test_between_layer_and_batch_norm(between: Callable[[], nn.Module], channels: int, expected: Verdict) -> None:
    verdicts = judge(lambda: nn.Sequential(conv(), between(), nn.BatchNorm2d(channels)), IMAGE)
    assert verdicts[0] is expected
    assert all(v is REDUNDANT for v in verdicts[1:]), "a layer in between stands directly before the norm itself"


def test_channel_dropout_before_instance_norm_is_cancelled() -> None:
    assert judge(lambda: nn.Sequential(conv(), nn.Dropout2d(0.4), nn.InstanceNorm2d(8)), IMAGE) == [REDUNDANT]


def test_a_zero_initialized_scale_hides_nothing() -> None:
    class LayerScale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(6, 6)
            self.gamma = nn.Parameter(torch.zeros(6))

        def forward(self, x: Tensor) -> Any:
            return x + self.gamma * self.fc(x)

    assert judge(LayerScale, TABLE) == [NEEDED]


def test_a_dead_relu_is_no_excuse() -> None:
    def build() -> nn.Module:
        layer = nn.Linear(6, 4)
        nn.init.constant_(layer.bias, -15.0)
        return nn.Sequential(layer, nn.ReLU())

    assert judge(build, TABLE) == [NEEDED]


def test_a_second_use_without_the_norm_needs_the_bias() -> None:
    build = lambda: Apply(lambda m, x: m.bn(m.a(x)) + m.a(x).mean(), a=conv(), bn=nn.BatchNorm2d(8))  # noqa: E731
    assert judge(build, IMAGE) == [NEEDED]


def test_branches_of_a_sum() -> None:
    build = lambda: Apply(lambda m, x: m.bn(m.a(x) + m.b(x)), a=conv(), b=conv(), bn=nn.BatchNorm2d(8))  # noqa: E731
    assert judge(build, IMAGE) == [REDUNDANT, REDUNDANT]
    one_normed = lambda: Apply(lambda m, x: m.bn(m.a(x)) + m.b(x), a=conv(), b=conv(), bn=nn.BatchNorm2d(8))  # noqa: E731
    assert judge(one_normed, IMAGE) == [REDUNDANT, NEEDED]


def test_a_norm_shared_by_two_layers_keeps_their_biases_in_evaluation() -> None:
    build = lambda: Apply(lambda m, x: m.bn(m.a(x)) - m.bn(m.b(x)), a=conv(), b=conv(), bn=nn.BatchNorm2d(8))  # noqa: E731
    assert judge(build, IMAGE) == [TRAINING_ONLY, TRAINING_ONLY]


def test_a_norm_frozen_by_an_overridden_train() -> None:
    class Frozen(nn.Sequential):
        def train(self, mode: bool = True) -> Frozen:
            super().train(mode)
            self[1].eval()
            return self

    assert judge(lambda: Frozen(conv(), nn.BatchNorm2d(8)), IMAGE) == [NEEDED]


def test_a_layer_that_is_never_called_is_not_exercised() -> None:
    build = lambda: Apply(lambda m, x: m.bn(m.a(x)), a=conv(), b=conv(), bn=nn.BatchNorm2d(8))  # noqa: E731
    assert judge(build, IMAGE) == [REDUNDANT, NOT_EXERCISED]


def test_a_layer_whose_result_is_thrown_away_is_not_exercised() -> None:
    build = lambda: Apply(lambda m, x: (m.b(x), m.bn(m.a(x)))[1], a=conv(), b=conv(), bn=nn.BatchNorm2d(8))  # noqa: E731
    assert judge(build, IMAGE) == [REDUNDANT, NOT_EXERCISED]


@pytest.mark.parametrize("wrap", [nn.utils.weight_norm, nn.utils.parametrizations.weight_norm, nn.utils.parametrizations.spectral_norm])
def test_reparametrized_layers(wrap: Callable[[nn.Module], nn.Module]) -> None:
    assert judge(lambda: nn.Sequential(wrap(conv()), nn.BatchNorm2d(8)), IMAGE) == [REDUNDANT]
    assert judge(lambda: nn.Sequential(wrap(conv()), nn.ReLU()), IMAGE) == [NEEDED]


def test_attention_keys_are_cancelled_by_the_softmax() -> None:
    def attend(m: Any, x: Tensor) -> Any:
        return torch.softmax(m.q(x) @ m.k(x).transpose(1, 2), -1) @ m.v(x)

    build = lambda: Apply(attend, q=nn.Linear(6, 4), k=nn.Linear(6, 4), v=nn.Linear(6, 4))  # noqa: E731
    assert judge(build, TOKENS) == [NEEDED, REDUNDANT, NEEDED]


def test_value_projection_before_batch_norm_over_tokens() -> None:
    def attend(m: Any, x: Tensor) -> Any:
        return m.bn((torch.softmax(x @ x.transpose(1, 2), -1) @ m.v(x)).transpose(1, 2))

    assert judge(lambda: Apply(attend, v=nn.Linear(6, 4), bn=nn.BatchNorm1d(4)), TOKENS) == [REDUNDANT]


def test_pre_activation_stream_is_cancelled_by_all_its_readers() -> None:
    class Stream(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 8, 3, padding=1)
            self.norms = nn.ModuleList(nn.BatchNorm2d(8) for _ in range(3))
            self.convs = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(2))

        def forward(self, x: Tensor) -> Any:
            x = self.stem(x)
            for norm, layer in zip(self.norms, self.convs, strict=False):
                x = x + layer(norm(x).relu())
            return self.norms[2](x)

    assert judge(Stream, IMAGE) == [REDUNDANT] * 3


def test_a_model_with_randomness_of_its_own_is_refused() -> None:
    counter = iter(range(100))
    with pytest.raises(Nondeterministic):
        judge(lambda: nn.Sequential(conv(), functional(lambda x: x + next(counter))), IMAGE)


def test_the_construction_place_is_the_call_that_a_person_wrote() -> None:
    class Wide(nn.Conv2d):
        def __init__(self, channels: int) -> None:
            super().__init__(3, channels, 3)

    def helper() -> nn.Module:
        return nn.Linear(
            6, 4
        )  # fmt: skip

    with recorded_modules():
        wide, linear, attention = Wide(8), helper(), nn.MultiheadAttention(4, 2)
    row = Wide.__init__.__code__.co_firstlineno
    made, helped = construction_of(wide), construction_of(linear)
    assert made is not None
    assert helped is not None
    place = made.site
    assert (place.row, place.column, place.end_column) == (row + 9, 35, 42)
    first, second = helped.places[:2]
    assert (first.row, first.column, first.end_row, first.end_column) == (row + 4, 16, row + 6, 10)
    assert (second.row, second.column, second.end_column) == (row + 9, 44, 52)
    assert construction_of(attention.out_proj) is None


@pytest.mark.parametrize(
    ("build", "shape", "expected"),
    [
        (lambda: nn.Sequential(conv(), nn.BatchNorm2d(8)), IMAGE, Cause.NORM),
        (lambda: nn.Sequential(conv(), nn.InstanceNorm2d(8)), IMAGE, Cause.NORM),
        (lambda: nn.Sequential(conv(), nn.GroupNorm(8, 8)), IMAGE, Cause.NORM),
        (lambda: nn.Sequential(conv(), nn.LayerNorm([10, 10])), IMAGE, Cause.NORM),
        (lambda: nn.Sequential(conv(), nn.Softmax(dim=-1)), IMAGE, Cause.SOFTMAX),
        (lambda: nn.Sequential(nn.Linear(6, 1), functional(lambda x: x.log_softmax(1))), TOKENS, Cause.SOFTMAX),
        (lambda: nn.Sequential(conv(), functional(lambda x: x - x.mean((2, 3), keepdim=True))), IMAGE, Cause.OTHER),
    ],
)
def test_what_cancels_a_bias(build: Callable[[], nn.Module], shape: tuple[int, ...], expected: Cause) -> None:
    with recorded_modules() as modules:
        model = build()
    x = torch.randn(shape)
    trial = Trial(modules, lambda: model(x))
    assert trial.verdict(trial.layers[0]) is REDUNDANT
    assert cause(trial, trial.layers[0]) is expected


KEYS: dict[str, Forward] = {
    "scaled": lambda m, x: torch.softmax(m.q(x) @ (0.5 * m.k(x)).mT, -1) @ x,
    "masked": lambda m, x: torch.softmax((m.q(x) @ m.k(x).mT).masked_fill(torch.ones(5, 5).triu(1).bool(), -torch.inf), -1) @ x,
    "einsum": lambda m, x: torch.einsum("bts,bsd->btd", torch.einsum("btd,bsd->bts", m.q(x), m.k(x)).softmax(2), x),
    "heads": lambda m, x: F.scaled_dot_product_attention(*(y.view(4, 5, 2, 3).transpose(1, 2) for y in (m.q(x), m.k(x), x))),
    "position added to the keys": lambda m, x: torch.softmax(m.q(x) @ (m.k(x) + torch.arange(5.0)[:, None]).mT, -1) @ x,
    "in single precision": lambda m, x: torch.softmax(m.q(x) @ m.k(x).mT, -1, dtype=torch.float32).to(x.dtype) @ x,
}
NO_KEYS: dict[str, Forward] = {
    "softmax over the queries": lambda m, x: torch.softmax(m.q(x) @ m.k(x).mT, 1) @ x,
    "normalized": lambda m, x: torch.softmax(m.q(x) @ F.normalize(m.k(x), dim=-1).mT, -1) @ x,
    "a sink among the logits": lambda m, x: torch.softmax(F.pad(m.q(x) @ m.k(x).mT, (1, 0)), -1)[..., 1:] @ x,
    "rotated by position": lambda m, x: torch.softmax(m.q(x) @ (m.k(x) * torch.arange(1.0, 6.0)[:, None]).mT, -1) @ x,
    "sigmoid": lambda m, x: torch.sigmoid(m.q(x) @ m.k(x).mT) @ x,
    "keys are values": lambda m, x: torch.softmax(m.q(x) @ m.k(x).mT, -1) @ m.k(x),
}


@pytest.mark.parametrize(
    ("attend", "expected"),
    [*((f, REDUNDANT) for f in KEYS.values()), *((f, NEEDED) for f in NO_KEYS.values())],
    ids=[*KEYS, *NO_KEYS],
)
def test_keys_of_attention(attend: Forward, expected: Verdict) -> None:
    with FullPrecision():
        assert judge(lambda: Apply(attend, q=nn.Linear(6, 6), k=nn.Linear(6, 6)), TOKENS)[1] is expected


def test_full_precision_is_kept_whatever_a_model_asks_for() -> None:
    x = torch.randn(3)
    with FullPrecision():
        made = [
            x.to(torch.float32),
            x.float(),
            x.half(),
            x.type(torch.bfloat16),
            torch.zeros(2, dtype=torch.float16),
            x.softmax(0, torch.float32),
        ]
        assert {y.dtype for y in made} == {torch.float64}
        assert x.to(torch.long).dtype == torch.int64


def test_a_gradient_is_enough_only_where_it_is_large() -> None:
    with recorded_modules() as modules:
        model = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3))
    x = torch.randn(TABLE)
    trial = Trial(modules, lambda: model(x))
    assert trial.surely_needed() == {id(model[3])}
