"""Lowers a libcst tree to `nnlint.syntax.lowered`: one function a node class, found by a table."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import libcst as cst

from nnlint.syntax import lowered as low

_BINARY = {
    cst.Add: "+", cst.Subtract: "-", cst.Multiply: "*", cst.Divide: "/", cst.FloorDivide: "//", cst.Modulo: "%", cst.Power: "**",
    cst.MatrixMultiply: "@", cst.BitAnd: "&", cst.BitOr: "|", cst.BitXor: "^", cst.LeftShift: "<<", cst.RightShift: ">>",
    cst.AddAssign: "+", cst.SubtractAssign: "-", cst.MultiplyAssign: "*", cst.DivideAssign: "/", cst.FloorDivideAssign: "//",
    cst.ModuloAssign: "%", cst.PowerAssign: "**", cst.MatrixMultiplyAssign: "@", cst.BitAndAssign: "&", cst.BitOrAssign: "|",
    cst.BitXorAssign: "^", cst.LeftShiftAssign: "<<", cst.RightShiftAssign: ">>",
}  # fmt: skip
_UNARY = {cst.Not: "not", cst.Minus: "-", cst.Plus: "+", cst.BitInvert: "~"}
_COMPARE = {
    cst.Equal: "==", cst.NotEqual: "!=", cst.LessThan: "<", cst.LessThanEqual: "<=", cst.GreaterThan: ">", cst.GreaterThanEqual: ">=",
    cst.In: "in", cst.NotIn: "not in", cst.Is: "is", cst.IsNot: "is not",
}  # fmt: skip
_DISPLAYS: dict[type, str] = {cst.Tuple: "tuple", cst.List: "list", cst.Set: "set"}
_COMPREHENSIONS: dict[type, str] = {cst.ListComp: "list", cst.SetComp: "set", cst.DictComp: "dict", cst.GeneratorExp: "generator"}
_KEYWORD_CONSTANTS = {"None": None, "True": True, "False": False}


class Lowering:
    """Lowers one tree. Indices are given in the order of visiting, so lowering the same text twice numbers alike.

    `indexed` holds, for each index, the libcst node: how `nnlint.syntax.location` gets from an index back to the text.
    """

    def __init__(self) -> None:
        self.indexed: list[cst.CSTNode] = []
        self._has_yield = False

    def body(self, statements: Iterable[cst.BaseStatement | cst.BaseSmallStatement]) -> tuple[low.Node, ...]:
        out: list[low.Node] = []
        for statement in statements:
            if isinstance(statement, cst.SimpleStatementLine):
                for small in statement.body:
                    self._statement(small, out)
            else:
                self._statement(statement, out)
        return tuple(out)

    def _statement(self, node: cst.CSTNode, out: list[low.Node]) -> None:
        lowered = _STATEMENTS[type(node)](self, node)
        if type(lowered) is list:
            out += lowered
        else:
            out.append(lowered)

    def suite(self, node: Any) -> tuple[low.Node, ...]:
        return self.body(node.body)

    def expr(self, node: cst.CSTNode) -> low.Node:
        lowered: low.Node = _EXPRESSIONS[type(node)](self, node)
        return lowered

    def maybe(self, node: cst.CSTNode | None) -> low.Node | None:
        return None if node is None else self.expr(node)

    def _index(self, node: cst.CSTNode) -> int:
        self.indexed.append(node)
        return len(self.indexed) - 1

    # --- expressions ---

    def name(self, node: cst.Name) -> low.Node:
        value = node.value
        if value in _KEYWORD_CONSTANTS:
            return low.Constant(_KEYWORD_CONSTANTS[value])
        return low.Name(value)

    def attribute(self, node: cst.Attribute) -> low.Node:
        return low.Attribute(self.expr(node.value), node.attr.value)

    def number(self, node: Any) -> low.Node:
        text = node.value
        return low.Constant(int(text) if text.isdigit() and (text[0] != "0" or text == "0") else ast.literal_eval(text))

    def string(self, node: cst.SimpleString) -> low.Node:
        text = node.value
        if text[0] in "\"'" and "\\" not in text:
            width = 3 if text[:3] in ('"""', "'''") and len(text) >= 6 else 1
            return low.Constant(text[width:-width])
        return low.Constant(ast.literal_eval(text))

    def concatenated(self, node: cst.ConcatenatedString) -> low.Node:
        parts = [self.expr(node.left), self.expr(node.right)]
        first, second = parts
        if isinstance(first, low.Constant) and isinstance(second, low.Constant) and type(first.value) is type(second.value):
            return low.Constant(first.value + second.value)  # type: ignore[operator]
        return low.FormattedString(tuple(parts))

    def formatted(self, node: cst.FormattedString) -> low.Node:
        parts: list[low.Node] = []
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                parts.append(low.Constant(part.value))
            elif isinstance(part, cst.FormattedStringExpression):
                value = self.expr(part.expression)
                is_plain = part.conversion is None and part.format_spec is None and part.equal is None
                parts.append(value if is_plain else low.Opaque("format", (value,)))
        return low.FormattedString(tuple(parts))

    def templated(self, node: Any) -> low.Node:
        return low.Opaque("t-string")

    def ellipsis(self, _: cst.Ellipsis) -> low.Node:
        return low.Constant(...)

    def call(self, node: cst.Call) -> low.Node:
        index = self._index(node)
        return low.Call(self.expr(node.func), self.arguments(node.args), index)

    def arguments(self, args: Sequence[cst.Arg]) -> tuple[low.Argument, ...]:
        return tuple([low.Argument(self.expr(a.value), None if a.keyword is None else a.keyword.value, a.star) for a in args])

    def subscript(self, node: cst.Subscript) -> low.Node:
        value = self.expr(node.value)
        elements = [self._subscript_item(e.slice) for e in node.slice]
        trailing_comma = len(elements) == 1 and isinstance(node.slice[0].comma, cst.Comma)
        item = low.Display("tuple", tuple(elements)) if len(elements) > 1 or trailing_comma else elements[0]
        return low.Subscript(value, item)

    def _subscript_item(self, node: cst.BaseSlice) -> low.Node:
        if isinstance(node, cst.Slice):
            return low.SliceExpr(self.maybe(node.lower), self.maybe(node.upper), self.maybe(node.step))
        assert isinstance(node, cst.Index)
        return low.Starred(self.expr(node.value)) if node.star else self.expr(node.value)

    def display(self, node: Any) -> low.Node:
        kind = _DISPLAYS[type(node)]
        return low.Display(kind, tuple([self.element(e) for e in node.elements]))

    def element(self, node: cst.BaseElement) -> low.Node:
        value = self.expr(node.value)
        return low.Starred(value) if isinstance(node, cst.StarredElement) else value

    def dictionary(self, node: cst.Dict) -> low.Node:
        items: list[tuple[low.Node | None, low.Node]] = []
        for e in node.elements:
            key = self.expr(e.key) if isinstance(e, cst.DictElement) else None
            items.append((key, self.expr(e.value)))
        return low.DictDisplay(tuple(items))

    def binary(self, node: cst.BinaryOperation) -> low.Node:
        # Left-nested chains are lowered in a loop: a sum of a thousand terms is no reason to recurse a thousand deep.
        chain = [node]
        while isinstance(node.left, cst.BinaryOperation):
            node = node.left
            chain.append(node)
        left = self.expr(node.left)
        for operation in reversed(chain):
            index = self._index(operation)
            left = low.Binary(_BINARY[type(operation.operator)], left, self.expr(operation.right), index)
        return left

    def boolean(self, node: cst.BooleanOperation) -> low.Node:
        operator = "and" if isinstance(node.operator, cst.And) else "or"
        return low.Boolean(operator, self.expr(node.left), self.expr(node.right))

    def unary(self, node: cst.UnaryOperation) -> low.Node:
        operator = _UNARY[type(node.operator)]
        operand = self.expr(node.expression)
        if operator == "-" and isinstance(operand, low.Constant) and type(operand.value) in (int, float):
            return low.Constant(-operand.value)  # type: ignore[operator]
        return low.Unary(operator, operand)

    def compare(self, node: cst.Comparison) -> low.Node:
        pairs = tuple([(_COMPARE[type(c.operator)], self.expr(c.comparator)) for c in node.comparisons])
        return low.Compare(self.expr(node.left), pairs)

    def conditional(self, node: cst.IfExp) -> low.Node:
        return low.Conditional(self.expr(node.test), self.expr(node.body), self.expr(node.orelse))

    def lambda_(self, node: cst.Lambda) -> low.Node:
        return low.LambdaExpr(self.parameters(node.params), self.expr(node.body))

    def comprehension(self, node: Any) -> low.Node:
        kind = _COMPREHENSIONS[type(node)]
        generators: list[low.Generator] = []
        clause = node.for_in
        while clause is not None:
            conditions = tuple([self.expr(c.test) for c in clause.ifs])
            generators.append(low.Generator(self.expr(clause.target), self.expr(clause.iter), conditions))
            clause = clause.inner_for_in
        if isinstance(node, cst.DictComp):
            return low.Comprehension(kind, self.expr(node.value), self.expr(node.key), tuple(generators))
        return low.Comprehension(kind, self.expr(node.elt), None, tuple(generators))

    def yield_(self, node: cst.Yield) -> low.Node:
        self._has_yield = True
        if isinstance(node.value, cst.From):
            return low.YieldExpr(self.expr(node.value.item), True)
        return low.YieldExpr(self.maybe(node.value), False)

    def await_(self, node: cst.Await) -> low.Node:
        return low.Opaque("await", (self.expr(node.expression),))

    def named(self, node: cst.NamedExpr) -> low.Node:
        return low.NamedExpression(self.expr(node.target), self.expr(node.value))

    # --- functions and classes ---

    def parameters(self, node: cst.Parameters) -> low.Parameters:
        star = node.star_arg.name.value if isinstance(node.star_arg, cst.Param) else None
        return low.Parameters(
            tuple([self._parameter(p) for p in node.posonly_params]),
            tuple([self._parameter(p) for p in node.params]),
            star,
            tuple([self._parameter(p) for p in node.kwonly_params]),
            None if node.star_kwarg is None else node.star_kwarg.name.value,
        )

    def _parameter(self, node: cst.Param) -> low.Parameter:
        annotation = None if node.annotation is None else self.expr(node.annotation.annotation)
        return low.Parameter(node.name.value, self.maybe(node.default), annotation)

    def function(self, node: cst.FunctionDef) -> low.Node:
        decorators = tuple([self.expr(d.decorator) for d in node.decorators])
        parameters = self.parameters(node.params)
        outer, self._has_yield = self._has_yield, False
        body = self.suite(node.body)
        is_generator, self._has_yield = self._has_yield, outer
        return low.FunctionDef(node.name.value, parameters, body, decorators, node.asynchronous is not None, is_generator)

    def class_(self, node: cst.ClassDef) -> low.Node:
        decorators = tuple([self.expr(d.decorator) for d in node.decorators])
        arguments = self.arguments((*node.bases, *node.keywords))
        return low.ClassDef(node.name.value, arguments, self.suite(node.body), decorators)

    # --- statements ---

    def expression_statement(self, node: cst.Expr) -> low.Node:
        return low.ExpressionStatement(self.expr(node.value))

    def assign(self, node: cst.Assign) -> low.Node:
        index = self._index(node)
        return low.Assign(tuple([self.expr(t.target) for t in node.targets]), self.expr(node.value), None, index)

    def annotated_assign(self, node: cst.AnnAssign) -> low.Node:
        index = self._index(node)
        return low.Assign((self.expr(node.target),), self.maybe(node.value), self.expr(node.annotation.annotation), index)

    def augmented_assign(self, node: cst.AugAssign) -> low.Node:
        index = self._index(node)
        return low.AugmentedAssign(self.expr(node.target), _BINARY[type(node.operator)], self.expr(node.value), index)

    def if_(self, node: cst.If) -> low.Node:
        # `elif` chains are lowered from the last to the first, in a loop for the same reason as in `binary`.
        chain = [node]
        while isinstance(node.orelse, cst.If):
            node = node.orelse
            chain.append(node)
        parts = [(self.expr(link.test), self.suite(link.body)) for link in chain]
        orelse = () if node.orelse is None else self.suite(node.orelse.body)
        for test, body in reversed(parts):
            orelse = (low.If(test, body, orelse),)
        return orelse[0]

    def _orelse(self, node: Any) -> tuple[low.Node, ...]:
        return () if node.orelse is None else self.suite(node.orelse.body)

    def for_(self, node: cst.For) -> low.Node:
        return low.For(self.expr(node.target), self.expr(node.iter), self.suite(node.body), self._orelse(node))

    def while_(self, node: cst.While) -> low.Node:
        return low.While(self.expr(node.test), self.suite(node.body), self._orelse(node))

    def try_(self, node: Any) -> low.Node:
        body = self.suite(node.body)
        handlers = tuple([self._handler(h) for h in node.handlers])
        final = () if node.finalbody is None else self.suite(node.finalbody.body)
        return low.Try(body, handlers, self._orelse(node), final)

    def _handler(self, node: Any) -> low.Handler:
        name = node.name.name.value if node.name is not None and isinstance(node.name.name, cst.Name) else None
        return low.Handler(self.maybe(node.type), name, self.suite(node.body))

    def with_(self, node: cst.With) -> low.Node:
        items = [(self.expr(i.item), None if i.asname is None else self.expr(i.asname.name)) for i in node.items]
        return low.With(tuple(items), self.suite(node.body))

    def return_(self, node: cst.Return) -> low.Node:
        return low.Return(self.maybe(node.value))

    def raise_(self, node: cst.Raise) -> low.Node:
        return low.Raise(self.maybe(node.exc))

    def break_(self, _: cst.Break) -> low.Node:
        return low.Break()

    def continue_(self, _: cst.Continue) -> low.Node:
        return low.Continue()

    def pass_(self, _: cst.CSTNode) -> low.Node:
        return low.Pass()

    def delete(self, node: cst.Del) -> low.Node:
        targets = [e.value for e in node.target.elements] if isinstance(node.target, cst.Tuple) else [node.target]
        return low.Delete(tuple([self.expr(t) for t in targets]))

    def assert_(self, node: cst.Assert) -> low.Node:
        return low.Assert(self.expr(node.test))

    def scope(self, node: Any) -> low.Node:
        kind = "global" if isinstance(node, cst.Global) else "nonlocal"
        return low.ScopeDeclaration(kind, tuple(n.name.value for n in node.names))

    def import_(self, node: cst.Import) -> list[low.Node]:
        return [low.ImportModule(_dotted(a.name), None if a.asname is None else _dotted(a.asname.name)) for a in node.names]

    def import_from(self, node: cst.ImportFrom) -> low.Node:
        module = "" if node.module is None else _dotted(node.module)
        if isinstance(node.names, cst.ImportStar):
            return low.ImportFrom(module, len(node.relative), None)
        names = [(_dotted(a.name), None if a.asname is None else _dotted(a.asname.name)) for a in node.names]
        return low.ImportFrom(module, len(node.relative), tuple(names))

    def match(self, node: cst.Match) -> low.Node:
        cases = [low.Case(self._pattern(c.pattern), self.maybe(c.guard), self.suite(c.body)) for c in node.cases]
        return low.Match(self.expr(node.subject), tuple(cases))

    def _pattern(self, node: cst.MatchPattern) -> low.Node:
        if isinstance(node, cst.MatchValue):
            return self.expr(node.value)
        if isinstance(node, cst.MatchSingleton):
            return self.name(node.value)
        if isinstance(node, cst.MatchAs) and node.pattern is None:
            return low.Starred(low.Name("_" if node.name is None else node.name.value))
        if isinstance(node, cst.MatchOr):
            return low.Display("set", tuple(self._pattern(e.pattern) for e in node.patterns))
        return low.Opaque("pattern")


def _dotted(node: cst.CSTNode) -> str:
    if isinstance(node, cst.Attribute):
        return f"{_dotted(node.value)}.{node.attr.value}"
    assert isinstance(node, cst.Name)
    return node.value


_Table = dict[type[cst.CSTNode], Callable[[Lowering, Any], Any]]

_EXPRESSIONS: _Table = {
    cst.Name: Lowering.name, cst.Attribute: Lowering.attribute, cst.Integer: Lowering.number, cst.Float: Lowering.number,
    cst.Imaginary: Lowering.number, cst.SimpleString: Lowering.string, cst.ConcatenatedString: Lowering.concatenated,
    cst.FormattedString: Lowering.formatted, cst.Ellipsis: Lowering.ellipsis, cst.Call: Lowering.call, cst.Subscript: Lowering.subscript,
    cst.Tuple: Lowering.display, cst.List: Lowering.display, cst.Set: Lowering.display, cst.Dict: Lowering.dictionary,
    cst.BinaryOperation: Lowering.binary, cst.BooleanOperation: Lowering.boolean, cst.UnaryOperation: Lowering.unary,
    cst.Comparison: Lowering.compare, cst.IfExp: Lowering.conditional, cst.Lambda: Lowering.lambda_, cst.ListComp: Lowering.comprehension,
    cst.SetComp: Lowering.comprehension, cst.DictComp: Lowering.comprehension, cst.GeneratorExp: Lowering.comprehension,
    cst.Yield: Lowering.yield_, cst.Await: Lowering.await_, cst.NamedExpr: Lowering.named,
}  # fmt: skip

_STATEMENTS: _Table = {
    cst.Expr: Lowering.expression_statement, cst.Assign: Lowering.assign, cst.AnnAssign: Lowering.annotated_assign,
    cst.AugAssign: Lowering.augmented_assign, cst.If: Lowering.if_, cst.For: Lowering.for_, cst.While: Lowering.while_,
    cst.Try: Lowering.try_, cst.TryStar: Lowering.try_, cst.With: Lowering.with_, cst.Return: Lowering.return_, cst.Raise: Lowering.raise_,
    cst.Break: Lowering.break_, cst.Continue: Lowering.continue_, cst.Pass: Lowering.pass_, cst.Del: Lowering.delete,
    cst.Assert: Lowering.assert_, cst.Global: Lowering.scope, cst.Nonlocal: Lowering.scope, cst.Import: Lowering.import_,
    cst.ImportFrom: Lowering.import_from, cst.FunctionDef: Lowering.function, cst.ClassDef: Lowering.class_, cst.Match: Lowering.match,
}  # fmt: skip
if hasattr(cst, "TypeAlias"):
    _STATEMENTS[cst.TypeAlias] = Lowering.pass_
if hasattr(cst, "TemplatedString"):
    _EXPRESSIONS[cst.TemplatedString] = Lowering.templated
