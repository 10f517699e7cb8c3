"""What a program does, in order: a tree of events under the branches, loops and calls in which they happen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from nnlint.dataflow.frames import Flow
from nnlint.dataflow.values import UNKNOWN, Value
from nnlint.semantics.definitions import FunctionDefinition, Site


class Kind(Enum):
    """What happens. The subject of an event is what it happens to, its value what is given or comes out."""

    CALL = "call"  # a module, or an unknown thing, is called; the value is the result
    MODE = "mode"  # train() or eval() of a module; the value is the flag
    BACKWARD = "backward"  # of the subject, a loss; the value is the engine that runs it, if one does
    ZERO = "zero"  # the gradients of an optimizer, a module or parameters are set to zero
    STEP = "step"  # an optimizer's
    ACCUMULATE = "accumulate"  # the value is added or appended to the subject, which lives on
    HAND_OVER = "hand over"  # the subject is given to code that is not followed; the value is that code
    NAMED = "named"  # a method is named and not called: `optimizer.step`
    STORE = "store"  # an attribute of the subject is set
    MADE = "made"  # an optimizer or a module is constructed; the value is what made a module that is not of the project
    READ = "read"  # gradients are looked at, or computed and not accumulated (words: `grad`)
    ASKED = "asked"  # whether a module is in training mode


@dataclass(slots=True, eq=False)
class Event:
    """One thing that happens at a place in the text."""

    kind: Kind
    site: Site
    subject: Value
    value: Value = UNKNOWN
    words: str = ""  # the name of the method or attribute, the operator, or the place in the code, where the kind alone does not say

    def __repr__(self) -> str:
        return f"{self.kind.value}@{self.site.index}"


@dataclass(slots=True, eq=False)
class Branch:
    """Alternatives. Those of equal `test` come out alike; arms of an exceptional branch but the first are for what goes wrong."""

    arms: list[Trace]
    test: int | None = None
    is_exceptional: bool = False
    asked: Value = UNKNOWN  # what the first arm is for the truth of, where that is a name or an attribute


@dataclass(slots=True, eq=False)
class Loop:
    """Any number of rounds; `source` is what is iterated over."""

    body: Trace
    source: Value = UNKNOWN


@dataclass(slots=True, eq=False)
class Activation:
    """A function of the project runs, called at `site`."""

    definition: FunctionDefinition
    site: Site | None
    body: Trace


@dataclass(slots=True, eq=False)
class Block:
    """A stretch of code that `break` or `continue` may leave."""

    body: Trace
    catches: Flow


@dataclass(slots=True, eq=False)
class Recording:
    """A stretch of code with gradient recording on or off; `None` where that is not known."""

    is_on: bool | None
    body: Trace


@dataclass(slots=True, eq=False)
class Within:
    """The body of a `with` whose context manager is not followed, or does something to training (`accelerator.accumulate(model)`)."""

    manager: Value
    body: Trace


@dataclass(slots=True, eq=False)
class Leave:
    """`return`, `break`, `continue`, or an exception."""

    flow: Flow


Item = Event | Branch | Loop | Activation | Block | Recording | Within | Leave
Trace = list[Item]


@dataclass(slots=True, eq=False)
class Run:
    """One entry of a program, run from its start: a script, a function, or a method of an object."""

    name: str
    path: str
    trace: Trace = field(default_factory=list)
    is_script: bool = False
    definition: FunctionDefinition | None = None
    result: Value = UNKNOWN  # what the function gives back


def events_in(trace: Trace) -> Iterator[Event]:
    """Every event of a trace, in the order of the code."""
    for item in trace:
        if isinstance(item, Event):
            yield item
        elif isinstance(item, Branch):
            for arm in item.arms:
                yield from events_in(arm)
        elif not isinstance(item, Leave):
            yield from events_in(item.body)
