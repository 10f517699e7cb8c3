"""Dropout whose mode nobody switches: it goes on in evaluation, or never drops (the questions of NN204)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.written_calls import ModuleClasses, Scope, WrittenCall, resolve, target_of, written_calls
from nnlint.semantics.definitions import ClassDefinition, FunctionDefinition, Site
from nnlint.semantics.program import Program
from nnlint.syntax import lowered as low

_F = "torch.nn.functional."
_ON = frozenset(f"{_F}{name}" for name in ("dropout", "dropout1d", "dropout2d", "dropout3d"))
_OFF = frozenset(f"{_F}{name}" for name in ("alpha_dropout", "feature_alpha_dropout"))
_LAYERS = frozenset(
    f"torch.nn.{name}" for name in ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")
)
_ATTENTION = f"{_F}scaled_dot_product_attention"
_WORDS = ("dropout", "Dropout", "scaled_dot_product_attention")

# Parts of names: whoever tests or is called such a thing knows of the mode, or means to drop in both.
_SWITCHES = ("train", "eval", "test", "infer", "predict", "valid", "determin", "stochast", "augment", "sampl")
_WHOLE_SWITCHES = frozenset({"mode", "phase", "split", "stage"})
_TRAINING = ("train", "augment", "loss", "fit", "corrupt", "perturb", "noise")
_ON_PURPOSE = frozenset({"mc", "monte", "carlo", "bayes", "bayesian", "always", "stochastic", "uncertainty"})
_SETTING_UP = ("init", "build", "make", "create", "setup", "reset", "get", "configure")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


class Kind(Enum):
    ALWAYS_ON = "always on"
    NEVER_ON = "never on"
    BUILT_ON_THE_WAY = "built on the way"  # a layer that is built where it is called: in training mode, as every new layer
    ATTENTION = "attention"


@dataclass(frozen=True, slots=True, eq=False)
class UnswitchedDropout:
    """A call that drops, or does not, whatever mode the module is in. `switch` is `self.training`, as the author would write it,
    where `self` is a module. `caller` is a call in a module that leads there, where the dropout is in a function."""

    kind: Kind
    target: str
    site: Site
    switch: str | None
    caller: Site | None = None


def unswitched_dropouts(graph: ProjectGraph) -> Iterator[UnswitchedDropout]:
    """Every one in the files that are reported on, in the order of the text."""
    program = graph.program
    assert program is not None
    search = _Search(program, graph.wanted)
    for path in sorted(graph.wanted):
        if any(program.mentions(path, word) for word in _WORDS):
            yield from search.in_file(path)


class _Search:
    def __init__(self, program: Program, wanted: frozenset[str]) -> None:
        self.program = program
        self.wanted = wanted
        self.classes = ModuleClasses(program)

    def in_file(self, path: str) -> Iterator[UnswitchedDropout]:
        module = self.program.module(path)
        if module is None:
            return
        for call in written_calls(self.program, module, _WORDS):
            target = target_of(self.program, call)
            kind = None if target is None else self._kind(call, target)
            if kind is None or target is None or _is_meant(call.scope):
                continue
            if call.scope.owner is not None:
                if self._is_run_in_both_modes(call.scope):
                    yield UnswitchedDropout(kind, target, call.site, self._switch(call.scope))
            elif kind is Kind.ALWAYS_ON and (caller := self._caller_in_a_module(call)) is not None:
                yield UnswitchedDropout(kind, target, call.site, None, caller)

    # --- the call itself ---

    def _kind(self, call: WrittenCall, target: str) -> Kind | None:
        if call.has_star_arguments:
            return None
        if target in _OFF:
            return Kind.NEVER_ON if call.argument("training", 2) is None else None
        if any(_mentions_switch(test) for test in call.scope.tests):
            return None
        if target in _ON:
            is_open = call.argument("training", 2) is None and self._drops(call, call.argument("p", 1))
            return Kind.ALWAYS_ON if is_open else None
        if target == _ATTENTION:
            probability = call.argument("dropout_p", 4)
            return Kind.ATTENTION if probability is not None and self._is_own(call, probability) else None
        if target in _LAYERS:
            return Kind.BUILT_ON_THE_WAY if self._drops(call, call.argument("p", 0)) and _is_called_here(call) else None
        return None

    def _drops(self, call: WrittenCall, probability: low.Node | None) -> bool:
        """Whether a probability is one that does not know of the mode; that of a parameter is the caller's to know."""
        if probability is None:
            return True
        if isinstance(probability, low.Constant):
            return isinstance(probability.value, (int, float)) and probability.value > 0
        names = {node.id for node in low.nodes_in(probability) if isinstance(node, low.Name)}
        functions = call.scope.functions
        if _mentions_switch(probability) or any(name in _parameters(f) - {call.scope.instance} for f in functions for name in names):
            return False
        if any(_may_be_switched(function, name) for function in functions for name in names):
            return False
        return all(self._keeps(call.scope, node) for node in low.nodes_in(probability) if isinstance(node, low.Attribute))

    def _keeps(self, scope: Scope, node: low.Attribute) -> bool:
        """Whether an attribute is a mere number: one of `self` that is computed, or always zero, is not."""
        owner = scope.owner
        if owner is None or not isinstance(node.value, low.Name) or node.value.id != scope.instance:
            return True
        assigned = [value for method in owner.methods.values() for value in _assigned_to(method.node, node.name)]
        is_zero = bool(assigned) and all(isinstance(v, low.Constant) and not v.value for v in assigned)
        return node.name not in owner.methods and not is_zero and not any(_mentions_switch(v) for v in assigned)

    def _is_own(self, call: WrittenCall, probability: low.Node) -> bool:
        """Whether a probability is a number, or one that the module keeps."""
        if isinstance(probability, low.Name):
            values = [v for f in call.scope.functions for v in _values_of(f, probability.id)]
            return len(values) == 1 and self._drops(call, probability) and self._is_own(call, values[0])
        is_number = isinstance(probability, low.Constant)
        is_kept = isinstance(probability, low.Attribute) and _root(probability) == call.scope.instance is not None
        return (is_number or is_kept) and self._drops(call, probability)

    # --- what stands around it ---

    def _is_run_in_both_modes(self, scope: Scope) -> bool:
        """Whether a method is one of a module, and no method for training alone, by its name or by the tests before its calls."""
        owner, method = scope.owner, scope.method
        if owner is None or method is None or not self._is_module(owner):
            return False
        if {"train", "eval"} & owner.methods.keys() or method.name == "__init__":
            return False
        return not _is_called_under_a_switch(owner, method.name)

    def _is_module(self, owner: ClassDefinition) -> bool:
        found = self.classes.is_module(owner)
        return found is True or (found is None and "forward" in owner.methods)

    def _switch(self, scope: Scope) -> str | None:
        return None if scope.instance is None else f"{scope.instance}.training"

    def _caller_in_a_module(self, call: WrittenCall) -> Site | None:
        """A call of the function, from a module's own code; `None` where one of its calls minds the mode."""
        if not call.scope.functions:
            return None
        name = call.scope.functions[0].name
        found: Site | None = None
        for path in sorted(self.wanted):
            module = self.program.module(path) if self.program.mentions(path, name) else None
            for other in () if module is None else written_calls(self.program, module, (name,)):
                meant = resolve(self.program, other.module, other.node.function, other.scope)
                if not isinstance(meant, FunctionDefinition) or meant.module is not call.module or meant.name != name:
                    continue
                if any(_mentions_switch(test) for test in (*other.scope.tests, *other.node.arguments)) or _is_meant(other.scope):
                    return None
                if found is None and self._is_run_in_both_modes(other.scope):
                    found = other.site
        return found


def _is_meant(scope: Scope) -> bool:
    """Whether the functions and the class around say that they are for training, or that dropping is their purpose."""
    names = [f.name for f in scope.functions] + ([scope.owner.name] if scope.owner is not None else [])
    if any(_ON_PURPOSE & set(_parts(name)) for name in names):
        return True
    return any(part.startswith(_TRAINING) for f in scope.functions for part in _parts(f.name))


def _is_called_here(call: WrittenCall) -> bool:
    """Whether a layer that is built here is called here, and goes nowhere else."""
    function = call.scope.functions[-1] if call.scope.functions else None
    if function is None or any(part.startswith(_SETTING_UP) for part in _parts(function.name)):
        return False
    if call.is_called:
        return True
    for node in low.nodes_in(function.body):
        if isinstance(node, low.Assign) and node.value is call.node and len(node.targets) == 1 and isinstance(node.targets[0], low.Name):
            name = node.targets[0].id
            reads = [n for n in low.nodes_in(function.body) if isinstance(n, low.Name) and n.id == name and n is not node.targets[0]]
            callees = [n.function for n in low.nodes_in(function.body) if isinstance(n, low.Call)]
            return bool(reads) and all(any(read is callee for callee in callees) for read in reads)
    return False


def _is_called_under_a_switch(owner: ClassDefinition, name: str) -> bool:
    """Whether every call of a method that its class makes is under a test of the mode."""
    tests = [test for method in owner.methods.values() for test in _tests_before(method.node.body, name, ())]
    return bool(tests) and all(any(_mentions_switch(t) for t in before) for before in tests)


def _tests_before(item: object, method: str, tests: tuple[low.Node, ...]) -> Iterator[tuple[low.Node, ...]]:
    match item:
        case low.Call(function=low.Attribute(value=low.Name(), name=name), arguments=arguments) if name == method:
            yield tests
            yield from _tests_before(arguments, method, tests)
        case low.If(test=test) | low.Conditional(test=test):
            for part in item.fields():
                yield from _tests_before(part, method, (*tests, test))
        case low.Node():
            for part in item.fields():
                yield from _tests_before(part, method, tests)
        case tuple():
            for part in item:
                yield from _tests_before(part, method, tests)


def _may_be_switched(function: low.FunctionDef, name: str) -> bool:
    """Whether a local variable is assigned what knows of the mode, or under a test of it."""
    for node in low.nodes_in(function.body):
        if isinstance(node, low.Assign) and _names(node.targets, name) and node.value is not None and _mentions_switch(node.value):
            return True
        if isinstance(node, low.If) and _mentions_switch(node.test) and any(_assigns(part, name) for part in (node.body, node.orelse)):
            return True
    return False


def _assigns(body: tuple[low.Node, ...], name: str) -> bool:
    return any(isinstance(node, low.Assign) and _names(node.targets, name) for node in low.nodes_in(body))


def _names(targets: tuple[low.Node, ...], name: str) -> bool:
    return any(isinstance(target, low.Name) and target.id == name for target in targets)


def _values_of(function: low.FunctionDef, name: str) -> list[low.Node]:
    assigned = [node for node in low.nodes_in(function.body) if isinstance(node, low.Assign) and _names(node.targets, name)]
    return [node.value for node in assigned if node.value is not None]


def _assigned_to(function: low.FunctionDef, attribute: str) -> Iterator[low.Node]:
    for node in low.nodes_in(function.body):
        if isinstance(node, low.Assign) and node.value is not None:
            if any(isinstance(target, low.Attribute) and target.name == attribute for target in node.targets):
                yield node.value


def _parameters(function: low.FunctionDef) -> frozenset[str]:
    parameters = function.parameters
    named = (*parameters.positional_only, *parameters.positional, *parameters.keyword_only)
    return frozenset(p.name for p in named)


def _root(node: low.Node) -> str | None:
    while isinstance(node, low.Attribute):
        node = node.value
    return node.id if isinstance(node, low.Name) else None


def _mentions_switch(root: low.Node) -> bool:
    """Whether an expression has a word in it that tells training from evaluation."""
    return any(_is_switch(word) for node in low.nodes_in(root) for word in _words(node))


def _words(node: low.Node) -> Iterator[str]:
    match node:
        case low.Name(id=word) | low.Attribute(name=word) | low.Constant(value=str(word)):
            yield word
        case low.Argument(keyword=str(word)):
            yield word


def _is_switch(word: str) -> bool:
    return any(part.startswith(_SWITCHES) or part in _WHOLE_SWITCHES for part in _parts(word))


def _parts(word: str) -> list[str]:
    """`is_training` and `isTraining` are `is`, `training`."""
    return [part.lower() for part in _PART.findall(word)]
