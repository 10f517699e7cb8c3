"""Expressions that build the models of a project: as their defaults, their callers and the project's own functions build them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from nnlint.dataflow import values as val
from nnlint.dataflow.arguments import Arguments
from nnlint.dataflow.contexts import makes_module
from nnlint.dataflow.conventional_arguments import conventional
from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.inheritance import ancestry, constructor_of, named_parameters, takes_nothing, without_self
from nnlint.dataflow.layer_sizes import Unsized, layer_size
from nnlint.dataflow.usual_settings import usual_settings
from nnlint.dataflow.value_text import NotExpressible, ValueText
from nnlint.dataflow.values import Value
from nnlint.semantics.definitions import ClassDefinition, Site
from nnlint.semantics.program import Module, Program
from nnlint.syntax import lowered as low

_MAX_DEPTH = 12
_NO_ARGUMENTS = Arguments()

ClassName = tuple[str, str]  # path and name


class Source(IntEnum):
    """Where an expression is from, the most reliable first."""

    DEFAULTS = 0  # every parameter of the class has a default
    SEEN = 1  # the project constructs the class so
    FUNCTION = 2  # a function of the project returns it
    WRITTEN = 3  # it stands so in the text
    GUESS = 4  # arguments that nobody is known to give were made up
    UNKNOWN = 5  # it is built, but nothing says how: there is no expression


@dataclass(frozen=True, slots=True)
class Held:
    """What a module holds, itself included: the constructions of its layers, and its classes with those that they extend."""

    layers: frozenset[Site]
    classes: frozenset[ClassName]
    size: int  # number of parameters, as far as it is known, and of layers


@dataclass(frozen=True, slots=True, eq=False)
class ModelCall:
    """An expression, to be evaluated in the namespace of `module`, and what the model holds that it builds.

    `name` is that of the class or function in `module` that is called, `definition` the class of the model, where it has one,
    `extends` that class and what it extends, `site` where the project does the same.
    """

    text: str
    module: Module
    name: str
    source: Source
    definition: ClassDefinition | None
    extends: frozenset[ClassName]
    site: Site | None
    held: Held


def model_calls(project: ProjectGraph) -> list[ModelCall]:
    """Every model call of a project; of those with the same text the best. Models without an expression come once a class."""
    best: dict[tuple[str, str, str], ModelCall] = {}
    for call in _Calls(project).all():
        key = (call.module.path, call.text, "" if call.text else call.name)
        if key not in best or call.source < best[key].source:
            best[key] = call
    return list(best.values())


@dataclass(frozen=True, slots=True)
class _Building:
    """A class or function that is called, what with, and what comes of it."""

    function: val.Class | val.Function
    parameters: low.Parameters | None
    given: Arguments
    built: Value
    site: Site | None


class _Calls:
    def __init__(self, project: ProjectGraph) -> None:
        assert project.program is not None
        self._project = project
        self._program: Program = project.program
        self._names: dict[ClassDefinition, frozenset[ClassName]] = {}

    def all(self) -> Iterator[ModelCall]:
        for instance in self._project.instances:
            definition = instance.definition
            if instance.is_module and instance.closure is None and self._is_global(definition.module, definition.name, definition):
                yield from self._of_class(instance, definition)
        for made in self._project.made:
            function, parameters = made.function, made.function.definition.node.parameters
            if isinstance(function.receiver, val.Class):
                parameters = without_self(parameters)
            elif not self._is_global(function.definition.module, function.definition.name, function.definition):
                continue
            building = _Building(function, parameters, made.arguments, made.value, made.site)
            if all(p.default is not None for p in named_parameters(parameters)):
                yield from self._without_arguments(building, Source.FUNCTION)
            yield from self._as_given(building, Source.FUNCTION)

    def _is_global(self, module: Module, name: str, definition: object) -> bool:
        return self._program.lookup(module, name) is definition

    def _of_class(self, instance: val.Instance, definition: ClassDefinition) -> Iterator[ModelCall]:
        parameters = constructor_of(self._program, definition)
        building = _Building(val.Class(definition), parameters, instance.given or _NO_ARGUMENTS, instance, instance.made_at)
        if takes_nothing(self._program, definition):
            yield from self._without_arguments(building, Source.DEFAULTS)
        yield from self._as_given(building, Source.SEEN)

    def _without_arguments(self, building: _Building, source: Source) -> Iterator[ModelCall]:
        """The call without arguments. What it builds is taken to hold what one with arguments was seen to hold."""
        site = None if building.given.all else building.site
        yield from self._written(_Building(building.function, building.parameters, _NO_ARGUMENTS, building.built, site), source)

    def _as_given(self, building: _Building, source: Source) -> Iterator[ModelCall]:
        """The call with the arguments that it was seen to have, those that are not known made up where convention has a word for them."""
        if building.given.all:
            yield from (
                self._written(building, source) or self._written(building, Source.GUESS) or [self._call(building, Source.UNKNOWN, "")]
            )

    def _written(self, building: _Building, source: Source) -> list[ModelCall]:
        """The call as Python, where it can be written."""
        definition = building.function.definition

        def guess(parameter: low.Parameter) -> str | None:
            return conventional(parameter) or usual_settings(self._program, definition.module, parameter, definition.name)

        writer = ValueText(self._program, definition.module, guess if source is Source.GUESS else None)
        try:
            text = writer.call(building.function, building.parameters, building.given)
        except NotExpressible:
            return []
        return [self._call(building, source, text)]

    def _call(self, building: _Building, source: Source, text: str) -> ModelCall:
        definition = building.function.definition
        built = building.built
        options = built.options if isinstance(built, val.Choice) else (built,)
        model = next((o.definition for o in options if isinstance(o, val.Instance) and makes_module(o)), None)
        extends = frozenset() if model is None else self._names_of(model)
        return ModelCall(text, definition.module, definition.name, source, model, extends, building.site, self._held(built))

    def _held(self, built: Value) -> Held:
        layers: set[Site] = set()
        size = 0
        classes: set[ClassName] = set()
        seen: set[int] = set()
        stack: list[tuple[Value, int]] = [(built, _MAX_DEPTH)]
        while stack:
            value, depth = stack.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, val.Layer):
                layers.add(value.site)
                size += 1 + _known_size(value)
            elif depth:
                if isinstance(value, val.Instance):
                    classes |= self._names_of(value.definition)
                stack += [(part, depth - 1) for part in val.parts_of(value)]
        return Held(frozenset(layers), frozenset(classes), size)

    def _names_of(self, definition: ClassDefinition) -> frozenset[ClassName]:
        """A class and those of the project that it extends."""
        if definition not in self._names:
            self._names[definition] = frozenset((base.module.path, base.name) for base in ancestry(self._program, definition))
        return self._names[definition]


def _known_size(layer: val.Layer) -> int:
    try:
        return layer_size(layer)
    except Unsized:
        return 0
