"""Which classes hold a layer, and which code can therefore come upon it when it goes over a model's modules."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from nnlint.dataflow import values as val
from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.hazards import BiasRead
from nnlint.semantics.definitions import ClassDefinition, FunctionDefinition, Site
from nnlint.semantics.program import Program
from nnlint.syntax import lowered as low

_MAX_DEPTH = 12


class Holders:
    """Answers for one project; what was never seen to be constructed may hold anything."""

    def __init__(self, project: ProjectGraph) -> None:
        assert project.program is not None
        self._project = project
        self._program: Program = project.program

    def may_meet(self, read: BiasRead, site: Site) -> bool:
        """Whether code that reads the bias of some module may be run on the layer constructed at `site`.

        A method of a module is run on what the module holds; one of a class that was not seen to be constructed, on what its file
        names. A function is run on a model in a file that names both.
        """
        holders = self._by_site.get(site, set())
        if read.path == site.path or not holders:
            return True
        if read.owner and read.owner in self._names_of(holders):
            return True
        if read.owner and (read.owner in self._module_names or read.place.startswith("self.")):
            return False
        if read.owner or not read.function:
            return any(self._means(read.path, holder) for holder in holders)
        return any(self._names_both(path, read, holders) for path in self._program.paths)

    def _names_both(self, path: str, read: BiasRead, holders: set[ClassDefinition]) -> bool:
        if path != read.path and not self._means_function(path, read):
            return False
        return any(holder.module.path == path or self._means(path, holder) for holder in holders)

    def _means_function(self, path: str, read: BiasRead) -> bool:
        """Whether a file names the function that holds a read and, as far as its imports tell, no other one of that name."""
        if not self._program.mentions(path, read.function):
            return False
        module = self._program.module(path)
        found = None if module is None else self._program.lookup(module, read.function)
        if isinstance(found, FunctionDefinition):
            return found.module.path == read.path
        return not self._program.mentions(path, f"def {read.function}(")

    def _means(self, path: str, holder: ClassDefinition) -> bool:
        """Whether a file names a class and, as far as its imports tell, no other one of that name."""
        if not self._program.mentions(path, holder.name):
            return False
        module = self._program.module(path)
        found = None if module is None else self._program.lookup(module, holder.name)
        return found is holder if isinstance(found, ClassDefinition) else self._program.mentions(path, f".{holder.name}")

    @cached_property
    def _by_site(self) -> dict[Site, set[ClassDefinition]]:
        found: dict[Site, set[ClassDefinition]] = {}
        for instance in self._project.instances:
            for layer in _layers(instance, _MAX_DEPTH):
                found.setdefault(layer.site, set()).add(instance.definition)
        return found

    @cached_property
    def _module_names(self) -> frozenset[str]:
        return self._names_of({instance.definition for instance in self._project.instances})

    def _names_of(self, definitions: set[ClassDefinition]) -> frozenset[str]:
        """The names of classes and of all that they inherit from."""
        found: set[str] = set()
        stack = list(definitions)
        seen = {id(definition) for definition in stack}
        while stack:
            definition = stack.pop()
            found.add(definition.name)
            for argument in definition.arguments:
                match argument.value:
                    case low.Name(id=name):
                        base = self._program.resolve(definition.module, name)
                        if isinstance(base, ClassDefinition) and id(base) not in seen:
                            seen.add(id(base))
                            stack.append(base)
                        found.add(name)
                    case low.Attribute(name=name):
                        found.add(name)
        return frozenset(found)


def _layers(value: val.Value, depth: int) -> Iterator[val.Layer]:
    if isinstance(value, val.Layer):
        yield value
    elif depth:
        for part in val.parts_of(value):
            yield from _layers(part, depth - 1)
