"""Follows one subject through a trace with a state, along every path.

A path is a state and the outcomes of the guards on its way; guards with one test come out alike wherever they stand, also in later
rounds of a loop (`if (i + 1) % k == 0` before `step()` and before `zero_grad()`). Loops run two rounds, at least: what happens in
the second one happens in all later ones. What is raised leaves the program.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from nnlint.dataflow.frames import Flow
from nnlint.dataflow.programs.trace import Activation, Block, Branch, Event, Item, Leave, Loop, Recording, Run, Trace, Within, events_in
from nnlint.semantics.definitions import FunctionDefinition

State = TypeVar("State", bound=Hashable)

_MAX_PATHS = 128
_MAX_ITEMS = 50_000
_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Path(Generic[State]):
    """A state, and how the guards on the way to it came out."""

    state: State
    guards: frozenset[tuple[Hashable, int]] = frozenset()


@dataclass(slots=True)
class Place:
    """Where in the program an event is met: rounds of the loops around it, outermost first, and what else it is in."""

    rounds: list[int] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    functions: list[FunctionDefinition] = field(default_factory=list)
    recording: list[bool | None] = field(default_factory=list)
    within: list[Within] = field(default_factory=list)
    calls: list[Activation] = field(default_factory=list)

    @property
    def is_repeated(self) -> bool:
        """Whether this is a later round of the innermost loop."""
        return bool(self.rounds) and self.rounds[-1] > 0

    @property
    def is_recording(self) -> bool | None:
        """Whether gradients are recorded; `None` where that is not known."""
        return self.recording[-1] if self.recording else True


class Walk(ABC, Generic[State]):
    """One walk through one run. `place` is where it stands."""

    def __init__(self) -> None:
        self.place = Place()
        self.is_cut = False  # there were more paths than are followed: what guards said was forgotten, so that some are impossible
        self.is_truncated = False  # not even all states were followed
        self._left = 0  # items of the trace, times the paths that meet them, that may still be looked at

    @abstractmethod
    def event(self, event: Event, state: State) -> State:
        """The state after an event."""

    def enter(self, item: Item, state: State) -> State:
        """The state on entering a call or a stretch."""
        return state

    def concerns(self, event: Event) -> bool:
        """Whether an event may change the state, or has to be seen. What does not is left out, and conditions that guard nothing else."""
        return True

    def walk(self, run: Run, start: State) -> list[State]:
        """The states at the end of the run."""
        self._left = _MAX_ITEMS
        trace = self._pruned(run.trace)
        if not _has_events(trace):
            return [start]
        ends = self._through(trace, [Path(start)])
        return [path.state for paths in ends.values() for path in paths]

    def _pruned(self, trace: Trace) -> Trace:
        pruned: Trace = []
        for item in trace:
            match item:
                case Event():
                    if self.concerns(item):
                        pruned.append(item)
                case Leave():
                    pruned.append(item)
                case Branch(arms=arms, is_exceptional=True):
                    pruned += self._pruned(arms[0])
                case Branch(arms=arms):
                    kept = [self._pruned(arm) for arm in arms]
                    if any(kept):
                        pruned.append(replace(item, arms=kept))
                case _:
                    body = self._pruned(item.body)
                    if body and (_has_events(body) or (not isinstance(item, Activation) and _may_return(body))):
                        pruned.append(replace(item, body=body))
        return pruned

    # --- items ---

    def _through(self, trace: Trace, paths: list[Path[State]]) -> dict[Flow, list[Path[State]]]:
        """Runs a stretch from several paths: those that come to its end, and those that leave it, by how they leave."""
        left: dict[Flow, list[Path[State]]] = {}
        for item in trace:
            if not paths:
                break
            ends = self._item(item, paths)
            paths = ends.pop(Flow.NEXT, [])
            for flow, others in ends.items():
                left.setdefault(flow, []).extend(others)
        return {**left, Flow.NEXT: self._few(paths)}

    def _item(self, item: Item, paths: list[Path[State]]) -> dict[Flow, list[Path[State]]]:
        self._left -= len(paths)
        if self._left < 0:
            self.is_cut = self.is_truncated = True
            return {Flow.NEXT: paths}
        match item:
            case Event():
                states = [self.event(item, path.state) for path in paths]
                if all(state is path.state for state, path in zip(states, paths, strict=True)):
                    return {Flow.NEXT: paths}
                return {Flow.NEXT: self._few(Path(state, path.guards) for state, path in zip(states, paths, strict=True))}
            case Leave(flow=Flow.DEAD):
                return {}
            case Leave(flow=flow):
                return {flow: paths}
            case Branch():
                return self._branch(item, paths)
            case Loop():
                return self._loop(item, paths)
            case _:
                return self._stretch(item, paths)

    def _stretch(self, item: Activation | Block | Recording | Within, paths: list[Path[State]]) -> dict[Flow, list[Path[State]]]:
        place = self.place
        paths = [Path(self.enter(item, p.state), p.guards) for p in paths]
        match item:
            case Activation(definition=definition):
                place.functions.append(definition)
                place.calls.append(item)
                ends = self._through(item.body, paths)
                place.functions.pop()
                place.calls.pop()
                return {Flow.NEXT: self._few([p for flow in ends.values() for p in flow])}
            case Block(catches=catches):
                ends = self._through(item.body, paths)
                caught = ends.pop(catches, [])
                return {**ends, Flow.NEXT: self._few([*ends[Flow.NEXT], *caught])}
            case Recording(is_on=is_on):
                place.recording.append(is_on)
                ends = self._through(item.body, paths)
                place.recording.pop()
                return ends
            case Within():
                place.within.append(item)
                ends = self._through(item.body, paths)
                place.within.pop()
                return ends

    def _branch(self, branch: Branch, paths: list[Path[State]]) -> dict[Flow, list[Path[State]]]:
        ends: dict[Flow, list[Path[State]]] = {}
        live = [arm for arm in branch.arms if not _raises(arm)]
        if len(live) == 1 or all(arm == live[0] for arm in live[1:]):
            return self._through(live[0], paths) if live else {}
        for at, arm in enumerate(branch.arms):
            taken = paths if branch.test is None else [t for p in paths if (t := _decided(p, branch.test, at)) is not None]
            if taken:
                for flow, out in self._through(arm, taken).items():
                    ends.setdefault(flow, []).extend(out)
        return {flow: self._few(out) for flow, out in ends.items()}

    def _loop(self, loop: Loop, paths: list[Path[State]]) -> dict[Flow, list[Path[State]]]:
        ends: dict[Flow, list[Path[State]]] = {}
        self.place.loops.append(loop)
        for number in range(_ROUNDS):
            self.place.rounds.append(number)
            after = self._through(loop.body, paths)
            self.place.rounds.pop()
            before, paths = paths, after.pop(Flow.NEXT, [])
            for flow, out in after.items():
                ends.setdefault(flow, []).extend(out)
            if paths == before:
                break  # another round would do the same
        self.place.loops.pop()
        return {**ends, Flow.NEXT: paths}

    def _few(self, paths: Iterable[Path[State]]) -> list[Path[State]]:
        distinct = list(paths)
        if len(distinct) < 2:
            return distinct
        distinct = list(dict.fromkeys(distinct))
        if len(distinct) > _MAX_PATHS:
            self.is_cut = True
            states = list(dict.fromkeys(path.state for path in distinct))
            self.is_truncated |= len(states) > _MAX_PATHS
            distinct = [Path(state) for state in states[:_MAX_PATHS]]
        return distinct


def _has_events(trace: Trace) -> bool:
    return next(events_in(trace), None) is not None


def _may_return(trace: Trace) -> bool:
    """Whether a stretch may leave the function that it is in."""
    for item in trace:
        match item:
            case Leave(flow=flow):
                if flow is Flow.RETURN:
                    return True
            case Branch(arms=arms):
                if any(_may_return(arm) for arm in arms):
                    return True
            case Event() | Activation():
                pass
            case _:
                if _may_return(item.body):
                    return True
    return False


def _raises(arm: Trace) -> bool:
    return len(arm) == 1 and isinstance(arm[0], Leave) and arm[0].flow is Flow.DEAD


def _decided(path: Path[State], test: Hashable, outcome: int) -> Path[State] | None:
    """The path on which a test comes out so; `None` where it came out otherwise before."""
    if (test, 1 - outcome) in path.guards:
        return None
    return path if (test, outcome) in path.guards else Path(path.state, path.guards | {(test, outcome)})
