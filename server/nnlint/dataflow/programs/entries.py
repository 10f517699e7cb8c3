"""Finds the programs of a project and runs them: scripts first, then functions and methods that none of those called."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from nnlint.dataflow import values as val
from nnlint.dataflow.arguments import Arguments
from nnlint.dataflow.classes import MODULE_METHODS, Classes, decorator_name
from nnlint.dataflow.entries import Entry, entries_in, reaching
from nnlint.dataflow.explore import Cancelled
from nnlint.dataflow.frames import Frame, OutOfFuel
from nnlint.dataflow.graph import INPUT, Graph
from nnlint.dataflow.programs.runner import ProgramInterpreter
from nnlint.dataflow.programs.trace import Run
from nnlint.dataflow.values import Const, Symbol, Tensor, Value
from nnlint.semantics.definitions import ClassDefinition, FunctionDefinition
from nnlint.semantics.program import Module, Program, is_import
from nnlint.syntax import lowered as low
from nnlint.syntax.parser import TopLevel, deep_recursion

FUEL = 200_000  # steps of one entry
PROJECT_FUEL = 4_000_000  # of all together; what is left out then is not judged
_SIGNS = frozenset({
    "backward", "manual_backward", "zero_grad", "eval", "no_grad", "inference_mode", "set_grad_enabled", "optim", "cross_entropy",
    "nll_loss",
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "sigmoid_focal_loss", "training_step", "validation_step",
})  # fmt: skip
# In those who mention a program, the words of one that may be a program itself: not in the functions of a model zoo.
_CALLER = re.compile(
    r"(?<!pre)train|eval|valid|predict|loss|optim|epoch|loader|criterion|dataset|ArgumentParser|parse_args|^(?:main|fit|test|opt|env|step|update)$|learn|agent"
)
_TENSOR_WORDS = frozenset({"shape", "size", "view", "reshape", "permute", "transpose"})


@dataclass(slots=True)
class Programs:
    """What the programs of a project do, and the graphs of what they compute."""

    runs: list[Run] = field(default_factory=list)
    graphs: list[Graph] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)  # entries whose analysis took too long
    classes: Classes | None = None  # of the interpreter that ran them


def run_programs(
    program: Program, paths: Sequence[str], wanted: Collection[str], is_cancelled: Callable[[], bool] | None = None
) -> Programs:
    """Runs every program of `paths` that reaches a wanted file."""
    found: list[Entry] = []
    for path in paths:
        if (module := program.module(path)) is not None:
            found += entries_in(program, module)
    entries = reaching(_concerned(found), wanted)
    with deep_recursion():
        return _Runner(program, is_cancelled).run(entries)


def run_alone(program: Program, module: Module, tops: Sequence[TopLevel]) -> Programs:
    """Runs single statements of a module as if nobody in the project used them."""
    names = {id(top): name for name, found in module.names.items() for top in found}
    with deep_recursion():
        return _Runner(program, None).run([Entry(module, top, names.get(id(top)), ()) for top in tops], is_whole=False)


def _concerned(entries: list[Entry]) -> list[Entry]:
    """Entries that train, evaluate or compute losses, and those that mention one of them."""
    mentioned_by: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        for target in entry.mentions:
            mentioned_by.setdefault(target, []).append(entry)
    stack = [entry for entry in entries if _has_sign(entry.words - {entry.name})]
    reached = {id(entry) for entry in stack}
    while stack:
        entry = stack.pop()
        for user in mentioned_by.get((entry.module.path, entry.name), []) if entry.name is not None else []:
            if id(user) not in reached and (user.name is None or _may_train(user)):
                reached.add(id(user))
                stack.append(user)
    return [entry for entry in entries if id(entry) in reached]


def _may_train(entry: Entry) -> bool:
    return any(_CALLER.search(word) for word in entry.words)


def _has_sign(words: frozenset[str]) -> bool:
    return bool(words & _SIGNS) or any(word.endswith("Loss") for word in words)


class _Runner:
    def __init__(self, program: Program, is_cancelled: Callable[[], bool] | None) -> None:
        self.program = program
        self.is_cancelled = is_cancelled
        self.interpreter = ProgramInterpreter(program, FUEL)
        self.programs = Programs(classes=self.interpreter.classes)
        self._left = PROJECT_FUEL

    def run(self, entries: list[Entry], is_whole: bool = True) -> Programs:
        mentioned = {target for entry in entries for target in entry.mentions if target != (entry.module.path, entry.name)}
        roots = [e for e in entries if (e.module.path, e.name) not in mentioned]
        if is_whole:
            for module in dict.fromkeys(e.module for e in entries if not _defines(e)):
                self._guarded(module.path, partial(self._run_script, module))
        for entry in (*(e for e in roots if _defines(e)), *(e for e in entries if _defines(e) and e not in roots)):
            self._run_definition(entry)
        self.programs.graphs += self.interpreter.caller.contexts.graphs
        return self.programs

    def _guarded(self, name: str, run: Callable[[], None]) -> None:
        if self.is_cancelled is not None and self.is_cancelled():
            raise Cancelled
        if self._left <= 0:
            self.programs.unfinished.append(name)
            return
        interpreter = self.interpreter
        interpreter.fuel = FUEL
        graph, interpreter.graph = interpreter.graph, Graph(name, is_root=True)
        try:
            run()
            self.programs.graphs.append(interpreter.graph)
        except (OutOfFuel, RecursionError):
            self.programs.unfinished.append(name)
            interpreter.reset()
        finally:
            interpreter.graph = graph
            self._left -= FUEL - interpreter.fuel

    def _note(self, run: Run) -> None:
        run.trace, self.interpreter.trace = self.interpreter.trace, []
        self.programs.runs.append(run)

    # --- scripts ---

    def _run_script(self, module: Module) -> None:
        statements = [top for top in module.parsed.top_level if not _is_definition(top) and not is_import(top)]
        if not statements:
            return
        frame = Frame(module, statements[0].block.name, {"__name__": Const("__main__")})
        self.interpreter.scripts[module.path] = frame
        for top in statements:
            frame.block = top.block.name
            flow = self.interpreter.block(frame, top.block.block.body)
            del flow  # an exit ends the script, but rarely on every path
        self._note(Run(module.path, module.path, is_script=True))

    # --- functions and classes ---

    def _run_definition(self, entry: Entry) -> None:
        assert entry.name is not None
        definition = self.program.lookup(entry.module, entry.name)
        if isinstance(definition, FunctionDefinition) and definition.module is entry.module:
            if not self._has_run(definition) and self.interpreter.caller.relevance.matters(definition):
                self._guarded(entry.name, partial(self._run_function, definition))
        elif isinstance(definition, ClassDefinition) and definition.module is entry.module:
            self.interpreter.fuel = FUEL  # its bases are looked at before anything is run
            self._run_class(definition)

    def _concerns(self, method: FunctionDefinition) -> bool:
        """Whether a method calls anything, and could be about training."""
        return self.interpreter.caller.relevance.matters(method) and any(isinstance(n, low.Call) for n in low.nodes_in(method.node.body))

    def _has_run(self, definition: FunctionDefinition) -> bool:
        return id(definition.node) in self.interpreter.caller.contexts.progress.ran

    def _run_function(self, definition: FunctionDefinition) -> None:
        result = self.interpreter.caller.inline(definition, None, None, self._arguments(definition), None, None)
        self._note(Run(definition.name, definition.module.path, definition=definition, result=result))

    def _run_class(self, definition: ClassDefinition) -> None:
        methods = [m for m in self._methods(definition) if not self._has_run(m) and self._concerns(m)]
        if not methods:
            return
        instance: list[Value] = []
        self._guarded(definition.name, lambda: instance.append(self._constructed(definition)))
        self.interpreter.trace = []
        self.interpreter.fuel = FUEL
        if not instance or not isinstance(instance[0], val.Instance):
            return
        called = {name for m in self._methods(definition) for name in _self_calls(m.node)}
        for method in sorted(methods, key=lambda m: m.name in called):
            if not self._has_run(method):
                self._guarded(f"{definition.name}.{method.name}", partial(self._run_method, instance[0], method))

    def _constructed(self, definition: ClassDefinition) -> Value:
        found = self.interpreter.classes.find_method(definition, None, "__init__")
        arguments = Arguments() if found is None else self._arguments(found[0], 1)
        return self.interpreter.caller.contexts.construct(val.Class(definition), arguments, None, None)

    def _run_method(self, instance: val.Instance, method: FunctionDefinition) -> None:
        """Runs a method as anybody might. What it stores is not there when another one is called."""
        kinds = {decorator_name(d) for d in method.node.decorators}
        receiver: Value | None = None if "staticmethod" in kinds else val.Class(instance.definition) if "classmethod" in kinds else instance
        arguments = self._arguments(method, 0 if receiver is None else 1)
        caller = self.interpreter.caller
        result, changes = self.interpreter.journal.record(lambda: caller.inline(method, instance.closure, receiver, arguments, None, None))
        self.interpreter.journal.undo(changes)
        self._note(Run(f"{instance.definition.name}.{method.name}", method.module.path, definition=method, result=result))

    def _arguments(self, definition: FunctionDefinition, skipped: int = 0) -> Arguments:
        """An entry takes its defaults and empty star arguments; parameters without a default are tensors or symbols."""
        arguments = Arguments(has_entry_keywords=definition.node.parameters.double_star is not None)
        parameters = definition.node.parameters
        tensors = _used_as_tensors(definition.node)
        for parameter in (*(*parameters.positional_only, *parameters.positional)[skipped:], *parameters.keyword_only):
            if parameter.default is None and parameter.name in tensors:
                arguments.keywords[parameter.name] = Tensor(self.interpreter.graph.add(INPUT))
            elif parameter.default is None:
                arguments.keywords[parameter.name] = Symbol(("parameter", definition.module.path, definition.block.key, parameter.name))
        return arguments

    def _methods(self, definition: ClassDefinition) -> Iterator[FunctionDefinition]:
        skipped = {"__init__"}
        if self.interpreter.classes.is_module(definition):
            skipped |= MODULE_METHODS | {"forward"}
        for name, method in definition.methods.items():
            if name not in skipped:
                yield method


def _defines(entry: Entry) -> bool:
    return entry.name is not None and _is_definition(entry.top)


def _is_definition(top: TopLevel) -> bool:
    return any(isinstance(s, (low.FunctionDef, low.ClassDef)) for s in top.block.block.body[:1])


def _used_as_tensors(function: low.FunctionDef) -> set[str]:
    """The names whose axes a function looks at or changes: parameters that are tensors."""
    return {
        node.value.id
        for node in low.nodes_in(function.body)
        if isinstance(node, low.Attribute) and isinstance(node.value, low.Name) and node.name in _TENSOR_WORDS
    }


def _self_calls(function: low.FunctionDef) -> Iterable[str]:
    for node in low.nodes_in(function.body):
        if isinstance(node, low.Attribute) and isinstance(node.value, low.Name) and node.value.id == "self":
            yield node.name
