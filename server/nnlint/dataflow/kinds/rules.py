"""What each operation makes of kinds: one table, by operation. What is not in it gives a value of unknown kind.

A rule asks for the kinds of inputs only where it needs them: a linear layer's result is raw whatever comes in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from nnlint.dataflow.facts import NO_SHIFT, Shift, with_rank
from nnlint.dataflow.graph import CONSTANT, NARROWED, PARAMETER, Node
from nnlint.dataflow.kinds.kind import IMPLICIT, Axis, Kind, KindFact, join_kinds
from nnlint.dataflow.transfer import find_row
from nnlint.dataflow.transfer.axes import PERMUTATIONS
from nnlint.dataflow.transfer.linear import CONVOLUTIONS, TRANSPOSED
from nnlint.dataflow.transfer.pointwise import never_drops
from nnlint.dataflow.transfer.row import argument, axis_of, flag, input_node, input_rank, integer, integers
from nnlint.dataflow.values import NONE, Const, Symbol, Tensor, Value

Ask = Callable[[Node], KindFact | None]
KindRule = Callable[[Node, Ask], KindFact | None]

_RULES: dict[str, KindRule] = {}


def kind_rule(operation: str) -> KindRule | None:
    return _RULES.get(operation)


def with_kind_rules() -> frozenset[str]:
    """The operations of which the table knows something."""
    return frozenset(_RULES)


def _register(names: str, rule: KindRule, prefix: str = "") -> None:
    for name in names.split():
        if prefix + name in _RULES:
            raise ValueError(f"two kind rules for {prefix + name}")
        _RULES[prefix + name] = rule


# --- what rules share ---


def _input(node: Node, ask: Ask, name: str = "input") -> KindFact | None:
    source = input_node(node, name)
    return None if source is None else ask(source)


def _behind(node: Node, fact: KindFact | None) -> KindFact | None:
    """The fact of the input behind an operation that moves elements, or takes some of them, and leaves them as they are."""
    if fact is None or fact.kind not in (Kind.PROBABILITY, Kind.LOG_PROBABILITY):
        return fact
    return fact.along(_moved_axis(node, fact.axis))


def _moved_axis(node: Node, axis: Axis) -> Axis:
    """Where an operation takes an axis as a whole. The row's shift says it: of a change along one axis, along which one it is found."""
    row, source = find_row(node.operation), input_node(node) or (node.inputs[0] if len(node.inputs) == 1 else None)
    if row is None or source is None:
        return None
    if axis is IMPLICIT:
        return IMPLICIT if row.rank is input_rank and row.shift is _KEEPS_AXES else None
    if not isinstance(axis, int):
        return None
    before = with_rank(Shift(frozenset({axis}), is_exact=True), source.rank)
    fact = row.shift(node, [before if read is source else NO_SHIFT for read in node.inputs])
    return next(iter(fact.axes)) if isinstance(fact, Shift) and fact.is_exact and len(fact.axes) == 1 else None


def _is_number(value: Value | None) -> bool:
    return isinstance(value, Symbol) or (isinstance(value, Const) and isinstance(value.value, (int, float)))


def _is_neutral(value: Value | None) -> bool:
    """A number, a parameter, or a tensor made on the spot: what raw scores may be scaled or shifted by and stay raw."""
    if isinstance(value, Tensor):
        return value.node.operation == PARAMETER or (value.node.operation == CONSTANT and value.node.reason.startswith("made by"))
    return _is_number(value)


def _operands(node: Node) -> tuple[Value | None, Value | None]:
    other = node.arguments.get("other", node.arguments.get("mat2"))
    return node.arguments.get("input"), other


def _fact_of(value: Value | None, ask: Ask) -> KindFact | None:
    return ask(value.node) if isinstance(value, Tensor) else None


_KEEPS_AXES = find_row("torch.clone").shift  # type: ignore[union-attr]

# --- sources ---


def _raw(node: Node, ask: Ask) -> KindFact | None:
    return KindFact(Kind.RAW, (node,))


def _raw_by_weight(node: Node, ask: Ask) -> KindFact | None:
    """A linear map written as a function: raw where its weights are parameters, not normalized or computed ones."""
    weight = input_node(node, "weight")
    return KindFact(Kind.RAW, (node,)) if weight is not None and weight.operation == PARAMETER else None


def _softmax_axis(node: Node) -> Axis:
    if node.operation == "torch.nn.Softmax2d":
        return axis_of(-3, input_rank(node)) if input_rank(node) is not None else -3
    dim, rank = argument(node, "dim"), input_rank(node)
    if dim == NONE:
        return IMPLICIT if rank is None else 0 if rank in (0, 1, 3) else 1
    written = integer(node, "dim")
    return written if written is None or rank is None else axis_of(written, rank)


def _softmax(node: Node, ask: Ask) -> KindFact | None:
    axis = _softmax_axis(node)
    return KindFact(Kind.UNIT if axis is None else Kind.PROBABILITY, (node,), axis)


def _log_softmax(node: Node, ask: Ask) -> KindFact | None:
    axis = _softmax_axis(node)
    return KindFact(Kind.LOG_UNIT if axis is None else Kind.LOG_PROBABILITY, (node,), axis)


def _unit(node: Node, ask: Ask) -> KindFact | None:
    return KindFact(Kind.UNIT, (node,))


def _log_unit(node: Node, ask: Ask) -> KindFact | None:
    return KindFact(Kind.LOG_UNIT, (node,))


# --- element by element ---


def _same(node: Node, ask: Ask) -> KindFact | None:
    return ask(node.inputs[0]) if len(node.inputs) == 1 else _input(node, ask)


def _bent(node: Node, ask: Ask) -> KindFact | None:
    """An activation that bounds nothing from above."""
    fact = _input(node, ask)
    return fact if fact is not None and fact.kind is Kind.RAW else None


def _relu(node: Node, ask: Ask) -> KindFact | None:
    fact = _input(node, ask)
    return fact if fact is not None and (fact.kind is Kind.RAW or fact.is_within_unit) else None


def _dropped(node: Node, ask: Ask) -> KindFact | None:
    fact = _input(node, ask)
    return fact if fact is not None and (fact.kind is Kind.RAW or never_drops(node)) else None


def _log(node: Node, ask: Ask) -> KindFact | None:
    fact = _input(node, ask)
    if fact is None or not fact.is_within_unit:
        return None
    return replace(fact, kind=Kind.LOG_PROBABILITY if fact.kind is Kind.PROBABILITY else Kind.LOG_UNIT, sources=(node,))


def _exp(node: Node, ask: Ask) -> KindFact | None:
    fact = _input(node, ask)
    kinds = {Kind.LOG_PROBABILITY: Kind.PROBABILITY, Kind.LOG_UNIT: Kind.UNIT}
    return replace(fact, kind=kinds[fact.kind], sources=(node,)) if fact is not None and fact.kind in kinds else None


def _clamped(node: Node, ask: Ask) -> KindFact | None:
    """Probabilities kept away from zero and one are no longer known to sum to one."""
    bounds = [argument(node, name) for name in ("min", "max") if name in node.arguments]
    inside = all(b == NONE or (isinstance(b, Const) and isinstance(b.value, (int, float)) and 0 <= b.value <= 1) for b in bounds)
    fact = _input(node, ask)
    return fact.without_axis() if inside and fact is not None and fact.is_within_unit else None


# --- arithmetic ---


def _sum(node: Node, ask: Ask) -> KindFact | None:
    """Raw scores plus raw scores or numbers; `1 - p`; `x - x.logsumexp(…)`."""
    left, right = _operands(node)
    if node.operation != "torch.add" and left == Const(1):
        fact = _fact_of(right, ask)
        return fact.without_axis() if fact is not None and fact.is_within_unit else None
    if node.operation != "torch.add" and isinstance(right, Tensor) and right.node.operation == "torch.logsumexp":
        return _log_softmax_written_out(node, left, right.node)
    return _raw_with(left, right, ask) or _raw_with(right, left, ask)


def _raw_with(value: Value | None, other: Value | None, ask: Ask) -> KindFact | None:
    fact = _fact_of(value, ask)
    if fact is None or fact.kind is not Kind.RAW:
        return None
    if _is_neutral(other):
        return fact
    second = _fact_of(other, ask)
    return join_kinds([fact, second]) if second is not None and second.kind is Kind.RAW else None


def _log_softmax_written_out(node: Node, scores: Value | None, normalizer: Node) -> KindFact | None:
    same = isinstance(scores, Tensor) and input_node(normalizer) is scores.node
    dim = integer(normalizer, "dim")
    if not same or dim is None or argument(normalizer, "keepdim") != Const(True):
        return None
    return KindFact(Kind.LOG_PROBABILITY, (node,), dim if node.rank is None else axis_of(dim, node.rank))


def _product(node: Node, ask: Ask) -> KindFact | None:
    """Raw scores times numbers, parameters or gates stay raw; probabilities times probabilities stay within [0, 1]."""
    left, right = _operands(node)
    if _is_neutral(left) or _is_neutral(right):
        fact = _fact_of(right if _is_neutral(left) else left, ask)
        return fact if fact is not None and fact.kind is Kind.RAW else None
    one, other = _fact_of(left, ask), _fact_of(right, ask)
    if one is None or other is None:
        return None
    if one.is_within_unit and other.is_within_unit:
        return join_kinds([one.without_axis(), other.without_axis()])
    gates = [fact for fact in (one, other) if fact.kind is Kind.RAW]
    return join_kinds(gates) if gates and all(f.kind is Kind.RAW or f.is_within_unit for f in (one, other)) else None


def _quotient(node: Node, ask: Ask) -> KindFact | None:
    left, right = _operands(node)
    fact = _fact_of(left, ask) if _is_neutral(right) else None
    return fact if fact is not None and fact.kind is Kind.RAW else None


def _matrix_product(node: Node, ask: Ask) -> KindFact | None:
    """A map by parameters is raw; so are raw scores, weighted with whatever is understood."""
    left, right = _operands(node)
    if any(isinstance(v, Tensor) and v.node.operation == PARAMETER for v in (left, right)):
        return KindFact(Kind.RAW, (node,))
    one, other = _fact_of(left, ask), _fact_of(right, ask)
    if one is None or other is None:
        return None
    return KindFact(Kind.RAW, (node,)) if Kind.RAW in (one.kind, other.kind) else None


def _chosen(node: Node, ask: Ask) -> KindFact | None:
    """`where`, `maximum`, `minimum`: an element of one or the other."""
    left, right = _operands(node)
    one, other = _fact_of(left, ask), _fact_of(right, ask)
    if one is not None and one.kind is Kind.RAW and _is_neutral(right):
        return one
    if other is not None and other.kind is Kind.RAW and _is_neutral(left):
        return other
    return None if one is None or other is None else join_kinds([one.without_axis(), other.without_axis()])


def _masked(node: Node, ask: Ask) -> KindFact | None:
    fact = _input(node, ask)
    return fact if fact is not None and fact.kind is Kind.RAW else None


# --- over axes ---


def _moved(node: Node, ask: Ask) -> KindFact | None:
    return _behind(node, _same(node, ask))


def _taken(node: Node, ask: Ask) -> KindFact | None:
    fact = _same(node, ask)
    return None if fact is None else fact.without_axis()


def _part(node: Node, ask: Ask) -> KindFact | None:
    """One of several results: a piece of what was cut, the values of an extremum, not its indices."""
    whole = node.inputs[0]
    if whole.operation in _CUTS:
        fact = _input(whole, ask)
        return None if fact is None else fact.without_axis()
    return ask(whole) if whole.operation in _EXTREMA and node.output == 0 else None


def _averaged(node: Node, ask: Ask) -> KindFact | None:
    """Means of probabilities along other axes are probabilities; means of logarithms are not their logarithms."""
    fact = _input(node, ask)
    if fact is None or fact.kind in (Kind.LOG_PROBABILITY, Kind.LOG_UNIT):
        return None
    dims = integers(node, "dim") if "dim" in node.arguments else None
    if fact.kind is Kind.PROBABILITY and isinstance(fact.axis, int) and dims is not None and input_rank(node) is None:
        # Of unknown rank, but all axes are counted from the front.
        is_clear = fact.axis >= 0 and all(d >= 0 for d in dims) and fact.axis not in dims
        keeps_axes = "keepdim" in node.arguments and flag(node, "keepdim")
        if is_clear and keeps_axes is not None:
            return fact.along(fact.axis - (0 if keeps_axes else sum(d < fact.axis for d in dims)))
    return _behind(node, fact)


def _pooled(node: Node, ask: Ask) -> KindFact | None:
    fact = _input(node, ask)
    if fact is None or fact.kind is Kind.LOG_PROBABILITY:
        return None
    return fact.without_axis()


def _average_pooled(node: Node, ask: Ask) -> KindFact | None:
    """Means over positions: the channels of probabilities go on summing to one."""
    fact = _input(node, ask)
    padded = argument(node, "padding") not in (Const(0), NONE) and "daptive" not in node.operation
    if fact is None or fact.kind in (Kind.LOG_PROBABILITY, Kind.LOG_UNIT):
        return None
    return fact if fact.axis == 1 and not padded else fact.without_axis()


def _total(node: Node, ask: Ask) -> KindFact | None:
    fact = _input(node, ask)
    return fact if fact is not None and fact.kind is Kind.RAW else None


_CONVEX_MODES = frozenset({"nearest", "nearest-exact", "linear", "bilinear", "trilinear", "area"})


def _resized(node: Node, ask: Ask) -> KindFact | None:
    """Interpolation between neighbors stays between them, but for the bicubic one."""
    fact = _input(node, ask)
    if fact is None or fact.kind is Kind.RAW:
        return fact
    mode = argument(node, "mode")
    named = "bilinear" if "ilinear" in node.operation else "nearest"
    written = (
        (mode.value if isinstance(mode, Const) else None) if node.operation.endswith(("interpolate", "Upsample", "upsample")) else named
    )
    if written not in _CONVEX_MODES or (fact.kind in (Kind.LOG_PROBABILITY, Kind.LOG_UNIT) and "nearest" not in str(written)):
        return None
    return fact if fact.axis == 1 else fact.without_axis()


def _joined(node: Node, ask: Ask) -> KindFact | None:
    """Parts of one kind, put together; along the axis that sums to one, they no longer do."""
    fact = join_kinds(ask(read) for read in node.inputs)
    if fact is None or fact.kind not in (Kind.PROBABILITY, Kind.LOG_PROBABILITY):
        return fact
    dim, axis = integer(node, "dim"), fact.axis
    if dim is None or not isinstance(axis, int) or (dim < 0) != (axis < 0):
        dim = axis_of(dim, node.rank)
        if dim is None or not isinstance(axis, int) or axis < 0:
            return fact.without_axis()
    if node.operation == "torch.stack":
        return fact.along(axis + (dim <= axis)) if dim >= 0 else fact.along(axis - (dim >= axis))
    return fact.without_axis() if axis == dim else fact


# --- the table ---

_CUTS = frozenset({"torch.chunk", "torch.split", "torch.tensor_split", "torch.split_with_sizes", "torch.unbind"})
_EXTREMA = frozenset({"torch.max", "torch.min", "torch.median", "torch.topk", "torch.sort", "torch.kthvalue"})
_POOLS = "MaxPool{n}d AdaptiveMaxPool{n}d FractionalMaxPool{n}d"
_FUNCTIONAL_POOLS = "max_pool{n}d adaptive_max_pool{n}d fractional_max_pool{n}d"
_NORMS = """
BatchNorm1d BatchNorm2d BatchNorm3d LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d SyncBatchNorm InstanceNorm1d InstanceNorm2d
InstanceNorm3d GroupNorm LayerNorm
"""

_register(f"{CONVOLUTIONS} {TRANSPOSED} torch.nn.Linear torch.nn.LazyLinear torch.nn.Bilinear", _raw)
_register("linear bilinear", _raw_by_weight, "torch.nn.functional.")
for _n in (1, 2, 3):
    _register(f"torch.conv{_n}d torch.nn.functional.conv{_n}d torch.nn.functional.conv_transpose{_n}d", _raw_by_weight)
    _register(_POOLS.replace("{n}", str(_n)), _pooled, "torch.nn.")
    _register(_FUNCTIONAL_POOLS.replace("{n}", str(_n)), _pooled, "torch.nn.functional.")
    _register(f"torch.nn.AvgPool{_n}d torch.nn.AdaptiveAvgPool{_n}d", _average_pooled)
    _register(f"torch.nn.functional.avg_pool{_n}d torch.nn.functional.adaptive_avg_pool{_n}d", _average_pooled)
_register(
    "torch.softmax torch.nn.functional.softmax torch.nn.Softmax torch.nn.functional.softmin torch.nn.Softmin torch.nn.Softmax2d", _softmax
)
_register("torch.log_softmax torch.nn.functional.log_softmax torch.nn.LogSoftmax", _log_softmax)
_register("torch.sigmoid torch.sigmoid_ torch.nn.Sigmoid torch.nn.Hardsigmoid torch.nn.functional.hardsigmoid", _unit)
_register("torch.nn.LogSigmoid torch.nn.functional.logsigmoid", _log_unit)
_register("Identity quantized.FloatFunctional functional.identity", _same, "torch.nn.")
_register(
    "clone detach positive nan_to_num Tensor.contiguous Tensor.to Tensor.float Tensor.half Tensor.double Tensor.bfloat16 Tensor.type "
    "Tensor.type_as Tensor.cuda Tensor.cpu Tensor.requires_grad_ Tensor.pin_memory",
    _same,
    "torch.",
)
_register(NARROWED, _same)
_register("ReLU functional.relu_", _relu, "torch.nn.")
_register("relu relu_", _relu, "torch.")
_register("LeakyReLU PReLU RReLU ELU SELU CELU GELU SiLU Mish GLU", _bent, "torch.nn.")
_register("leaky_relu leaky_relu_ prelu rrelu elu elu_ selu celu gelu silu mish glu", _bent, "torch.nn.functional.")
_register("selu celu prelu rrelu neg negative", _bent, "torch.")
_register(_NORMS, _bent, "torch.nn.")
_register("batch_norm layer_norm group_norm instance_norm", _bent, "torch.nn.functional.")
_register("Dropout AlphaDropout FeatureAlphaDropout Dropout1d Dropout2d Dropout3d", _dropped, "torch.nn.")
_register("dropout alpha_dropout feature_alpha_dropout dropout1d dropout2d dropout3d", _dropped, "torch.nn.functional.")
_register("torch.dropout", _dropped)
_register("torch.log", _log)
_register("torch.exp", _exp)
_register("torch.clamp torch.clip torch.clamp_ torch.clamp_min torch.clamp_max", _clamped)
_register("torch.add torch.sub torch.subtract", _sum)
_register("torch.mul torch.multiply", _product)
_register("torch.div torch.divide torch.true_divide", _quotient)
_register("torch.matmul torch.bmm torch.mm", _matrix_product)
_register("torch.where torch.maximum torch.minimum", _chosen)
_register("torch.masked_fill", _masked)
_register(" ".join(sorted(PERMUTATIONS)), _moved)
_register(
    "flatten nn.Flatten reshape Tensor.view unsqueeze squeeze unbind.part narrow flip roll repeat_interleave Tensor.__getitem__ "
    "Tensor.expand unflatten nn.Unflatten gather index_select take_along_dim masked_select Tensor.expand_as "
    "Tensor.view_as Tensor.reshape_as",
    _moved,
    "torch.",
)
_register("torch.Tensor.repeat torch.tile", _taken)
_register("part", _part)
_register("torch.mean", _averaged)
_register("torch.amax torch.amin torch.max torch.min torch.median torch.topk torch.sort torch.kthvalue", _pooled)
_register("torch.sum", _total)
_register("Upsample UpsamplingNearest2d UpsamplingBilinear2d", _resized, "torch.nn.")
_register("interpolate upsample upsample_bilinear upsample_nearest", _resized, "torch.nn.functional.")
_register("torch.nn.PixelShuffle torch.nn.functional.pixel_shuffle torch.pixel_shuffle", _pooled)
_register("torch.cat torch.concat torch.concatenate torch.stack", _joined)
