"""Statements on abstract values."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from nnlint.dataflow import values as val
from nnlint.dataflow.expressions import Expressions, Generated
from nnlint.dataflow.frames import Flow, Frame
from nnlint.dataflow.graph import NARROWED
from nnlint.dataflow.heap import MISSING
from nnlint.dataflow.operators import compare, truth_of
from nnlint.dataflow.values import NONE, Tensor, Unknown, Value, layers_in
from nnlint.semantics.definitions import ClassDefinition, Definition, FunctionDefinition
from nnlint.syntax import lowered as low


class Statements(Expressions):
    """What a statement does, and where execution goes next."""

    def block(self, frame: Frame, body: tuple[low.Node, ...]) -> Flow:
        for statement in body:
            flow = self.statement(frame, statement)
            if flow is not Flow.NEXT:
                return flow
        return Flow.NEXT

    def statement(self, frame: Frame, node: low.Node) -> Flow:
        self.spend()
        return _STATEMENTS[type(node)](self, frame, node) or Flow.NEXT

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
        result = self.caller.call(function, arguments, frame.site(node.index), frame)
        changed = changed_in_place(frame, node)
        if changed is not None and isinstance(result, Tensor):
            self.assign_name(frame, changed, result)

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
            if isinstance(target, low.Display):
                self._narrow_rank(frame, node.value, target)

    def _narrow_rank(self, frame: Frame, source: low.Node, target: low.Display) -> None:
        """After `b, n, c = x.shape`, `x` has three axes."""
        match source:
            case low.Attribute(value=low.Name(id=name), name="shape"):
                pass
            case low.Call(function=low.Attribute(value=low.Name(id=name), name="size"), arguments=()):
                pass
            case _:
                return
        value = frame.env.get(name)
        if not isinstance(value, Tensor) or value.node.rank is not None or any(isinstance(t, low.Starred) for t in target.items):
            return
        here = self.here(value)
        narrowed = self.graph.add(NARROWED, (here,), arguments={"input": Tensor(here)}, rank=len(target.items))
        self.journal.write(frame.env, name, Tensor(narrowed), frame.born)

    def _augmented_assign(self, frame: Frame, node: low.AugmentedAssign) -> None:
        left = self.evaluate(frame, node.target)
        right = self.evaluate(frame, node.value)
        if node.operator == "+" and isinstance(left, val.Sequence) and left.kind == "list":
            self.mutate(left, "items", (*left.items, *self.caller.items_of(right)))
            return
        self.assign(frame, node.target, self.binary(node.operator, left, right, frame.site(node.index)))

    def _if(self, frame: Frame, node: low.If) -> Flow:
        test = truth_of(self.evaluate(frame, node.test))
        if test is not None and not (asks_for_mode(node.test) and self.effects.calls_modules(node)):
            return self.block(frame, node.body if test else node.orelse)
        # Layers that only one of the two modes runs: what holds for a bias has to hold in both.
        return self.branch(
            frame,
            [lambda: self._narrowed(frame, node.test, True, node.body), lambda: self._narrowed(frame, node.test, False, node.orelse)],
            node.test,
        )

    def _narrowed(self, frame: Frame, test: low.Node, outcome: bool, body: tuple[low.Node, ...]) -> Flow:
        """Runs a branch in which `test` is known to have come out as `outcome`."""
        self.narrow(frame, test, outcome)
        return self.block(frame, body)

    def _for(self, frame: Frame, node: low.For) -> Flow:
        return self.loop(frame, self.caller.items_of(self.evaluate(frame, node.iterable)), node.target, node.body, node.orelse)

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
            self.assign_name(frame, handler.name, Unknown("an exception"))
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
                    self.journal.write(frame.env, name, MISSING, frame.born)
                case low.Attribute(value=inner, name=name):
                    holder = self.evaluate(frame, inner)
                    if isinstance(holder, val.Heap):
                        self.mutate(holder, name, MISSING)
                case low.Subscript(value=inner):
                    self.caller.forget(self.evaluate(frame, inner), "an item is deleted")

    def _assert(self, frame: Frame, node: low.Assert) -> None:
        if truth_of(self.evaluate(frame, node.test)) is None:
            self.narrow(frame, node.test, True)

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
        self.assign_name(frame, name, value)

    def _function(self, frame: Frame, node: low.FunctionDef) -> None:
        definition = FunctionDefinition(frame.module, frame.block, node, None)
        function: Value = val.Function(definition, frame)
        self.assign_name(frame, node.name, self.decorated(function, node.decorators, frame))

    def _class(self, frame: Frame, node: low.ClassDef) -> None:
        definition = ClassDefinition(
            frame.module, frame.block, node.name, node.arguments, node.decorators, tuple((frame.block, s) for s in node.body)
        )
        self.assign_name(frame, node.name, val.Class(definition, frame))

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
            self.assign_name(frame, case.pattern.value.id, subject)
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
                expected = self.evaluate(frame, pattern)
                self.caller.dimensions.note_comparison(subject, expected)
                return compare("==", subject, expected)

    def _opaque_statement(self, frame: Frame, node: low.Opaque) -> None:
        return None


def changed_in_place(frame: Frame, node: low.Call) -> str | None:
    """The variable whose tensor a call overwrites: `x.mul_(y)`, `torch.relu_(x)`, `F.relu(x, inplace=True)`."""
    function, places = node.function, [a.value for a in node.arguments[:1]]
    if _is_in_place(function):
        places.insert(0, _chain_start(function))
    elif not any(a.keyword == "inplace" and isinstance(a.value, low.Constant) and a.value.value is True for a in node.arguments):
        return None
    return next((p.id for p in places if isinstance(p, low.Name) and isinstance(frame.env.get(p.id), Tensor)), None)


def _is_in_place(function: low.Node) -> bool:
    return isinstance(function, low.Attribute) and function.name.endswith("_") and not function.name.endswith("__")


def _chain_start(function: low.Node) -> low.Node:
    """`x` of `x.mul_(2).add_`: each call gives back what it changed."""
    while isinstance(function, low.Attribute):
        value = function.value
        if not (isinstance(value, low.Call) and _is_in_place(value.function)):
            return value
        function = value.function
    return function


def asks_for_mode(test: low.Node) -> bool:
    """Whether a test is `self.training` or its negation."""
    if isinstance(test, low.Unary) and test.operator == "not":
        test = test.operand
    return isinstance(test, low.Attribute) and test.name == "training"


_STATEMENTS: dict[type[low.Node], Callable[[Statements, Frame, Any], Flow | None]] = {
    low.ExpressionStatement: Statements._expression_statement, low.Assign: Statements._assign,
    low.AugmentedAssign: Statements._augmented_assign, low.If: Statements._if, low.For: Statements._for, low.While: Statements.while_loop,
    low.Try: Statements._try, low.With: Statements._with, low.Return: Statements._return, low.Raise: Statements._raise,
    low.Break: Statements._break, low.Continue: Statements._continue, low.Pass: Statements._pass, low.Delete: Statements._delete,
    low.Assert: Statements._assert, low.ScopeDeclaration: Statements._scope, low.ImportModule: Statements._import,
    low.ImportFrom: Statements._import_from, low.FunctionDef: Statements._function, low.ClassDef: Statements._class,
    low.Match: Statements._match, low.Opaque: Statements._opaque_statement, Generated: lambda statements, frame, node: node.run(),
}  # fmt: skip
