"""What torch's own code does: layers are constructed and applied, functions and tensor methods become nodes of the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnlint.dataflow import values as val
from nnlint.dataflow.arguments import Arguments
from nnlint.dataflow.caller_base import CallerBase
from nnlint.dataflow.frames import Frame
from nnlint.dataflow.graph import CONSTANT, PARAMETER, UNKNOWN_OPERATION, Node
from nnlint.dataflow.operators import truth_of
from nnlint.dataflow.transfer import find_row
from nnlint.dataflow.transfer.row import destroys, keeps
from nnlint.dataflow.values import NONE, UNKNOWN, Const, Symbol, Tensor, Unknown, Value, layers_in
from nnlint.semantics.definitions import Site
from nnlint.semantics.signatures import NO_DEFAULT, signature
from nnlint.semantics.torch_names import canonical_name

if TYPE_CHECKING:
    from nnlint.dataflow.interpreter import Interpreter

# Marks on layers.
ESCAPED = "escaped"  # used by code that is not followed
FROZEN = "frozen"  # kept in eval mode
BIAS_USED = "bias used"  # its bias is read as data, tied, replaced or frozen on purpose
WEIGHT_TIED = "weight tied"

_CONTAINERS = {"torch.nn.Sequential": "Sequential", "torch.nn.ModuleList": "ModuleList", "torch.nn.ModuleDict": "ModuleDict"}
# Wrappers that return the module they are given, for all that is asked here.
_WRAPPERS = frozenset({
    "torch.compile", "torch.jit.script", "torch.jit.trace", "torch.nn.utils.weight_norm", "torch.nn.utils.spectral_norm",
    "torch.nn.utils.parametrizations.weight_norm", "torch.nn.utils.parametrizations.spectral_norm",
    "torch.nn.utils.parametrizations.orthogonal", "torch.nn.utils.remove_weight_norm", "torch.nn.utils.remove_spectral_norm",
    "torch.nn.DataParallel", "torch.nn.parallel.DistributedDataParallel", "torch.nn.SyncBatchNorm.convert_sync_batchnorm",
    "torch.quantization.fuse_modules", "torch.nn.utils.fusion.fuse_conv_bn_eval",
})  # fmt: skip
_CHECKPOINTS = frozenset({"torch.utils.checkpoint.checkpoint"})
_TENSOR_MAKERS = frozenset({
    "zeros", "ones", "rand", "randn", "randint", "arange", "linspace", "logspace", "eye", "full", "empty", "tensor", "as_tensor",
    "from_numpy", "zeros_like", "ones_like", "rand_like", "randn_like", "full_like", "empty_like", "meshgrid", "tril_indices",
    "triu_indices", "hann_window", "bernoulli", "normal",
})  # fmt: skip
# What has no part in a graph of tensors.
_WITHOUT_GRAPH = (
    "torch.device", "torch.dtype", "torch.Size", "torch.is_", "torch.cuda", "torch.backends", "torch.set_", "torch.no_grad",
    "torch.manual_seed", "torch.get_", "torch.utils.data", "torch.optim", "torch.jit.is_", "torch.load", "torch.save", "torch.hub",
    "torch.finfo", "torch.iinfo", "torch.inference_mode", "torch.autocast", "torch.amp", "torch.compiler", "torch.autograd",
    "torch.fx.wrap", "torch.distributed.get", "torch.distributed.is",
)  # fmt: skip
_INITIALIZERS = ("torch.nn.init.",)
_NO_TENSORS = frozenset(
    {
        "size",
        "dim",
        "numel",
        "item",
        "tolist",
        "numpy",
        "is_floating_point",
        "get_device",
        "data_ptr",
        "stride",
        "is_contiguous",
        "element_size",
    }
)
_SEVERAL = "returns several"
_SHAPED = frozenset({"view", "reshape", "expand", "repeat"})  # methods that take sizes


class TorchCalls(CallerBase):
    """Mixed into the caller: everything whose name starts with `torch.`."""

    def call_torch(self, name: str, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
        if name in _CONTAINERS:
            return self.construct_container(_CONTAINERS[name], arguments)
        if name in _WRAPPERS:
            return arguments.positional[0] if arguments.positional else UNKNOWN
        if name in _CHECKPOINTS and arguments.positional:
            return self._checkpoint(arguments, site, frame)
        if name == "torch.utils.checkpoint.checkpoint_sequential" and len(arguments.positional) > 2:
            functions = arguments.positional[0]
            in_order = functions if isinstance(functions, (val.Sequence, val.Instance)) else self.interpreter.sequence([functions])
            if isinstance(in_order, val.Sequence):
                in_order = self.interpreter.sequence(in_order.items, "Sequential")
            return self.call(in_order, type(arguments)(arguments.positional[2:]), site, frame)
        if val.is_layer_class(val.External(name)):
            if name in ("torch.nn.Parameter", "torch.nn.parameter.Parameter", "torch.nn.UninitializedParameter"):
                return Tensor(self.interpreter.graph.add(PARAMETER, **_made(arguments), reason="a parameter"))
            return self.construct_layer(name, arguments, site, frame)
        short = name.rpartition(".")[2]
        if name.startswith(_INITIALIZERS):
            return arguments.positional[0] if arguments.positional else UNKNOWN
        if name.startswith("torch.Tensor.") and arguments.positional and isinstance(arguments.positional[0], Tensor):
            rest = Arguments(arguments.positional[1:], arguments.keywords, arguments.has_open_positional, arguments.has_open_keywords)
            return self.call_tensor_method(arguments.positional[0], short, rest, site)
        if name == "torch.finfo":
            return val.External(name)
        if name.startswith(_WITHOUT_GRAPH):
            if name.startswith(("torch.jit.is_scripting", "torch.jit.is_tracing", "torch.compiler.is_")):
                return Const(False)
            return (
                Unknown(f"`{name}`")
                if not name.startswith("torch.autograd")
                else self.interpreter.unknown_operation(arguments.all, name, site)
            )
        if short in _TENSOR_MAKERS and name.count(".") == 1:
            return Tensor(self.interpreter.graph.add(CONSTANT, **_made(arguments, name), reason=f"made by `{name}`"))
        bound = signature(name)
        if arguments.is_open or (bound is None and find_row(canonical_name(name)) is None):
            return self._unbound_operation(name, arguments, site)
        named = _in_order(arguments) if bound is None else bound.bind(arguments.positional, arguments.keywords)
        return self.operation(name, named, site)

    def _unbound_operation(self, name: str, arguments: Arguments, site: Site | None) -> Value:
        return self.interpreter.unknown_operation(arguments.all, f"`{name}`", site)

    def _checkpoint(self, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
        """`checkpoint(f, *args)` computes `f(*args)`."""

        own = {"use_reentrant", "context_fn", "determinism_check", "debug", "preserve_rng_state", "early_stop"}
        keywords = {k: v for k, v in arguments.keywords.items() if k not in own}
        return self.call(arguments.positional[0], Arguments(arguments.positional[1:], keywords, arguments.has_open_positional), site, frame)

    # --- layers ---

    def construct_layer(self, name: str, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
        bound_signature = signature(name)
        if bound_signature is None or site is None or arguments.has_open_positional:
            if site is not None:
                self.contexts.progress.refused.setdefault(site, "given `*arguments` of unknown number")
            return self.interpreter.unknown_operation(arguments.all, f"`{name}` is constructed with unknown arguments", site)
        bound = bound_signature.bind(arguments.positional, arguments.keywords)
        for value in bound.values():
            for layer in _layers(value):
                self.escape_layer(layer, f"given to `{name}`")
        if arguments.has_open_keywords:
            bound |= {
                p.name: Unknown("may be given by a star argument")
                for p in bound_signature.parameters
                if p.name not in bound and p.kind in ("positional", "keyword")
            }
        is_open = arguments.has_open_keywords or arguments.has_entry_keywords
        layer = val.Layer({}, name, bound, site, is_open, () if frame is None else frame.call_sites, serial=self.interpreter.next_serial())
        self.contexts.layers.append(layer)
        return layer

    def layer_default(self, layer: val.Layer, name: str) -> Value | None:
        bound_signature = signature(layer.target)
        if bound_signature is None:
            return None
        default = bound_signature.default(name)
        if default is NO_DEFAULT:
            return None
        return _as_value(self.interpreter, default)

    def apply_layer(self, layer: val.Layer, arguments: Arguments, site: Site | None) -> Value:
        if layer.members:
            self.escape_layer(layer, "called in a loop over all modules")
        named: dict[str, Value] = {}
        for at, value in enumerate([*arguments.positional, *arguments.splats]):
            named["input" if at == 0 else f"input[{at}]"] = value
        named |= arguments.keywords
        return self._call_layer(layer, {**layer.arguments, **named}, named, site)

    def _call_layer(self, layer: val.Layer, arguments: dict[str, Value], given: dict[str, Value], site: Site | None) -> Value:
        """A call of a layer on what is `given`, as a node of the present graph."""
        inputs = [self.interpreter.here(t) for value in given.values() for t in val.tensors_in(value)]
        row = find_row(layer.target)
        node = self.interpreter.graph.add(layer.target, tuple(inputs), arguments=arguments, layer=layer.origin, site=site)
        if row is None:
            node.reason = f"nothing is known of `{layer.target}`"
        else:
            self._complete(node, row)
        return Tensor(node)

    def _complete(self, node: Node, row: Any) -> None:
        node.rank = row.rank(node) if row.rank is not None else None
        if row.returns_several is not None and row.returns_several(node):
            node.arguments = {**node.arguments, _SEVERAL: Const(True)}

    def escape_layer(self, layer: val.Layer, reason: str) -> None:
        layer.mark(ESCAPED, reason)

    def escape_returned_layers(self, value: Value) -> None:

        for layer in layers_in(value):
            self.escape_layer(layer, "returned by a method")

    def read_parameter(self, layer: val.Layer, name: str) -> Value:
        """`layer.weight` or `layer.bias` as a value."""
        if name == "bias" and layer.arguments.get("bias") == Const(False) and not layer.members:
            return NONE
        return Tensor(self.interpreter.graph.add(PARAMETER, layer=layer, reason=name))

    def replace_parameter(self, layer: val.Layer, name: str, value: Value) -> None:
        if name == "bias":
            layer.mark(BIAS_USED, "its bias is replaced")
        else:
            layer.mark(WEIGHT_TIED, "its weight is replaced")
        if isinstance(value, Tensor) and value.node.operation == PARAMETER and value.node.layer is not None:
            value.node.layer.mark(BIAS_USED if name == "bias" else WEIGHT_TIED, f"its {value.node.reason} is shared with another layer")

    def note_frozen_bias(self, node: Node) -> None:
        """A bias that is frozen on purpose: its author knows."""
        if node.operation == PARAMETER and node.layer is not None and node.reason == "bias":
            node.layer.mark(BIAS_USED, "its bias is frozen on purpose")

    # --- operations ---

    def operation(self, name: str, arguments: dict[str, Value], site: Site | None) -> Value:
        """A torch function on bound arguments, as a node of the present graph."""
        interpreter = self.interpreter
        name = canonical_name(name)
        row = find_row(name)
        choices = [k for k, v in arguments.items() if isinstance(v, val.Choice)]
        if choices and len(choices) == 1:
            # One call for each alternative; those given None would raise where None means nothing.
            options = [o for o in arguments[choices[0]].options if o != NONE or choices[0] not in ("input", "other", "tensors")]  # type: ignore[attr-defined]
            if any(isinstance(o, Tensor) or o == NONE for o in options):
                return interpreter.join_all([self.operation(name, {**arguments, choices[0]: o}, site) for o in options] or [UNKNOWN])
        layer = _layer_written_out(name, arguments)
        if layer is not None:
            # `F.conv2d(x, weight, self.bias, …)` in a class that extends the layer is a call of the layer.
            given = {k: v for k, v in arguments.items() if k != "bias"}
            rest = {k: v for k, v in _functional_defaults(name).items() if k not in given}
            return self._call_layer(layer, {**layer.arguments, **rest, **given}, given, site)
        inputs: list[Node] = []
        seen: set[int] = set()
        for value in arguments.values():
            for tensor in val.tensors_in(value):
                node = interpreter.here(tensor)
                if id(node) not in seen:
                    seen.add(id(node))
                    inputs.append(node)
            for layer in _layers(value):
                self.escape_layer(layer, f"given to `{name}`")
        here = {k: Tensor(interpreter.here(v)) if isinstance(v, Tensor) else v for k, v in arguments.items()}
        if row is not None and row.shift is keeps and len(inputs) == 1 and is_bias(inputs[0]) and name != "torch.detach":
            return Tensor(inputs[0])  # a cast of the bias is the bias
        self._note_bias_use(name, inputs)
        if row is None:
            if not inputs:
                return Unknown(f"`{name}`")
            made = interpreter.graph.add(UNKNOWN_OPERATION, tuple(inputs), arguments=here, site=site, reason=f"`{name}`")
            return Tensor(made)
        node = interpreter.graph.add(name, tuple(inputs), arguments=here, site=site)
        self._complete(node, row)
        return Tensor(node)

    def _note_bias_use(self, name: str, inputs: list[Node]) -> None:
        """A bias that is computed with is no longer only added by its own layer; writing into it (`bias.zero_()`) is initialisation."""
        for node in inputs:
            if node.layer is not None and is_bias(node) and not name.endswith("_") and name != "torch.detach":
                node.layer.mark(BIAS_USED, "its bias is read")

    def call_tensor_method(self, receiver: Tensor, name: str, arguments: Arguments, site: Site | None) -> Value:
        if name in _NO_TENSORS:
            return self._scalar_method(receiver, name, arguments)
        if name == "requires_grad_" and arguments.positional and truth_of(arguments.positional[0]) is False:
            self.note_frozen_bias(receiver.node)
        if name in ("backward", "register_hook", "retain_grad", "requires_grad_"):
            return receiver if name.endswith("_") else NONE
        if receiver.node.operation == PARAMETER and name.endswith("_") and not name.endswith("__"):
            return receiver  # initialisation in place
        if name in _SHAPED and arguments.has_open_positional and not arguments.has_open_keywords:
            # `x.view(*x.shape[:-1], heads, -1)`: as many sizes as there happen to be.
            whole = self.interpreter.sequence(arguments.positional, "tuple")
            arguments = type(arguments)([whole], arguments.keywords)
        if name.endswith("_") and not name.endswith("__") and self._is_operation(name[:-1]):
            return self.call_tensor_method(receiver, name[:-1], arguments, site)
        public = f"torch.{name}" if find_row(canonical_name(f"torch.{name}")) is not None else f"torch.Tensor.{name}"
        # Methods that torch documents only as functions take the same arguments.
        spaces = ("torch.Tensor", "torch", "torch.nn.functional")
        bound = next((found for space in spaces if (found := signature(f"{space}.{name}")) is not None), None)
        row = find_row(canonical_name(public))
        if bound is None and row is not None and not arguments.is_open and (not arguments.positional or row.shift is destroys):
            rest = {f"argument[{at}]": v for at, v in enumerate(arguments.positional)}
            return self.operation(public, {"input": receiver, **rest, **arguments.keywords}, site)
        if bound is None or arguments.is_open:
            if bound is None and name in ("type_as", "to", "cuda", "cpu", "type", "view_as", "expand_as", "reshape_as"):
                return self.operation(
                    public, {"input": receiver, **{f"argument[{i}]": v for i, v in enumerate(arguments.positional)}}, site
                )
            return self.interpreter.unknown_operation([receiver, *arguments.all], f"`Tensor.{name}`", site)
        named = bound.bind([receiver, *arguments.positional], arguments.keywords)
        return self.operation(public, named, site)

    def _is_operation(self, name: str) -> bool:
        return find_row(canonical_name(f"torch.{name}")) is not None or signature(f"torch.Tensor.{name}") is not None

    def _scalar_method(self, receiver: Tensor, name: str, arguments: Arguments) -> Value:
        node = receiver.node
        if name == "dim":
            return Symbol(("rank", node)) if node.rank is None else Const(node.rank)
        if name == "size":
            axis = arguments.get(0, "dim")
            if axis is None:
                return self.shape(receiver)
            if isinstance(axis, Const) and isinstance(axis.value, int):
                at = axis.value if axis.value >= 0 or node.rank is None else axis.value + node.rank
                return Symbol(("size", node, at))
        if name in ("item", "tolist", "numpy"):
            self.interpreter.escape_node(node, f"`{name}()`")
        return Unknown(f"`{name}()` of a tensor")


def is_bias(node: Node) -> bool:
    """Whether a node is the bias of a layer, read as a value."""
    return node.operation == PARAMETER and node.layer is not None and node.reason == "bias"


_WRITTEN_OUT = {"torch.nn.functional.linear": "Linear"} | {
    f"torch.{prefix}{function}{n}d": f"{layer}{n}d"
    for prefix in ("", "nn.functional.")
    for function, layer in (("conv", "Conv"), ("conv_transpose", "ConvTranspose"))
    for n in (1, 2, 3)
}


def _layer_written_out(name: str, arguments: dict[str, Value]) -> val.Layer | None:
    """The layer whose own function is called with its own bias."""
    bias = arguments.get("bias")
    if name not in _WRITTEN_OUT or not isinstance(bias, Tensor) or not is_bias(bias.node):
        return None
    layer = bias.node.layer
    return layer if layer is not None and not layer.members and layer.target.removeprefix("torch.nn.") == _WRITTEN_OUT[name] else None


def _functional_defaults(name: str) -> dict[str, Value]:
    if name.endswith("linear"):
        return {}
    ones = {"stride": Const(1), "dilation": Const(1), "groups": Const(1)}
    return {**ones, "padding": Const(0), "output_padding": Const(0), "padding_mode": Const("zeros")}


def _in_order(arguments: Arguments) -> dict[str, Value]:
    """Arguments of a function whose signature torch does not document: the first one is its input."""
    return {("input", "other")[at] if at < 2 else f"argument[{at}]": v for at, v in enumerate(arguments.positional)} | arguments.keywords


def _layers(value: Value) -> list[val.Layer]:

    return layers_in(value)


def _as_value(interpreter: Interpreter, default: object) -> Value:
    if default is ...:
        return UNKNOWN
    if isinstance(default, tuple):
        return interpreter.sequence([Const(d) for d in default], "tuple")
    return Const(default)


def _made(arguments: Arguments, name: str = "") -> dict[str, Any]:
    """What is known of the shape of `torch.zeros(2, 3)` and its kin: sizes given one by one, in a tuple, or by another tensor.

    `torch.full((2, 3), value)` says besides what the tensor is filled with.
    """
    given = arguments.positional
    known: dict[str, Value] = {}
    if name in ("torch.full", "torch.full_like") and len(given) == 2:
        *given, known["fill"] = given
    elif name == "torch.tensor" and len(given) == 1 and isinstance(given[0], (Const, Symbol)):
        return {"rank": 0, "arguments": {"fill": given[0]}}
    if len(given) == 1 and isinstance(given[0], Tensor):
        return {"rank": given[0].node.rank, "arguments": {"like": given[0], **known}}
    if len(given) == 1 and isinstance(given[0], val.Sequence) and given[0].is_exact and name != "torch.tensor":
        sizes = list(given[0].items)
    elif given and all(isinstance(g, (Const, Symbol)) and not (isinstance(g, Const) and isinstance(g.value, (float, bool))) for g in given):
        sizes = given
    else:
        return {"arguments": known}
    return {"rank": len(sizes), "arguments": {f"size[{axis}]": size for axis, size in enumerate(sizes)} | known}
