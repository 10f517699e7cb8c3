"""Inputs in the words of the pragma's `input=`, made into values.

| written | stands for |
|---|---|
| `(4, 3, 32, 32)` | a tensor of these sizes, random normal |
| `tokens(4, 16, below=1000)` | a tensor of these sizes, random integers from 0 up to, not including, `below` |
| `[a, b]` | positional arguments; within an argument, a list |
| `{"ids": a}` | keyword arguments; within an argument, a dict |
| any other expression | its value, in the namespace of the model's module |
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..failures import first_line
from ..problems import NoAnswer
from ..running.calling import seed


def arguments(text: str, namespace: Mapping[str, Any], dtype: torch.dtype) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of `forward()` that a text stands for, the same every time; raises `NoAnswer` where it stands for none."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise NoAnswer(f"input={text} is no Python expression: {error.msg}") from None
    seed()
    names = {**namespace, "tokens": tokens}
    try:
        if isinstance(tree, ast.Dict):
            return (), _value(tree, names, dtype)
        value = _value(tree, names, dtype)
    except (Exception, SystemExit) as error:
        raise NoAnswer(f"input={text} cannot be made: {first_line(error)}") from error
    several = isinstance(tree, (ast.List, ast.Tuple)) and isinstance(value, (list, tuple))
    return (tuple(value), {}) if several else ((value,), {})


def tokens(*sizes: int, below: int = 2) -> Tensor:
    """Random integers of the sizes, from 0 up to, not including, `below`."""
    return torch.randint(0, below, sizes)


def _value(node: ast.expr, names: dict[str, Any], dtype: torch.dtype) -> Any:
    if isinstance(node, ast.List):
        return [_value(item, names, dtype) for item in node.elts]
    if isinstance(node, ast.Dict) and all(key is not None for key in node.keys):
        return {eval(_code(key), names): _value(item, names, dtype) for key, item in zip(node.keys, node.values)}
    if isinstance(node, ast.Tuple):
        items = tuple(_value(item, names, dtype) for item in node.elts)
        if all(isinstance(item, int) and not isinstance(item, bool) for item in items):
            return torch.randn(items, dtype=dtype)
        return items
    return eval(_code(node), names)


def _code(node: ast.expr | None) -> Any:
    assert node is not None
    return compile(ast.fix_missing_locations(ast.Expression(node)), "<input>", "eval")
