"""Where the events of a trace stand: in which loops, calls and stretches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nnlint.dataflow.programs.trace import Activation, Branch, Event, Item, Kind, Leave, Loop, Recording, Run, Trace


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """The items around an event, outermost first; `number` orders events by the code."""

    around: tuple[Item, ...]
    number: int

    @property
    def loops(self) -> tuple[Loop, ...]:
        return tuple(item for item in self.around if isinstance(item, Loop))

    @property
    def calls(self) -> tuple[Activation, ...]:
        return tuple(item for item in self.around if isinstance(item, Activation))

    @property
    def is_recording(self) -> bool | None:
        """Whether gradients are recorded; `None` where that is not known."""
        return next((item.is_on for item in reversed(self.around) if isinstance(item, Recording)), True)

    def common(self, other: Surroundings) -> tuple[Item, ...]:
        """What is around both."""
        return tuple(one for one, two in zip(self.around, other.around, strict=False) if one is two)


class Layout:
    """The places of all events of one run."""

    def __init__(self, run: Run) -> None:
        self.events: list[Event] = []
        self.of: dict[Event, Surroundings] = {}
        self._training: set[int] = set()
        for event, around in _placed(run.trace, ()):
            self.of[event] = Surroundings(around, len(self.events))
            self.events.append(event)
            if is_gradient(event):
                self._training |= {id(item) for item in around}

    def computes_gradients(self, item: Item) -> bool:
        """Whether gradients are computed somewhere within."""
        return id(item) in self._training


def is_gradient(event: Event) -> bool:
    return event.kind is Kind.BACKWARD or (event.kind is Kind.READ and event.words == "grad")


def _placed(trace: Trace, around: tuple[Item, ...]) -> Iterator[tuple[Event, tuple[Item, ...]]]:
    for item in trace:
        if isinstance(item, Event):
            yield item, around
        elif isinstance(item, Branch):
            for arm in item.arms:
                yield from _placed(arm, around)
        elif not isinstance(item, Leave):
            yield from _placed(item.body, (*around, item))
