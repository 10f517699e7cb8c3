"""What a name can mean: functions and classes of the project, modules, and things from outside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlint.syntax import lowered as low
from nnlint.syntax.parser import BlockName

if TYPE_CHECKING:
    from nnlint.semantics.program import Module


@dataclass(slots=True, unsafe_hash=True)
class Site:
    """The place of a lowered node: stable while the block's text is, wherever the block moves in its file."""

    path: str
    block: BlockName
    index: int


@dataclass(slots=True, eq=False)
class FunctionDefinition:
    """A `def` of the project. `owner` is the class whose member it is."""

    module: Module
    block: BlockName
    node: low.FunctionDef
    owner: ClassDefinition | None = None

    @property
    def name(self) -> str:
        return self.node.name


@dataclass(slots=True, eq=False)
class ClassDefinition:
    """A `class` of the project. `members` are its statements in order, each with the block that holds it."""

    module: Module
    block: BlockName
    name: str
    arguments: tuple[low.Argument, ...]
    decorators: tuple[low.Node, ...]
    members: tuple[tuple[BlockName, low.Node], ...]

    _methods: dict[str, FunctionDefinition] | None = None
    _assigned: dict[str, tuple[BlockName, low.Node]] | None = None

    def _collect(self) -> None:
        methods: dict[str, FunctionDefinition] = {}
        assigned: dict[str, tuple[BlockName, low.Node]] = {}
        for block, statement in self.members:
            if isinstance(statement, low.FunctionDef):
                methods[statement.name] = FunctionDefinition(self.module, block, statement, self)
                assigned.pop(statement.name, None)
            elif isinstance(statement, low.Assign):
                for target in statement.targets:
                    if isinstance(target, low.Name):
                        assigned[target.id] = (block, statement)
            elif isinstance(statement, low.ClassDef):
                assigned[statement.name] = (block, statement)
        self._methods, self._assigned = methods, assigned

    @property
    def methods(self) -> Mapping[str, FunctionDefinition]:
        if self._methods is None:
            self._collect()
        assert self._methods is not None
        return self._methods

    @property
    def assigned(self) -> Mapping[str, tuple[BlockName, low.Node]]:
        """Class-level names by their statement: assignments, annotations and nested classes."""
        if self._assigned is None:
            self._collect()
        assert self._assigned is not None
        return self._assigned


@dataclass(frozen=True, slots=True)
class ExternalDefinition:
    """Something defined outside the project, by its dotted name (torch's in their public spelling)."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class ModuleDefinition:
    """A module of the project."""

    module: Module


@dataclass(frozen=True, slots=True)
class AssignedDefinition:
    """A module-level name that statements assign: its value is dataflow's to compute from `statement`."""

    module: Module
    block: BlockName
    statement: low.Node
    name: str


Definition = FunctionDefinition | ClassDefinition | ExternalDefinition | ModuleDefinition | AssignedDefinition
