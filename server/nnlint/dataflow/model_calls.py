"""Expressions that build the models of a project: as their defaults, their callers and the project's own functions build them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from nnlint.dataflow import values as val
from nnlint.dataflow.arguments import Arguments
from nnlint.dataflow.contexts import Made, makes_module
from nnlint.dataflow.conventional_arguments import conventional
from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.value_text import NotExpressible, ValueText, is_importable, without_self
from nnlint.dataflow.values import Value
from nnlint.semantics.definitions import ClassDefinition, ExternalDefinition, FunctionDefinition, Site
from nnlint.semantics.program import Module, Program
from nnlint.semantics.torch_names import canonical_name
from nnlint.syntax import lowered as low
from nnlint.syntax.parser import BlockName, TopLevel
from nnlint.text import Span

_MAX_DEPTH = 12
_MAX_BASES = 10
_NO_ARGUMENTS = Arguments()


class Source(IntEnum):
    """Where an expression is from; the first is the best."""

    DEFAULTS = 0  # every parameter of the class has a default
    SEEN = 1  # the project constructs the class so
    FUNCTION = 2  # a function of the project returns it
    GUESS = 3  # arguments that nobody is known to give were made up


@dataclass(frozen=True, slots=True, eq=False)
class ModelCall:
    """An expression, to be evaluated in the namespace of `module`, that builds `built`; `site` is where the project does so."""

    text: str
    module: Module
    source: Source
    built: Value
    site: Site | None
    held: Held

    @property
    def definition(self) -> ClassDefinition | None:
        """The class of what is built; `None` of a Sequential."""
        return next((o.definition for o in _options(self.built) if isinstance(o, val.Instance)), None)


@dataclass(frozen=True, slots=True)
class Held:
    """What a module holds, itself included: the constructions of its layers, and its classes with those that they extend."""

    layers: frozenset[Site]
    classes: frozenset[tuple[str, str]]  # path and name
    size: int  # number of layers


@dataclass(frozen=True, slots=True)
class Subject:
    """What a place of a file is part of.

    `name` is that of the class or function at the top level around it, empty in a script; `layer` the layer constructed right there;
    `owners` are the path and name of every class whose objects run the code there.
    """

    path: str
    name: str
    layer: Site | None
    owners: frozenset[tuple[str, str]]


class ModelCalls:
    """The model calls of one project."""

    def __init__(self, project: ProjectGraph) -> None:
        assert project.program is not None
        self._project = project
        self.program: Program = project.program

    def subject(self, path: str, span: Span) -> Subject | None:
        """What a span is part of; `None` where it is outside of all code."""
        module = self.program.module(path)
        top = (
            None
            if module is None
            else next((t for t in module.parsed.top_level if _span_of(t).start <= span.start < _span_of(t).end), None)
        )
        if module is None or top is None:
            return None
        placed = next((b for b in reversed((top.block, *top.members)) if b.span.start <= span.start), top.block)
        definition = self._definition(module, top)
        owners = self._runners.get((path, placed.name), frozenset())
        if isinstance(definition, ClassDefinition):
            owners |= {(path, definition.name)}
        layers = [s for s in self._project.layers if s.path == path and s.block == placed.name and self._project.span(s) == span]
        return Subject(path, "" if definition is None else definition.name, layers[0] if layers else None, owners)

    def _definition(self, module: Module, top: TopLevel) -> ClassDefinition | FunctionDefinition | None:
        names = [name for name, tops in module.names.items() if top in tops]
        found = self.program.lookup(module, names[0]) if len(names) == 1 else None
        return found if isinstance(found, (ClassDefinition, FunctionDefinition)) else None

    @cached_property
    def _runners(self) -> dict[tuple[str, BlockName], frozenset[tuple[str, str]]]:
        """The classes whose objects run the code of a block."""
        found: dict[tuple[str, BlockName], set[tuple[str, str]]] = {}
        for graph in self._project.graphs:
            for node in graph.nodes if graph.owner is not None else ():
                if node.site is not None and graph.owner is not None:
                    found.setdefault((node.site.path, node.site.block), set()).add(graph.owner)
        return {key: frozenset(owners) for key, owners in found.items()}

    def serving(self, subject: Subject) -> list[ModelCall]:
        """The calls whose models hold the subject, the best first.

        Better is what builds the subject's own class over what holds it somewhere inside, what is known over what is made up, the
        subject's file over others, and the smaller model over the larger one.
        """
        own = (subject.path, subject.name)
        holding = [call for call in self.all if subject.layer in call.held.layers] if subject.layer is not None else []
        if not holding:
            holding = [call for call in self.all if not call.held.classes.isdisjoint(subject.owners)]

        def rank(call: ModelCall) -> tuple[bool, bool, int, bool, int, str, str]:
            is_own = call.definition is not None and own in self.names(call.definition)
            is_elsewhere = call.module.path != subject.path
            return (call.source is Source.GUESS, not is_own, call.source, is_elsewhere, call.held.size, call.module.path, call.text)

        return sorted(holding, key=rank)

    @cached_property
    def all(self) -> list[ModelCall]:
        """Every model call; of those with the same text the best."""
        best: dict[tuple[str, str], ModelCall] = {}
        for call in (*self._constructions(), *self._products()):
            key = (call.module.path, call.text)
            if key not in best or call.source < best[key].source:
                best[key] = call
        return list(best.values())

    def missing(self, subject: Subject) -> list[str]:
        """The parameters without a default of the subject's constructor, or of the subject itself where it is a function."""
        module = self.program.module(subject.path)
        definition = None if module is None else self.program.lookup(module, subject.name)
        if isinstance(definition, ClassDefinition):
            parameters = self._constructor(definition)
        else:
            parameters = definition.node.parameters if isinstance(definition, FunctionDefinition) else None
        return [] if parameters is None else [p.name for p in _named(parameters) if p.default is None]

    def span(self, site: Site) -> Span:
        return self._project.span(site)

    def beside(self, module: Module, offset: int) -> ClassDefinition | None:
        """The class at the top level that a comment at `offset` stands in, or right above."""
        for top in module.parsed.top_level:
            span = _span_of(top)
            if offset < span.end:
                between = module.parsed.text[offset : span.start].splitlines()
                is_beside = all(not line.strip() or line.lstrip().startswith("#") for line in between)
                definition = self._definition(module, top) if is_beside else None
                return definition if isinstance(definition, ClassDefinition) else None
        return None

    # --- classes ---

    def _constructions(self) -> Iterator[ModelCall]:
        for instance in self._project.instances:
            definition = instance.definition
            if (
                not instance.is_module
                or instance.closure is not None
                or self.program.lookup(definition.module, definition.name) is not definition
            ):
                continue
            parameters = self._constructor(definition)
            given = instance.given or _NO_ARGUMENTS
            if self._takes_nothing(definition, parameters, given):
                yield self._call(val.Class(definition), parameters, _NO_ARGUMENTS, Source.DEFAULTS, instance, None)
            yield from self._as_given(val.Class(definition), parameters, given, Source.SEEN, instance, instance.made_at)

    def _takes_nothing(self, definition: ClassDefinition, parameters: low.Parameters | None, given: Arguments) -> bool:
        """Whether a class can be called without arguments and this object shows what that makes."""
        if parameters is None:
            return not given.all and not any(self._is_layer(base) for base in self._outer_bases(definition))
        return all(p.default is not None for p in _named(parameters)) and not given.all

    def _is_layer(self, base: str) -> bool:
        return val.is_layer_class(val.External(base)) and base not in ("torch.nn.Module", "torch.nn.Sequential", "torch.nn.ModuleList")

    def _constructor(self, definition: ClassDefinition) -> low.Parameters | None:
        """The parameters of the `__init__` that a class has or inherits within the project."""
        for base in self._order(definition):
            if "__init__" in base.methods:
                return without_self(base.methods["__init__"].node.parameters)
        return None

    def _order(self, definition: ClassDefinition, depth: int = _MAX_BASES) -> Iterator[ClassDefinition]:
        """A class and those of the project that it extends."""
        yield definition
        for base in self._bases(definition) if depth else ():
            if isinstance(base, ClassDefinition):
                yield from self._order(base, depth - 1)

    def _outer_bases(self, definition: ClassDefinition) -> Iterator[str]:
        for base in self._order(definition):
            yield from (found.name for found in self._bases(base) if isinstance(found, ExternalDefinition))

    def _bases(self, definition: ClassDefinition) -> Iterator[ClassDefinition | ExternalDefinition]:
        for argument in definition.arguments:
            node, names = argument.value, []
            while isinstance(node, (low.Attribute, low.Subscript)):
                if isinstance(node, low.Attribute):
                    names.append(node.name)
                node = node.value
            if not isinstance(node, low.Name) or argument.keyword is not None:
                continue
            found = self.program.resolve(definition.module, node.id)
            if isinstance(found, ClassDefinition) and not names:
                yield found
            elif isinstance(found, ExternalDefinition):
                yield ExternalDefinition(canonical_name(".".join([found.name, *reversed(names)])))

    # --- functions ---

    def _products(self) -> Iterator[ModelCall]:
        for made in self._project.made:
            definition = made.function.definition
            parameters = definition.node.parameters
            if isinstance(made.function.receiver, val.Class):
                parameters = without_self(parameters)
            elif self.program.lookup(definition.module, definition.name) is not definition:
                continue
            given = _without_symbols(made)
            has_defaults = all(p.default is not None for p in _named(parameters))
            if has_defaults and not given.all:
                yield self._call(made.function, parameters, _NO_ARGUMENTS, Source.FUNCTION, made.value, made.site)
            elif given.all:
                yield from self._as_given(made.function, parameters, given, Source.FUNCTION, made.value, made.site)

    # --- both ---

    def _as_given(
        self, function: Value, parameters: low.Parameters | None, given: Arguments, source: Source, built: Value, site: Site | None
    ) -> Iterator[ModelCall]:
        """The call with the arguments that it was seen to have, those that are not known made up where convention has a word for them."""
        if not given.all:
            return
        try:
            yield self._call(function, parameters, given, source, built, site)
        except NotExpressible:
            try:
                yield self._call(function, parameters, given, Source.GUESS, built, site)
            except NotExpressible:
                return

    def _call(
        self, function: Value, parameters: low.Parameters | None, given: Arguments, source: Source, built: Value, site: Site | None
    ) -> ModelCall:
        assert isinstance(function, (val.Class, val.Function))
        module = function.definition.module
        writer = ValueText(self.program, module, conventional if source is Source.GUESS else None)
        return ModelCall(writer.call(function, parameters, given), module, source, built, site, self._held(built))

    # --- what is held ---

    def _held(self, built: Value) -> Held:
        layers: list[Site] = []
        classes: set[tuple[str, str]] = set()
        seen: set[int] = set()
        stack: list[tuple[Value, int]] = [(built, _MAX_DEPTH)]
        while stack:
            value, depth = stack.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, val.Layer):
                layers.append(value.site)
            elif depth:
                if isinstance(value, val.Instance):
                    classes |= self.names(value.definition)
                stack += [(part, depth - 1) for part in val.parts_of(value)]
        return Held(frozenset(layers), frozenset(classes), len(layers))

    def names(self, definition: ClassDefinition) -> frozenset[tuple[str, str]]:
        """Path and name of a class and of those of the project that it extends."""
        return frozenset((base.module.path, base.name) for base in self._order(definition))


def _span_of(top: TopLevel) -> Span:
    return Span(top.block.span.start, (top.members or (top.block,))[-1].span.end)


def _options(value: Value) -> Iterable[Value]:
    return [option for option in value.options if makes_module(option)] if isinstance(value, val.Choice) else (value,)


def _named(parameters: low.Parameters) -> tuple[low.Parameter, ...]:
    return (*parameters.positional_only, *parameters.positional, *parameters.keyword_only)


def _without_symbols(made: Made) -> Arguments:
    """What a function was given, but for the settings that an entry is taken to be given."""
    return made.arguments


def importable_name(module: Module) -> str:
    """The dotted name under which a module can be imported; empty where none can be written."""
    return module.name if is_importable(module.name) else ""
