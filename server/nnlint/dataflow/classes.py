"""Classes of the project: inheritance, attributes, and what `self.x` means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nnlint.dataflow import values as val
from nnlint.dataflow.frames import Frame
from nnlint.dataflow.graph import PARAMETER
from nnlint.dataflow.operators import MAX_SYMBOL_DEPTH, symbol_depth
from nnlint.dataflow.transfer.linear import spatial_axes
from nnlint.dataflow.values import NONE, TRUE, UNKNOWN, Const, Symbol, Tensor, Unknown, Value
from nnlint.semantics.definitions import ClassDefinition, ExternalDefinition, FunctionDefinition
from nnlint.semantics.torch_names import canonical_name
from nnlint.syntax import lowered as low

if TYPE_CHECKING:
    from nnlint.dataflow.interpreter import Interpreter

MAX_BASES = 40
# State keys of instances that stand for what a torch base class holds.
ITEMS = "__items__"  # of nn.Sequential, nn.ModuleList, list
LAYER = "__layer__"  # of a torch layer class
MODULE_BASES = frozenset({"torch.nn.Module", "torch.nn.Sequential", "torch.nn.ModuleList", "torch.nn.ModuleDict"})
_SEQUENCE_BASES = {"torch.nn.Sequential": "Sequential", "torch.nn.ModuleList": "ModuleList"}
_PER_AXIS = frozenset({"kernel_size", "stride", "padding", "dilation", "output_padding"})
_TENSOR_CONSTANTS = frozenset({"dtype", "device", "requires_grad", "is_cuda", "grad_fn", "layout", "names", "is_leaf"})
_SAME_TENSOR = {"data": "torch.detach", "real": "torch.clone"}
_TRANSPOSED = {"T": "torch.t", "mT": "torch.Tensor.mT", "H": "torch.t", "mH": "torch.Tensor.mT"}

Base = ClassDefinition | str | None  # a class of the project, the name of an outside one, or an unknown one
MODULE_METHODS = frozenset({
    "__call__", "forward", "train", "eval", "to", "cuda", "cpu", "half", "float", "double", "bfloat16", "type", "apply", "requires_grad_",
    "zero_grad", "parameters", "named_parameters", "buffers", "named_buffers", "modules", "named_modules", "children", "named_children",
    "state_dict", "load_state_dict", "register_buffer", "register_parameter", "register_module", "add_module", "register_forward_hook",
    "register_forward_pre_hook", "register_full_backward_hook", "get_submodule", "get_parameter", "share_memory", "extra_repr", "compile",
})  # fmt: skip


class Classes:
    """Inheritance and attribute access, for one interpreter."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self._orders: dict[tuple[ClassDefinition, Frame | None], list[tuple[Base, Frame | None]]] = {}

    def order(self, definition: ClassDefinition, closure: Frame | None = None) -> list[tuple[Base, Frame | None]]:
        """The method resolution order, depth first with the last of repeated bases kept (C3 where C3 is consistent)."""
        key = (definition, closure)
        if key not in self._orders:
            self._orders[key] = [(definition, closure)]  # a class that inherits from itself ends here
            found = list(self._walk(definition, closure, 0))
            last = {self._identity(base): i for i, (base, _) in enumerate(found)}
            self._orders[key] = [entry for i, entry in enumerate(found) if last[self._identity(entry[0])] == i]
        return self._orders[key]

    def _identity(self, base: Base) -> object:
        return id(base) if isinstance(base, ClassDefinition) else base

    def _walk(self, definition: ClassDefinition, closure: Frame | None, depth: int) -> Iterator[tuple[Base, Frame | None]]:
        yield definition, closure
        if depth > MAX_BASES:
            return
        for value in self._base_values(definition, closure):
            match value:
                case val.Class(definition=base, closure=inner):
                    yield from self._walk(base, inner, depth + 1)
                case val.External(name="builtins.object"):
                    pass
                case val.External(name=name):
                    yield name, None
                case _:
                    yield None, None

    def _base_values(self, definition: ClassDefinition, closure: Frame | None) -> Iterator[Value]:

        frame = Frame(definition.module, definition.block, {}, closure)
        for argument in definition.arguments:
            if argument.keyword is None and not argument.star:
                node = argument.value
                while isinstance(node, low.Subscript):  # Generic[T]
                    node = node.value
                yield self.interpreter.evaluate(frame, node)

    def bases(self, definition: ClassDefinition, closure: Frame | None = None) -> list[str | None]:
        """The classes from outside the project among a class's ancestors; `None` for unknown ones."""
        return [base for base, _ in self.order(definition, closure) if not isinstance(base, ClassDefinition)]

    def layer_base(self, definition: ClassDefinition, closure: Frame | None = None) -> str | None:
        """The torch layer class that a class extends, if it extends one."""
        for base in self.bases(definition, closure):
            if base is not None and base not in MODULE_BASES and val.is_layer_class(val.External(base)):
                return base
        return None

    def sequence_base(self, definition: ClassDefinition, closure: Frame | None = None) -> str | None:
        return next((_SEQUENCE_BASES[b] for b in self.bases(definition, closure) if b in _SEQUENCE_BASES), None)

    def is_module(self, definition: ClassDefinition, closure: Frame | None = None) -> bool:
        bases = self.bases(definition, closure)
        if any(
            base in MODULE_BASES or (base is not None and base.startswith("torch.nn.") and val.is_layer_class(val.External(base)))
            for base in bases
        ):
            return True
        # The base is from a package that is not read: a class with a `forward` is a module all the same.
        return bool([b for b in bases if b is None or not b.startswith(("builtins.", "abc.", "typing.", "enum."))]) and self.has_method(
            definition, "forward"
        )

    def has_method(self, definition: ClassDefinition, name: str, closure: Frame | None = None) -> bool:
        return any(isinstance(base, ClassDefinition) and name in base.methods for base, _ in self.order(definition, closure))

    def find_method(
        self, definition: ClassDefinition, closure: Frame | None, name: str, after: ClassDefinition | None = None
    ) -> tuple[FunctionDefinition, Frame | None] | None:
        """The method that `name` means on the class; with `after`, the next one up from that class, as `super()` has it."""
        skipping = after is not None
        for base, inner in self.order(definition, closure):
            if skipping:
                skipping = base is not after
                continue
            if isinstance(base, ClassDefinition) and name in base.methods:
                return base.methods[name], inner
        return None

    # --- attributes ---

    def attribute(self, holder: Value, name: str) -> Value:
        """The value of `holder.name`."""
        if name == "__name__" and (known := _own_name(holder)) is not None:
            return Const(known)
        match holder:
            case val.Instance():
                return self._of_instance(holder, name)
            case Tensor():
                return self._of_tensor(holder, name)
            case val.Layer():
                return self._of_layer(holder, name)
            case val.External(name=outer):
                return self.interpreter.definition_value(ExternalDefinition(canonical_name(f"{outer}.{name}")))
            case val.ModuleValue(module=module):
                definition = self.interpreter.program.attribute(module, name)
                if definition is None:
                    return Unknown(f"`{module.name}` has no `{name}`")
                return self.interpreter.definition_value(definition)
            case val.Class(definition=definition, closure=closure):
                return self._of_class(definition, closure, name, None, holder)
            case val.Super(owner=owner, receiver=receiver):
                return self._of_super(owner, receiver, name)
            case val.Choice(options=options):
                found = [self.attribute(o, name) for o in options if o != NONE]
                return self.interpreter.join_all(found) if found else UNKNOWN
            case val.Partial(function=function) if name == "func":
                return function
            case val.Partial(keywords=keywords) if name == "keywords":
                return self.interpreter.mapping(dict(keywords))
            case val.Partial(positional=positional) if name == "args":
                return self.interpreter.sequence(positional, "tuple")
            case val.Sequence() | val.Mapping_():
                if isinstance(holder, val.Mapping_) and holder.kind == "namespace" and name in holder.entries:
                    return holder.entries[name]
                if isinstance(holder, val.Sequence) and holder.kind == "tuple" and holder.names is not None and name in holder.names:
                    return holder.items[holder.names.index(name)]
                if name in holder.state and name not in ("items", "entries", "open", "entry"):
                    return holder.state[name]  # type: ignore[no-any-return]
                return TRUE if name == "training" and holder.is_module else val.Method(holder, name)
            case Symbol(key=key) if symbol_depth(key) < MAX_SYMBOL_DEPTH:
                return Symbol(("attribute", key, name))
            case Const() | Symbol() | val.Function() | val.Lambda():
                return val.Method(holder, name)
            case Unknown():
                return holder
            case _:
                return Unknown(f"attribute `{name}`")

    def _of_instance(self, holder: val.Instance, name: str) -> Value:
        found = holder.state.get(name)
        if found is not None:
            return found  # type: ignore[no-any-return]
        return self._of_class(holder.definition, holder.closure, name, holder, holder)

    def _of_class(
        self, definition: ClassDefinition, closure: Frame | None, name: str, receiver: val.Instance | None, holder: Value
    ) -> Value:

        order = self.order(definition, closure)
        for base, inner in order:
            if not isinstance(base, ClassDefinition):
                continue
            if name in base.methods:
                return self._bound(base.methods[name], inner, receiver, holder)
            if name in base.assigned:
                block, statement = base.assigned[name]
                frame = Frame(base.module, block, {}, inner)
                self.interpreter.statement(frame, statement)
                if name in frame.env:
                    return frame.env[name]
                return Unknown(f"`{name}` is declared without a value")
        if receiver is not None:
            return self._inherited(receiver, name)
        return val.Method(holder, name)

    def _bound(self, method: FunctionDefinition, closure: Frame | None, receiver: val.Instance | None, holder: Value) -> Value:
        kinds = [decorator_name(d) for d in method.node.decorators]
        function = val.Function(method, closure)
        if "staticmethod" in kinds:
            return function
        if "classmethod" in kinds:
            cls = holder if isinstance(holder, val.Class) else val.Class(receiver.definition, receiver.closure) if receiver else UNKNOWN
            return val.Function(method, closure, cls)
        if receiver is None:
            return function
        bound = val.Function(method, closure, receiver)
        if any(kind in ("property", "cached_property") for kind in kinds):
            return self.interpreter.caller.call_simply(bound)
        return bound

    def _inherited(self, receiver: val.Instance, name: str) -> Value:
        if LAYER in receiver.state:
            return self.attribute(receiver.state[LAYER], name)
        if receiver.is_module:
            if name == "training":
                return TRUE
            unknown_base = None in self.bases(receiver.definition, receiver.closure)
            if name.startswith("_") and name not in ("__call__", "_call_impl"):
                if name == "_modules" and receiver.is_module:
                    return self.interpreter.caller.attributes_of(receiver)
                if name in ("_parameters", "_buffers", "__dict__"):
                    self.interpreter.caller.open_up(receiver, f"`{name}` is read")
                return Unknown(f"`{name}` of a module")
            return (
                Unknown(f"`{name}` of an unknown base class")
                if unknown_base and not _is_module_method(name)
                else val.Method(receiver, name)
            )
        if name == "__dict__":
            return self.interpreter.caller.attributes_of(receiver)
        asked = self.find_method(receiver.definition, receiver.closure, "__getattr__")
        if asked is not None and not name.startswith("__"):
            return self.interpreter.caller.call_simply(val.Function(asked[0], asked[1], receiver), Const(name))
        return val.Method(receiver, name)

    def _of_super(self, owner: ClassDefinition, receiver: Value, name: str) -> Value:
        if isinstance(receiver, val.Class):
            found = self.find_method(receiver.definition, receiver.closure, name, owner)
            return val.Function(found[0], found[1], receiver) if found else Unknown(f"`super().{name}`")
        if not isinstance(receiver, val.Instance):
            return Unknown(f"`super().{name}`")
        found = self.find_method(receiver.definition, receiver.closure, name, owner)
        if found is not None:
            return self._bound(found[0], found[1], receiver, receiver)
        return val.Method(val.Super(owner, receiver), name)

    def _of_layer(self, holder: val.Layer, name: str) -> Value:
        if name in holder.state:
            return holder.state[name]  # type: ignore[no-any-return]
        if name == "training":
            return TRUE
        if name in ("weight", "bias", "running_mean", "running_var"):
            return self.interpreter.caller.read_parameter(holder, name)
        if name in holder.arguments:
            return self._as_kept(holder, name, holder.arguments[name])
        default = self.interpreter.caller.layer_default(holder, name)
        return val.Method(holder, name) if default is None else self._as_kept(holder, name, default)

    def _as_kept(self, holder: val.Layer, name: str, value: Value) -> Value:
        """A convolution keeps one number for each spatial axis, also where it was given a single one."""
        if "Conv" not in holder.target or name not in _PER_AXIS or not isinstance(value, (Const, Symbol)) or _is_text(value):
            return value
        return self.interpreter.sequence([value] * spatial_axes(holder.target), "tuple")

    def _of_tensor(self, holder: Tensor, name: str) -> Value:
        if name == "shape":
            return self.interpreter.caller.shape(holder)
        if name == "ndim":
            rank = holder.node.rank
            return Symbol(("rank", holder.node)) if rank is None else Const(rank)
        if name in _TENSOR_CONSTANTS:
            return Unknown(f"`{name}` of a tensor")
        if name in _SAME_TENSOR:
            return self.interpreter.caller.operation(_SAME_TENSOR[name], {"input": holder}, None)
        if name in _TRANSPOSED:
            return self.interpreter.caller.operation(_TRANSPOSED[name], {"input": holder}, None)
        if name == "grad":
            return Tensor(self.interpreter.graph.add(PARAMETER, reason="a gradient"))
        return val.Method(holder, name)


def _is_text(value: Value) -> bool:
    return isinstance(value, Const) and isinstance(value.value, str)


def _own_name(value: Value) -> str | None:
    match value:
        case val.Class(definition=definition) | val.Function(definition=definition):
            return definition.name
        case val.External(name=name):
            return name.rpartition(".")[2]
        case _:
            return None


def decorator_name(node: low.Node) -> str:
    match node:
        case low.Name(id=name) | low.Attribute(name=name):
            return name
        case low.Call(function=function):
            return decorator_name(function)
        case _:
            return ""


def _is_module_method(name: str) -> bool:
    return name in MODULE_METHODS
