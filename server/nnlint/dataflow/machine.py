"""The state of abstract execution: names, graphs, heap objects, and how alternatives are joined."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from nnlint.dataflow import values as val
from nnlint.dataflow.frames import Flow, Frame, OutOfFuel
from nnlint.dataflow.graph import CONSTANT, ESCAPE, JOIN, UNKNOWN_OPERATION, Graph, Node
from nnlint.dataflow.heap import MISSING, Change, Journal, by_cell
from nnlint.dataflow.operators import is_count
from nnlint.dataflow.registrations import run_registrations
from nnlint.dataflow.values import FALSE, UNKNOWN, Const, Symbol, Tensor, Unknown, Value, choice, join_runs, layers_in, own
from nnlint.semantics.definitions import (
    AssignedDefinition,
    ClassDefinition,
    Definition,
    ExternalDefinition,
    FunctionDefinition,
    ModuleDefinition,
    Site,
)
from nnlint.semantics.program import Module, Program
from nnlint.syntax import lowered as low
from nnlint.syntax.parser import BlockName

if TYPE_CHECKING:
    from nnlint.dataflow.calls import Caller
    from nnlint.dataflow.classes import Classes
    from nnlint.dataflow.effects import Effects

_EXTERNAL_CONSTANTS: dict[str, Value] = {"typing.TYPE_CHECKING": FALSE, "math.pi": Const(math.pi)}
_EXTERNAL_CONSTANTS |= dict.fromkeys(("math.inf", "numpy.inf", "torch.inf"), Const(math.inf))
# The type is not asked for: what is filled with its least number has no weight in a softmax, whichever it is.
_EXTERNAL_CONSTANTS |= {"torch.finfo.min": Symbol(("least number",)), "torch.finfo.max": Symbol(("greatest number",))}


class Machine(ABC):
    """Abstract execution within one program snapshot. `graph` is where tensor operations are being recorded."""

    caller: Caller
    classes: Classes
    effects: Effects

    def __init__(self, program: Program, fuel: int) -> None:
        self.program = program
        self.journal = Journal()
        self.graph = Graph("<constants>")
        self.fuel = fuel
        self.depth = 0
        self._globals: dict[tuple[str, str], Value] = {}
        self._evaluating: set[tuple[str, str]] = set()

    @abstractmethod
    def statement(self, frame: Frame, node: low.Node) -> Flow: ...

    @abstractmethod
    def evaluate(self, frame: Frame, node: low.Node) -> Value: ...

    # --- bookkeeping ---

    def spend(self, steps: int = 1) -> None:
        self.fuel -= steps
        if self.fuel < 0:
            raise OutOfFuel

    def next_serial(self) -> int:
        return self.journal.tick()

    def sequence(self, items: Iterable[Value], kind: str = "list") -> val.Sequence:
        made = val.Sequence({"items": tuple(items)}, kind, serial=self.next_serial())
        for item in made.items:
            own(item, made)
        return made

    def mapping(self, entries: dict[Any, Value], kind: str = "dict", is_open: bool = False) -> val.Mapping_:
        made = val.Mapping_({"entries": dict(entries), "open": is_open}, kind, serial=self.next_serial())
        for item in entries.values():
            own(item, made)
        return made

    def mutate(self, target: val.Heap, key: Any, value: Any) -> None:
        """Writes into a heap object; whoever owns it is no longer the copy of a known construction."""
        is_new_data = target.state.get(key, MISSING) is MISSING and not isinstance(value, (val.Heap, val.Function, Tensor, tuple))
        self.journal.write(target.state, key, value, target.serial)
        if is_new_data:
            return  # a label on a finished module: what its methods do stays the same
        if isinstance(value, val.Heap):
            own(value, target)
        elif isinstance(value, tuple):
            for item in value:
                own(item, target)
        owner: val.Heap | None = target
        steps = 0
        while owner is not None and steps < 50:
            if isinstance(owner, val.Instance) and owner.context is not None:
                owner.context = self.next_serial()
                self.caller.contexts.note_change(owner)
            owner = owner.owner
            steps += 1

    # --- tensors ---

    def here(self, tensor: Tensor) -> Node:
        """The node of a tensor in the present graph. A tensor of another graph escaped there and is a constant here."""
        node = tensor.node
        if node.graph is self.graph:
            return node
        self.escape_node(node, "kept between calls")
        return self.graph.add(CONSTANT, rank=node.rank, arguments={"like": tensor}, reason="computed elsewhere")

    def escape_node(self, node: Node, reason: str) -> None:
        node.graph.add(ESCAPE, (node,), reason=reason)

    def escape(self, value: Value, reason: str) -> None:
        """Everything tensor-like in a value goes where nobody follows."""
        for tensor in val.tensors_in(value):
            self.escape_node(tensor.node, reason)
        for layer in layers_in(value):
            self.caller.escape_layer(layer, reason)

    def unknown_operation(self, inputs: Iterable[Value], reason: str, site: Site | None = None) -> Value:
        """What unknown code makes of values: a tensor where tensors go in, else `Unknown`."""
        nodes = []
        for value in inputs:
            nodes += [self.here(t) for t in val.tensors_in(value)]
            for layer in layers_in(value):
                self.caller.escape_layer(layer, reason)
        if not nodes:
            return Unknown(reason)
        return Tensor(self.graph.add(UNKNOWN_OPERATION, tuple(nodes), site=site, reason=reason))

    def join(self, one: Value, other: Value) -> Value:
        """The least value above both."""
        if one is other or one == other:
            return one
        if one is MISSING:
            return other
        if other is MISSING:
            return one
        if isinstance(one, Tensor) and isinstance(other, Tensor):
            return Tensor(self.join_nodes([self.here(one), self.here(other)]))
        if (
            isinstance(one, val.Sequence)
            and isinstance(other, val.Sequence)
            and one.kind == other.kind == "tuple"
            and one.is_exact
            and other.is_exact
            and len(one.items) == len(other.items)
        ):
            return self.sequence((self.join(a, b) for a, b in zip(one.items, other.items, strict=True)), "tuple")
        if is_count(one) and is_count(other) and (isinstance(one, Symbol) or isinstance(other, Symbol)):
            # One number, though nobody knows which: two layers that are given it have one size.
            return Symbol(("either", self.next_serial()))
        result = choice([one, other])
        if isinstance(result, Unknown):
            self.escape(one, "one of too many alternatives")
            self.escape(other, "one of too many alternatives")
        if isinstance(result, val.Choice) and sum(isinstance(o, Tensor) for o in result.options) > 1:
            # Several tensors and something else: the tensors are joined, so that a choice holds at most one.
            nodes = [self.here(o) for o in result.options if isinstance(o, Tensor)]
            return choice([Tensor(self.join_nodes(nodes)), *(o for o in result.options if not isinstance(o, Tensor))])
        return result

    def join_nodes(self, nodes: list[Node]) -> Node:
        distinct = list(dict.fromkeys(nodes))
        if len(distinct) == 1:
            return distinct[0]
        ranks = {n.rank for n in distinct}
        return self.graph.add(JOIN, tuple(distinct), rank=ranks.pop() if len(ranks) == 1 else None)

    def join_all(self, found: list[Value]) -> Value:
        result = found[0]
        for value in found[1:]:
            result = self.join(result, value)
        return result

    # --- names ---

    def lookup(self, frame: Frame, name: str) -> Value:
        at: Frame | None = frame
        while at is not None:
            found = at.env.get(name)
            if found is not None:
                return found
            at = at.parent
        return self.global_value(frame.module, name)

    def global_value(self, module: Module, name: str) -> Value:
        key = (module.path, name)
        known = self._globals.get(key)
        if known is None:
            definition = self.program.resolve(module, name)
            known = Unknown(f"`{name}` is not defined in the project") if definition is None else self.definition_value(definition)
            if not isinstance(definition, AssignedDefinition):
                self._globals[key] = known
        return known

    def definition_value(self, definition: Definition) -> Value:
        match definition:
            case FunctionDefinition():
                return self.decorated(
                    val.Function(definition), definition.node.decorators, self.module_frame(definition.module, definition.block)
                )
            case ClassDefinition():
                return val.Class(definition)
            case ExternalDefinition(name=name):
                return _EXTERNAL_CONSTANTS.get(name, val.External(name))
            case ModuleDefinition(module=module):
                return val.ModuleValue(module)
            case AssignedDefinition():
                return self._assigned_value(definition)

    def module_frame(self, module: Module, block: BlockName) -> Frame:
        return Frame(module, block, {})

    def _assigned_value(self, definition: AssignedDefinition) -> Value:
        key = (definition.module.path, definition.name)
        if key in self._globals:
            return self._globals[key]
        if key in self._evaluating:
            return Unknown(f"`{definition.name}` is defined by itself")
        self._evaluating.add(key)
        graph, self.graph = self.graph, Graph("<constants>")
        try:
            frame = self.module_frame(definition.module, definition.block)
            self.statement(frame, definition.statement)
            self._globals[key] = value = frame.env.get(definition.name, UNKNOWN)
            if self._is_filled_later(definition, value) and not run_registrations(self, definition.module, definition.name, value):
                self._globals[key] = value = Unknown(f"`{definition.name}` is filled in very many places")
        finally:
            self.graph = graph
            self._evaluating.discard(key)
        return value

    def _is_filled_later(self, definition: AssignedDefinition, value: Value) -> bool:
        match value:
            case val.Sequence() | val.Mapping_():
                return is_changed_later(definition.module, definition.name)
            case val.Instance(is_module=is_module):
                return not is_module
            case _:
                return False

    def decorated(self, function: Value, decorators: tuple[low.Node, ...], frame: Frame) -> Value:
        """The function as its decorators leave it: known ones keep it, unknown ones of the project are called, the rest hide it."""
        for decorator in reversed(decorators):
            function = self.caller.decorate(function, self.evaluate(frame, decorator), decorator)
        return function

    # --- branches ---

    def branch(self, frame: Frame, runs: list[Callable[[], Flow]], test: low.Node | None = None) -> Flow:
        """Runs alternatives from one state and joins what they leave. Paths that leave a loop are kept for the loop.

        `test` is what decides between the first one and the second, where the code says so.
        """
        outcomes: list[tuple[Flow, list[Change]]] = []
        for run in runs:
            flow, changes = self.journal.record(run)
            if flow in (Flow.BREAK, Flow.CONTINUE):
                frame.left.setdefault(flow, []).append(dict(frame.env))
            outcomes.append((flow, changes))
            self.journal.undo(changes)
        live = [changes for flow, changes in outcomes if flow is Flow.NEXT]
        if not live:
            return Flow.RETURN if all(flow is Flow.RETURN for flow, _ in outcomes) else Flow.DEAD
        cells: dict[tuple[int, Any], Change] = {}
        for changes in live:
            cells |= {key: change for key, change in by_cell(changes) if key not in cells}
        tables = [dict(by_cell(changes)) for changes in live]
        for key, change in cells.items():
            new = [table[key].new if key in table else change.old for table in tables]
            self.journal.write(change.cell, change.key, self._join_cell(change, new), change.born)
        return Flow.NEXT

    def _join_cell(self, change: Change, new: list[Any]) -> Any:
        if change.key == "items" and all(isinstance(n, tuple) for n in new):
            return join_runs(new)
        if isinstance(change.old, dict) or any(isinstance(n, dict) for n in new):
            return self._join_entries([n for n in new if isinstance(n, dict)])
        if all(isinstance(n, Value) or n is MISSING for n in new):
            result = new[0]
            for value in new[1:]:
                result = self.join(result, value)
            return result
        return new[0] if all(n == new[0] for n in new) else True  # the flag `open`

    def _join_entries(self, tables: list[dict[Any, Value]]) -> dict[Any, Value]:
        merged: dict[Any, Value] = {}
        for key in dict.fromkeys(k for table in tables for k in table):
            merged[key] = self.join_all([table[key] for table in tables if key in table])
        return merged


def is_changed_later(module: Module, name: str) -> bool:
    """Whether the module's text shows a module-level container being changed after its definition."""
    pattern = (
        rf"^[ \t]*(?:{name}[ \t]*\[[^\n]*\][ \t]*=[^=]|{name}\.(?:append|extend|insert|update|setdefault|pop|clear|remove|add)\b"
        rf"|{name}[ \t]*\+=|{name}\.\w+[ \t]*=[^=]|del[ \t]+{name}\b)"
    )
    return re.search(pattern, module.parsed.text, re.MULTILINE) is not None
