"""Operations on each element alone: identities, activations, dropout, masks."""

from __future__ import annotations

from collections.abc import Sequence

from nnlint.dataflow.facts import ANY_SHIFT, NO_SHIFT, Shift, ShiftFact
from nnlint.dataflow.graph import NARROWED, Node
from nnlint.dataflow.transfer.row import (
    Row,
    argument,
    destroys,
    fact_of,
    flag,
    input_rank,
    integer,
    keeps,
    keeps_inexactly,
    others_are_untouched,
    register,
    same_sizes,
)
from nnlint.dataflow.values import Const


def _dropout(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """Scaling and mask vary over all elements; a rate of zero changes nothing."""
    if never_drops(node):
        return keeps(node, facts)
    return _varies_over(node, facts, None)


def never_drops(node: Node) -> bool:
    """Whether a dropout lets everything through, in training too."""
    rate = argument(node, "p")
    if isinstance(rate, Const) and rate.value == 0:
        return True
    return node.layer is None and flag(node, "training") is False


def _channel_dropout(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """Whole channels of single samples are dropped."""
    if never_drops(node):
        return keeps(node, facts)
    return _varies_over(node, facts, {0, 1})


def _varies_over(node: Node, facts: Sequence[ShiftFact], axes: set[int] | None) -> ShiftFact:
    fact = fact_of(node, facts)
    rank = input_rank(node)
    if not isinstance(fact, Shift) or not others_are_untouched(node, facts) or rank is None:
        return destroys(node, facts)
    return Shift(fact.axes | (set(range(rank)) if axes is None else axes))


def _softmax(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """A shift that is constant along the normalised axis is cancelled."""
    fact = fact_of(node, facts)
    axis = integer(node, "dim")
    rank = input_rank(node)
    if isinstance(fact, Shift) and not fact.axes:
        return NO_SHIFT
    if axis is None or not isinstance(fact, Shift):
        return destroys(node, facts)
    if rank is None:
        same_way = all(a < 0 for a in fact.axes) and axis < 0
        return NO_SHIFT if same_way and axis not in fact.axes else ANY_SHIFT
    return NO_SHIFT if (axis + rank if axis < 0 else axis) not in fact.axes else ANY_SHIFT


_IDENTITIES = """
torch.nn.Identity torch.clone torch.detach torch.Tensor.contiguous torch.Tensor.to torch.Tensor.float torch.Tensor.half torch.Tensor.double
torch.Tensor.bfloat16 torch.Tensor.type torch.Tensor.type_as torch.Tensor.cuda torch.Tensor.cpu torch.Tensor.requires_grad_
torch.nn.quantized.FloatFunctional torch.Tensor.pin_memory torch.nn.functional.identity torch.positive
torch.fake_quantize
"""
_ACTIVATION_LAYERS = """
ReLU ReLU6 LeakyReLU PReLU RReLU ELU SELU CELU GELU SiLU Mish Sigmoid Tanh Hardtanh Hardswish Hardsigmoid Hardshrink Softplus Softshrink
Softsign Tanhshrink Threshold LogSigmoid
"""
_ACTIVATIONS = """
torch.relu torch.relu_ torch.sigmoid torch.sigmoid_ torch.tanh torch.tanh_ torch.exp torch.log torch.sqrt torch.rsqrt torch.abs torch.square
torch.pow torch.clamp torch.clip torch.sin torch.cos torch.sign torch.round torch.floor torch.ceil torch.reciprocal torch.erf torch.log1p
torch.expm1 torch.selu torch.celu torch.prelu torch.rrelu torch.nan_to_num torch.eq torch.ne torch.lt torch.le torch.gt torch.ge
torch.logical_and torch.logical_or torch.logical_not torch.isnan torch.isinf torch.log2 torch.log10 torch.Tensor.long torch.Tensor.int
torch.Tensor.bool torch.Tensor.byte torch.clamp_min torch.clamp_max torch.clamp_ torch.logit
"""
_FUNCTIONAL_ACTIVATIONS = """
relu6 leaky_relu leaky_relu_ prelu rrelu elu elu_ selu celu gelu silu mish hardtanh hardtanh_ hardswish hardsigmoid hardshrink softplus
softshrink softsign tanhshrink threshold logsigmoid relu_
"""

register(_IDENTITIES, Row(keeps, input_rank, size=same_sizes))
register("torch.Tensor.expand_as torch.Tensor.view_as torch.Tensor.reshape_as", Row(keeps, input_rank))
register(NARROWED, Row(keeps, size=same_sizes, rank_change=lambda node: 0))
register("torch.neg torch.negative", Row(keeps_inexactly, input_rank, size=same_sizes))
register(" ".join(f"torch.nn.{name}" for name in _ACTIVATION_LAYERS.split()), Row(destroys, input_rank, size=same_sizes))
register(" ".join(f"torch.nn.functional.{name}" for name in _FUNCTIONAL_ACTIVATIONS.split()), Row(destroys, input_rank, size=same_sizes))
register(_ACTIVATIONS, Row(destroys, input_rank, size=same_sizes))
register("torch.nn.GLU torch.nn.functional.glu", Row(destroys, input_rank))
register(
    "torch.nn.Dropout torch.nn.AlphaDropout torch.nn.FeatureAlphaDropout torch.nn.functional.dropout "
    "torch.nn.functional.alpha_dropout torch.nn.functional.feature_alpha_dropout torch.dropout ",
    Row(_dropout, input_rank, size=same_sizes),
)
register(
    "torch.nn.Dropout1d torch.nn.Dropout2d torch.nn.Dropout3d torch.nn.functional.dropout1d "
    "torch.nn.functional.dropout2d torch.nn.functional.dropout3d",
    Row(_channel_dropout, input_rank, size=same_sizes),
)
register(
    "torch.nn.Softmax torch.nn.functional.softmax torch.softmax torch.nn.LogSoftmax torch.nn.functional.log_softmax "
    "torch.log_softmax torch.nn.Softmin torch.nn.functional.softmin",
    Row(_softmax, input_rank, size=same_sizes, is_softmax=True),
)
register("torch.nn.Softmax2d", Row(destroys, input_rank, is_softmax=True))
