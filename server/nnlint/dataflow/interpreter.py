"""Runs lowered code on abstract values: statements and expressions. Calls are in `calls`, torch's own code in `transfer`.

Nothing here raises on user code: what is not understood becomes `Unknown`, and every tensor and layer that goes into it
is marked as escaping.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

from nnlint.dataflow import values as val
from nnlint.dataflow.graph import CONSTANT, ESCAPE, INPUT, JOIN, UNKNOWN_OPERATION, Graph, Node
from nnlint.dataflow.heap import MISSING, Change, Journal, by_cell
from nnlint.dataflow.values import FALSE, NONE, TRUE, UNKNOWN, Const, Symbol, Tensor, Unknown, Value, choice
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
    from nnlint.dataflow.calls import Arguments

MAX_UNROLL = 1_000
MAX_SYMBOL_DEPTH = 6


class Flow(Enum):
    """How a statement ends."""

    NEXT = "next"
    RETURN = "return"
    BREAK = "break"
    CONTINUE = "continue"
    DEAD = "dead"  # raises, or every path left otherwise


class OutOfFuel(Exception):
    """The analysis of one entry took more steps than it may."""


@dataclass(slots=True, eq=False)
class Frame:
    """One activation of a function, of a module's top level or of a class body."""

    module: Module
    block: BlockName
    env: dict[str, Value]
    parent: Frame | None = None
    owner: ClassDefinition | None = None
    receiver: Value | None = None
    call_sites: tuple[Site, ...] = ()
    returned: list[Value] = field(default_factory=list)
    yielded: list[Value] = field(default_factory=list)
    left: dict[Flow, list[dict[str, Value]]] = field(default_factory=dict)
    outer_names: dict[str, str] = field(default_factory=dict)  # names declared global or nonlocal

    def site(self, index: int) -> Site:
        return Site(self.module.path, self.block, index)


_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv, "%": operator.mod,
    "**": operator.pow, "&": operator.and_, "|": operator.or_, "^": operator.xor, "<<": operator.lshift, ">>": operator.rshift,
}  # fmt: skip
_ORDER: dict[str, Callable[[Any, Any], bool]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
TENSOR_OPERATORS = {
    "+": "torch.add", "-": "torch.sub", "*": "torch.mul", "/": "torch.div", "//": "torch.floor_divide", "%": "torch.remainder",
    "**": "torch.pow", "@": "torch.matmul", "&": "torch.bitwise_and", "|": "torch.bitwise_or", "^": "torch.bitwise_xor",
}  # fmt: skip
_NUMBER = (int, float, bool)


class Interpreter:
    """Abstract execution within one program snapshot. `graph` is where tensor operations are being recorded."""

    def __init__(self, program: Program, fuel: int) -> None:
        from nnlint.dataflow.calls import Caller
        from nnlint.dataflow.classes import Classes
        from nnlint.dataflow.effects import Effects

        self.program = program
        self.journal = Journal()
        self.graph = Graph("<constants>")
        self.fuel = fuel
        self.depth = 0
        self.caller = Caller(self)
        self.classes = Classes(self)
        self.effects = Effects(self)
        self._globals: dict[tuple[str, str], Value] = {}
        self._evaluating: set[tuple[str, str]] = set()
        self._serial = 0

    # --- bookkeeping ---

    def spend(self, steps: int = 1) -> None:
        self.fuel -= steps
        if self.fuel < 0:
            raise OutOfFuel

    def next_serial(self) -> int:
        self._serial += 1
        return self._serial

    def sequence(self, items: Iterable[Value], kind: str = "list") -> val.Sequence:
        made = val.Sequence({"items": tuple(items)}, kind, serial=self.next_serial())
        for item in made.items:
            _own(item, made)
        return made

    def mapping(self, entries: dict[Any, Value], kind: str = "dict", is_open: bool = False) -> val.Mapping_:
        made = val.Mapping_({"entries": dict(entries), "open": is_open}, kind, serial=self.next_serial())
        for item in entries.values():
            _own(item, made)
        return made

    def mutate(self, target: val.Heap, key: Any, value: Any) -> None:
        """Writes into a heap object; whoever owns it is no longer the copy of a known construction."""
        is_new_data = target.state.get(key, MISSING) is MISSING and not isinstance(value, (val.Heap, val.Function, Tensor, tuple))
        self.journal.write(target.state, key, value)
        if is_new_data:
            return  # a label on a finished module: what its methods do stays the same
        if isinstance(value, val.Heap):
            _own(value, target)
        elif isinstance(value, tuple):
            for item in value:
                _own(item, target)
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
        return self.graph.add(CONSTANT, rank=node.rank, reason="computed elsewhere")

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
            value = frame.env.get(definition.name, UNKNOWN)
        finally:
            self.graph = graph
            self._evaluating.discard(key)
        if isinstance(value, (val.Sequence, val.Mapping_)) and is_changed_later(definition.module, definition.name):
            value = Unknown(f"`{definition.name}` is changed after its definition")
        self._globals[key] = value
        return value

    def decorated(self, function: Value, decorators: tuple[low.Node, ...], frame: Frame) -> Value:
        """The function as its decorators leave it: known ones keep it, unknown ones of the project are called, the rest hide it."""
        for decorator in reversed(decorators):
            function = self.caller.decorate(function, self.evaluate(frame, decorator), decorator)
        return function

    # --- statements ---

    def block(self, frame: Frame, body: tuple[low.Node, ...]) -> Flow:
        for statement in body:
            flow = self.statement(frame, statement)
            if flow is not Flow.NEXT:
                return flow
        return Flow.NEXT

    def statement(self, frame: Frame, node: low.Node) -> Flow:
        self.spend()
        return _STATEMENTS[type(node)](self, frame, node) or Flow.NEXT

    def branch(self, frame: Frame, runs: list[Callable[[], Flow]]) -> Flow:
        """Runs alternatives from one state and joins what they leave. Paths that leave a loop are kept for the loop."""
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
            self.journal.write(change.cell, change.key, self._join_cell(change, new))
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

    def _expression_statement(self, frame: Frame, node: low.ExpressionStatement) -> None:
        if isinstance(node.value, low.Call):
            self._dropped_call(frame, node.value)
        elif not isinstance(node.value, low.Constant):
            self.evaluate(frame, node.value)

    def _dropped_call(self, frame: Frame, node: low.Call) -> None:
        """A call whose result nobody wants; left out where it cannot store anything that matters."""
        if isinstance(node.function, low.Name) and node.function.id == "super":
            return
        function = self.evaluate(frame, node.function)
        arguments = self.arguments(frame, node.arguments)
        if self.effects.is_quiet(function) and all(self._is_spectator(a) for a in arguments.all):
            return
        self.caller.call(function, arguments, frame.site(node.index), frame)

    def _is_spectator(self, value: Value) -> bool:
        """Whether handing the value to a function that stores nothing leaves no trace: it holds neither tensors nor bare layers."""
        if isinstance(value, (val.Function, val.Lambda, val.Partial)):
            return self.effects.is_quiet(value)
        if isinstance(value, val.Instance) and value.is_module:
            return True
        return not layers_in(value) and next(val.tensors_in(value), None) is None

    def _assign(self, frame: Frame, node: low.Assign) -> None:
        if node.value is None:
            return
        value = self.evaluate(frame, node.value)
        for target in node.targets:
            self.assign(frame, target, value)

    def assign(self, frame: Frame, target: low.Node, value: Value) -> None:
        match target:
            case low.Name(id=name):
                self._assign_name(frame, name, value)
            case low.Attribute(value=inner, name=name):
                self.set_attribute(self.evaluate(frame, inner), name, value)
            case low.Subscript(value=inner, item=item):
                self.set_item(self.evaluate(frame, inner), self.evaluate(frame, item), value)
            case low.Display(items=items):
                for part, inner_target in zip(self.unpack(value, items), items, strict=True):
                    self.assign(frame, inner_target.value if isinstance(inner_target, low.Starred) else inner_target, part)
            case low.Starred(value=inner):
                self.assign(frame, inner, value)
            case _:
                self.escape(value, "assigned to something that is not understood")

    def _assign_name(self, frame: Frame, name: str, value: Value) -> None:
        if name in frame.outer_names:
            self.escape(value, f"assigned to the {frame.outer_names[name]} `{name}`")
            at = frame.parent
            while at is not None:
                if name in at.env:
                    self.journal.write(at.env, name, self.join(at.env[name], value))
                    return
                at = at.parent
            self._globals[frame.module.path, name] = Unknown(f"`{name}` is assigned in a function")
            return
        self.journal.write(frame.env, name, value)

    def _augmented_assign(self, frame: Frame, node: low.AugmentedAssign) -> None:
        left = self.evaluate(frame, node.target)
        right = self.evaluate(frame, node.value)
        if node.operator == "+" and isinstance(left, val.Sequence) and left.kind == "list":
            self.mutate(left, "items", (*left.items, *self.caller.items_of(right)))
            return
        self.assign(frame, node.target, self.binary(node.operator, left, right, frame.site(node.index)))

    def _if(self, frame: Frame, node: low.If) -> Flow:
        test = self.truth(self.evaluate(frame, node.test))
        if test is not None and not (asks_for_mode(node.test) and self.effects.calls_modules(node)):
            return self.block(frame, node.body if test else node.orelse)
        # Layers that only one of the two modes runs: what holds for a bias has to hold in both.
        return self.branch(
            frame, [lambda: self._narrowed(frame, node.test, True, node.body), lambda: self._narrowed(frame, node.test, False, node.orelse)]
        )

    def _narrowed(self, frame: Frame, test: low.Node, outcome: bool, body: tuple[low.Node, ...]) -> Flow:
        """Runs a branch in which `test` is known to have come out as `outcome`."""
        self._narrow(frame, test, outcome)
        return self.block(frame, body)

    def _narrow(self, frame: Frame, test: low.Node, outcome: bool) -> None:
        match test:
            case low.Unary(operator="not", operand=operand):
                self._narrow(frame, operand, not outcome)
            case low.Boolean(operator=word, left=left, right=right) if (word == "and") is outcome:
                self._narrow(frame, left, outcome)
                self._narrow(frame, right, outcome)
            case low.Name() | low.Attribute():
                self._narrow_place(frame, test, lambda v: self.truth(v) is not (not outcome))
            case low.Compare(left=low.Name() | low.Attribute() as place, comparisons=((word, other),)) if word in (
                "is",
                "is not",
                "==",
                "!=",
            ):
                expected = self.evaluate(frame, other)
                same = outcome is (word in ("is", "=="))
                self._narrow_place(
                    frame, place, lambda v: self._compare(word.replace("is not", "is").replace("!=", "=="), v, expected) is not (not same)
                )

    def _narrow_place(self, frame: Frame, place: low.Node, keep: Callable[[Value], bool]) -> None:
        value = self.evaluate(frame, place)
        if not isinstance(value, val.Choice):
            return
        options = [o for o in value.options if keep(o)]
        if not options or len(options) == len(value.options):
            return
        if isinstance(place, low.Name) and place.id in frame.env:
            self.journal.write(frame.env, place.id, choice(options))
        elif isinstance(place, low.Attribute):
            holder = self.evaluate(frame, place.value)
            if isinstance(holder, val.Instance) and place.name in holder.state:
                # Not a mutation: the object is the same, only better known here.
                self.journal.write(holder.state, place.name, choice(options))

    def _for(self, frame: Frame, node: low.For) -> Flow:
        return self._loop(frame, self.caller.items_of(self.evaluate(frame, node.iterable)), node.target, node.body, node.orelse)

    def _loop(
        self, frame: Frame, items: tuple[Value, ...], target: low.Node, body: tuple[low.Node, ...], orelse: tuple[low.Node, ...]
    ) -> Flow:
        outer, frame.left = frame.left, {}
        try:
            flow = self._iterate(frame, items, target, body)
            breaks = frame.left.pop(Flow.BREAK, [])
        finally:
            frame.left = outer
        if flow is Flow.NEXT and orelse:
            flow = self.block(frame, orelse)
        return self._rejoin(frame, flow, breaks)

    def _rejoin(self, frame: Frame, flow: Flow, left: list[dict[str, Value]]) -> Flow:
        """Joins the states of paths that left earlier into the present one."""
        if flow is Flow.BREAK:
            flow = Flow.NEXT
        for env in left:
            for name, value in env.items():
                old = frame.env.get(name, MISSING) if flow is Flow.NEXT else value
                self.journal.write(frame.env, name, self.join(old, value))
            flow = Flow.NEXT
        return flow

    def _iterate(self, frame: Frame, items: tuple[Value, ...], target: low.Node, body: tuple[low.Node, ...]) -> Flow:
        if len(items) > MAX_UNROLL:
            items = (val.Repeated((UNKNOWN,)),)
        for item in items:
            match item:
                case val.Repeated(run=run):
                    flow = self._fixed_point(frame, partial(self._iterate, frame, run, target, body))
                case val.Alternatives(runs=runs):
                    flow = self.branch(frame, [partial(self._iterate, frame, run, target, body) for run in runs])
                case _:
                    self.assign(frame, target, item)
                    flow = self._iteration(frame, body)
            if flow is not Flow.NEXT:
                return flow
        return Flow.NEXT

    def _iteration(self, frame: Frame, body: tuple[low.Node, ...]) -> Flow:
        flow = self.block(frame, body)
        if flow is Flow.CONTINUE:
            flow = Flow.NEXT
        return self._rejoin(frame, flow, frame.left.pop(Flow.CONTINUE, [])) if flow in (Flow.NEXT, Flow.DEAD, Flow.RETURN) else flow

    def _fixed_point(self, frame: Frame, run: Callable[[], Flow]) -> Flow:
        """Any number of rounds: one is peeled, then the changed cells are widened and closed by a second round."""

        def once() -> Flow:
            flow = run()
            return Flow.NEXT if flow is Flow.NEXT else flow

        flow, changes = self.journal.record(once)
        if flow is not Flow.NEXT:
            # No second round follows this one; but there may have been none at all.
            if flow is Flow.BREAK:
                frame.left.setdefault(Flow.BREAK, []).append(dict(frame.env))
            self.journal.undo(changes)
            return Flow.NEXT
        widened = [(c, self._widen(c)) for c in changes]
        for change, value in widened:
            self.journal.write(change.cell, change.key, value)
        flow, _ = self.journal.record(once)
        for change, value in widened:
            last = change.cell.get(change.key, MISSING)
            self.journal.write(change.cell, change.key, self._close(value, last) if flow is Flow.NEXT else value)
        return Flow.NEXT

    def _widen(self, change: Change) -> Any:
        old, new = change.old, change.new
        if old is MISSING:
            return new
        if isinstance(old, tuple) and isinstance(new, tuple):
            common = common_prefix(old, new)
            if len(common) == len(old):
                return (*old, val.Repeated(new[len(old) :])) if len(new) > len(old) else old
            return (*common, val.Repeated((*old[len(common) :], *new[len(common) :])))
        if isinstance(old, Tensor) and isinstance(new, Tensor):
            return Tensor(
                self.graph.add(
                    JOIN,
                    tuple(dict.fromkeys((self.here(old), self.here(new)))),
                    rank=old.node.rank if old.node.rank == new.node.rank else None,
                )
            )
        if isinstance(old, (Const, Symbol)) and isinstance(new, (Const, Symbol)) and not _is_kind(old, bool) and not _is_kind(old, str):
            return Symbol(("loop", self.next_serial()))
        if isinstance(old, dict) and isinstance(new, dict):
            return self._join_entries([old, new])
        if isinstance(old, Value) and isinstance(new, Value):
            return self.join(old, new)
        return new

    def _close(self, widened: Any, last: Any) -> Any:
        if last is widened or last == widened:
            return widened
        if isinstance(widened, Tensor) and isinstance(last, Tensor):
            if widened.node.operation == JOIN and widened.node.graph is self.graph:
                self.graph.link(widened.node, self.here(last))
                return widened
            return self.join(widened, last)
        if isinstance(widened, Symbol) and isinstance(last, (Const, Symbol)):
            return widened
        if isinstance(widened, tuple) and isinstance(last, tuple):
            # The second round adds twins of what the first one added; the widened sequence stands for both.
            return widened
        if isinstance(widened, Value) and isinstance(last, Value):
            return self.join(widened, last)
        return widened

    def _while(self, frame: Frame, node: low.While) -> Flow:
        outer, frame.left = frame.left, {}
        try:
            flow = self._while_rounds(frame, node)
            breaks = frame.left.pop(Flow.BREAK, [])
        finally:
            frame.left = outer
        if flow is Flow.NEXT and node.orelse:
            flow = self.block(frame, node.orelse)
        return self._rejoin(frame, flow, breaks)

    def _while_rounds(self, frame: Frame, node: low.While) -> Flow:
        for _ in range(MAX_UNROLL):
            test = self.truth(self.evaluate(frame, node.test))
            if test is False:
                return Flow.NEXT
            if test is None or isinstance(node.test, low.Constant):
                break
            flow = self._iteration(frame, node.body)
            if flow is not Flow.NEXT:
                return flow

        def round_() -> Flow:
            self.evaluate(frame, node.test)
            return self._iteration(frame, node.body)

        return self._fixed_point(frame, round_)

    def _try(self, frame: Frame, node: low.Try) -> Flow:
        runs: list[Callable[[], Flow]] = [lambda: self.block(frame, (*node.body, *node.orelse))]
        for handler in node.handlers:
            runs.append(partial(self._handle, frame, handler))
        flow = self.branch(frame, runs) if len(runs) > 1 else runs[0]()
        if node.finalbody:
            final = self.block(frame, node.finalbody)
            return flow if final is Flow.NEXT else final
        return flow

    def _handle(self, frame: Frame, handler: low.Handler) -> Flow:
        if handler.name is not None:
            self._assign_name(frame, handler.name, Unknown("an exception"))
        return self.block(frame, handler.body)

    def _with(self, frame: Frame, node: low.With) -> Flow:
        for expression, target in node.items:
            value = self.evaluate(frame, expression)
            if target is not None:
                entered = self.caller.enter(value)
                self.assign(frame, target, entered)
        return self.block(frame, node.body)

    def _return(self, frame: Frame, node: low.Return) -> Flow:
        frame.returned.append(NONE if node.value is None else self.evaluate(frame, node.value))
        return Flow.RETURN

    def _raise(self, frame: Frame, node: low.Raise) -> Flow:
        return Flow.DEAD

    def _break(self, frame: Frame, node: low.Break) -> Flow:
        return Flow.BREAK

    def _continue(self, frame: Frame, node: low.Continue) -> Flow:
        return Flow.CONTINUE

    def _pass(self, frame: Frame, node: low.Node) -> None:
        return None

    def _delete(self, frame: Frame, node: low.Delete) -> None:
        for target in node.targets:
            match target:
                case low.Name(id=name) if name in frame.env:
                    self.journal.write(frame.env, name, MISSING)
                case low.Attribute(value=inner, name=name):
                    holder = self.evaluate(frame, inner)
                    if isinstance(holder, val.Heap):
                        self.mutate(holder, name, MISSING)
                case low.Subscript(value=inner):
                    self.caller.forget(self.evaluate(frame, inner), "an item is deleted")

    def _assert(self, frame: Frame, node: low.Assert) -> None:
        if self.truth(self.evaluate(frame, node.test)) is None:
            self._narrow(frame, node.test, True)

    def _scope(self, frame: Frame, node: low.ScopeDeclaration) -> None:
        for name in node.names:
            frame.outer_names[name] = node.kind

    def _import(self, frame: Frame, node: low.ImportModule) -> None:
        if node.alias is not None:
            definition = self.program.import_name(frame.module, node.name, None)
            self._bind(frame, node.alias, definition)
        else:
            head = node.name.partition(".")[0]
            self._bind(frame, head, self.program.import_name(frame.module, head, None))

    def _import_from(self, frame: Frame, node: low.ImportFrom) -> None:
        for name, alias in node.names or ():
            self._bind(frame, alias or name, self.program.import_from(frame.module, node.module, node.level, name))

    def _bind(self, frame: Frame, name: str, definition: Definition | None) -> None:
        value = Unknown(f"the import of `{name}` is not resolved") if definition is None else self.definition_value(definition)
        self._assign_name(frame, name, value)

    def _function(self, frame: Frame, node: low.FunctionDef) -> None:
        definition = FunctionDefinition(frame.module, frame.block, node, None)
        function: Value = val.Function(definition, frame)
        self._assign_name(frame, node.name, self.decorated(function, node.decorators, frame))

    def _class(self, frame: Frame, node: low.ClassDef) -> None:
        definition = ClassDefinition(
            frame.module, frame.block, node.name, node.arguments, node.decorators, tuple((frame.block, s) for s in node.body)
        )
        self._assign_name(frame, node.name, val.Class(definition, frame))

    def _match(self, frame: Frame, node: low.Match) -> Flow:
        subject = self.evaluate(frame, node.subject)
        runs: list[Callable[[], Flow]] = []
        for case in node.cases:
            matched = self._matches(frame, case.pattern, subject)
            if matched is False:
                continue
            guard = True if case.guard is None else None
            runs.append(partial(self._case, frame, case, subject))
            if matched is True and guard:
                break
        else:
            runs.append(lambda: Flow.NEXT)
        return runs[0]() if len(runs) == 1 else self.branch(frame, runs)

    def _case(self, frame: Frame, case: low.Case, subject: Value) -> Flow:
        if isinstance(case.pattern, low.Starred) and isinstance(case.pattern.value, low.Name):
            self._assign_name(frame, case.pattern.value.id, subject)
        return self.block(frame, case.body)

    def _matches(self, frame: Frame, pattern: low.Node, subject: Value) -> bool | None:
        match pattern:
            case low.Starred():
                return True
            case low.Opaque():
                return None
            case low.Display(items=items):
                outcomes = [self._matches(frame, item, subject) for item in items]
                return True if True in outcomes else None if None in outcomes else False
            case _:
                return self._compare("==", subject, self.evaluate(frame, pattern))

    def _opaque_statement(self, frame: Frame, node: low.Opaque) -> None:
        return None

    # --- expressions ---

    def evaluate(self, frame: Frame, node: low.Node) -> Value:
        self.spend()
        return _EXPRESSIONS[type(node)](self, frame, node)

    def _opaque(self, frame: Frame, node: low.Opaque) -> Value:
        return self.unknown_operation([self.evaluate(frame, child) for child in node.children], node.what)

    def _constant(self, frame: Frame, node: low.Constant) -> Value:
        return Const(node.value)

    def _name(self, frame: Frame, node: low.Name) -> Value:
        return self.lookup(frame, node.id)

    def _attribute(self, frame: Frame, node: low.Attribute) -> Value:
        return self.classes.attribute(self.evaluate(frame, node.value), node.name)

    def _call(self, frame: Frame, node: low.Call) -> Value:
        if isinstance(node.function, low.Name) and node.function.id == "super" and not node.arguments:
            receiver = self._nearest_receiver(frame)
            return UNKNOWN if receiver is None else val.Super(receiver[0], receiver[1])
        function = self.evaluate(frame, node.function)
        arguments = self.arguments(frame, node.arguments)
        return self.caller.call(function, arguments, frame.site(node.index), frame)

    def _nearest_receiver(self, frame: Frame) -> tuple[ClassDefinition, Value] | None:
        at: Frame | None = frame
        while at is not None:
            if at.owner is not None and at.receiver is not None:
                return at.owner, at.receiver
            at = at.parent
        return None

    def arguments(self, frame: Frame, nodes: tuple[low.Argument, ...]) -> Arguments:
        from nnlint.dataflow.calls import Arguments

        result = Arguments()
        for node in nodes:
            value = self.evaluate(frame, node.value)
            if node.star == "*":
                items = self.caller.items_of(value)
                if any(isinstance(i, (val.Alternatives, val.Repeated)) for i in items):
                    result.has_open_positional = True
                result.positional += items
            elif node.star == "**":
                if isinstance(value, val.Mapping_):
                    result.keywords |= {str(k): v for k, v in value.entries.items()}
                    result.has_open_keywords = result.has_open_keywords or value.is_open
                    # A mapping that is empty here is one that somebody else fills.
                    result.has_entry_keywords = result.has_entry_keywords or value.is_entry or not value.entries
                else:
                    result.has_open_keywords = True
                    result.splats.append(value)
            elif node.keyword is not None:
                result.keywords[node.keyword] = value
            else:
                result.positional.append(value)
        return result

    def _subscript(self, frame: Frame, node: low.Subscript) -> Value:
        return self.caller.item(self.evaluate(frame, node.value), self.evaluate(frame, node.item))

    def _slice(self, frame: Frame, node: low.SliceExpr) -> Value:
        parts = [NONE if p is None else self.evaluate(frame, p) for p in (node.lower, node.upper, node.step)]
        return val.SliceValue(parts[0], parts[1], parts[2])

    def _display(self, frame: Frame, node: low.Display) -> Value:
        items: list[Value] = []
        for item in node.items:
            if isinstance(item, low.Starred):
                items += self.caller.items_of(self.evaluate(frame, item.value))
            else:
                items.append(self.evaluate(frame, item))
        return self.sequence(items, node.kind)

    def _starred(self, frame: Frame, node: low.Starred) -> Value:
        return self.evaluate(frame, node.value)

    def _dictionary(self, frame: Frame, node: low.DictDisplay) -> Value:
        entries: dict[Any, Value] = {}
        is_open = is_entry = False
        for key_node, value_node in node.items:
            value = self.evaluate(frame, value_node)
            if key_node is None:
                if isinstance(value, val.Mapping_):
                    entries |= value.entries
                    is_open = is_open or value.is_open
                    is_entry = is_entry or value.is_entry
                else:
                    is_open = True
                continue
            key = self.evaluate(frame, key_node)
            if isinstance(key, Const):
                entries[key.value] = value
            else:
                is_open = True
                entries[key] = value
        made = self.mapping(entries, is_open=is_open)
        made.state["entry"] = is_entry
        return made

    def _binary(self, frame: Frame, node: low.Binary) -> Value:
        left = self.evaluate(frame, node.left)
        return self.binary(node.operator, left, self.evaluate(frame, node.right), frame.site(node.index))

    def binary(self, word: str, left: Value, right: Value, site: Site | None = None) -> Value:
        if isinstance(left, Const) and isinstance(right, Const):
            return _folded(word, left.value, right.value)
        if isinstance(left, Tensor) or isinstance(right, Tensor):
            name = TENSOR_OPERATORS.get(word)
            if name is None:
                return self.unknown_operation([left, right], f"operator {word}", site)
            return self.caller.operation(name, {"input": left, "other": right}, site)
        if isinstance(left, val.Choice) or isinstance(right, val.Choice):
            lefts = left.options if isinstance(left, val.Choice) else (left,)
            rights = right.options if isinstance(right, val.Choice) else (right,)
            if len(lefts) * len(rights) <= val.MAX_ALTERNATIVES:
                useful = [(a, b) for a in lefts for b in rights if NONE not in (a, b)]
                return self.join_all([self.binary(word, a, b, site) for a, b in useful] or [UNKNOWN])
        if isinstance(left, val.Sequence) and word == "+" and isinstance(right, val.Sequence):
            return self.sequence((*left.items, *right.items), left.kind)
        if isinstance(left, val.Sequence) and word == "*":
            return self._repeat(left, right)
        if isinstance(right, val.Sequence) and word == "*":
            return self._repeat(right, left)
        if isinstance(left, val.Mapping_) and isinstance(right, val.Mapping_) and word == "|":
            return self.mapping({**left.entries, **right.entries}, is_open=left.is_open or right.is_open)
        if isinstance(left, (Const, Symbol)) and isinstance(right, (Const, Symbol)):
            return _symbolic(word, left, right)
        return self.unknown_operation([left, right], f"operator {word}", site)

    def _repeat(self, sequence: val.Sequence, count: Value) -> Value:
        if isinstance(count, Const) and isinstance(count.value, int) and len(sequence.items) * max(count.value, 0) <= MAX_UNROLL:
            return self.sequence(sequence.items * count.value, sequence.kind)
        return self.sequence((val.Repeated(sequence.items),) if sequence.items else (), sequence.kind)

    def _unary(self, frame: Frame, node: low.Unary) -> Value:
        value = self.evaluate(frame, node.operand)
        if node.operator == "not":
            truth = self.truth(value)
            return Symbol(("not", self._key(value))) if truth is None else Const(not truth)
        if isinstance(value, Const) and isinstance(value.value, _NUMBER):
            return _folded_unary(node.operator, value.value)
        if isinstance(value, Tensor):
            return self.caller.operation(
                {"-": "torch.neg", "~": "torch.bitwise_not", "+": "torch.clone"}[node.operator], {"input": value}, None
            )
        return Symbol((node.operator, value.key)) if isinstance(value, Symbol) else self.unknown_operation([value], node.operator)

    def _key(self, value: Value) -> object:
        return value.key if isinstance(value, Symbol) else ("value", self.next_serial())

    def _boolean(self, frame: Frame, node: low.Boolean) -> Value:
        left = self.evaluate(frame, node.left)
        truth = self.truth(left)
        if truth is not None:
            return self.evaluate(frame, node.right) if truth is (node.operator == "and") else left
        results: list[Value] = []

        def right() -> Flow:
            self._narrow(frame, node.left, node.operator == "and")
            results.append(self.evaluate(frame, node.right))
            return Flow.NEXT

        self.branch(frame, [right, lambda: Flow.NEXT])
        right_truth = self.truth(results[0])
        if right_truth is (node.operator == "or"):
            return Const(right_truth) if isinstance(results[0], Const) else results[0]
        kept = [o for o in (left.options if isinstance(left, val.Choice) else (left,)) if self.truth(o) is not (node.operator == "and")]
        return self.join_all([*kept, results[0]])

    def _compare_node(self, frame: Frame, node: low.Compare) -> Value:
        left = self.evaluate(frame, node.left)
        outcome: bool | None = True
        tensors: list[Value] = [left]
        for word, right_node in node.comparisons:
            right = self.evaluate(frame, right_node)
            tensors.append(right)
            one = self._compare(word, left, right)
            if one is False:
                return FALSE
            outcome = None if one is None else outcome
            left = right
        if outcome is None and any(isinstance(t, Tensor) for t in tensors) and node.comparisons[0][0] in (*_ORDER, "==", "!="):
            return self.caller.operation("torch.eq", {"input": tensors[0], "other": tensors[1]}, None)
        return TRUE if outcome else Symbol(("compare", self.next_serial()))

    def _compare(self, word: str, left: Value, right: Value) -> bool | None:
        if isinstance(left, val.Choice) or isinstance(right, val.Choice):
            lefts = left.options if isinstance(left, val.Choice) else (left,)
            rights = right.options if isinstance(right, val.Choice) else (right,)
            outcomes = {self._compare(word, a, b) for a in lefts for b in rights}
            return outcomes.pop() if len(outcomes) == 1 else None
        if word in ("is not", "!=", "not in"):
            positive = self._compare({"is not": "is", "!=": "==", "not in": "in"}[word], left, right)
            return None if positive is None else not positive
        if word in ("is", "=="):
            return _same(left, right)
        if word == "in":
            return self._contains(right, left)
        if isinstance(left, Const) and isinstance(right, Const):
            try:
                return bool(_ORDER[word](left.value, right.value))
            except TypeError:
                return None
        if isinstance(left, Symbol) and left.key == ("fraction",) and isinstance(right, Const) and isinstance(right.value, _NUMBER):
            # A number strictly between 0 and 1.
            if right.value <= 0:
                return word in (">", ">=")
            return word in ("<", "<=") if right.value >= 1 else None
        return None

    def _contains(self, container: Value, item: Value) -> bool | None:
        if isinstance(container, Const) and isinstance(item, Const) and isinstance(container.value, str) and isinstance(item.value, str):
            return item.value in container.value
        if isinstance(container, val.Mapping_):
            if isinstance(item, Const) and item.value in container.entries:
                return True
            return None if container.is_open or not isinstance(item, Const) else False
        if isinstance(container, val.Sequence) and container.is_exact:
            outcomes = [_same(item, i) for i in container.items]
            return True if True in outcomes else None if None in outcomes else False
        return None

    def _conditional(self, frame: Frame, node: low.Conditional) -> Value:
        truth = self.truth(self.evaluate(frame, node.test))
        if truth is not None:
            return self.evaluate(frame, node.body if truth else node.orelse)
        results: list[Value] = []

        def side(outcome: bool, expression: low.Node) -> Flow:
            self._narrow(frame, node.test, outcome)
            results.append(self.evaluate(frame, expression))
            return Flow.NEXT

        self.branch(frame, [lambda: side(True, node.body), lambda: side(False, node.orelse)])
        return self.join(results[0], results[1])

    def _lambda(self, frame: Frame, node: low.LambdaExpr) -> Value:
        return val.Lambda(node, frame)

    def _comprehension(self, frame: Frame, node: low.Comprehension) -> Value:
        inner = Frame(frame.module, frame.block, {}, frame, frame.owner, frame.receiver, frame.call_sites)
        if node.kind == "dict":
            made = self.mapping({})
            assert node.key is not None
            self._generate(inner, node, 0, made)
            return made
        collected = self.sequence((), "list" if node.kind == "generator" else node.kind)
        self._generate(inner, node, 0, collected)
        return collected

    def _generate(self, frame: Frame, node: low.Comprehension, level: int, into: val.Sequence | val.Mapping_) -> None:
        if level == len(node.generators):
            self._collect(frame, node, into)
            return
        generator = node.generators[level]
        marker = _Generated(lambda: self._generate_one(frame, node, level, into))
        self._loop(frame, self.caller.items_of(self.evaluate(frame, generator.iterable)), generator.target, (marker,), ())

    def _generate_one(self, frame: Frame, node: low.Comprehension, level: int, into: val.Sequence | val.Mapping_) -> Flow:
        uncertain = False
        for condition in node.generators[level].conditions:
            truth = self.truth(self.evaluate(frame, condition))
            if truth is False:
                return Flow.NEXT
            uncertain = uncertain or truth is None

        def produce() -> Flow:
            self._generate(frame, node, level + 1, into)
            return Flow.NEXT

        return self.branch(frame, [produce, lambda: Flow.NEXT]) if uncertain else produce()

    def _collect(self, frame: Frame, node: low.Comprehension, into: val.Sequence | val.Mapping_) -> None:
        if isinstance(into, val.Sequence):
            self.mutate(into, "items", (*into.items, self.evaluate(frame, node.element)))
            return
        assert node.key is not None
        self.set_item(into, self.evaluate(frame, node.key), self.evaluate(frame, node.element))

    def _formatted(self, frame: Frame, node: low.FormattedString) -> Value:
        pieces: list[str] = []
        known = True
        for part in node.parts:
            value = self.evaluate(frame, part)
            if isinstance(value, Const) and isinstance(value.value, (str, int, float, bool, type(None))):
                pieces.append(str(value.value))
            else:
                pieces.append("{}")
                known = False
        return Const("".join(pieces)) if known else Symbol(("pattern", "".join(pieces)))

    def _yield(self, frame: Frame, node: low.YieldExpr) -> Value:
        value = NONE if node.value is None else self.evaluate(frame, node.value)
        at: Frame | None = frame
        if node.is_from:
            frame.yielded += self.caller.items_of(value)
        elif at is not None:
            at.yielded.append(value)
        return Unknown("what a generator is sent")

    def _named(self, frame: Frame, node: low.NamedExpression) -> Value:
        value = self.evaluate(frame, node.value)
        self.assign(frame, node.target, value)
        return value

    # --- values ---

    def truth(self, value: Value) -> bool | None:
        """Whether a value counts as true, `None` where that is not known."""
        match value:
            case Const(value=constant):
                return bool(constant)
            case val.Sequence():
                certain = [i for i in value.items if not isinstance(i, (val.Alternatives, val.Repeated))]
                return True if certain else None if value.items else False
            case val.Mapping_():
                return True if value.entries else None if value.is_open else False
            case val.Choice(options=options):
                outcomes = {self.truth(o) for o in options}
                return outcomes.pop() if len(outcomes) == 1 else None
            case Symbol(key=("fraction",)):
                return True
            case (
                val.Function()
                | val.Class()
                | val.External()
                | val.Partial()
                | val.Lambda()
                | val.Instance()
                | val.Layer()
                | val.ModuleValue()
            ):
                return True
            case _:
                return None

    def unpack(self, value: Value, targets: tuple[low.Node, ...]) -> list[Value]:
        """The parts that an assignment to several targets gives them."""
        stars = [i for i, t in enumerate(targets) if isinstance(t, low.Starred)]
        if isinstance(value, Tensor):
            node = value.node
            return [self.caller.part(value, i if not stars or i < stars[0] else -1) for i in range(len(targets))] if node else []
        if isinstance(value, val.Choice):
            columns = [self.unpack(o, targets) for o in value.options if o != NONE]
            return [self.join_all(list(column)) for column in zip(*columns, strict=True)] if columns else [UNKNOWN] * len(targets)
        items = self.caller.items_of(value)
        exact = not any(isinstance(i, (val.Alternatives, val.Repeated)) for i in items)
        if exact and not stars and len(items) == len(targets):
            return list(items)
        if exact and stars and len(items) >= len(targets) - 1:
            head, tail = stars[0], len(targets) - stars[0] - 1
            middle = self.sequence(items[head : len(items) - tail])
            return [*items[:head], middle, *items[len(items) - tail :]]
        inside = list(flattened(items))
        union = self.join_all(inside) if inside else UNKNOWN
        return [self.sequence((val.Repeated((union,)),)) if i in stars else union for i in range(len(targets))]

    def set_attribute(self, holder: Value, name: str, value: Value) -> None:
        match holder:
            case val.Instance():
                self.escape_stored(holder, value, name)
                self.mutate(holder, name, value)
            case val.Layer() | val.Sequence() | val.Mapping_():
                if isinstance(holder, val.Layer) and name in ("weight", "bias"):
                    self.caller.replace_parameter(holder, name, value)
                self.escape_stored(holder, value, name)
                self.mutate(holder, name, value)
            case val.Choice(options=options):
                for option in options:
                    if isinstance(option, val.Heap):
                        self.set_attribute(option, name, self.join(option.state.get(name, MISSING), value))
            case Tensor(node=node):
                if name == "requires_grad" and value == FALSE:
                    self.caller.note_frozen_bias(node)
                self.escape(value, f"stored in `{name}`")
            case val.Class() | val.Function() | val.External() | Const():
                self.escape(value, f"stored in `{name}`")
            case _:
                self.escape(value, f"stored in `{name}` of something unknown")

    def escape_stored(self, holder: val.Heap, value: Value, name: str) -> None:
        """Tensors kept on a module outlive the call: anybody may read them there."""
        if isinstance(holder, val.Instance) and not holder.is_module:
            return
        for tensor in val.tensors_in(value):
            if tensor.node.operation not in (CONSTANT, INPUT):
                self.escape_node(tensor.node, f"kept in `self.{name}`")

    def set_item(self, holder: Value, key: Value, value: Value) -> None:
        match holder:
            case val.Mapping_() if isinstance(key, Const):
                self.mutate(holder, "entries", {**holder.entries, key.value: value})
                _own(value, holder)
            case val.Mapping_():
                self.mutate(holder, "entries", {**holder.entries, key: value})
                self.mutate(holder, "open", True)
                _own(value, holder)
            case val.Sequence() if (
                isinstance(key, Const)
                and isinstance(key.value, int)
                and holder.is_exact
                and -len(holder.items) <= key.value < len(holder.items)
            ):
                items = list(holder.items)
                items[key.value] = value
                self.mutate(holder, "items", tuple(items))
            case val.Sequence():
                self.mutate(
                    holder,
                    "items",
                    tuple(choice([i, value]) if not isinstance(i, (val.Alternatives, val.Repeated)) else i for i in holder.items),
                )
            case val.Instance() if "__items__" in holder.state:
                self.set_item(holder.state["__items__"], key, value)
            case Tensor() if isinstance(value, Tensor):
                self.escape(value, "written into a tensor")
            case _:
                self.escape(value, "stored in something unknown")


class _Generated(low.Node):
    """Stands in a loop body for the rest of a comprehension."""

    __slots__ = ("run",)

    def __init__(self, run: Callable[[], Flow]) -> None:
        self.run = run


def _own(value: object, owner: val.Heap) -> None:
    if isinstance(value, val.Heap) and value.owner is None and value is not owner:
        value.owner = owner


def _is_kind(value: Value, kind: type) -> bool:
    return isinstance(value, Const) and type(value.value) is kind


def _folded(word: str, left: Any, right: Any) -> Value:
    if word not in _BINARY:
        return UNKNOWN
    if word in ("**", "<<") and isinstance(right, int) and abs(right) > 64:
        return UNKNOWN
    if word == "*" and isinstance(left, (str, bytes)) | isinstance(right, (str, bytes)):
        return UNKNOWN
    try:
        result = _BINARY[word](left, right)
    except Exception:  # division by zero, str + int: the program would stop here
        return UNKNOWN
    return Const(result)


def _folded_unary(word: str, value: Any) -> Value:
    try:
        return Const(-value if word == "-" else +value if word == "+" else ~value)
    except TypeError:
        return UNKNOWN


def _depth(key: object) -> int:
    return 1 + max((_depth(k) for k in key), default=0) if isinstance(key, tuple) else 0


def _symbolic(word: str, left: Const | Symbol, right: Const | Symbol) -> Value:
    keys = [v.key if isinstance(v, Symbol) else v.value for v in (left, right)]
    if isinstance(left, Const) and isinstance(left.value, str):
        return Unknown("formatted text")
    if word in ("*", "+") and isinstance(left, Const):
        keys.reverse()
    if word in ("*", "//", "/") and keys[1] == 1 and isinstance(left, Symbol):
        return left
    key = (word, keys[0], keys[1])
    return Symbol(key) if _depth(key) <= MAX_SYMBOL_DEPTH else Unknown("a long computation")


def _same(left: Value, right: Value) -> bool | None:
    """Whether two values are the same object (`is`) or equal; `None` where that is not known."""
    if isinstance(left, Const) and isinstance(right, Const):
        return bool(left.value == right.value)
    if isinstance(left, Symbol) and isinstance(right, Symbol) and left == right and left.key != ("fraction",):
        return True
    if isinstance(left, (val.Class, val.External)) and isinstance(right, (val.Class, val.External)):
        if isinstance(left, val.Class) and isinstance(right, val.Class):
            return left.definition is right.definition
        return left == right
    settled = (Const, val.Class, val.External, val.Function, val.Lambda, val.Partial, val.Heap, Tensor, val.Method, val.ModuleValue)
    if isinstance(left, val.Heap) and left is right:
        return True
    if isinstance(left, settled) and isinstance(right, settled) and type(left) is not type(right):
        return False
    if (
        isinstance(left, val.Heap)
        and isinstance(right, val.Heap)
        and not (isinstance(left, val.Sequence) and isinstance(right, val.Sequence))
    ):
        return False
    return None


def asks_for_mode(test: low.Node) -> bool:
    """Whether a test is `self.training` or its negation."""
    if isinstance(test, low.Unary) and test.operator == "not":
        test = test.operand
    return isinstance(test, low.Attribute) and test.name == "training"


def flattened(items: Iterable[Value]) -> Iterable[Value]:
    """Every value that stands somewhere in a run of items."""
    for item in items:
        if isinstance(item, val.Alternatives):
            for run in item.runs:
                yield from flattened(run)
        elif isinstance(item, val.Repeated):
            yield from flattened(item.run)
        else:
            yield item


def layers_in(value: Value) -> list[val.Layer]:
    """The torch layers that a value directly is, or holds in plain containers (not those inside modules of the project)."""
    match value:
        case val.Layer():
            return [value]
        case val.Choice() | val.Sequence() | val.Mapping_() | val.Alternatives() | val.Repeated() | val.Partial() | val.Method():
            if isinstance(value, val.Method) and value.name not in ("__call__", "forward"):
                return []
            return [layer for part in val.parts_of(value) for layer in layers_in(part)]
        case _:
            return []


def common_prefix(one: tuple[Any, ...], other: tuple[Any, ...]) -> tuple[Any, ...]:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a is not b and a != b:
            break
        count += 1
    return one[:count]


def join_runs(runs: list[tuple[Value, ...]]) -> tuple[Value, ...]:
    """Several possible contents of one sequence: what they share, then alternatives."""
    distinct = list(dict.fromkeys(runs))
    if len(distinct) == 1:
        return distinct[0]
    prefix = distinct[0]
    for run in distinct[1:]:
        prefix = common_prefix(prefix, run)
    return (*prefix, val.Alternatives(tuple(run[len(prefix) :] for run in distinct)))


def is_changed_later(module: Module, name: str) -> bool:
    """Whether the module's text shows a module-level container being changed after its definition."""
    import re

    pattern = (
        rf"^[ \t]*(?:{name}[ \t]*\[[^\n]*\][ \t]*=[^=]|{name}\.(?:append|extend|insert|update|setdefault|pop|clear|remove|add)\b"
        rf"|{name}[ \t]*\+=|del[ \t]+{name}\b)"
    )
    return re.search(pattern, module.parsed.text, re.MULTILINE) is not None


_EXTERNAL_CONSTANTS: dict[str, Value] = {"typing.TYPE_CHECKING": FALSE, "math.pi": Const(3.141592653589793)}

_STATEMENTS: dict[type[low.Node], Callable[[Interpreter, Frame, Any], Flow | None]] = {
    low.ExpressionStatement: Interpreter._expression_statement, low.Assign: Interpreter._assign,
    low.AugmentedAssign: Interpreter._augmented_assign, low.If: Interpreter._if, low.For: Interpreter._for, low.While: Interpreter._while,
    low.Try: Interpreter._try, low.With: Interpreter._with, low.Return: Interpreter._return, low.Raise: Interpreter._raise,
    low.Break: Interpreter._break, low.Continue: Interpreter._continue, low.Pass: Interpreter._pass, low.Delete: Interpreter._delete,
    low.Assert: Interpreter._assert, low.ScopeDeclaration: Interpreter._scope, low.ImportModule: Interpreter._import,
    low.ImportFrom: Interpreter._import_from, low.FunctionDef: Interpreter._function, low.ClassDef: Interpreter._class,
    low.Match: Interpreter._match, low.Opaque: Interpreter._opaque_statement, _Generated: lambda interpreter, frame, node: node.run(),
}  # fmt: skip

_EXPRESSIONS: dict[type[low.Node], Callable[[Interpreter, Frame, Any], Value]] = {
    low.Opaque: Interpreter._opaque, low.Constant: Interpreter._constant, low.Name: Interpreter._name,
    low.Attribute: Interpreter._attribute, low.Call: Interpreter._call, low.Subscript: Interpreter._subscript,
    low.SliceExpr: Interpreter._slice, low.Display: Interpreter._display, low.Starred: Interpreter._starred,
    low.DictDisplay: Interpreter._dictionary, low.Binary: Interpreter._binary, low.Unary: Interpreter._unary,
    low.Boolean: Interpreter._boolean, low.Compare: Interpreter._compare_node, low.Conditional: Interpreter._conditional,
    low.LambdaExpr: Interpreter._lambda, low.Comprehension: Interpreter._comprehension, low.FormattedString: Interpreter._formatted,
    low.YieldExpr: Interpreter._yield, low.NamedExpression: Interpreter._named,
}  # fmt: skip
