"""Runs programs on abstract values and writes down what they do.

The same interpreter as for models, with three differences: unknown things keep an identity, loops are never unrolled by counting,
and what happens to models, losses and optimizers goes into a trace. Constructors and `forward()`s are followed without one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from nnlint.dataflow import values as val
from nnlint.dataflow.effects import Effects
from nnlint.dataflow.frames import Flow, Frame
from nnlint.dataflow.interpreter import Interpreter
from nnlint.dataflow.operators import truth_of
from nnlint.dataflow.programs.objects import COMPARISON, Thing
from nnlint.dataflow.programs.program_calls import GradSwitch, Pending, ProgramCaller
from nnlint.dataflow.programs.program_classes import ProgramClasses
from nnlint.dataflow.programs.trace import Block, Branch, Event, Item, Kind, Leave, Loop, Recording, Trace, Within
from nnlint.dataflow.statements import changed_in_place
from nnlint.dataflow.values import NONE, UNKNOWN, Const, Symbol, Tensor, Unknown, Value
from nnlint.semantics.definitions import Site
from nnlint.semantics.program import Module, Program
from nnlint.syntax import lowered as low

_MAX_COUNTED = 2  # rounds of a loop over numbers that are run one by one
_ADDED = low.Name("+=")  # no name that code could bind
_TOLD = frozenset({"step", "zero_grad", "backward", "eval", "train"})


class ProgramEffects(Effects):
    """In a program no call of a function can be left out: whatever it does to a model may matter."""

    def is_quiet(self, function: Value) -> bool:
        return isinstance(function, val.External) and super().is_quiet(function)


@dataclass(slots=True)
class _Managed:
    """A `with` over a generator: where it yields, the body runs."""

    definition: object
    run_body: Callable[[Value], Flow]
    is_inside: bool = False  # the body is running: what yields now is not the generator


class ProgramInterpreter(Interpreter):
    """Follows programs. `trace` is where events are being written."""

    caller: ProgramCaller
    classes: ProgramClasses

    def __init__(self, program: Program, fuel: int) -> None:
        super().__init__(program, fuel)
        self.caller = ProgramCaller(self)
        self.classes = ProgramClasses(self)
        self.effects = ProgramEffects(self)
        self.trace: Trace = []
        self.hidden = 0  # depth of constructors and forward()s, whose inside is no part of the trace
        self.scripts: dict[str, Frame] = {}  # by path: the scripts that were run
        self._sources: list[Value] = []
        self._managed: list[_Managed] = []
        self._is_exceptional = False
        self._names: dict[tuple[Hashable, str], Thing] = {}  # by file or activation, and name
        self._tests: dict[Hashable, int] = {}  # what conditions ask, numbered
        self.assigning: Site | None = None  # the assignment that is being made
        self.last_site: Site | None = None  # of the latest call

    def reset(self) -> None:
        """Forgets what was left unfinished when an entry took too long."""
        self.caller.drop_unfinished()
        self.journal.forget()
        self.trace, self.hidden = [], 0
        self._sources.clear()
        self._managed.clear()
        self._is_exceptional = False

    # --- the trace ---

    def emit(self, kind: Kind, site: Site | None, subject: Value, value: Value = UNKNOWN, words: str = "") -> None:
        if not self.hidden and site is not None:
            self.trace.append(Event(kind, site, subject, value, words))

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """Within it nothing is written down."""
        outer, self.trace = self.trace, []
        self.hidden += 1
        try:
            yield
        finally:
            self.hidden -= 1
            self.trace = outer

    @contextmanager
    def nested(self, wrap: Callable[[Trace], Item]) -> Iterator[None]:
        """What happens within it becomes the body of one item, if anything happens."""
        outer, self.trace = self.trace, []
        try:
            yield
        finally:
            body, self.trace = self.trace, outer
            if body and not self.hidden:
                self.trace.append(wrap(body))

    def branch(self, frame: Frame, runs: list[Callable[[], Flow]], test: low.Node | None = None) -> Flow:
        if self.hidden:
            return super().branch(frame, runs, test)
        is_exceptional, self._is_exceptional = self._is_exceptional, False
        asked = self._asked(frame, test)
        arms: list[Trace] = []

        def followed(run: Callable[[], Flow]) -> Callable[[], Flow]:
            def follow() -> Flow:
                outer, self.trace = self.trace, []
                try:
                    flow = run()
                    if flow is not Flow.NEXT:
                        self.trace.append(Leave(flow))
                    return flow
                finally:
                    arms.append(self.trace)
                    self.trace = outer

            return follow

        flow = super().branch(frame, [followed(run) for run in runs])
        if any(arms):
            key, is_negated = _guard(test, self.caller.active_function) if test is not None and len(arms) == 2 else (None, False)
            number = None if key is None else self._tests.setdefault(key, len(self._tests))
            self.trace.append(Branch(arms[::-1] if is_negated else arms, number, is_exceptional, asked))
        return flow

    def _asked(self, frame: Frame, test: low.Node | None) -> Value:
        """The value of a test that is a plain name or attribute, negated or not."""
        while isinstance(test, low.Unary) and test.operator == "not":
            test = test.operand
        if not isinstance(test, (low.Name, low.Attribute)):
            return UNKNOWN
        with self.unseen():
            self.hidden -= 1  # unknown attributes are things here as elsewhere
            try:
                return self.evaluate(frame, test)
            finally:
                self.hidden += 1

    # --- loops ---

    def loop(
        self, frame: Frame, items: tuple[Value, ...], target: low.Node, body: tuple[low.Node, ...], orelse: tuple[low.Node, ...]
    ) -> Flow:
        if self.hidden:
            return super().loop(frame, items, target, body, orelse)
        if len(items) > _MAX_COUNTED and all(isinstance(i, Const) and type(i.value) is int for i in items):
            items = (val.Repeated((Symbol(("range", self.next_serial())),)),)
        with self.nested(lambda trace: Block(trace, Flow.BREAK)):
            return super().loop(frame, items, target, body, orelse)

    def _iteration(self, frame: Frame, body: tuple[low.Node, ...]) -> Flow:
        with self.nested(lambda trace: Block(trace, Flow.CONTINUE)):
            flow = super()._iteration(frame, body)
            if flow in (Flow.BREAK, Flow.RETURN) and not self.hidden:
                self.trace.append(Leave(flow))
            return flow

    def _fixed_point(self, frame: Frame, run: Callable[[], Flow]) -> Flow:
        if self.hidden:
            return super()._fixed_point(frame, run)
        rounds: list[Trace] = []

        def followed() -> Flow:
            outer, self.trace = self.trace, []
            try:
                return run()
            finally:
                rounds.append(self.trace)
                self.trace = outer

        flow = super()._fixed_point(frame, followed)
        if rounds and rounds[-1]:
            self.trace.append(Loop(rounds[-1], self._sources[-1] if self._sources else UNKNOWN))
        return flow

    def _while_rounds(self, frame: Frame, node: low.While) -> Flow:
        if self.hidden:
            return super()._while_rounds(frame, node)

        def once() -> Flow:
            self.evaluate(frame, node.test)
            return self._iteration(frame, node.body)

        return self._fixed_point(frame, once)

    def while_loop(self, frame: Frame, node: low.While) -> Flow:
        with self.nested(lambda trace: Block(trace, Flow.BREAK)):
            return super().while_loop(frame, node)

    # --- expressions ---

    def evaluate(self, frame: Frame, node: low.Node) -> Value:
        if not self.hidden and isinstance(node, low.Attribute) and isinstance(node.value, (low.Attribute, low.Name)):
            self.spend()
            holder = self.evaluate(frame, node.value)
            return self.classes.attribute(self._filled_later(frame, node.value) if holder == NONE else holder, node.name)
        return super().evaluate(frame, node)

    def _filled_later(self, frame: Frame, place: low.Attribute | low.Name) -> Value:
        """What stands at a place that was None when it was last seen and has attributes now."""
        if isinstance(place, low.Attribute):
            return self.classes.part(self.evaluate(frame, place.value), place.name, "it is set elsewhere")
        return self._names.setdefault((frame, place.id), Thing("it is set elsewhere", name=place.id))

    # --- statements ---

    def statement(self, frame: Frame, node: low.Node) -> Flow:
        if self.hidden:
            return super().statement(frame, node)
        match node:
            case low.ExpressionStatement(value=low.Call() as call):
                self.spend()
                self._statement_call(frame, call)
                return Flow.NEXT
            case low.For():
                self.spend()
                source = self.evaluate(frame, node.iterable)
                self._sources.append(source)
                try:
                    return self.loop(frame, self.caller.items_of(source), node.target, node.body, node.orelse)
                finally:
                    self._sources.pop()
            case low.With():
                self.spend()
                return self._enter(frame, node.items, node.body)
            case low.Try(handlers=handlers) if handlers:
                self._is_exceptional = True
            case low.Assign(targets=(target,), value=low.Binary(operator="+", left=left, right=right) as total):
                if _is_same_place(target, left):
                    node = self._note_sum(frame, node, target, replace(total, right=_ADDED), right)
                elif _is_same_place(target, right):
                    node = self._note_sum(frame, node, target, replace(total, left=_ADDED), left)
            case low.AugmentedAssign(target=target, operator="+", value=value):
                node = self._note_sum(frame, node, target, _ADDED, value)
        if isinstance(node, low.Assign):
            self.assigning = frame.site(node.index)
        return super().statement(frame, node)

    def _note_sum(
        self, frame: Frame, node: low.Assign | low.AugmentedAssign, place: low.Node, value: low.Node, added: low.Node
    ) -> low.Node:
        """Writes the event; the statement that is left to be run has `value`, in which what is added is a name, being evaluated."""
        addend = self.evaluate(frame, added)
        with self.unseen():
            total = self.evaluate(frame, place)
        self.emit(Kind.ACCUMULATE, frame.site(node.index), total, addend, _place_text(place))
        self.journal.write(frame.env, _ADDED.id, addend)
        return replace(node, value=value)

    def _statement_call(self, frame: Frame, node: low.Call) -> None:
        result = self.evaluate(frame, node)
        if isinstance(result, GradSwitch):
            self.emit(Kind.NAMED, frame.site(node.index), result, words=result.name)
        changed = changed_in_place(frame, node)
        if changed is not None and isinstance(result, Tensor):
            self.assign_name(frame, changed, result)

    def _enter(self, frame: Frame, items: tuple[tuple[low.Node, low.Node | None], ...], body: tuple[low.Node, ...]) -> Flow:
        if not items:
            return self.block(frame, body)
        (expression, target), *rest = items
        manager = self.evaluate(frame, expression)

        def inside(entered: Value) -> Flow:
            if target is not None:
                self.assign(frame, target, entered)
            return self._enter(frame, tuple(rest), body)

        match manager:
            case GradSwitch(flag=flag):
                with self.nested(lambda trace: Recording(truth_of(flag), trace)):
                    return inside(UNKNOWN)
            case Pending():
                return self._run_managed(manager, inside)
            case val.Instance(is_module=False) if self.classes.has_method(manager.definition, "__enter__"):
                return self._run_manager_object(manager, inside)
            case _:
                with self.nested(lambda trace: Within(manager, trace)):
                    return inside(self.caller.enter(manager))

    def _run_managed(self, pending: Pending, inside: Callable[[Value], Flow]) -> Flow:
        flows: list[Flow] = []

        def body(entered: Value) -> Flow:
            flows.append(inside(entered))
            return flows[-1]

        self._managed.append(_Managed(pending.function.definition, body))
        try:
            self.caller.inline_unwrapped(pending)
        finally:
            self._managed.pop()
        return flows[0] if flows else inside(UNKNOWN)

    def _run_manager_object(self, manager: val.Instance, inside: Callable[[Value], Flow]) -> Flow:
        entered = self.caller.call_simply(self.classes.attribute(manager, "__enter__"))
        flow = inside(entered)
        if self.classes.has_method(manager.definition, "__exit__"):
            self.caller.call_simply(self.classes.attribute(manager, "__exit__"), NONE, NONE, NONE)
        return flow

    def yielded(self, frame: Frame, value: Value) -> None:
        managed = self._managed[-1] if self._managed and not self.hidden else None
        if managed is not None and self.caller.active_function is managed.definition and not managed.is_inside:
            managed.is_inside = True
            try:
                managed.run_body(value)
            finally:
                managed.is_inside = False

    # --- places and names ---

    def set_attribute(self, holder: Value, name: str, value: Value) -> None:
        if name == "grad":
            self.emit(Kind.ZERO, self.assigning, holder, words="grad")
        elif not self.hidden and isinstance(holder, (val.Instance, Thing)):
            self.emit(Kind.STORE, self.assigning, holder, value, name)
        if isinstance(holder, Thing):
            self.journal.write(holder.state, name, value)
        else:
            super().set_attribute(holder, name, value)

    def set_item(self, holder: Value, key: Value, value: Value) -> None:
        if isinstance(holder, Thing) and isinstance(key, Const):
            self.journal.write(holder.state, ("item", key.value), value)
        else:
            super().set_item(holder, key, value)

    def unpack(self, value: Value, targets: tuple[low.Node, ...]) -> list[Value]:
        if not self.hidden and isinstance(value, (Unknown, Symbol)) and not any(isinstance(t, low.Starred) for t in targets):
            return [self.caller.item(value, Const(at)) for at in range(len(targets))]
        return super().unpack(value, targets)

    def assign_name(self, frame: Frame, name: str, value: Value) -> None:
        if isinstance(value, Thing) and not value.name:
            value.name = name
        script = self.scripts.get(frame.module.path)
        if script is not None and frame.outer_names.get(name) == "global":
            self.journal.write(script.env, name, value)
            return
        super().assign_name(frame, name, value)

    def global_value(self, module: Module, name: str) -> Value:
        script = self.scripts.get(module.path)
        if script is not None and name in script.env:
            return script.env[name]
        found = super().global_value(module, name)
        if isinstance(found, Unknown) and not isinstance(found, Thing) and not self.hidden:
            return self._names.setdefault((module.path, name), Thing(found.reason, name=name))
        return found

    # --- unknown things ---

    def unknown_operation(self, inputs: Any, reason: str, site: Site | None = None) -> Value:
        given = tuple(inputs)
        made = super().unknown_operation(given, reason, site)
        if self.hidden:
            return made
        if isinstance(made, Tensor):
            made.node.arguments = {f"argument[{at}]": value for at, value in enumerate(given)}
            return made
        return Thing(reason, of=given)

    def compared(self, operands: list[Value]) -> Value:
        if not self.hidden and any(isinstance(operand, Thing) for operand in operands):
            return Thing("a comparison", name=COMPARISON, of=tuple(operands))
        return super().compared(operands)

    def join(self, one: Value, other: Value) -> Value:
        if one is not other and isinstance(one, Thing) and isinstance(other, Thing):
            return Thing("one of several", name=one.name if one.name == other.name else "", of=(one, other))
        return super().join(one, other)


def _guard(test: low.Node, function: object) -> tuple[Hashable | None, bool]:
    """What a test asks, equal for tests that come out alike as long as nothing changes, and whether it asks for the contrary."""
    is_negated = False
    while isinstance(test, low.Unary) and test.operator == "not":
        test, is_negated = test.operand, not is_negated
    if any(isinstance(n, (low.Call, low.NamedExpression)) and not _is_pure(n) for n in low.nodes_in(test)):
        return None, False
    return (id(function), _shape(test)), is_negated


def _is_pure(node: low.Node) -> bool:
    return (
        isinstance(node, low.Call) and isinstance(node.function, low.Name) and node.function.id in ("len", "isinstance", "hasattr", "bool")
    )


def _shape(item: object) -> Hashable:
    if isinstance(item, low.Node):
        slots: tuple[str, ...] = item.__slots__
        return (type(item).__name__, *(_shape(getattr(item, slot)) for slot in slots if slot != "index"))
    return tuple(map(_shape, item)) if isinstance(item, tuple) else item


def _is_same_place(one: low.Node, other: low.Node) -> bool:
    return isinstance(one, (low.Name, low.Attribute, low.Subscript)) and _shape(one) == _shape(other)


def _place_text(node: low.Node) -> str:
    match node:
        case low.Name(id=name):
            return name
        case low.Attribute(value=inner, name=name):
            return f"{_place_text(inner)}.{name}"
        case low.Subscript(value=inner):
            return f"{_place_text(inner)}[…]"
        case _:
            return "…"
