"""What the source of `forward()` says of its parameters, without running it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import dataclass, field

from torch import nn

_SIZES = ("shape", "size")
_SEQUENCES = {"enumerate", "zip", "len", "torch.cat", "torch.stack", "torch.concat", "reversed"}


@dataclass
class Usage:
    """What is done with one parameter: the keys it is asked for, how many items it has if it is a sequence, its number of axes, and the
    attribute path of the layer that it is given to as it is."""

    keys: list[str] = field(default_factory=list)
    items: int = 0
    axes: int | None = None
    layer: str = ""


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

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node.value) if not isinstance(node.value, ast.Call) else self.visit(node.value)
        self.visit(node.value)
        for target in node.targets:
            self._unpacked(target, node.value)
            for name in ast.walk(target):
                if isinstance(name, ast.Name):
                    self._alive.pop(name.id, None)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        usage = self._of(node.value)
        key = node.slice
        if usage is not None and isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value not in usage.keys:
            usage.keys.append(key.value)
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        usage = self._of(node.iter)
        if usage is not None:
            usage.items = max(usage.items, 2)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        called = ast.unparse(node.func)
        for argument in node.args[:1] if called != "zip" else node.args:
            usage = self._of(argument)
            if usage is None:
                continue
            if called in _SEQUENCES and called != "len":
                usage.items = max(usage.items, 2)
            elif called.startswith("self.") and not usage.layer:
                usage.layer = called[len("self.") :]
        self.generic_visit(node)

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
