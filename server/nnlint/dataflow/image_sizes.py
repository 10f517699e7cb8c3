"""The size of the images that a model is made for, where its constructor takes one."""

from __future__ import annotations

import re

from nnlint.dataflow import values as val
from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.inheritance import constructor_of
from nnlint.dataflow.values import Const, Value
from nnlint.semantics.definitions import ClassDefinition
from nnlint.syntax import lowered as low

_NAME = re.compile(r"(?:img|image|input|in)_?(?:size|res|resolution|shape)|resolution|sample_size")


def image_size(project: ProjectGraph, definition: ClassDefinition) -> tuple[int, int] | None:
    """Height and width, as the class's objects are built or its constructor has them by default; `None` where neither says."""
    assert project.program is not None
    parameters = constructor_of(project.program, definition)
    named = () if parameters is None else (*parameters.positional_only, *parameters.positional, *parameters.keyword_only)
    for at, parameter in enumerate(named):
        if _NAME.fullmatch(parameter.name):
            given = [i.given.get(at, parameter.name) for i in project.instances if i.definition is definition and i.given is not None]
            known = [size for value in given if value is not None and (size := _size(value)) is not None]
            return known[0] if known else _default(parameter.default)
    return None


def _size(value: Value) -> tuple[int, int] | None:
    """One number for both, a pair, or the last two of channels, height and width."""
    items = value.items if isinstance(value, val.Sequence) and value.is_exact else (value, value)
    numbers = [item.value for item in items if isinstance(item, Const) and isinstance(item.value, int) and not isinstance(item.value, bool)]
    return (numbers[-2], numbers[-1]) if len(numbers) == len(items) and len(numbers) in (2, 3) and min(numbers) > 0 else None


def _default(node: low.Node | None) -> tuple[int, int] | None:
    items = node.items if isinstance(node, low.Display) else (node, node)
    values = [item.value for item in items if isinstance(item, low.Constant)]
    return _size(val.Sequence({"items": tuple(map(Const, values))}, "tuple")) if len(values) == len(items) else None
