"""Code with views in it that no model is seen to run: functions on tensors, and modules without layers. Anybody may call it.

Its tensors are inputs of which nothing is known but what the code itself asks of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow import values as val
from nnlint.dataflow.arguments import Arguments
from nnlint.dataflow.frames import OutOfFuel
from nnlint.dataflow.graph import INPUT, Graph, ProjectGraph
from nnlint.dataflow.interpreter import Interpreter
from nnlint.dataflow.layout.misreadings import VIEWS
from nnlint.dataflow.values import Symbol, Tensor, Value
from nnlint.semantics.definitions import ClassDefinition, FunctionDefinition
from nnlint.semantics.program import Module
from nnlint.syntax import lowered as low

FUEL = 5_000  # steps of one function
PROJECT_FUEL = 500_000  # of all together
_VIEWS = frozenset({"view", "reshape"})
_OF_TENSORS = _VIEWS | {
    "shape", "size", "permute", "transpose", "contiguous", "unsqueeze", "squeeze", "flatten", "dim", "expand", "chunk",
    "movedim", "swapaxes",
}  # fmt: skip


def loose_graphs(project: ProjectGraph) -> list[Graph]:
    """The graphs of functions, and of methods of modules that have no graph yet, in the wanted files."""
    return [] if project.program is None else _Runner(project).run()


class _Runner:
    def __init__(self, project: ProjectGraph) -> None:
        assert project.program is not None
        self.project = project
        self.program = project.program
        self.interpreter = Interpreter(project.program, FUEL)
        self.contexts = self.interpreter.caller.contexts
        self.graphs: list[Graph] = []
        nodes = (node for graph in project.graphs for node in graph.nodes)
        self.seen = {(node.site.path, node.site.block) for node in nodes if node.site is not None and node.operation in VIEWS}

    def run(self) -> list[Graph]:
        left = PROJECT_FUEL
        for path in sorted(self.project.wanted):
            module = self.program.module(path)
            if module is None or "torch" not in module.parsed.text or not any(f"{word}(" in module.parsed.text for word in _VIEWS):
                continue
            for definition in self._definitions(path, module):
                if left < FUEL:
                    return self.graphs
                self.interpreter.fuel = FUEL
                self._run(definition)
                left -= FUEL - max(self.interpreter.fuel, 0)
        return self.graphs

    def _definitions(self, path: str, module: Module) -> Iterator[FunctionDefinition | ClassDefinition]:
        for name in module.names:
            definition = self.program.lookup(module, name)
            match definition:
                case FunctionDefinition(block=block) if (
                    definition.module is module and (path, block) not in self.seen and _has_views(definition)
                ):
                    yield definition
                case ClassDefinition() if definition.module is module and self._is_unseen(definition):
                    yield definition

    def _is_unseen(self, definition: ClassDefinition) -> bool:
        has_views = any(_has_views(method) for method in definition.methods.values())
        is_seen = bool(self.project.graphs_of(definition.module.path, definition.name))
        return has_views and not is_seen

    def _run(self, definition: FunctionDefinition | ClassDefinition) -> None:
        built = len(self.contexts.graphs)
        graph = Graph(definition.name, is_root=True)
        self.interpreter.graph = graph
        try:
            if isinstance(definition, ClassDefinition):
                self._run_class(definition)
            else:
                self.interpreter.caller.inline(definition, None, None, _arguments(definition, graph), None, None)
        except (OutOfFuel, RecursionError):
            del self.contexts.graphs[built:]  # what was left unfinished is not judged
            self.interpreter.abandon()
            return
        self.graphs += [graph, *self.contexts.graphs[built:]]

    def _run_class(self, definition: ClassDefinition) -> None:
        if not self.interpreter.classes.is_module(definition):
            return
        found = self.interpreter.classes.find_method(definition, None, "__init__")
        arguments = Arguments() if found is None else _arguments(found[0], self.interpreter.graph, is_method=True)
        made = self.contexts.construct(val.Class(definition), arguments, None, None)
        forward = self.interpreter.classes.find_method(definition, None, "forward")
        if isinstance(made, val.Instance) and forward is not None:
            inputs = _arguments(forward[0], self.interpreter.graph, is_method=True)
            self.contexts.run_root(made, forward[0], forward[1], inputs)


def _has_views(definition: FunctionDefinition) -> bool:
    return any(isinstance(node, low.Attribute) and node.name in _VIEWS for node in low.nodes_in(definition.node.body))


def _arguments(definition: FunctionDefinition, graph: Graph, is_method: bool = False) -> Arguments:
    """Tensors where the code takes a parameter for one; parameters with a default take it."""
    parameters = definition.node.parameters
    taken = {
        node.value.id
        for node in low.nodes_in(definition.node.body)
        if isinstance(node, low.Attribute) and isinstance(node.value, low.Name) and node.name in _OF_TENSORS
    }
    arguments = Arguments(has_entry_keywords=parameters.double_star is not None)
    for parameter in (*parameters.positional_only, *parameters.positional, *parameters.keyword_only)[1 if is_method else 0 :]:
        if parameter.default is not None:
            continue
        symbol: Value = Symbol(("parameter", definition.module.path, definition.block.key, parameter.name))
        is_tensor = parameter.name in taken and (not is_method or definition.name != "__init__")
        arguments.keywords[parameter.name] = Tensor(graph.add(INPUT)) if is_tensor else symbol
    return arguments
