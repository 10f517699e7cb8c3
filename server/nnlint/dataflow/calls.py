"""Calls: what is called with what, and where the call goes. Construction and `forward()` are in `contexts`, containers in
`containers`, Python's built-ins in `python_calls`, torch's functions and layers in `torch_calls`."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from nnlint.dataflow import values as val
from nnlint.dataflow.arguments import Arguments, as_annotated
from nnlint.dataflow.classes import ITEMS, LAYER, MODULE_METHODS
from nnlint.dataflow.containers import Containers
from nnlint.dataflow.contexts import Contexts, cells_of, copy_of
from nnlint.dataflow.dimensions import Dimensions
from nnlint.dataflow.frames import Flow, Frame, OutOfFuel
from nnlint.dataflow.python_calls import call_method, call_python
from nnlint.dataflow.torch_calls import TorchCalls
from nnlint.dataflow.values import NONE, UNKNOWN, Const, Symbol, Tensor, Unknown, Value, pattern_of
from nnlint.semantics.definitions import FunctionDefinition, Site
from nnlint.syntax import lowered as low

if TYPE_CHECKING:
    from nnlint.dataflow.interpreter import Interpreter

MAX_RECURSION = 4
# Decorators that leave a function what it is, as far as values go.
_TRANSPARENT = frozenset({
    "staticmethod", "classmethod", "property", "cached_property", "abstractmethod", "no_grad", "inference_mode", "enable_grad", "autocast",
    "custom_fwd", "custom_bwd", "ignore", "unused", "export", "script", "script_method", "script_if_tracing", "compile", "wraps",
    "lru_cache", "cache", "singledispatch", "overload", "final", "override", "dataclass", "total_ordering", "disable", "deprecated",
    "jit_ignore", "contextmanager",
})  # fmt: skip
NEVER_RETURNS = Unknown("a function that never returns")


class Caller(Containers, TorchCalls):
    """Every call of the analyzed code comes through `call`."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.contexts = Contexts(interpreter)
        self._active: list[FunctionDefinition] = []
        self._frozen_in: dict[val.Layer, Frame | None] = {}
        self.dimensions = Dimensions()
        self._plain_results: dict[Hashable, Value] = {}

    def call(self, function: Value, arguments: Arguments, site: Site | None, frame: Frame | None = None) -> Value:
        self.interpreter.spend()
        match function:
            case val.Function(definition=definition, closure=None, receiver=None) if all(is_plain(a) for a in arguments.all):
                return self._call_plainly(definition, arguments, site, frame)
            case val.Function(definition=definition, closure=closure, receiver=receiver):
                return self.inline(definition, closure, receiver, arguments, site, frame)
            case val.External(name=name):
                if val.is_layer_class(function) or name.startswith("torch."):
                    return self.call_torch(name, arguments, site, frame)
                return call_python(self, name, arguments, site, frame)
            case val.Method(receiver=receiver, name=name):
                return self._call_method(receiver, name, arguments, site, frame)
            case val.Class():
                return self.contexts.construct(function, arguments, site, frame)
            case val.Layer():
                return self.apply_layer(function, arguments, site)
            case val.Instance():
                return self._call_instance(function, arguments, site, frame)
            case val.Sequence() if function.kind == "Sequential":
                return self.apply_items(function.items, arguments, site)
            case val.Partial(function=inner, positional=positional, keywords=keywords):
                merged = replace(
                    arguments,
                    positional=[*positional, *arguments.positional],
                    keywords={**dict(keywords), **arguments.keywords},
                )
                return self.call(inner, merged, site, frame)
            case val.Lambda(node=node, frame=closure):
                return self._call_lambda(node, closure, arguments, site, frame)
            case val.Choice(options=options):
                return self._call_each(options, arguments, site, frame)
            case Unknown(reason=reason):
                # The first place where knowledge ended says more than every call that follows from it.
                is_passed_on = reason.startswith("a call of")
                words = reason if is_passed_on else f"a call of something unknown ({reason})" if reason else "a call of something unknown"
                return self._unknown_call(words, function, arguments, site)
            case Const(value=constant):
                return Unknown(f"a call of `{constant!r}`")
            case Symbol() if (parameter := val.parameter_of(function)) is not None:
                return self._unknown_call(f"a call of the parameter `{parameter}`, which no caller seen gives", function, arguments, site)
            case _:
                return self._unknown_call("a call that is not understood", function, arguments, site)

    def leave(self) -> None:
        """Nothing is being called any more."""
        self._active.clear()

    def call_simply(self, function: Value, *positional: Value, site: Site | None = None) -> Value:
        return self.call(function, Arguments(list(positional)), site)

    def _unknown_call(self, reason: str, function: Value, arguments: Arguments, site: Site | None) -> Value:
        return self.interpreter.unknown_operation([function, *arguments.all], reason, site)

    def _call_each(self, options: tuple[Value, ...], arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
        """Calls each callable option from the same state; the ones that cannot be called would raise."""
        callable_options = [o for o in options if not isinstance(o, Const)]
        self.dimensions.decide(tuple(callable_options))
        if not callable_options:
            return UNKNOWN
        results: list[Value] = []

        def one(option: Value) -> Flow:
            results.append(self.call(option, arguments, site, frame))
            return Flow.NEXT

        if frame is None or len(callable_options) == 1:
            for option in callable_options:
                one(option)
        else:
            self.interpreter.branch(frame, [partial(one, option) for option in callable_options])
        returning = [r for r in results if r is not NEVER_RETURNS]  # what raises has no say in the result
        return self.interpreter.join_all(returning or results)

    # --- functions of the project ---

    def _call_plainly(self, definition: FunctionDefinition, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
        """Calls a function with plain data. Where it returns plain data too and built nothing, the result is remembered."""
        key = (definition, self.contexts.keys.of_arguments(arguments))
        if key in self._plain_results:
            return copy_of(self.interpreter, self._plain_results[key])
        interpreter = self.interpreter
        layers, nodes = len(self.contexts.layers), len(interpreter.graph.nodes)
        instances = len(self.contexts.instances)
        result, changes = interpreter.journal.record(lambda: self.inline(definition, None, None, arguments, site, frame))
        built = len(self.contexts.layers) > layers or len(interpreter.graph.nodes) > nodes or len(self.contexts.instances) > instances
        given = {id(cell) for cell in cells_of(arguments.all)}
        # Within its own recursion a result may rest on a call that was cut off.
        if not built and is_plain(result) and definition not in self._active and not any(id(c.cell) in given for c in changes):
            self._plain_results[key] = result
        return result

    def inline(
        self,
        definition: FunctionDefinition,
        closure: Frame | None,
        receiver: Value | None,
        arguments: Arguments,
        site: Site | None,
        caller: Frame | None,
    ) -> Value:
        """Runs a function of the project on abstract arguments."""
        if self._active.count(definition) >= MAX_RECURSION or len(self._active) >= 60:
            return self.interpreter.unknown_operation([*arguments.all], f"deep recursion in `{definition.name}`", site)
        if definition.node.is_async:
            return self.interpreter.unknown_operation([*arguments.all], "a coroutine", site)

        given = arguments
        sites = () if caller is None else caller.call_sites
        frame = Frame(
            definition.module,
            definition.block,
            {},
            closure,
            definition.owner,
            receiver,
            (site, *sites)[:8] if site is not None else sites,
            born=self.interpreter.next_serial(),
        )
        if receiver is not None:
            arguments = replace(arguments, positional=[receiver, *arguments.positional])
        self.bind(frame, definition.node.parameters, arguments, closure)
        self._active.append(definition)
        self.contexts.progress.ran.add(id(definition.node))
        try:
            flow = self.interpreter.block(frame, definition.node.body)
        except (OutOfFuel, RecursionError):
            self.contexts.progress.cut_short.add(id(definition.node))
            raise
        finally:
            self._active.pop()
        if definition.node.is_generator:
            return self.interpreter.sequence(
                frame.yielded if flow is Flow.NEXT else [val.Repeated(tuple(frame.yielded))] if frame.yielded else []
            )
        returned = [*frame.returned, NONE] if flow is Flow.NEXT else frame.returned
        result = self.interpreter.join_all(returned) if returned else NEVER_RETURNS
        if closure is None and (receiver is None or isinstance(receiver, val.Class)):
            self.contexts.note_made(val.Function(definition, None, receiver), given, site, result)
        return result

    def bind(self, frame: Frame, parameters: low.Parameters, arguments: Arguments, closure: Frame | None) -> None:
        """Binds arguments to parameters as Python does. What is missing takes its default, evaluated where the function is defined."""
        env = frame.env
        positional = (*parameters.positional_only, *parameters.positional)
        given = list(arguments.positional)
        keywords = dict(arguments.keywords)
        exact = len(given) if not any(isinstance(g, (val.Alternatives, val.Repeated)) for g in given) else 0
        for at, parameter in enumerate(positional):
            if at < exact:
                env[parameter.name] = as_annotated(parameter, given[at], self.interpreter.next_serial)
            elif parameter.name in keywords:
                env[parameter.name] = as_annotated(parameter, keywords.pop(parameter.name), self.interpreter.next_serial)
            else:
                env[parameter.name] = self._missing(frame, parameter, arguments, closure, arguments.has_open_positional)
        for parameter in parameters.keyword_only:
            if parameter.name in keywords:
                env[parameter.name] = as_annotated(parameter, keywords.pop(parameter.name), self.interpreter.next_serial)
            else:
                env[parameter.name] = self._missing(frame, parameter, arguments, closure, False)
        if parameters.star is not None:
            env[parameters.star] = self.interpreter.sequence(given[len(positional) :] if exact else given, "tuple")
        if parameters.double_star is not None:
            rest = self.interpreter.mapping(keywords, is_open=arguments.has_open_keywords)
            rest.state["entry"] = arguments.has_entry_keywords
            env[parameters.double_star] = rest

    def _missing(self, frame: Frame, parameter: low.Parameter, arguments: Arguments, closure: Frame | None, open_positional: bool) -> Value:
        if open_positional or arguments.has_open_keywords:
            return Unknown(f"`{parameter.name}` may be given by a star argument")
        if parameter.default is None:
            return Symbol(("parameter", frame.module.path, frame.block.key, parameter.name))
        return self._default(frame, parameter.default, closure)

    def _default(self, frame: Frame, node: low.Node, closure: Frame | None) -> Value:

        outer = Frame(frame.module, frame.block, {}, closure, frame.owner)
        if isinstance(node, low.Name) and frame.owner is not None and node.id in frame.owner.assigned:
            _, statement = frame.owner.assigned[node.id]
            self.interpreter.statement(outer, statement)
        return self.interpreter.evaluate(outer, node)

    def _call_lambda(self, node: low.LambdaExpr, closure: Frame, arguments: Arguments, site: Site | None, caller: Frame | None) -> Value:

        if len(self._active) >= 60:
            return UNKNOWN
        sites = () if caller is None else caller.call_sites
        frame = Frame(
            closure.module,
            closure.block,
            {},
            closure,
            closure.owner,
            closure.receiver,
            (site, *sites)[:8] if site is not None else sites,
            born=self.interpreter.next_serial(),
        )
        self.contexts.progress.ran.add(id(node))
        self.bind(frame, node.parameters, arguments, closure)
        return self.interpreter.evaluate(frame, node.body)

    def decorate(self, function: Value, decorator: Value, node: low.Node) -> Value:
        """What a decorator makes of a function or class."""
        name = _last_name(node)
        if name in _TRANSPARENT or "register" in name:
            return function
        if isinstance(decorator, val.External) and decorator.name.startswith(("torch.", "typing.", "functools.", "abc.")):
            return function
        if isinstance(decorator, (val.Function, val.Lambda)):
            result = self.call_simply(decorator, function)
            return function if isinstance(result, Unknown) else result
        return function if isinstance(decorator, val.Method) else Unknown(f"decorated by `{name}`")

    # --- methods and instances ---

    def _call_method(self, receiver: Value, name: str, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
        match receiver:
            case Tensor():
                return self.call_tensor_method(receiver, name, arguments, site)
            case val.Sequence() | val.Mapping_():
                return self.container_method(receiver, name, arguments, site, frame)
            case val.Instance() if ITEMS in receiver.state and name not in MODULE_METHODS:
                return self.container_method(receiver.state[ITEMS], name, arguments, site, frame)
            case val.Instance() | val.Layer():
                return self.module_method(receiver, name, arguments, site, frame)
            case val.Super():
                return self._call_super(receiver, name, arguments, site, frame)
            case val.Class():
                return self._unbound(receiver, name, arguments, site, frame)
            case _:
                return call_method(self, receiver, name, arguments, site)

    def _unbound(self, receiver: val.Class, name: str, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
        """`Base.method(self, …)` where the method comes from outside the project."""
        first = arguments.positional[0] if arguments.positional else None
        if isinstance(first, val.Instance):
            rest = Arguments(arguments.positional[1:], arguments.keywords, arguments.has_open_positional, arguments.has_open_keywords)
            return self._call_super(val.Super(receiver.definition, first), name, rest, site, frame)
        return self._unknown_call(f"method `{name}` of a class", receiver, arguments, site)

    def _call_super(self, receiver: val.Super, name: str, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
        instance = receiver.receiver
        if not isinstance(instance, val.Instance):
            return self._unknown_call(f"`super().{name}`", receiver, arguments, site)
        if name in ("__init__", "__init_subclass__", "__new__"):
            self.contexts.initialize_base(instance, arguments, site, frame)
            return NONE
        if name in ("forward", "__call__"):
            if LAYER in instance.state:
                return self.apply_layer(instance.state[LAYER], arguments, site)
            if ITEMS in instance.state:
                return self.apply_items(instance.state[ITEMS].items, arguments, site)
        if ITEMS in instance.state and name not in MODULE_METHODS:
            return self.container_method(instance.state[ITEMS], name, arguments, site, frame)
        return self.module_method(instance, name, arguments, site, frame)

    def _call_instance(self, instance: val.Instance, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
        classes = self.interpreter.classes
        if not instance.is_module:
            found = classes.find_method(instance.definition, instance.closure, "__call__")
            if found is None:
                return self._unknown_call("a call of an object", instance, arguments, site)
            return self.inline(found[0], found[1], instance, arguments, site, frame)
        own = classes.find_method(instance.definition, instance.closure, "__call__")
        if own is not None:
            return self.inline(own[0], own[1], instance, arguments, site, frame)
        return self.contexts.run_forward(instance, arguments, site)

    def module_method(
        self,
        module: val.Instance | val.Layer | val.Sequence | val.Mapping_,
        name: str,
        arguments: Arguments,
        site: Site | None,
        frame: Frame | None,
    ) -> Value:
        """Methods that modules inherit from `nn.Module`."""
        if name in ("__call__", "forward", "_call_impl"):
            return (
                self.call(module, arguments, site, frame)
                if not isinstance(module, val.Instance)
                else self.contexts.run_forward(module, arguments, site)
            )
        if name in ("add_module", "register_module") and isinstance(module, val.Sequence):
            child = arguments.get(1, "module")
            if child is not None:
                self.interpreter.mutate(module, "items", (*module.items, child))
            return NONE
        if name in ("add_module", "register_module") and isinstance(module, val.Instance):
            key, child = arguments.get(0, "name"), arguments.get(1, "module")
            name_known = str(key.value) if isinstance(key, Const) else None if key is None else pattern_of(key)
            if name_known is not None and child is not None:
                self.interpreter.set_attribute(module, name_known, child)
                self._append_registered(module, child)
            elif child is not None:
                self.open_up(child, "registered under an unknown name")
            return NONE
        if name in ("register_buffer", "register_parameter"):
            key, value = arguments.get(0, "name"), arguments.get(1, "tensor") or arguments.get(1, "param")
            if isinstance(key, Const) and value is not None and isinstance(module, val.Heap):
                self.interpreter.mutate(module, str(key.value), value)
            return NONE
        if name == "apply":
            return module  # `f` initializes every submodule; `hazards` looks for its effect on biases
        if name in (
            "train",
            "eval",
            "to",
            "cuda",
            "cpu",
            "half",
            "float",
            "double",
            "bfloat16",
            "type",
            "requires_grad_",
            "share_memory",
            "xpu",
        ):
            self.note_mode(module, name, arguments, frame)
            return module
        if name in ("children", "named_children", "modules", "named_modules"):
            return self.children(module, name)
        if name in (
            "parameters",
            "named_parameters",
            "buffers",
            "named_buffers",
            "state_dict",
            "load_state_dict",
            "zero_grad",
            "extra_repr",
            "compile",
        ):
            return Unknown(f"`{name}()` of a module")
        if name.startswith("register_") and name.endswith("hook"):
            self.open_up(module, "a hook reads it", own_layers_only=True)
            return Unknown("the handle of a hook")
        if name in ("get_submodule", "__getattr__"):
            key = arguments.get(0, "target")
            if isinstance(key, Const) and isinstance(key.value, str):
                found: Value = module
                for part in key.value.split("."):
                    found = self.get_by_name(found, part)
                return found
            self.open_up(module, "a submodule is taken by an unknown name")
            return Unknown("a submodule of unknown name")
        if isinstance(module, val.Layer):
            return self.interpreter.unknown_operation([module, *arguments.all], f"method `{name}` of a layer", site)
        return self.interpreter.unknown_operation([*arguments.all], f"method `{name}` of a module", site)

    def _append_registered(self, module: val.Instance, child: Value) -> None:
        items = module.state.get(ITEMS)
        if isinstance(items, val.Sequence):
            self.interpreter.mutate(items, "items", (*items.items, child))

    def enter(self, value: Value) -> Value:
        """What a context manager binds."""
        return (
            value
            if isinstance(value, (Tensor, val.Instance)) and not isinstance(value, Tensor) and value.is_module
            else Unknown("a context manager")
        )


def is_plain(value: Value, depth: int = 4) -> bool:
    """Data without tensors, modules or functions with a memory: equal data gives equal results."""
    match value:
        case Const() | Symbol() | Unknown() | val.External():
            return True
        case val.Class(closure=None) | val.Function(closure=None, receiver=None):
            return True
        case val.Sequence() | val.Mapping_():
            return depth > 0 and not value.is_module and all(is_plain(p, depth - 1) for p in val.parts_of(value))
        case val.Choice():
            return depth > 0 and all(is_plain(p, depth - 1) for p in value.options)
        case _:
            return False


def _last_name(node: low.Node) -> str:
    match node:
        case low.Name(id=name) | low.Attribute(name=name):
            return name
        case low.Call(function=function):
            return _last_name(function)
        case _:
            return ""
