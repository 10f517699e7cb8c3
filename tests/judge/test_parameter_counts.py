"""The sizes in NN501's message, and those of whole models, are those of the real layers."""

from __future__ import annotations

import contextlib
import warnings

import pytest
import torch
from torch import nn

from nnlint.engine import Engine
from nnlint.semantics.signatures import layer_signatures
from nnlint.settings import Settings
from tests.rules.checking import check_files
from tests.rules.literate import MAIN_FILE

pytestmark = pytest.mark.torch

LAYERS = [
    ("nn.Conv2d(3, 64, 3)", "nn.BatchNorm2d(64)"),
    ("nn.Conv1d(4, 6, kernel_size=5, groups=2)", "nn.BatchNorm1d(6)"),
    ("nn.Conv3d(4, 8, (1, 3, 5), groups=4)", "nn.BatchNorm3d(8)"),
    ("nn.ConvTranspose2d(6, 4, (3, 2), groups=2)", "nn.BatchNorm2d(4)"),
    ("nn.Linear(7, 5)", "nn.BatchNorm1d(5)"),
]


@pytest.mark.parametrize(("layer", "norm"), LAYERS)
def test_the_counts_are_torchs(layer: str, norm: str) -> None:
    made = eval(layer, {"nn": nn})
    total = sum(parameter.numel() for parameter in made.parameters())
    (found,) = check_files({MAIN_FILE: f"from torch import nn\n\nnet = nn.Sequential({layer}, {norm})\n"}, ["NN501"])
    assert f"({made.bias.numel():,} of {total:,} parameters without effect)" in found.message


# --- whole models ---

EVERY_LAYER = [
    "nn.Linear(7, 5)",
    "nn.Linear(7, 5, bias=False)",
    "nn.Bilinear(3, 4, 5)",
    "nn.Conv1d(4, 6, 5, groups=2, bias=False)",
    "nn.Conv2d(3, 64, (3, 5))",
    "nn.Conv3d(4, 8, 2, groups=4)",
    "nn.ConvTranspose1d(4, 6, 3)",
    "nn.ConvTranspose2d(6, 4, (3, 2), groups=2)",
    "nn.ConvTranspose3d(6, 4, 3, bias=False)",
    "nn.BatchNorm1d(6)",
    "nn.BatchNorm2d(6, affine=False)",
    "nn.BatchNorm3d(6)",
    "nn.SyncBatchNorm(6)",
    "nn.InstanceNorm1d(6)",
    "nn.InstanceNorm2d(6, affine=True)",
    "nn.InstanceNorm3d(6)",
    "nn.GroupNorm(2, 6)",
    "nn.GroupNorm(2, 6, affine=False)",
    "nn.LayerNorm(6)",
    "nn.LayerNorm((3, 6), bias=False)",
    "nn.LayerNorm([3, 6], elementwise_affine=False)",
    "nn.RMSNorm(6)",
    "nn.Embedding(10, 3)",
    "nn.EmbeddingBag(10, 3)",
    "nn.PReLU(6)",
    "nn.RNN(5, 7, num_layers=2)",
    "nn.GRU(5, 7, num_layers=3, bias=False, bidirectional=True)",
    "nn.LSTM(5, 7, 2, bidirectional=True, proj_size=3)",
    "nn.LSTM(5, 7)",
    "nn.RNNCell(5, 7)",
    "nn.GRUCell(5, 7, bias=False)",
    "nn.LSTMCell(5, 7)",
    "nn.MultiheadAttention(8, 2)",
    "nn.MultiheadAttention(8, 2, kdim=5, vdim=6, add_bias_kv=True)",
    "nn.MultiheadAttention(8, 2, bias=False)",
    "nn.TransformerEncoderLayer(8, 2, 16)",
    "nn.TransformerDecoderLayer(8, 2, dim_feedforward=16, bias=False)",
    "nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2), 3, norm=nn.LayerNorm(8))",
    "nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2), num_layers=2)",
    "nn.Transformer(8, 2, 1, 2, 16)",
    "nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout())",
    "nn.ModuleDict({'a': nn.Linear(3, 4)})",
    "nn.ModuleList([nn.Linear(3, i + 1) for i in range(3)])",
]
# Those whose number of parameters is not worked out; all others that are not in `EVERY_LAYER` have none.
NOT_COUNTED = {
    "AdaptiveLogSoftmaxWithLoss",
    "LinearCrossEntropyLoss",
    "Container",
    "DataParallel",
    "Module",
    "ParameterDict",
    "ParameterList",
    "RNNBase",
    "RNNCellBase",
}

MODEL = """
import torch
from torch import nn

class Model(nn.Module):
    def __init__(self):
        super().__init__()
{body}

    def forward(self, x):
        return x
"""


def counted(text: str) -> int | None:
    """The count that nnlint gives for the class `Model`."""

    class Sources:
        import_roots = ()

        def paths(self):
            return [MAIN_FILE]

        def text(self, path):
            return text if path == MAIN_FILE else None

    result = Engine().check(Sources(), [MAIN_FILE], lambda path: Settings(frozenset()), finds_models=True)
    assert not result.internal_errors
    (model,) = result.models
    assert text[model.span.start : model.span.end] == model.name == "Model"
    assert text[model.whole.start :].startswith("class Model")
    return model.parameters


def real(text: str) -> int:
    namespace: dict[str, type[nn.Module]] = {}
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")
        exec(text, namespace)
        return sum(parameter.numel() for parameter in namespace["Model"]().parameters())


@pytest.mark.parametrize("layer", EVERY_LAYER)
def test_layers_are_counted_as_torch_counts_them(layer: str) -> None:
    text = MODEL.format(body=f"        self.layer = {layer}")
    assert counted(text) == real(text)


def made_somehow(cls: type[nn.Module]) -> nn.Module:
    for arguments in ((), (2,), (2, 2), (1, (1, 2)), (2, 0.5)):
        with contextlib.suppress(TypeError, ValueError):
            return cls(*arguments)
    raise AssertionError(f"add arguments that {cls.__name__} takes")


def test_every_layer_of_torch_with_parameters_is_counted_or_left_out_by_name() -> None:
    tested = {word.partition("(")[0] for layer in EVERY_LAYER for word in layer.split("nn.")}
    for name in sorted({dotted.rpartition(".")[2] for dotted in layer_signatures()} - tested - NOT_COUNTED):
        if not name.startswith("Lazy") and hasattr(nn, name):
            assert not list(made_somehow(getattr(nn, name)).parameters()), f"{name} has parameters that nothing counts"


@pytest.mark.parametrize(
    "lines",
    [
        ["self.p = nn.Parameter(torch.zeros(3, 4))", 'self.register_buffer("mask", torch.zeros(5, 5))'],
        ['self.register_parameter("p", nn.Parameter(torch.randn((2, 3))))', "self.plain = torch.zeros(9)"],
        ["self.gamma = nn.Parameter(1e-6 * torch.ones(8) + 0.5)"],
        ["self.e = nn.Embedding(100, 16)", "self.head = nn.Linear(16, 100, bias=False)", "self.head.weight = self.e.weight"],
        ["self.a = nn.Linear(3, 3)", "self.b = self.a", "self.all = nn.ModuleList([self.a, self.b, nn.Linear(3, 2)])"],
        ["self.layers = nn.ModuleList()", "for i in range(4):", "    self.layers.append(nn.Linear(2 ** i, 2 ** (i + 1)))"],
        ["self.hidden = [nn.Linear(3, 3)]", "self.seen = nn.Linear(3, 1)"],
        ["self.seen = nn.Linear(3, 1)", "self.width = abs(hash('a'))"],
    ],
    ids=["parameter and buffer", "registered", "scaled", "tied", "shared", "loop", "plain list", "unknown data"],
)
def test_models_are_counted_as_torch_counts_them(lines: list[str]) -> None:
    text = MODEL.format(body="\n".join(f"        {line}" for line in lines))
    assert counted(text) == real(text)


def test_sizes_are_those_of_the_defaults_however_often_the_class_is_built_otherwise() -> None:
    block = "class Block(nn.Module):\n    def __init__(self, w):\n        super().__init__()\n        self.layer = nn.Linear(w, w)\n"
    body = "        self.blocks = nn.Sequential(*[Block(2 ** i) for i in range(8)])"
    others = "\n".join(f"model{i} = Model({i})" for i in range(9))
    text = MODEL.format(body=body).replace("(self)", "(self, n=3)").replace("class Model", f"{block}\nclass Model") + others
    assert counted(text) == real(text)


@pytest.mark.parametrize(
    "line",
    [
        "self.layer = nn.LazyLinear(3)",
        "self.layer = nn.Linear(width(), 3)",
        "self.layer = somewhere.backbone()",
        "self.layer = nn.Linear(3, 4) if flag() else nn.Linear(3, 5)",
        "self.p = nn.Parameter(torch.zeros(width()))",
    ],
)
def test_what_is_not_known_is_not_counted(line: str) -> None:
    text = MODEL.format(body=f"        {line}")
    assert counted(text.replace("return x", "return self.layer(x)")) is None
