"""Which functions of a project can matter to a program: those that could touch models, losses or optimizers, and small ones.

What is left out reads files, draws, formats and counts. It is taken for an unknown computation from its arguments.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nnlint.semantics.definitions import ClassDefinition, FunctionDefinition
from nnlint.syntax import lowered as low

if TYPE_CHECKING:
    from nnlint.dataflow.programs.runner import ProgramInterpreter

_SMALL = 80  # nodes of a function that is cheaper to run than to think about
_SIGNS = re.compile(
    r"train|eval|valid|fit$|epoch|step|loss|optim|^opt$|backward|grad|criterion|model|^net|forward|predict|infer|learn|softmax|sigmoid"
    r"|entropy|^nn$|^F$|parameters|agent|update|module|^view$|reshape|permute|transpose",
    re.IGNORECASE,
)


class Relevance:
    """Decides, once for each function, whether it is followed."""

    def __init__(self, interpreter: ProgramInterpreter) -> None:
        self._interpreter = interpreter
        self._known: dict[int, bool] = {}

    def matters(self, definition: FunctionDefinition) -> bool:
        key = id(definition.node)
        if key not in self._known:
            self._known[key] = False  # a recursive call matters where the rest of the body does
            self._known[key] = self._decide(definition)
        return self._known[key]

    def _decide(self, definition: FunctionDefinition) -> bool:
        if definition.name.startswith("__"):
            return True
        nodes = list(low.nodes_in((definition.node.parameters, *definition.node.body)))
        if len(nodes) <= _SMALL or definition.node.is_generator:
            return True
        return any(self._is_sign(node, definition) for node in nodes)

    def _is_sign(self, node: low.Node, definition: FunctionDefinition) -> bool:
        match node:
            case low.Attribute(name=name):
                return _SIGNS.search(name) is not None
            case low.Parameter(name=name):
                return _SIGNS.search(name) is not None
            case low.Name(id=name):
                return _SIGNS.search(name) is not None or self._names_what_matters(definition, name)
            case _:
                return False

    def _names_what_matters(self, definition: FunctionDefinition, name: str) -> bool:
        if name not in definition.module.names and not definition.module.stars:
            return False
        found = self._interpreter.program.resolve(definition.module, name)
        if isinstance(found, FunctionDefinition):
            return self.matters(found)
        if isinstance(found, ClassDefinition):
            return self._interpreter.classes.is_module(found) or any(
                self.matters(m) for m in found.methods.values() if m.name != "__init__"
            )
        return False
