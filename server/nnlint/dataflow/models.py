"""The models of a project, for whoever wants to run one: what a place is part of, what builds it, and what it is called with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from nnlint.dataflow.forward_inputs import ForwardInput, forward_inputs
from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.inheritance import constructor_of, named_parameters
from nnlint.dataflow.model_calls import ClassName, Held, ModelCall, Source, model_calls
from nnlint.dataflow.written_models import written_model
from nnlint.semantics.definitions import ClassDefinition, FunctionDefinition, Site
from nnlint.semantics.program import Module, Program
from nnlint.syntax.parser import BlockName, TopLevel
from nnlint.text import LineIndex, Span


@dataclass(frozen=True, slots=True)
class Subject:
    """What a place of a file is part of.

    `name` is that of the class or function at the top level around it, empty in a script; `layer` the layer constructed right there;
    `owners` are the classes whose objects run the code there.
    """

    path: str
    name: str
    layer: Site | None = None
    owners: frozenset[ClassName] = frozenset()


class Models:
    """The models of one project."""

    def __init__(self, project: ProjectGraph) -> None:
        assert project.program is not None
        self._project = project
        self.program: Program = project.program

    # --- what a place is part of ---

    def subject(self, path: str, span: Span) -> Subject | None:
        """What a span is part of; `None` where it is outside of all code."""
        module = self.program.module(path)
        top = None if module is None else next((t for t in module.parsed.top_level if t.span.start <= span.start < t.span.end), None)
        if module is None or top is None:
            return None
        placed = next(b for b in reversed((top.block, *top.members)) if b.span.start <= span.start)
        definition = self._definition(module, top)
        owners = self._runners.get((path, placed.name), frozenset())
        if isinstance(definition, ClassDefinition):
            owners |= {(path, definition.name)}
        layer = next((s for s in self._layers_in(path, placed.name) if self._project.span(s) == span), None)
        return Subject(path, "" if definition is None else definition.name, layer, owners)

    def _layers_in(self, path: str, block: BlockName) -> list[Site]:
        """The constructions of layers in a block."""
        return self._layers.get((path, block), [])

    @cached_property
    def _layers(self) -> dict[tuple[str, BlockName], list[Site]]:
        """The constructions of layers by block; a loss is no part of a model."""
        found: dict[tuple[str, BlockName], list[Site]] = {}
        for site, layers in self._project.layers.items():
            if not layers[0].target.endswith("Loss"):
                found.setdefault((site.path, site.block), []).append(site)
        return found

    def named(self, path: str, name: str) -> Subject | None:
        """The class or function of this name at the top level of a file."""
        match self._lookup(path, name):
            case ClassDefinition(module=module) if module.path == path:
                return Subject(path, name, owners=frozenset({(path, name)}))
            case FunctionDefinition(module=module) if module.path == path:
                return Subject(path, name)
            case _:
                return None

    def roots(self, path: str) -> list[str]:
        """The model classes at the top level of a file that none of its other classes holds or extends, in the order of the text."""
        held_by: dict[str, set[ClassName]] = {}
        for call in self._calls:
            definition = call.definition
            if definition is not None and definition.module.path == path and self._lookup(path, definition.name) is definition:
                held_by.setdefault(definition.name, set()).update(call.held.classes - {(path, definition.name)})
        held = {name for classes in held_by.values() for place, name in classes if place == path}
        module = self.program.module(path)
        return [name for name in (module.names if module is not None else ()) if name in held_by and name not in held]

    def beside(self, module: Module, offset: int) -> ClassDefinition | None:
        """The class at the top level that a comment at `offset` stands in, or right above."""
        top = next((t for t in module.parsed.top_level if offset < t.span.end), None)
        if top is None:
            return None
        between = module.parsed.text[offset : top.span.start].splitlines()
        is_beside = all(not line.strip() or line.lstrip().startswith("#") for line in between)
        definition = self._definition(module, top) if is_beside else None
        return definition if isinstance(definition, ClassDefinition) else None

    def _definition(self, module: Module, top: TopLevel) -> ClassDefinition | FunctionDefinition | None:
        names = [name for name, tops in module.names.items() if top in tops]
        found = self.program.lookup(module, names[0]) if len(names) == 1 else None
        return found if isinstance(found, (ClassDefinition, FunctionDefinition)) else None

    def _lookup(self, path: str, name: str) -> object:
        module = self.program.module(path)
        return None if module is None else self.program.lookup(module, name)

    @cached_property
    def _runners(self) -> dict[tuple[str, BlockName], frozenset[ClassName]]:
        """The classes whose objects run the code of a block."""
        found: dict[tuple[str, BlockName], set[ClassName]] = {}
        for graph in self._project.graphs:
            for node in graph.nodes if graph.owner is not None else ():
                if node.site is not None and graph.owner is not None:
                    found.setdefault((node.site.path, node.site.block), set()).add(graph.owner)
        return {key: frozenset(owners) for key, owners in found.items()}

    # --- what builds it ---

    @cached_property
    def _calls(self) -> list[ModelCall]:
        return model_calls(self._project)

    def serving(self, subject: Subject, besides: frozenset[Site] = frozenset()) -> list[ModelCall]:
        """The calls whose models hold the subject and as many as possible of the layers `besides`, if there are any, the best first.

        Better is what builds the subject's own class over what holds it somewhere inside, what is known over what is made up, the
        subject's file over others, and the smaller model over the larger one.
        """
        holding = [call for call in self._calls if subject.layer in call.held.layers] if subject.layer is not None else []
        holding = holding or [call for call in self._calls if not call.held.classes.isdisjoint(subject.owners)]
        holding += [call for call in self._written(subject) if besides <= call.held.layers]
        most = max((len(call.held.layers & besides) for call in holding), default=0)
        if besides and not most:
            return []
        return sorted((call for call in holding if len(call.held.layers & besides) == most), key=lambda call: self._rank(call, subject))

    def own(self, subject: Subject) -> list[ModelCall]:
        """The calls that build the subject itself, the best first: its class, one that extends it, or what the function returns."""
        return [call for call in self.serving(subject) if self.is_own(call, subject)] or [
            call for call in self._calls if (call.module.path, call.name) == (subject.path, subject.name)
        ]

    def parts(self, subject: Subject) -> frozenset[ClassName]:
        """The classes whose objects the subject's own models hold, its own among them."""
        return subject.owners.union(*(call.held.classes for call in self.own(subject)))

    def is_part(self, call: ModelCall) -> bool:
        """Whether models of other classes hold objects of the class that a call builds."""
        return call.definition is not None and (call.definition.module.path, call.definition.name) in self._held

    @cached_property
    def _held(self) -> frozenset[ClassName]:
        """The classes that others hold, and not only extend."""
        return frozenset().union(*(call.held.classes - call.extends for call in self._calls))

    def _rank(self, call: ModelCall, subject: Subject) -> tuple[bool, bool, int, bool, int, str, str]:
        is_guess = call.source >= Source.GUESS
        is_elsewhere = call.module.path != subject.path
        return (is_guess, not self.is_own(call, subject), call.source, is_elsewhere, call.held.size, call.module.path, call.text)

    def is_own(self, call: ModelCall, subject: Subject) -> bool:
        """Whether a call builds the subject itself, or an object of a class that extends it."""
        return (subject.path, subject.name) in (call.extends or {(call.module.path, call.name)})

    def _written(self, subject: Subject) -> list[ModelCall]:
        """The expression around a layer that builds a model by itself, as in a script."""
        site = None if subject.layer is None else written_model(self._project, subject.layer)
        module = self.program.module(subject.path)
        text = None if site is None else self._project.written(site)
        if site is None or module is None or text is None:
            return []
        whole = self._project.span(site)
        inside = self._layers_in(site.path, site.block)
        held = frozenset(s for s in inside if whole.start <= self._project.span(s).start < whole.end)
        return [ModelCall(text, module, subject.name, Source.WRITTEN, None, frozenset(), site, Held(held, frozenset(), len(held)))]

    def is_builder(self, subject: Subject) -> bool:
        """Whether a subject is a class, constructs a layer, or is a function that returns a model."""
        is_class = isinstance(self._lookup(subject.path, subject.name), ClassDefinition)
        return is_class or subject.layer is not None or any(self.is_own(call, subject) for call in self._calls)

    def missing(self, subject: Subject) -> list[str]:
        """The parameters without a default of the subject's constructor, or of the subject itself where it is a function."""
        definition = self._lookup(subject.path, subject.name)
        if isinstance(definition, ClassDefinition):
            parameters = constructor_of(self.program, definition)
        else:
            parameters = definition.node.parameters if isinstance(definition, FunctionDefinition) else None
        return [] if parameters is None else [p.name for p in named_parameters(parameters) if p.default is None]

    # --- what it is called with ---

    def inputs(self, definition: ClassDefinition) -> list[ForwardInput]:
        """What is known of the tensors that objects of a class are called with."""
        return forward_inputs(self._project, definition)

    def row(self, site: Site) -> int:
        """The line of a site, from 1."""
        module = self.program.module(site.path)
        return LineIndex("" if module is None else module.parsed.text).position(self._project.span(site).start).line + 1
