"""Which functions change nothing that is followed here: they store nothing, so a call whose result is dropped can be left out.

Most of them initialise weights. What they read of biases is found by `hazards`, in the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnlint.dataflow import values as val
from nnlint.dataflow.values import Value
from nnlint.semantics.definitions import ClassDefinition, FunctionDefinition
from nnlint.syntax import lowered as low

if TYPE_CHECKING:
    from nnlint.dataflow.interpreter import Interpreter

_STORING_METHODS = frozenset({
    "append", "extend", "insert", "add", "update", "setdefault", "pop", "clear", "remove", "discard", "add_module", "register_module",
    "register_buffer", "register_parameter", "register_forward_hook", "register_forward_pre_hook", "register_full_backward_hook",
    "__setattr__", "__setitem__", "__delattr__", "train", "eval", "requires_grad_", "load_state_dict",
})  # fmt: skip
_STORING_FUNCTIONS = frozenset({"setattr", "delattr", "exec", "eval", "super"})


class Effects:
    """Decides, once for each function, whether it stores anything."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self._quiet: dict[int, bool] = {}
        self._calls_modules: dict[int, bool] = {}

    def is_quiet(self, function: Value) -> bool:
        """Whether calling the function stores nothing; unknown ones might."""
        match function:
            case val.Function(definition=definition):
                return self._is_quiet(definition)
            case val.Partial(function=inner):
                return self.is_quiet(inner)
            case val.Lambda(node=node):
                return all(self._is_harmless(n, None) for n in low.nodes_in(node.body))
            case val.External(name=name):
                return name.startswith("torch.nn.init.")
            case _:
                return False

    def calls_modules(self, node: low.If) -> bool:
        """Whether a branch of a statement calls something that is kept on `self`."""
        key = id(node)
        if key not in self._calls_modules:
            self._calls_modules[key] = any(_calls_attribute(n) for n in low.nodes_in((*node.body, *node.orelse)))
        return self._calls_modules[key]

    def _is_quiet(self, definition: FunctionDefinition) -> bool:
        key = id(definition.node)
        if key not in self._quiet:
            self._quiet[key] = True  # a recursive call stores no more than the rest of the body
            self._quiet[key] = all(self._is_harmless(n, definition) for n in low.nodes_in(definition.node.body))
        return self._quiet[key]

    def _is_harmless(self, node: low.Node, definition: FunctionDefinition | None) -> bool:
        match node:
            case low.Assign(targets=targets):
                return all(_is_local(t) for t in targets)
            case low.AugmentedAssign(target=target):
                return _is_local(target)
            case low.Delete(targets=targets):
                return all(_is_local(t) for t in targets)
            case low.ScopeDeclaration():
                return False
            case low.Call(function=low.Name(id=name)):
                return name not in _STORING_FUNCTIONS and (definition is None or self._may_call(definition, name))
            case low.Call(function=low.Attribute(value=low.Name(id="self"), name=name)) if (
                definition is not None and definition.owner is not None
            ):
                return self._method_is_quiet(definition.owner, name)
            case low.Call(function=low.Attribute(name=name)):
                return name not in _STORING_METHODS
            case _:
                return True

    def _method_is_quiet(self, owner: ClassDefinition, name: str) -> bool:
        found = self.interpreter.classes.find_method(owner, None, name)
        return name not in _STORING_METHODS if found is None else self._is_quiet(found[0])

    def _may_call(self, definition: FunctionDefinition, name: str) -> bool:
        if name in definition.module.names or definition.module.stars:
            found = self.interpreter.program.resolve(definition.module, name)
            return not isinstance(found, FunctionDefinition) or self._is_quiet(found)
        return True  # a parameter, a local or a built-in: what is passed for a parameter is looked at by the caller


def _calls_attribute(node: low.Node) -> bool:
    """`self.norm(…)` and the like."""
    match node:
        case low.Call(function=low.Attribute(value=low.Name(id="self"))):
            return True
        case _:
            return False


def returns_value(function: low.FunctionDef) -> bool:
    """Whether any `return` or `yield` of the function gives something."""
    return function.is_generator or any(isinstance(n, low.Return) and n.value is not None for n in low.nodes_in(function.body))


def _is_local(target: low.Node) -> bool:
    """A name, or a part of a weight (`m.weight.data = …`, `m.weight.data[0] = …`)."""
    match target:
        case low.Name():
            return True
        case low.Display(items=items):
            return all(_is_local(i) for i in items)
        case low.Attribute(name="data"):
            return True
        case low.Subscript(value=value) | low.Starred(value=value):
            return isinstance(value, low.Attribute) and value.name in ("data", "weight")
        case _:
            return False
