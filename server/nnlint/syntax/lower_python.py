"""Lowers CPython's own tree to `nnlint.syntax.lowered`, for text that the running Python takes: many times as fast as `lower`.

Nodes get their indices in the order in which `lower` gives them, since `location` finds them again in a libcst tree. What
this file does not know (syntax of a newer Python) raises `KeyError`, and `lower` has it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any

from nnlint.syntax import lowered as low

_BINARY = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**", ast.MatMult: "@",
    ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>",
}  # fmt: skip
_UNARY = {ast.Not: "not", ast.USub: "-", ast.UAdd: "+", ast.Invert: "~"}
_COMPARE = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.In: "in", ast.NotIn: "not in",
    ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip
_DISPLAYS: dict[type, str] = {ast.Tuple: "tuple", ast.List: "list", ast.Set: "set"}
_COMPREHENSIONS: dict[type, str] = {ast.ListComp: "list", ast.SetComp: "set", ast.GeneratorExp: "generator"}


class PythonLowering:
    """Lowers one tree."""

    def __init__(self) -> None:
        self._count = 0
        self._has_yield = False

    def body(self, statements: Iterable[ast.stmt]) -> tuple[low.Node, ...]:
        out: list[low.Node] = []
        for statement in statements:
            if type(statement) is ast.Import:
                out += [low.ImportModule(a.name, a.asname) for a in statement.names]
            else:
                out.append(_STATEMENTS[type(statement)](self, statement))
        return tuple(out)

    def expr(self, node: ast.AST) -> low.Node:
        return _EXPRESSIONS[type(node)](self, node)

    def maybe(self, node: ast.AST | None) -> low.Node | None:
        return None if node is None else self.expr(node)

    def exprs(self, nodes: Iterable[ast.AST]) -> tuple[low.Node, ...]:
        return tuple([self.expr(n) for n in nodes])

    def _index(self) -> int:
        self._count += 1
        return self._count - 1

    # --- expressions ---

    def constant(self, node: ast.Constant) -> low.Node:
        return low.Constant(node.value)

    def name(self, node: ast.Name) -> low.Node:
        return low.Name(node.id)

    def attribute(self, node: ast.Attribute) -> low.Node:
        return low.Attribute(self.expr(node.value), node.attr)

    def call(self, node: ast.Call) -> low.Node:
        index = self._index()
        return low.Call(self.expr(node.func), self.arguments(node.args, node.keywords), index)

    def arguments(self, positional: list[ast.expr], keywords: list[ast.keyword]) -> tuple[low.Argument, ...]:
        """In the order of the text: `f(a=1, *b)` has its star argument behind the keyword."""
        given: list[Any] = [*positional, *keywords]
        if keywords and positional:
            given.sort(key=_place)
        return tuple([self._argument(a) for a in given])

    def _argument(self, node: Any) -> low.Argument:
        if type(node) is ast.keyword:
            return low.Argument(self.expr(node.value), node.arg, "" if node.arg is not None else "**")
        if type(node) is ast.Starred:
            return low.Argument(self.expr(node.value), None, "*")
        return low.Argument(self.expr(node))

    def subscript(self, node: ast.Subscript) -> low.Node:
        return low.Subscript(self.expr(node.value), self.expr(node.slice))

    def slice(self, node: ast.Slice) -> low.Node:
        return low.SliceExpr(self.maybe(node.lower), self.maybe(node.upper), self.maybe(node.step))

    def display(self, node: Any) -> low.Node:
        return low.Display(_DISPLAYS[type(node)], self.exprs(node.elts))

    def starred(self, node: ast.Starred) -> low.Node:
        return low.Starred(self.expr(node.value))

    def dictionary(self, node: ast.Dict) -> low.Node:
        pairs = zip(node.keys, node.values, strict=True)
        return low.DictDisplay(tuple([(self.maybe(key), self.expr(value)) for key, value in pairs]))

    def binary(self, node: ast.BinOp) -> low.Node:
        # Left-nested chains are lowered in a loop: a sum of a thousand terms is no reason to recurse a thousand deep.
        chain = [node]
        while isinstance(node.left, ast.BinOp):
            node = node.left
            chain.append(node)
        left = self.expr(node.left)
        for operation in reversed(chain):
            index = self._index()
            left = low.Binary(_BINARY[type(operation.op)], left, self.expr(operation.right), index)
        return left

    def boolean(self, node: ast.BoolOp) -> low.Node:
        operator = "and" if isinstance(node.op, ast.And) else "or"
        left = self.expr(node.values[0])
        for value in node.values[1:]:
            left = low.Boolean(operator, left, self.expr(value))
        return left

    def unary(self, node: ast.UnaryOp) -> low.Node:
        operator = _UNARY[type(node.op)]
        operand = self.expr(node.operand)
        if operator == "-" and isinstance(operand, low.Constant) and type(operand.value) in (int, float):
            return low.Constant(-operand.value)  # type: ignore[operator]
        return low.Unary(operator, operand)

    def compare(self, node: ast.Compare) -> low.Node:
        pairs = tuple([(_COMPARE[type(o)], self.expr(c)) for o, c in zip(node.ops, node.comparators, strict=True)])
        return low.Compare(self.expr(node.left), pairs)

    def conditional(self, node: ast.IfExp) -> low.Node:
        return low.Conditional(self.expr(node.test), self.expr(node.body), self.expr(node.orelse))

    def lambda_(self, node: ast.Lambda) -> low.Node:
        return low.LambdaExpr(self.parameters(node.args), self.expr(node.body))

    def comprehension(self, node: Any) -> low.Node:
        generators = self._generators(node.generators)
        return low.Comprehension(_COMPREHENSIONS[type(node)], self.expr(node.elt), None, generators)

    def dict_comprehension(self, node: ast.DictComp) -> low.Node:
        generators = self._generators(node.generators)
        return low.Comprehension("dict", self.expr(node.value), self.expr(node.key), generators)

    def _generators(self, clauses: list[ast.comprehension]) -> tuple[low.Generator, ...]:
        generators: list[low.Generator] = []
        for clause in clauses:
            conditions = self.exprs(clause.ifs)
            generators.append(low.Generator(self.expr(clause.target), self.expr(clause.iter), conditions))
        return tuple(generators)

    def formatted(self, node: ast.JoinedStr) -> low.Node:
        return low.FormattedString(self.exprs(node.values))

    def formatted_value(self, node: ast.FormattedValue) -> low.Node:
        value = self.expr(node.value)
        return value if node.conversion == -1 and node.format_spec is None else low.Opaque("format", (value,))

    def yield_(self, node: ast.Yield) -> low.Node:
        self._has_yield = True
        return low.YieldExpr(self.maybe(node.value), False)

    def yield_from(self, node: ast.YieldFrom) -> low.Node:
        self._has_yield = True
        return low.YieldExpr(self.expr(node.value), True)

    def await_(self, node: ast.Await) -> low.Node:
        return low.Opaque("await", (self.expr(node.value),))

    def named(self, node: ast.NamedExpr) -> low.Node:
        return low.NamedExpression(self.expr(node.target), self.expr(node.value))

    # --- functions and classes ---

    def parameters(self, node: ast.arguments) -> low.Parameters:
        positional = [*node.posonlyargs, *node.args]
        defaults: list[ast.expr | None] = [*[None] * (len(positional) - len(node.defaults)), *node.defaults]
        lowered = [self._parameter(p, d) for p, d in zip(positional, defaults, strict=True)]
        keyword_only = [self._parameter(p, d) for p, d in zip(node.kwonlyargs, node.kw_defaults, strict=True)]
        only = len(node.posonlyargs)
        return low.Parameters(
            tuple(lowered[:only]),
            tuple(lowered[only:]),
            None if node.vararg is None else node.vararg.arg,
            tuple(keyword_only),
            None if node.kwarg is None else node.kwarg.arg,
        )

    def _parameter(self, node: ast.arg, default: ast.expr | None) -> low.Parameter:
        annotation = self.maybe(node.annotation)
        return low.Parameter(node.arg, self.maybe(default), annotation)

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> low.Node:
        decorators = self.exprs(node.decorator_list)
        parameters = self.parameters(node.args)
        outer, self._has_yield = self._has_yield, False
        body = self.body(node.body)
        is_generator, self._has_yield = self._has_yield, outer
        return low.FunctionDef(node.name, parameters, body, decorators, isinstance(node, ast.AsyncFunctionDef), is_generator)

    def class_(self, node: ast.ClassDef) -> low.Node:
        decorators = self.exprs(node.decorator_list)
        arguments = tuple([self._argument(a) for a in (*node.bases, *node.keywords)])
        return low.ClassDef(node.name, arguments, self.body(node.body), decorators)

    # --- statements ---

    def expression_statement(self, node: ast.Expr) -> low.Node:
        return low.ExpressionStatement(self.expr(node.value))

    def assign(self, node: ast.Assign) -> low.Node:
        index = self._index()
        return low.Assign(self.exprs(node.targets), self.expr(node.value), None, index)

    def annotated_assign(self, node: ast.AnnAssign) -> low.Node:
        index = self._index()
        return low.Assign((self.expr(node.target),), self.maybe(node.value), self.expr(node.annotation), index)

    def augmented_assign(self, node: ast.AugAssign) -> low.Node:
        index = self._index()
        return low.AugmentedAssign(self.expr(node.target), _BINARY[type(node.op)], self.expr(node.value), index)

    def if_(self, node: ast.If) -> low.Node:
        # `elif` chains are lowered from the last to the first, in a loop for the same reason as in `binary`.
        chain = [node]
        while len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
            node = node.orelse[0]
            chain.append(node)
        parts = [(self.expr(link.test), self.body(link.body)) for link in chain]
        orelse = self.body(node.orelse)
        for test, body in reversed(parts):
            orelse = (low.If(test, body, orelse),)
        return orelse[0]

    def for_(self, node: ast.For | ast.AsyncFor) -> low.Node:
        return low.For(self.expr(node.target), self.expr(node.iter), self.body(node.body), self.body(node.orelse))

    def while_(self, node: ast.While) -> low.Node:
        return low.While(self.expr(node.test), self.body(node.body), self.body(node.orelse))

    def try_(self, node: Any) -> low.Node:
        body = self.body(node.body)
        handlers = tuple([low.Handler(self.maybe(h.type), h.name, self.body(h.body)) for h in node.handlers])
        final = self.body(node.finalbody)
        return low.Try(body, handlers, self.body(node.orelse), final)

    def with_(self, node: ast.With | ast.AsyncWith) -> low.Node:
        items = [(self.expr(i.context_expr), self.maybe(i.optional_vars)) for i in node.items]
        return low.With(tuple(items), self.body(node.body))

    def return_(self, node: ast.Return) -> low.Node:
        return low.Return(self.maybe(node.value))

    def raise_(self, node: ast.Raise) -> low.Node:
        return low.Raise(self.maybe(node.exc))

    def break_(self, _: ast.Break) -> low.Node:
        return low.Break()

    def continue_(self, _: ast.Continue) -> low.Node:
        return low.Continue()

    def pass_(self, _: ast.stmt) -> low.Node:
        return low.Pass()

    def delete(self, node: ast.Delete) -> low.Node:
        single = node.targets[0] if len(node.targets) == 1 else None
        return low.Delete(self.exprs(single.elts if isinstance(single, ast.Tuple) else node.targets))

    def assert_(self, node: ast.Assert) -> low.Node:
        return low.Assert(self.expr(node.test))

    def scope(self, node: ast.Global | ast.Nonlocal) -> low.Node:
        return low.ScopeDeclaration("global" if isinstance(node, ast.Global) else "nonlocal", tuple(node.names))

    def import_from(self, node: ast.ImportFrom) -> low.Node:
        is_star = node.names[0].name == "*"
        return low.ImportFrom(node.module or "", node.level, None if is_star else tuple([(a.name, a.asname) for a in node.names]))

    def match(self, node: ast.Match) -> low.Node:
        cases = [low.Case(self._pattern(c.pattern), self.maybe(c.guard), self.body(c.body)) for c in node.cases]
        return low.Match(self.expr(node.subject), tuple(cases))

    def _pattern(self, node: ast.pattern) -> low.Node:
        match node:
            case ast.MatchValue(value=value):
                return self.expr(value)
            case ast.MatchSingleton(value=value):
                return low.Constant(value)
            case ast.MatchAs(pattern=None, name=name):
                return low.Starred(low.Name("_" if name is None else name))
            case ast.MatchOr(patterns=patterns):
                return low.Display("set", tuple([self._pattern(p) for p in patterns]))
            case _:
                return low.Opaque("pattern")


def _place(node: Any) -> tuple[int, int]:
    return node.lineno, node.col_offset


_Table = dict[type[ast.AST], Callable[[PythonLowering, Any], low.Node]]

_EXPRESSIONS: _Table = {
    ast.Constant: PythonLowering.constant, ast.Name: PythonLowering.name, ast.Attribute: PythonLowering.attribute,
    ast.Call: PythonLowering.call, ast.Subscript: PythonLowering.subscript, ast.Slice: PythonLowering.slice,
    ast.Tuple: PythonLowering.display, ast.List: PythonLowering.display, ast.Set: PythonLowering.display,
    ast.Starred: PythonLowering.starred, ast.Dict: PythonLowering.dictionary, ast.BinOp: PythonLowering.binary,
    ast.BoolOp: PythonLowering.boolean, ast.UnaryOp: PythonLowering.unary, ast.Compare: PythonLowering.compare,
    ast.IfExp: PythonLowering.conditional, ast.Lambda: PythonLowering.lambda_, ast.ListComp: PythonLowering.comprehension,
    ast.SetComp: PythonLowering.comprehension, ast.GeneratorExp: PythonLowering.comprehension,
    ast.DictComp: PythonLowering.dict_comprehension, ast.JoinedStr: PythonLowering.formatted,
    ast.FormattedValue: PythonLowering.formatted_value, ast.Yield: PythonLowering.yield_, ast.YieldFrom: PythonLowering.yield_from,
    ast.Await: PythonLowering.await_, ast.NamedExpr: PythonLowering.named,
}  # fmt: skip

_STATEMENTS: _Table = {
    ast.Expr: PythonLowering.expression_statement, ast.Assign: PythonLowering.assign, ast.AnnAssign: PythonLowering.annotated_assign,
    ast.AugAssign: PythonLowering.augmented_assign, ast.If: PythonLowering.if_, ast.For: PythonLowering.for_,
    ast.AsyncFor: PythonLowering.for_, ast.While: PythonLowering.while_, ast.Try: PythonLowering.try_, ast.TryStar: PythonLowering.try_,
    ast.With: PythonLowering.with_, ast.AsyncWith: PythonLowering.with_, ast.Return: PythonLowering.return_,
    ast.Raise: PythonLowering.raise_, ast.Break: PythonLowering.break_, ast.Continue: PythonLowering.continue_,
    ast.Pass: PythonLowering.pass_, ast.Delete: PythonLowering.delete, ast.Assert: PythonLowering.assert_,
    ast.Global: PythonLowering.scope, ast.Nonlocal: PythonLowering.scope, ast.ImportFrom: PythonLowering.import_from,
    ast.FunctionDef: PythonLowering.function, ast.AsyncFunctionDef: PythonLowering.function, ast.ClassDef: PythonLowering.class_,
    ast.Match: PythonLowering.match,
}  # fmt: skip
