"""What the source of `forward()` says of its parameters, without running it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import dataclass, field

from torch import nn

_SIZES = ("shape", "size")
_SEQUENCES = {"enumerate", "zip", "torch.cat", "torch.stack", "torch.concat", "reversed"}


@dataclass
class Usage:
    """What is done with one parameter.

    `keys` are those it is asked for, `item_keys` those that its items are asked for; `items` is how many of them there are if it is a
    sequence, `axes` its number of axes. `layer` is the attribute path of what it is given to as it is, as the argument number `position`.
    """

    keys: list[str] = field(default_factory=list)
    item_keys: list[str] = field(default_factory=list)
    items: int = 0
    axes: int | None = None
    layer: str = ""
    position: int = 0


def usages(model: nn.Module) -> dict[str, Usage]:
    """The use of each parameter of `forward()` by name; empty where there is no source to read."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(type(model).forward))))
    except (OSError, TypeError, SyntaxError):
        return {}
    function = tree.body[0] if tree.body else None
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return {}
    arguments = function.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)][1:]
    reader = _Reader({name: Usage() for name in names})
    for statement in function.body:
        reader.visit(statement)
    return reader.usages


class _Reader(ast.NodeVisitor):
    """Reads statements in order, for as long as a name still stands for the parameter."""

    def __init__(self, usages: dict[str, Usage]) -> None:
        self.usages = usages
        self._alive = dict(usages)
        self._items: dict[str, Usage] = {}  # names of items of a parameter

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._unpacked(target, node.value)
            for name in ast.walk(target):
                if isinstance(name, ast.Name):
                    self._alive.pop(name.id, None)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        key = node.slice
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and isinstance(node.value, ast.Name):
            if node.value.id in self._alive:
                _add(self._alive[node.value.id].keys, key.value)
            elif node.value.id in self._items:
                _add(self._items[node.value.id].item_keys, key.value)
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        self._iterated(node.target, node.iter)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._iterated(node.target, node.iter)
        self.generic_visit(node)

    def _visit_comprehension(self, node: ast.ListComp | ast.GeneratorExp) -> None:
        for generator in node.generators:  # they bind the names of the element
            self.visit(generator)
        self.visit(node.elt)

    visit_ListComp = _visit_comprehension
    visit_GeneratorExp = _visit_comprehension

    def visit_Call(self, node: ast.Call) -> None:
        called = ast.unparse(node.func)
        for position, argument in enumerate(node.args):
            usage = self._of(argument)
            if usage is None:
                continue
            if called in _SEQUENCES:
                usage.items = max(usage.items, 2)
            elif called.startswith("self.") and not usage.layer:
                usage.layer, usage.position = called[len("self.") :], position
        self.generic_visit(node)

    def _iterated(self, target: ast.expr, iterated: ast.expr) -> None:
        """`for item in x`, `for i, item in enumerate(x)`, `for a, b in zip(x, y)`."""
        targets, sources = [target], [iterated]
        if isinstance(iterated, ast.Call) and isinstance(target, ast.Tuple):
            called = ast.unparse(iterated.func)
            if called == "enumerate":
                targets, sources = target.elts[1:], iterated.args[:1]
            elif called == "zip":
                targets, sources = target.elts, iterated.args
        for name, source in zip(targets, sources):
            usage = self._of(source)
            if usage is not None and isinstance(name, ast.Name):
                usage.items = max(usage.items, 2)
                self._items[name.id] = usage

    def _unpacked(self, target: ast.expr, value: ast.expr) -> None:
        """`b, c, h, w = x.shape` and `a, b = x`."""
        if not isinstance(target, (ast.Tuple, ast.List)) or any(isinstance(item, ast.Starred) for item in target.elts):
            return
        whole = value.func if isinstance(value, ast.Call) and not value.args else value
        if isinstance(whole, ast.Attribute) and whole.attr in _SIZES:
            usage = self._of(whole.value)
            if usage is not None and usage.axes is None:
                usage.axes = len(target.elts)
        elif (usage := self._of(value)) is not None:
            usage.items = len(target.elts)

    def _of(self, node: ast.expr) -> Usage | None:
        return self._alive.get(node.id) if isinstance(node, ast.Name) else None


def _add(keys: list[str], key: str) -> None:
    if key not in keys:
        keys.append(key)
