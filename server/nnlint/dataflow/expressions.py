"""Expressions on abstract values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nnlint.dataflow import values as val
from nnlint.dataflow.arguments import Arguments
from nnlint.dataflow.frames import Flow, Frame
from nnlint.dataflow.loops import MAX_UNROLL, Loops
from nnlint.dataflow.operators import NUMBER, ORDER, compare, folded, folded_unary, symbolic, truth_of
from nnlint.dataflow.values import FALSE, NONE, TRUE, UNKNOWN, Const, Symbol, Tensor, Unknown, Value
from nnlint.semantics.definitions import ClassDefinition, Site
from nnlint.syntax import lowered as low

TENSOR_OPERATORS = {
    "+": "torch.add", "-": "torch.sub", "*": "torch.mul", "/": "torch.div", "//": "torch.floor_divide", "%": "torch.remainder",
    "**": "torch.pow", "@": "torch.matmul", "&": "torch.bitwise_and", "|": "torch.bitwise_or", "^": "torch.bitwise_xor",
}  # fmt: skip


class Expressions(Loops):
    """What an expression evaluates to."""

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
        fallback = _fallback(node, function, arguments)
        if fallback is not None:
            return fallback
        return self.caller.call(function, arguments, frame.site(node.index), frame)

    def _nearest_receiver(self, frame: Frame) -> tuple[ClassDefinition, Value] | None:
        at: Frame | None = frame
        while at is not None:
            if at.owner is not None and at.receiver is not None:
                return at.owner, at.receiver
            at = at.parent
        return None

    def arguments(self, frame: Frame, nodes: tuple[low.Argument, ...]) -> Arguments:

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
            return folded(word, left.value, right.value)
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
            return symbolic(word, left, right)
        return self.unknown_operation([left, right], f"operator {word}", site)

    def _repeat(self, sequence: val.Sequence, count: Value) -> Value:
        if isinstance(count, Const) and isinstance(count.value, int) and len(sequence.items) * max(count.value, 0) <= MAX_UNROLL:
            return self.sequence(sequence.items * count.value, sequence.kind)
        return self.sequence((val.Repeated(sequence.items),) if sequence.items else (), sequence.kind)

    def _unary(self, frame: Frame, node: low.Unary) -> Value:
        value = self.evaluate(frame, node.operand)
        if node.operator == "not":
            truth = truth_of(value)
            return Symbol(("not", self._key(value))) if truth is None else Const(not truth)
        if isinstance(value, Const) and isinstance(value.value, NUMBER):
            return folded_unary(node.operator, value.value)
        if isinstance(value, Tensor):
            return self.caller.operation(
                {"-": "torch.neg", "~": "torch.bitwise_not", "+": "torch.clone"}[node.operator], {"input": value}, None
            )
        return Symbol((node.operator, value.key)) if isinstance(value, Symbol) else self.unknown_operation([value], node.operator)

    def _key(self, value: Value) -> object:
        return value.key if isinstance(value, Symbol) else ("value", self.next_serial())

    def _boolean(self, frame: Frame, node: low.Boolean) -> Value:
        left = self.evaluate(frame, node.left)
        truth = truth_of(left)
        if truth is not None:
            return self.evaluate(frame, node.right) if truth is (node.operator == "and") else left
        results: list[Value] = []

        def right() -> Flow:
            self.narrow(frame, node.left, node.operator == "and")
            results.append(self.evaluate(frame, node.right))
            return Flow.NEXT

        self.branch(frame, [right, lambda: Flow.NEXT])
        right_truth = truth_of(results[0])
        if right_truth is (node.operator == "or"):
            return Const(right_truth) if isinstance(results[0], Const) else results[0]
        kept = [o for o in (left.options if isinstance(left, val.Choice) else (left,)) if truth_of(o) is not (node.operator == "and")]
        return self.join_all([*kept, results[0]])

    def _compare_node(self, frame: Frame, node: low.Compare) -> Value:
        left = self.evaluate(frame, node.left)
        outcome: bool | None = True
        tensors: list[Value] = [left]
        for word, right_node in node.comparisons:
            right = self.evaluate(frame, right_node)
            tensors.append(right)
            self.caller.dimensions.note_comparison(left, right)
            one = compare(word, left, right)
            if one is False:
                return FALSE
            outcome = None if one is None else outcome
            left = right
        if outcome is None and any(isinstance(t, Tensor) for t in tensors) and node.comparisons[0][0] in (*ORDER, "==", "!="):
            return self.caller.operation("torch.eq", {"input": tensors[0], "other": tensors[1]}, None)
        return TRUE if outcome else self.compared(tensors)

    def compared(self, operands: list[Value]) -> Value:
        """The outcome of a comparison that is not known."""
        return Symbol(("compare", self.next_serial()))

    def _conditional(self, frame: Frame, node: low.Conditional) -> Value:
        truth = truth_of(self.evaluate(frame, node.test))
        if truth is not None:
            return self.evaluate(frame, node.body if truth else node.orelse)
        results: list[Value] = []

        def side(outcome: bool, expression: low.Node) -> Flow:
            self.narrow(frame, node.test, outcome)
            results.append(self.evaluate(frame, expression))
            return Flow.NEXT

        self.branch(frame, [lambda: side(True, node.body), lambda: side(False, node.orelse)])
        return self.join(results[0], results[1])

    def _lambda(self, frame: Frame, node: low.LambdaExpr) -> Value:
        return val.Lambda(node, frame)

    def _comprehension(self, frame: Frame, node: low.Comprehension) -> Value:
        inner = Frame(frame.module, frame.block, {}, frame, frame.owner, frame.receiver, frame.call_sites, born=self.next_serial())
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
        marker = Generated(lambda: self._generate_one(frame, node, level, into))
        self.loop(frame, self.caller.items_of(self.evaluate(frame, generator.iterable)), generator.target, (marker,), ())

    def _generate_one(self, frame: Frame, node: low.Comprehension, level: int, into: val.Sequence | val.Mapping_) -> Flow:
        uncertain = False
        for condition in node.generators[level].conditions:
            truth = truth_of(self.evaluate(frame, condition))
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
        unknown: list[object] = []
        for part in node.parts:
            value = self.evaluate(frame, part)
            if isinstance(value, Const) and isinstance(value.value, (str, int, float, bool, type(None))):
                pieces.append(str(value.value))
            else:
                pieces.append("{}")
                unknown.append(value.key if isinstance(value, Symbol) else self.next_serial())
        return Symbol(("pattern", "".join(pieces), *unknown)) if unknown else Const("".join(pieces))

    def _yield(self, frame: Frame, node: low.YieldExpr) -> Value:
        value = NONE if node.value is None else self.evaluate(frame, node.value)
        at: Frame | None = frame
        if node.is_from:
            frame.yielded += self.caller.items_of(value)
        elif at is not None:
            at.yielded.append(value)
        self.yielded(frame, value)
        return Unknown("what a generator is sent")

    def yielded(self, frame: Frame, value: Value) -> None:
        """Called where a generator yields; models have nothing to do there."""

    def _named(self, frame: Frame, node: low.NamedExpression) -> Value:
        value = self.evaluate(frame, node.value)
        self.assign(frame, node.target, value)
        return value


class Generated(low.Node):
    """Stands in a loop body for the rest of a comprehension."""

    __slots__ = ("run",)

    def __init__(self, run: Callable[[], Flow]) -> None:
        self.run = run


def _fallback(node: low.Call, function: Value, arguments: Arguments) -> Value | None:
    """What `implementations.get(name, default)` gives where nobody knows the implementations: as any caller who says nothing, the default.

    The others stand in for it, so what it computes is what they have to compute.
    """
    is_foreign = isinstance(function, Unknown) or (
        isinstance(function, val.External) and not function.name.startswith(("torch.", "builtins."))
    )
    is_lookup = is_foreign and isinstance(node.function, low.Attribute) and node.function.name.startswith("get")
    given = [*arguments.positional, *arguments.keywords.values()]
    return given[1] if is_lookup and len(given) == 2 and isinstance(given[1], val.Function) and not arguments.is_open else None


_EXPRESSIONS: dict[type[low.Node], Callable[[Expressions, Frame, Any], Value]] = {
    low.Opaque: Expressions._opaque, low.Constant: Expressions._constant, low.Name: Expressions._name,
    low.Attribute: Expressions._attribute, low.Call: Expressions._call, low.Subscript: Expressions._subscript,
    low.SliceExpr: Expressions._slice, low.Display: Expressions._display, low.Starred: Expressions._starred,
    low.DictDisplay: Expressions._dictionary, low.Binary: Expressions._binary, low.Unary: Expressions._unary,
    low.Boolean: Expressions._boolean, low.Compare: Expressions._compare_node, low.Conditional: Expressions._conditional,
    low.LambdaExpr: Expressions._lambda, low.Comprehension: Expressions._comprehension, low.FormattedString: Expressions._formatted,
    low.YieldExpr: Expressions._yield, low.NamedExpression: Expressions._named,
}  # fmt: skip
