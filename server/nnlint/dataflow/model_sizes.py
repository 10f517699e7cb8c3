"""The models that a file defines, and how many parameters each has as it is built by default."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod

from nnlint.dataflow import values as val
from nnlint.dataflow.forward_inputs import keeps_sizes
from nnlint.dataflow.graph import CONSTANT, PARAMETER, Node, ProjectGraph
from nnlint.dataflow.inheritance import ancestry, takes_nothing
from nnlint.dataflow.layer_sizes import Unsized, layer_size
from nnlint.dataflow.values import Const, Tensor, Value
from nnlint.dataflow.written_calls import ModuleClasses
from nnlint.semantics.definitions import ClassDefinition
from nnlint.semantics.program import Module, Program
from nnlint.syntax import lowered as low
from nnlint.syntax.parser import TopLevel
from nnlint.text import Span

_MAX_DEPTH = 30


@dataclass(frozen=True, slots=True)
class DefinedModel:
    """A class at the top level of a file with a `forward()` of its own or inherited.

    `span` is that of its name, `whole` that of its definition. `parameters` counts them as the class is built by default, or in the one
    way that is known; `None` where not all sizes are.
    """

    path: str
    name: str
    span: Span
    whole: Span
    parameters: int | None


def defined_models(project: ProjectGraph, paths: Iterable[str]) -> list[DefinedModel]:
    """The models that the files at `paths` define, in the order of the text."""
    assert project.program is not None
    modules = [module for path in paths if (module := project.program.module(path)) is not None]
    return [found for module in modules for found in _in_module(project, module)]


def _in_module(project: ProjectGraph, module: Module) -> Iterator[DefinedModel]:
    assert project.program is not None
    classes = ModuleClasses(project.program)
    for top in module.parsed.top_level:
        definition = project.program.class_at(module, top)
        if definition is None or classes.is_module(definition) is False:
            continue
        if any("forward" in base.methods for base in ancestry(project.program, definition)):
            yield DefinedModel(module.path, definition.name, _name_span(top, definition.name), top.span, _size(project, definition))


def _name_span(top: TopLevel, name: str) -> Span:
    found = re.search(rf"\bclass\s+({re.escape(name)})\b", top.block.block.text)
    assert found is not None
    return Span(found.start(1), found.end(1)).shifted(top.block.span.start)


def _size(project: ProjectGraph, definition: ClassDefinition) -> int | None:
    """The number of parameters of an object that is constructed without arguments, else of all objects if they agree."""
    assert project.program is not None and project.default_object is not None
    if takes_nothing(project.program, definition):
        instances = [project.default_object(definition)]
    else:
        instances = [i for i in project.instances if i.definition is definition and i.closure is None]
    try:
        sizes = {_Sizes(project.program).of(instance) for instance in instances if instance is not None}
    except Unsized:
        return None
    return sizes.pop() if len(sizes) == 1 else None


class _Sizes:
    """Adds up the parts of one module, shared ones once; raises `Unsized`."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._seen: set[int] = set()
        self._depth = 0

    def of(self, value: Value) -> int:
        if id(value) in self._seen:
            return 0
        self._seen.add(id(value))
        match value:
            case val.Layer():
                return layer_size(value) if not self._is_changed(value) else self._of_changed(value)
            case val.Instance() if value.is_module:
                if value.is_stand_in or self._depth > _MAX_DEPTH:
                    raise Unsized
                used = _module_like(self._program, value.definition)
                return self._all(part for name, part in value.state.items() if not isinstance(part, val.Unknown) or name in used)
            case val.Sequence() if value.is_module:
                if not value.is_exact:
                    raise Unsized
                return self._all(value.items)
            case val.Mapping_() if value.is_module:
                if value.is_open:
                    raise Unsized
                return self._all(value.entries.values())
            case Tensor(node=node):
                return self._of_parameter(node)
            case val.Unknown():
                raise Unsized
            case val.Choice(options=options):
                return self._of_either([self.of(option) for option in options])
            case _:
                return 0  # plain data, and what modules do not register: lists, functions, other objects

    def _all(self, parts: Iterable[Value]) -> int:
        self._depth += 1
        try:
            return sum(self.of(part) for part in parts)
        finally:
            self._depth -= 1

    def _of_either(self, sizes: list[int]) -> int:
        if len(set(sizes)) != 1:
            raise Unsized
        return sizes[0]

    def _of_parameter(self, node: Node) -> int:
        """A tensor that a module keeps: a parameter of its own if it is made as one; that of a layer counts there."""
        if id(node) in self._seen or node.operation != PARAMETER or node.layer is not None:
            return 0
        self._seen.add(id(node))
        return prod(_sizes_of(node))

    def _is_changed(self, layer: val.Layer) -> bool:
        return "weight" in layer.state or "bias" in layer.state

    def _of_changed(self, layer: val.Layer) -> int:
        """A layer whose weight is that of another one has the rest of its own; the other one's counts there."""
        weight = layer.state.get("weight")
        is_shared = isinstance(weight, Tensor) and weight.node.operation == PARAMETER and weight.node.layer is not None
        if not is_shared or "bias" in layer.state or layer.arguments.get("bias") != Const(False):
            raise Unsized
        return 0


def _module_like(program: Program, definition: ClassDefinition) -> set[str]:
    """The attributes that the methods of a class call, go through or pass on: what is not known of these may be a module."""
    found: set[str] = set()
    for method in (method for base in ancestry(program, definition) for method in base.methods.values()):
        for node in low.nodes_in(method.node.body):
            match node:
                case low.Call(function=function, arguments=arguments):
                    found |= _attributes_in(function)
                    found |= {name for argument in arguments for name in _attributes_in(argument.value)}
                case low.For(iterable=iterable) | low.Generator(iterable=iterable):
                    found |= {name for inner in low.nodes_in(iterable) for name in _attributes_in(inner)}
    return found


def _attributes_in(node: low.Node) -> set[str]:
    """`a` of `self.a`, `self.a.b` and `self.a[i]`, whatever the object is called."""
    while isinstance(node, (low.Attribute, low.Subscript)):
        if isinstance(node, low.Attribute) and isinstance(node.value, low.Name):
            return {node.name}
        node = node.value
    return set()


def _sizes_of(node: Node) -> list[int]:
    """The sizes of a tensor that is made on the spot, or of one that it is made like."""
    like = node.arguments.get("like")
    if isinstance(like, Tensor):
        return _sizes_of(like.node)
    if node.operation not in (CONSTANT, PARAMETER) and node.inputs and keeps_sizes(node.inputs[0], node):
        return _sizes_of(node.inputs[0])
    if node.rank is None:
        raise Unsized
    sizes = [node.arguments.get(f"size[{axis}]") for axis in range(node.rank)]
    known = [size.value for size in sizes if isinstance(size, Const) and isinstance(size.value, int)]
    if len(known) != len(sizes):
        raise Unsized
    return known
