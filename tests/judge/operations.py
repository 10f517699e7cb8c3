"""Every operation of the transfer table, written as Python: random arguments, random sizes, the spellings that code uses.

`x` and `y` are feature maps of one shape, with sizes `n, c, …`; `row`, `cell` and `other` are described at `Scene`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

SIZES = "nchwd"


@dataclass(frozen=True, slots=True)
class Scene:
    """One expression over `x` and `y` of the shape `sizes`. Where `rank_is_told` is false, nothing says how many axes `x` has."""

    expression: str
    sizes: tuple[int, ...]
    rank_is_told: bool = True

    @property
    def code(self) -> str:
        names = ", ".join(SIZES[: len(self.sizes)])
        unpacking = f"        {names} = x.shape\n" if self.rank_is_told else ""
        return (
            "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n\n\n"
            "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.first = nn.Identity()\n\n"
            f"    def forward(self, x, y):\n        x = self.first(x)\n{unpacking}        return {self.expression}\n"
        )


Choose = random.Random
Arguments = Callable[[Choose, "tuple[int, ...]"], "list[str]"]


# Methods that become the operation of the same name; those in place become the plain one.
_METHODS = frozenset(name for name in dir(torch.Tensor) if not name.endswith("_")) - {"split_with_sizes"}


def spelled(name: str, arguments: str, as_method: bool) -> str:
    """A call of an operation on `x`: as a function or, where both exist, as a method."""
    short = name.rpartition(".")[2]
    if re.match(r"torch\.nn\.[A-Z]", name):
        return f"nn.{short}({arguments})(x)"
    if name.startswith("torch.Tensor.") or (as_method and name.count(".") == 1 and short in _METHODS - {"split_with_sizes"}):
        return f"x.{short}({arguments})"
    if short in ("reshape", "permute"):
        arguments = f"({arguments},)"
    space = "F" if name.startswith("torch.nn.functional.") else name.rpartition(".")[0]
    return f"{space}.{short}(x{', ' if arguments else ''}{arguments})"


def _axis(choose: Choose, sizes: tuple[int, ...]) -> int:
    return choose.randrange(-len(sizes), len(sizes))


def _dims(choose: Choose, sizes: tuple[int, ...]) -> str:
    """`dim=…`: one axis or several, counted from either side, kept or not."""
    axes = choose.sample(range(len(sizes)), choose.randint(1, len(sizes) - 1))
    written = [a - len(sizes) * choose.randint(0, 1) for a in axes]
    dim = str(written[0]) if len(written) == 1 else repr(tuple(written))
    return f"dim={dim}" + choose.choice(["", ", keepdim=True", ", keepdim=False"])


def _permutation(choose: Choose, sizes: tuple[int, ...]) -> str:
    order = list(range(len(sizes)))
    choose.shuffle(order)
    return ", ".join(str(a - len(sizes) * choose.randint(0, 1)) for a in order)


def _two(choose: Choose, sizes: tuple[int, ...]) -> str:
    one, other = choose.sample(range(len(sizes)), 2)
    return f"{one - len(sizes) * choose.randint(0, 1)}, {other - len(sizes) * choose.randint(0, 1)}"


def _window(choose: Choose, sizes: tuple[int, ...]) -> str:
    kernel = choose.choice([2, 3])
    return f"{kernel}, stride={choose.choice([1, 2])}, padding={choose.choice([0, 1])}" + choose.choice(["", ", ceil_mode=True"])


def _mean_window(choose: Choose, sizes: tuple[int, ...]) -> str:
    return _window(choose, sizes) + choose.choice(["", ", count_include_pad=False"])


def _convolution(choose: Choose, sizes: tuple[int, ...], transposed: bool = False) -> str:
    kernel, c = choose.choice([1, 2, 3]), sizes[1]
    options = f"{choose.choice([1, 4])}, {kernel}, stride={choose.choice([1, 2])}, padding={choose.choice([0, 1])}"
    if not transposed:
        options += choose.choice(["", f", padding_mode={choose.choice(['reflect', 'replicate', 'circular'])!r}", ", groups=1, bias=False"])
    return options if choose.random() < 0 else f"{c}, {options}"


def _targets(sizes: tuple[int, ...]) -> list[str]:
    """Targets of `view`: the sizes themselves merged, split, left out as -1, or cut anew."""
    names = SIZES[: len(sizes)]
    out = [
        ", ".join(names),
        f"{names[0]}, -1",
        f"-1, {names[-1]}",
        f"{names[0]}, 2, c // 2, *x.shape[2:]",
        f"{names[0]}, c // 2, -1, *x.shape[2:]",
    ]
    if len(sizes) == 4:
        out += [
            "n, c, h * w",
            "n, c, -1",
            "n * c, h, w",
            "n, c * h, w",
            "-1, c, h, w",
            "n, h, c, w",
            "n, 1, c, h, w",
            "x.size(0), x.size(1), -1",
        ]
    if len(sizes) == 3:
        out += [
            "n, c, 2, h // 2",
            "n, -1, 2, h // 2",
            "n * c, h",
            "*x.shape[:-1], 2, -1",
            "n, c, -1, h // 2",
        ]
    return out


_SHUFFLES = "pixel_unshuffle PixelUnshuffle pixel_shuffle PixelShuffle channel_shuffle ChannelShuffle"
_NOTHING: Arguments = lambda choose, sizes: [""]  # noqa: E731

_STATISTICS = "torch.zeros(c), torch.ones(c)"

# By the last part of the name; `Conv*d` and the like are looked up without their number of spatial axes.
_BY_WORDS: dict[str, Arguments] = {
    "add sub subtract mul multiply div divide true_divide": lambda choose, sizes: ["y", "2.5", "y[:1]", "x.detach() * 0 + 1"],
    "floor_divide remainder maximum minimum fmod eq ne lt le gt ge": lambda choose, sizes: ["y"],
    "logical_and logical_or": lambda choose, sizes: ["y > 0"],
    "rsub": lambda choose, sizes: ["y", "1"],
    "pow": lambda choose, sizes: ["2", "3"],
    "addcmul": lambda choose, sizes: ["y, y"],
    "lerp": lambda choose, sizes: ["y, 0.3"],
    "prelu": lambda choose, sizes: ["torch.full((1,), 0.2)"],
    "threshold": lambda choose, sizes: ["0.1, 0.0"],
    "Threshold": lambda choose, sizes: ["0.1, 0.0"],
    "clamp clip clamp_": lambda choose, sizes: ["-0.5, 0.5", "min=0"],
    "clamp_min clamp_max": lambda choose, sizes: ["0.1"],
    "glu GLU": lambda choose, sizes: ["dim=1"],
    "cross": lambda choose, sizes: ["y, dim=1"],
    # where elements go
    "flatten Flatten": lambda choose, sizes: ["", "1", "1, 2", "start_dim=-2", "0, 1"],
    "view reshape": lambda choose, sizes: _targets(sizes),
    "permute": lambda choose, sizes: [_permutation(choose, sizes)],
    "transpose swapaxes swapdims": lambda choose, sizes: [_two(choose, sizes), "1, 2", "-2, -1"],
    "movedim moveaxis": lambda choose, sizes: [_two(choose, sizes)],
    "unsqueeze": lambda choose, sizes: [str(choose.randint(-len(sizes) - 1, len(sizes))), "0", "-1"],
    "chunk tensor_split": lambda choose, sizes: ["2, dim=1", "2", "2, -1"],
    "split split_with_sizes": lambda choose, sizes: ["[1, c - 1], dim=1", "[1, n - 1]"],
    "narrow": lambda choose, sizes: ["1, 0, 2"],
    "flip": lambda choose, sizes: ["(1,)", "(0, -1)"],
    "roll": lambda choose, sizes: ["1, 1", "2, -1"],
    "repeat_interleave": lambda choose, sizes: ["2, dim=1", "3, dim=0"],
    "unbind": lambda choose, sizes: ["1", "-1", ""],
    "repeat": lambda choose, sizes: [", ".join(["2", *["1"] * len(sizes)]), ", ".join(["1", "2", *["1"] * (len(sizes) - 2)])],
    "tile": lambda choose, sizes: [f"({', '.join(['1', '2', *['1'] * (len(sizes) - 2)])})"],
    "expand": lambda choose, sizes: [f"3, {', '.join(['-1'] * len(sizes))}"],
    "unflatten Unflatten": lambda choose, sizes: ["1, (2, c // 2)", "-1, (1, -1)", "1, (-1, 2)"],
    # sums
    "mean sum nanmean nansum std var amax amin logsumexp": lambda choose, sizes: [_dims(choose, sizes), _dims(choose, sizes)],
    "max min median": lambda choose, sizes: [f"dim={_axis(choose, sizes)}", f"{_axis(choose, sizes)}, keepdim=True"],
    "topk kthvalue": lambda choose, sizes: ["1, dim=1"],
    "cumsum cumprod": lambda choose, sizes: ["1"],
    "sort mode argsort argmax argmin prod": lambda choose, sizes: ["dim=1"],
    "softmax log_softmax softmin Softmax LogSoftmax Softmin": lambda choose, sizes: [f"dim={_axis(choose, sizes)}", "dim=1", "dim=-1"],
    # layers
    "Conv LazyConv": lambda choose, sizes: [_convolution(choose, sizes) for _ in range(4)],
    "ConvTranspose LazyConvTranspose": lambda choose, sizes: [_convolution(choose, sizes, True) for _ in range(4)],
    "Linear": lambda choose, sizes: [f"{sizes[-1]}, 4", f"{sizes[-1]}, 1"],
    "LazyLinear": lambda choose, sizes: ["4"],
    "linear": lambda choose, sizes: [f"torch.randn(4, {sizes[-1]})"],
    "BatchNorm": lambda choose, sizes: [f"{sizes[1]}", f"{sizes[1]}, momentum=None", f"{sizes[1]}, affine=False"],
    "SyncBatchNorm": lambda choose, sizes: [f"{sizes[1]}"],
    "InstanceNorm": lambda choose, sizes: [f"{sizes[1]}", f"{sizes[1]}, affine=True, track_running_stats=True"],
    "GroupNorm": lambda choose, sizes: [f"{sizes[1]}, {sizes[1]}", f"2, {sizes[1]}", f"1, {sizes[1]}"],
    "group_norm": lambda choose, sizes: ["2", "1", f"{sizes[1]}"],
    "LayerNorm": lambda choose, sizes: [f"{sizes[-1]}", f"{list(sizes[-2:])}", f"{list(sizes[1:])}"],
    "layer_norm": lambda choose, sizes: [f"{list(sizes[-1:])}", f"({sizes[-2]}, {sizes[-1]})"],
    "batch_norm": lambda choose, sizes: ["None, None, training=True", f"{_STATISTICS}, training=True", _STATISTICS],
    "instance_norm": lambda choose, sizes: ["", f"{_STATISTICS}, use_input_stats=False"],
    "rms_norm": lambda choose, sizes: [f"({sizes[-1]},)"],
    "RMSNorm": lambda choose, sizes: [f"{sizes[-1]}"],
    "LocalResponseNorm local_response_norm CrossMapLRN2d": lambda choose, sizes: ["2"],
    "MaxPool max_pool": lambda choose, sizes: [_window(choose, sizes), "2"],
    "AvgPool avg_pool": lambda choose, sizes: [_mean_window(choose, sizes), _mean_window(choose, sizes), "2"],
    "LPPool lp_pool": lambda choose, sizes: ["2, 2"],
    "AdaptiveAvgPool AdaptiveMaxPool adaptive_avg_pool adaptive_max_pool": lambda choose, sizes: ["1", "3"],
    "FractionalMaxPool fractional_max_pool": lambda choose, sizes: ["2, output_size=2"],
    "ZeroPad ReflectionPad ReplicationPad CircularPad": lambda choose, sizes: ["1", f"{(-1, 0) * (len(sizes) - 2)}"]
    ,
    "ConstantPad": lambda choose, sizes: ["1, 0.5", "-1, 0.0"],
    "pad": lambda choose, sizes: [
        "(1, 2)", "(0, 0, 1, 1)", "(-1, -1)", f"(1,) * {2 * (len(sizes) - 2)}, mode='reflect'", "(0, 0, 0, 0, 1, 0)",
    ],
    _SHUFFLES: lambda choose, sizes: ["2"],
    "interpolate upsample Upsample": lambda choose, sizes: ["scale_factor=2", f"scale_factor=2, mode={_MODES[len(sizes)]!r}"],
    "upsample_bilinear upsample_nearest UpsamplingNearest2d UpsamplingBilinear2d": lambda choose, sizes: ["scale_factor=2"],
    "dropout Dropout alpha_dropout feature_alpha_dropout AlphaDropout FeatureAlphaDropout": lambda choose, sizes: ["0.5", "p=0.0"],
    "dropout2d dropout1d dropout3d Dropout1d Dropout2d Dropout3d": lambda choose, sizes: ["0.5", "0.0"],
    "unfold Unfold": lambda choose, sizes: ["2"],
    "fold Fold": lambda choose, sizes: ["(3, 3), (2, 2)"],
    "type_as expand_as view_as reshape_as": lambda choose, sizes: ["y"],
    "type": lambda choose, sizes: ["torch.float64"],
    "to": lambda choose, sizes: ["torch.float64", "'cpu'"],
    "norm": lambda choose, sizes: ["dim=1"],
}  # fmt: skip
_ARGUMENTS = {name: arguments for words, arguments in _BY_WORDS.items() for name in words.split()}
_MODES = {3: "linear", 4: "bilinear", 5: "trilinear"}

# Operations whose call is no plain call on `x`; each expression stands for the operation it is listed under.
EXPRESSIONS: dict[str, list[tuple[str, int]]] = {
    "torch.Tensor.__getitem__": [
        ("x[:, 1:]", 3), ("x[:, 0]", 4), ("x[..., 0]", 3), ("x[:, None]", 3), ("x[:, :, None, :]", 3), ("x[0]", 4), ("x[:, ::2, 1]", 4),
        ("x[..., None, :]", 3), ("x[:, -1:]", 3),
    ],
    "torch.cat": [("torch.cat([x, y], dim=1)", 4), ("torch.cat((y, x), -1)", 3), ("torch.cat([x, x])", 3), ("torch.cat([x, y], 0)", 4)],
    "torch.concat": [("torch.concat([x, y], dim=1)", 3)],
    "torch.concatenate": [("torch.concatenate([x, y], dim=1)", 3)],
    "torch.stack": [("torch.stack([x, y])", 3), ("torch.stack([x, y], dim=1)", 3), ("torch.stack([y, x], dim=-1)", 3)],
    "torch.where": [("torch.where(y > 0, x, y)", 3), ("torch.where(y > 0, x, -1e9)", 3), ("torch.where(y > 0, x, y).softmax(dim=1)", 3)],
    "torch.masked_fill": [
        ("x.masked_fill_(y > 0, 0)", 3), ("torch.masked_fill(x, y > 0, 0.0)", 3),
        ("x.masked_fill(y > 1, float('-inf')).softmax(-1)", 3), ("x.masked_fill(y > 0, -1e9)", 3),
        ("x.masked_fill(y > 1, -1e9).softmax(dim=-1)", 4),
    ],
    "torch.squeeze": [
        ("torch.squeeze(x[:, :1], 1)", 4), ("x[..., :1].squeeze(-1)", 3), ("x.unsqueeze(1).squeeze(1)", 3),
        ("torch.squeeze(x.mean(2, keepdim=True), dim=2)", 4),
    ],
    "torch.unbind.part": [("next(part for part in x)", 3), ("[part for part in x][1]", 3)],
    "torch.t": [("torch.t(x)", 2), ("x.t()", 2)],
    "torch.Tensor.mT": [("x.mT", 3), ("x.mT", 4)],
    "torch.matmul": [
        ("x @ y.transpose(-2, -1)", 3), ("y.transpose(1, 2) @ x", 3), ("y.transpose(1, 2).softmax(-1) @ x", 3),
        ("x @ y.transpose(1, 2).softmax(-2)", 3), ("torch.matmul(y.transpose(1, 2).softmax(dim=1), x)", 3),
        ("x @ x.transpose(1, 2)", 3), ("torch.matmul(y.transpose(-1, -2).softmax(3), x)", 4), ("x @ torch.ones(w, 3)", 4),
    ],
    "torch.bmm": [("torch.bmm(x, y.transpose(1, 2))", 3), ("torch.bmm(y.softmax(-1).transpose(1, 2).softmax(-1), x)", 3)],
    "torch.mm": [("torch.mm(x, y.t())", 2), ("torch.mm(y.t(), x)", 2)],
    "torch.einsum": [
        ("torch.einsum('nch,ndh->ncd', x, y)", 3), ("torch.einsum('nch,ndh->ncd', y, x)", 3),
        ("torch.einsum('nhc,ncd->nhd', y.transpose(1, 2).softmax(-1), x)", 3), ("torch.einsum('nch->nhc', x)", 3),
        ("torch.einsum('nchw,nc->nhw', x, y[:, :, 0, 0].softmax(dim=1))", 4), ("torch.einsum('nchw->nc', x)", 4),
        ("torch.einsum('nchw,nchw->nc', x, y)", 4),
    ],
    "torch.nn.functional.scaled_dot_product_attention": [
        ("F.scaled_dot_product_attention(y, x, y)", 3), ("F.scaled_dot_product_attention(y, y, x)", 3),
        ("F.scaled_dot_product_attention(x, y, y)", 4), ("F.scaled_dot_product_attention(y, x, x)", 4),
        ("F.scaled_dot_product_attention(y, y, x, dropout_p=0.5)", 3), ("F.scaled_dot_product_attention(y, x, y, is_causal=True)", 4),
        ("F.scaled_dot_product_attention(y, y, x, attn_mask=(y @ y.mT) > 0)", 3),
    ],
    "torch.nn.Bilinear": [("nn.Bilinear(4, 4, 3)(x[..., :1].expand(-1, -1, 4), y[..., :1].expand(-1, -1, 4))", 3)],
    **{
        f"torch.nn.{kind}": [
            (f"nn.{kind}(4, 3, batch_first=True)(x[..., :1].expand(-1, -1, 4))[0]", 3),
            (f"nn.{kind}(4, 3, num_layers=2, bidirectional=True)(x[..., :1].expand(-1, -1, 4))[0]", 3),
        ]
        for kind in ("LSTM", "GRU", "RNN")
    },
    "torch.nn.functional.bilinear": [("F.bilinear(x[..., :1], y[..., :1], torch.ones(3, 1, 1))", 3)],
    **{
        f"{space}.conv{k}d": [(f"{written}.conv{k}d(x, torch.ones(4, c, {', '.join('2' * k)}), padding={p})", k + 2) for p in (0, 1)]
        for space, written in (("torch", "torch"), ("torch.nn.functional", "F")) for k in (1, 2, 3)
    },
    **{
        f"torch.nn.functional.conv_transpose{k}d": [
            (f"F.conv_transpose{k}d(x, torch.ones(c, 4, {', '.join(str(s) * k)}))", k + 2) for s in (1, 2)
        ]
        for k in (1, 2, 3)
    },
    **{
        f"torch.nn.functional.max_unpool{k}d": [
            (f"F.max_unpool{k}d(F.max_pool{k}d(x, 2), F.max_pool{k}d(y, 2, return_indices=True)[1], 2)", k + 2)
        ]
        for k in (1, 2, 3)
    },
    **{f"torch.nn.MaxUnpool{k}d": [(f"nn.MaxUnpool{k}d(2)(*F.max_pool{k}d(x, 2, return_indices=True))", k + 2)] for k in (1, 2, 3)},
    "torch.nn.functional.cross_entropy": [("F.cross_entropy(x, y.argmax(1))", 3), ("F.cross_entropy(x, y.softmax(1))", 3)],
    "torch.nn.functional.nll_loss": [("F.nll_loss(x, y.argmax(1), reduction='none')", 3)],
    "torch.nn.functional.binary_cross_entropy": [("F.binary_cross_entropy(x.sigmoid(), y.sigmoid())", 3)],
    "torch.nn.functional.binary_cross_entropy_with_logits": [("F.binary_cross_entropy_with_logits(x, y.sigmoid())", 3)],
    "torch.nn.functional.multilabel_soft_margin_loss": [("F.multilabel_soft_margin_loss(x, (y > 0).double())", 2)],
    "torch.nn.functional.kl_div": [("F.kl_div(x.log_softmax(1), y.softmax(1), reduction='batchmean')", 3)],
    "torch.gather": [("torch.gather(x, 1, (y > 0).long())", 3)],
    "torch.index_select": [("torch.index_select(x, 1, torch.tensor([0, 1]))", 3)],
    "torch.take_along_dim": [("torch.take_along_dim(x, (y > 0).long(), 1)", 3)],
    "torch.Tensor.scatter": [("x.scatter(1, (y > 0).long(), y)", 3)],
    "torch.masked_select": [("torch.masked_select(x, y > 0)", 3)],
    "torch.Tensor.unfold": [("x.unfold(1, 2, 1)", 3)],
    "torch.nn.Embedding": [("nn.Embedding(2, 3)((x > 0).long())", 3)],
    "torch.nn.functional.embedding": [("F.embedding((x > 0).long(), torch.ones(2, 3))", 3)],
    "torch.nn.functional.one_hot": [("F.one_hot((x > 0).long(), 2)", 3)],
    "torch.nn.functional.grid_sample": [("F.grid_sample(x, y.permute(0, 2, 3, 1)[..., :2].tanh())", 4)],
    "torch.nn.functional.affine_grid": [("F.affine_grid(x[:, :2, :3], (x.size(0), 1, 4, 4))", 3)],
    "torch.bitwise_and": [("torch.bitwise_and(x > 0, y > 0)", 3)],
    "torch.bitwise_or": [("(x > 0) | (y > 0)", 3)],
    "torch.bitwise_xor": [("(x > 0) ^ (y > 0)", 3)],
    "torch.bitwise_not": [("~(x > 0)", 3)],
    "torch.logical_not": [("torch.logical_not(x > 0)", 3)],
    "torch.dropout": [("torch.dropout(x, 0.5, True)", 3)],
    "torch.nn.Softmax2d": [("nn.Softmax2d()(x)", 4)],
    "torch.linalg.norm": [("torch.linalg.norm(x, dim=1)", 3)],
    "torch.unique": [("torch.unique(x)", 3)],
    "torch.nn.Fold": [("nn.Fold((3, 3), (2, 2))(F.unfold(x[..., :3, :3], 2))", 4)],
    "torch.nn.functional.fold": [("F.fold(F.unfold(x[..., :3, :3], 2), (3, 3), (2, 2))", 4)],
    "torch.Tensor.type_as": [("x.type_as(y)", 3)],
    "narrowed": [("x + x.shape[0]", 3)],
    "part": [("x.chunk(2, dim=1)[0]", 4), ("torch.split(x, [1, c - 1], 1)[1]", 3), ("x.max(dim=1)[0]", 3)],
    "torch.std_mean": [("torch.std_mean(x, dim=1)[1]", 3)],
    "torch.var_mean": [("torch.var_mean(x, dim=1)[0]", 3)],
    "torch.nn.CrossMapLRN2d": [("nn.CrossMapLRN2d(2)(x)", 4)],
    "torch.median": [("torch.median(x, dim=1)[0]", 3)],
}  # fmt: skip

# Rows that no expression shows, with the reason.
NOT_RUN = {
    "parameter": "has no input",
    "constant": "has no input",
    "torch.Tensor.cuda": "needs a GPU",
    "torch.Tensor.pin_memory": "needs a GPU",
    "torch.nn.quantized.FloatFunctional": "holds several operations; its own call raises",
    "torch.fake_quantize": "not in every torch",
    "torch.nn.functional.identity": "not in every torch",
    "torch.nn.SyncBatchNorm": "needs a process group to train",
    "torch.Tensor.requires_grad_": "handled before it becomes an operation",
    "torch.Tensor.half": "rounds",
    "torch.Tensor.bfloat16": "rounds",
    "torch.Tensor.float": "rounds",
}
_RANKS = {"1d": 3, "2d": 4, "3d": 5}
_RANKS_BY_NAME = {
    **dict.fromkeys(_SHUFFLES.split(), 4),
    **dict.fromkeys(["unfold", "Unfold", "local_response_norm", "LocalResponseNorm", "upsample_bilinear", "upsample_nearest"], 4),
    **dict.fromkeys(["InstanceNorm1d", "feature_alpha_dropout", "FeatureAlphaDropout", "narrow"], 3),
}  # fmt: skip


def _sizes(choose: Choose, rank: int, name: str) -> tuple[int, ...]:
    """Sizes of all axes, mostly different from each other; the channels are even, and a square number where shuffles ask for one."""
    if name.endswith("cross"):
        return (2, 3, *choose.sample([4, 5, 6], rank - 2))
    rest = [6, 8, 10] if rank > 2 else [4]
    return (choose.choice([2, 3]), 4, *choose.sample(rest, rank - 2)) if rank > 1 else (4,)


def scenes(name: str, choose: Choose) -> Iterator[Scene]:
    """What shows an operation at work."""
    short = name.rpartition(".")[2]
    if name in EXPRESSIONS:
        for expression, rank in EXPRESSIONS[name]:
            yield Scene(expression, _sizes(choose, rank, name))
        return
    spatial = next((rank for ending, rank in _RANKS.items() if short.endswith(ending)), None)
    rank = _RANKS_BY_NAME.get(short) or spatial or choose.choice([3, 4])
    sizes = _sizes(choose, rank, name)
    arguments = _ARGUMENTS.get(short) or (_ARGUMENTS.get(short[:-2]) if spatial else None) or _NOTHING
    for given in arguments(choose, sizes):
        if short.startswith("Lazy") and "Conv" in short:
            given = given.partition(", ")[2]  # without the channels that come in
        if "daptive" in short:
            given = given or "1"
        yield Scene(spelled(name, given, choose.random() < 0.5), sizes)
