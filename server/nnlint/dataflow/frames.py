"""Activations: what runs where, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from nnlint.dataflow.values import Value
from nnlint.semantics.definitions import ClassDefinition, Site
from nnlint.semantics.program import Module
from nnlint.syntax.parser import BlockName


class Flow(Enum):
    """How a statement ends."""

    NEXT = "next"
    RETURN = "return"
    BREAK = "break"
    CONTINUE = "continue"
    DEAD = "dead"  # raises, or every path left otherwise

    __hash__ = object.__hash__  # as each is the only one of its kind; an enumeration's own is slow


class OutOfFuel(Exception):
    """The analysis of one entry took more steps than it may."""


@dataclass(slots=True, eq=False)
class Frame:
    """One activation of a function, of a module's top level or of a class body, `born` by the journal's clock (0: of unknown age)."""

    module: Module
    block: BlockName
    env: dict[str, Value]
    parent: Frame | None = None
    owner: ClassDefinition | None = None
    receiver: Value | None = None
    call_sites: tuple[Site, ...] = ()
    returned: list[Value] = field(default_factory=list)
    yielded: list[Value] = field(default_factory=list)
    left: dict[Flow, list[dict[str, Value]]] = field(default_factory=dict)
    outer_names: dict[str, str] = field(default_factory=dict)  # names declared global or nonlocal
    born: int = 0

    def site(self, index: int) -> Site:
        return Site(self.module.path, self.block, index)
