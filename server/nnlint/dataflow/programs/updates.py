"""The update step: for each optimizer, in what order gradients are computed, zeroed and applied.

The states of an optimizer's gradients, as its own parameters see them (the same machine, run on real optimizers by hooks, agrees with it):

    CLEAN -backward-> FRESH -step-> STALE -backward-> DIRTY -step-> the gradients of earlier steps are applied again

`zero_grad()` leads from everywhere to CLEAN. An optimizer that comes from elsewhere starts as ANY. What is given to code that is not
followed is LOST, and nothing more is said of it.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache

from nnlint.dataflow import values as val
from nnlint.dataflow.graph import INPUT
from nnlint.dataflow.programs.entries import Programs
from nnlint.dataflow.programs.flows import parts, sources
from nnlint.dataflow.programs.frameworks import trains_for_you
from nnlint.dataflow.programs.objects import Thing, holders, identity, is_item, maker, may_be_same, own_name
from nnlint.dataflow.programs.paths import Walk
from nnlint.dataflow.programs.program_calls import is_optimizer
from nnlint.dataflow.programs.trace import Event, Kind, Run, events_in
from nnlint.dataflow.source_text import SourceText
from nnlint.dataflow.values import UNKNOWN, Symbol, Value
from nnlint.semantics.definitions import Site

# Code that is handed an optimizer and leaves its gradients alone.
_LEAVES_ALONE = re.compile(
    r"sched|warmup|unscale|clip|save|log|print|state|checkpoint|watch|summary|ema|register|get_lr|adjust|load|len|repr", re.I
)
# Methods of unknown things that may run a step, or part of one, without being given the optimizer.
_MAY_UPDATE = re.compile(
    r"^(on_|before_|after_|call|fire|run|trigger|notify|emit|execute)|step|zero|backward|callback|hook|optimi|update_param|closure", re.I
)


_PLAIN_CALLS = frozenset({"", "forward", "__call__"})


class Phase(Enum):
    ANY = "any"  # whatever the caller left
    CLEAN = "clean"
    FRESH = "fresh"
    STALE = "stale"
    DIRTY = "dirty"
    LOST = "lost"

    __hash__ = object.__hash__  # an enumeration's own is slow


@dataclass(frozen=True, slots=True)
class Gradients:
    """The state of one optimizer's gradients, and the events that led to it."""

    phase: Phase
    backward: Event | None = None  # the latest one; that which made them dirty
    zero: Event | None = None  # the latest one
    discarded: bool = False  # it threw away fresh gradients, which no step has seen
    step: Event | None = None  # the latest one
    calls: frozenset[Event] = frozenset()  # of the optimizer's modules, since the latest backward
    stepped_over: frozenset[Event] = frozenset()  # those of them before a step that had no backward


class Mistake(Enum):
    MISSING_ZERO = "missing zero_grad"
    ZERO_BEFORE_STEP = "zero_grad before step"
    STEP_BEFORE_BACKWARD = "step before backward"
    SECOND_STEP = "second step"
    NO_STEP = "no step"


@dataclass(frozen=True, slots=True)
class WrongUpdate:
    """A mistake in an update: where it stands, and the other events that make it one."""

    mistake: Mistake
    event: Event
    others: tuple[Event, ...]
    optimizer: Value


@dataclass(slots=True)
class _Verdict:
    """What was seen of one event in all runs."""

    wrong: WrongUpdate | None = None
    is_right: bool = False


def wrong_updates(programs: Programs) -> list[WrongUpdate]:
    """Every event that is wrong on all paths of all runs that meet it, in the order of the runs."""
    verdicts: dict[tuple[Mistake, Hashable], _Verdict] = {}
    used = _Uses()
    for run in programs.runs:
        if not trains_for_you(run):
            used.note(run)
    for run in programs.runs:
        if trains_for_you(run):
            continue
        for optimizer in _optimizers(run):
            walk = _UpdateWalk(optimizer, run)
            walk.walk(run, Gradients(Phase.ANY))
            if walk.is_truncated:
                continue
            for (mistake, event), seen in walk.seen.items():
                if mistake is Mistake.SECOND_STEP and walk.is_cut:
                    continue  # found on one path, which may be an impossible one
                verdict = verdicts.setdefault((mistake, event.site), _Verdict())
                verdict.is_right |= seen.is_right
                verdict.wrong = verdict.wrong or seen.wrong
    found = [v.wrong for v in verdicts.values() if v.wrong is not None and not v.is_right]
    found += used.never_stepped()
    return found


def _optimizers(run: Run) -> list[Value]:
    found: dict[Hashable, Value] = {}
    for event in events_in(run.trace):
        if event.kind in (Kind.STEP, Kind.ZERO) and is_optimizer(event.subject):
            found.setdefault(identity(event.subject), event.subject)
    return list(found.values())


def modules_of(optimizer: Value) -> frozenset[Hashable] | None:
    """The identities of what an optimizer's parameters come from; `None` where that is not known."""
    if not isinstance(optimizer, Thing) or not optimizer.of:
        return None
    found: set[Hashable] = set()
    for source in sources(val.Choice(optimizer.of)):
        if isinstance(source, Thing) and source.name in ("parameters", "named_parameters") and source.of:
            found.add(identity(source.of[0]))
    return frozenset(found) or None


class _UpdateWalk(Walk[Gradients]):
    """Follows one optimizer."""

    def __init__(self, optimizer: Value, run: Run) -> None:
        super().__init__()
        self.optimizer = optimizer
        self.key = identity(optimizer)
        self.modules = modules_of(optimizer)
        self.around = {identity(h) for h in holders(optimizer)} - {self.key}
        self.seen: dict[tuple[Mistake, Event], _Verdict] = {}
        self._behind = cache(_models_behind)
        events = list(events_in(run.trace))
        calls = [e for e in events if e.kind is Kind.CALL and e.words in _PLAIN_CALLS]
        self._calls = {identity(part): event for event in calls for part in parts(event.value)}
        self._behind_losses = frozenset(c for e in events if e.kind is Kind.BACKWARD for c in self._calls_behind(e))

    def concerns(self, event: Event) -> bool:
        match event.kind:
            case Kind.MADE | Kind.STEP:
                return identity(event.subject) == self.key
            case Kind.BACKWARD:
                return self._affects(event)
            case Kind.ZERO:
                return self._is_zeroed(event)
            case Kind.HAND_OVER:
                return self._is_lost(event)
            case Kind.CALL:
                return event in self._behind_losses or self._may_update(event)
            case _:
                return False

    def event(self, event: Event, state: Gradients) -> Gradients:
        if event.kind is Kind.MADE:
            return Gradients(Phase.ANY)
        if state.phase is Phase.LOST:
            return state
        match event.kind:
            case Kind.BACKWARD:
                return self._backward(event, state)
            case Kind.STEP:
                return self._step(event, state)
            case Kind.ZERO:
                return self._zero(event, state)
            case Kind.CALL if event in self._behind_losses:
                return replace(state, calls=state.calls | {event})
            case _:
                return Gradients(Phase.LOST)

    # --- events ---

    def _backward(self, event: Event, state: Gradients) -> Gradients:
        if state.stepped_over and not any(self.place.rounds) and state.step is not None:
            is_late = bool(state.stepped_over & self._calls_behind(event))
            self._judge(Mistake.STEP_BEFORE_BACKWARD, state.step, state.step if is_late else None, event)
        if state.discarded and state.zero is not None:
            self._judge(Mistake.ZERO_BEFORE_STEP, state.zero, None)  # a round that was given up, perhaps
        if state.phase in (Phase.STALE, Phase.DIRTY):
            first = event if state.phase is Phase.STALE else state.backward
            return Gradients(Phase.DIRTY, first, step=state.step)
        return Gradients(Phase.FRESH, event, step=state.step)

    def _step(self, event: Event, state: Gradients) -> Gradients:
        if self.place.is_repeated and state.backward is not None:
            self._judge(Mistake.MISSING_ZERO, event, state.backward if state.phase is Phase.DIRTY else None, event)
        if state.phase is Phase.CLEAN and state.zero is not None:
            wrong = state.zero if state.discarded else None
            self._judge(Mistake.ZERO_BEFORE_STEP, state.zero, wrong, *([state.backward] if state.backward is not None else []), event)
        is_second = state.phase is Phase.STALE and state.step is not None and state.step is not event and not state.calls
        if is_second and state.step is not None and state.step.value is not UNKNOWN:  # by a scaler, which then steps once more
            self._judge(Mistake.SECOND_STEP, event, event, state.step)  # on one path is enough: nobody wants it on any
        has_gradients = state.phase in (Phase.FRESH, Phase.DIRTY)
        return Gradients(Phase.STALE, state.backward, None, False, event, state.calls, frozenset() if has_gradients else state.calls)

    def _zero(self, event: Event, state: Gradients) -> Gradients:
        return replace(state, phase=Phase.CLEAN, zero=event, discarded=state.phase in (Phase.FRESH, Phase.DIRTY))

    # --- whom an event concerns ---

    def _may_update(self, event: Event) -> bool:
        """Whether a method of something near the optimizer may run a part of an update."""
        is_update = _MAY_UPDATE.search(event.words) and not _LEAVES_ALONE.search(event.words)
        return bool(is_update) and event.words not in _PLAIN_CALLS and self._is_near(event.subject)

    def _is_near(self, subject: Value) -> bool:
        """Whether an unknown thing is a part of what holds the optimizer, or holds it: its methods may do anything to it."""
        return any(identity(h) in self.around or identity(h) == self.key for h in holders(subject))

    def _is_lost(self, event: Event) -> bool:
        if identity(event.subject) == self.key or identity(event.subject) in self.around:
            return not _LEAVES_ALONE.search(_name_of(event.value))
        return False

    def _affects(self, event: Event) -> bool:
        """Whether a backward may reach the optimizer's parameters; only what is known not to is left out."""
        if self.modules is None:
            return True
        behind, is_whole = self._behind(event)
        return bool(behind & self._related()) or not is_whole

    def _related(self) -> frozenset[Hashable]:
        return self.modules or frozenset()

    def _calls_behind(self, event: Event) -> frozenset[Event]:
        return frozenset(call for part in sources(event.subject) if (call := self._calls.get(identity(part))) is not None)

    def _is_zeroed(self, event: Event) -> bool:
        subject = event.subject
        if may_be_same(subject, self.optimizer):
            return True
        if event.words == "grad" or self.modules is None:
            # Another optimizer's gradients are not this one's; a module's may be.
            return not is_optimizer(subject)
        if is_optimizer(subject):
            others = modules_of(subject)
            return others is not None and bool(others & self.modules)
        near = {identity(h) for h in holders(subject)}
        return bool(near & self.modules) or not isinstance(subject, val.Heap) or self._holds_modules(subject)

    def _holds_modules(self, subject: val.Heap) -> bool:
        return any(identity(part) in self._related() for part in _submodules(subject))

    def _judge(self, mistake: Mistake, key: Event, wrong: Event | None, *others: Event) -> None:
        """Notes for the event `key` that something is wrong here, at the event `wrong`, or that nothing is."""
        verdict = self.seen.setdefault((mistake, key), _Verdict())
        if wrong is None:
            verdict.is_right = True
        elif verdict.wrong is None:
            verdict.wrong = WrongUpdate(mistake, wrong, others, self.optimizer)


def _models_behind(event: Event) -> tuple[frozenset[Hashable], bool]:
    """The modules whose calls a loss was computed from, with what holds them; and whether those are all that there can be."""
    found: set[Hashable] = set()
    is_whole = True
    for source in sources(event.subject):
        if isinstance(source, (Symbol, Thing)):
            found |= {identity(h) for h in holders(source)}
            is_whole = is_whole and isinstance(source, Thing) and _is_data(source)
        elif isinstance(source, val.Value) and (node := getattr(source, "node", None)) is not None:
            is_whole = is_whole and node.operation != INPUT
            if node.module is not None:
                found |= {identity(h) for h in holders(node.module)}
            if node.layer is not None:
                found |= {identity(h) for h in holders(node.layer)}
    return frozenset(found), is_whole


def _is_data(thing: Thing) -> bool:
    """Whether an unknown thing is data or a plain computation, and no model."""
    return maker(thing).startswith(("torch.", "numpy.")) or isinstance(thing.made_by, val.External) or not (thing.made_by or thing.receiver)


def _submodules(module: val.Heap, depth: int = 4) -> Iterator[Value]:
    yield module
    if depth:
        for part in val.parts_of(module):
            if isinstance(part, val.Heap):
                yield from _submodules(part, depth - 1)


def _name_of(function: Value) -> str:
    match function:
        case val.External(name=name) | val.Method(name=name):
            return name
        case val.Class(definition=definition) | val.Function(definition=definition):
            return definition.name
        case _:
            return own_name(function)


def _may_step(event: Event) -> bool:
    """Whether code that is not followed may step what it is given: an optimizer, or what holds one; the items of data are neither."""
    is_data = is_item(event.subject) and not is_optimizer(event.subject)
    return not is_data and not _LEAVES_ALONE.search(_name_of(event.value))


@dataclass(slots=True)
class _Uses:
    """What happens to each optimizer in all runs together."""

    zeroed: dict[Hashable, list[tuple[Value, Event, Event]]] = field(default_factory=dict)  # with a backward of the same code
    busy: dict[Hashable, Value] = field(default_factory=dict)  # optimizers that step, may step elsewhere, or whose gradients are looked at

    def note(self, run: Run) -> None:
        events = list(events_in(run.trace))
        reads = any(e.kind is Kind.READ for e in events)
        backwards = [e for e in events if e.kind is Kind.BACKWARD]
        for event in events:
            if event.kind is Kind.STEP or (event.kind is Kind.HAND_OVER and _may_step(event)):
                self.busy |= {identity(holder): holder for holder in holders(event.subject)}
            elif event.kind is Kind.ZERO and is_optimizer(event.subject):
                near = [b for b in backwards if b.site.block == event.site.block]
                if reads or not near:
                    self.busy[identity(event.subject)] = event.subject
                else:
                    self.zeroed.setdefault(identity(event.subject), []).append((event.subject, event, near[0]))

    def never_stepped(self) -> Iterable[WrongUpdate]:
        done: set[Site] = set()
        for uses in self.zeroed.values():
            optimizer, zero, backward = uses[0]
            if len(uses) == 1 and backward.site not in done and not any(may_be_same(optimizer, other) for other in self.busy.values()):
                done.add(backward.site)
                yield WrongUpdate(Mistake.NO_STEP, backward, (zero,), optimizer)


def written_optimizer(text: SourceText, step: Event) -> str | None:
    """What the code calls the optimizer where it steps: `optimizer` of `optimizer.step()` and of `scaler.step(optimizer)`."""
    if step.value is not UNKNOWN:
        return text.written(step.site, 0)
    called = text.callee_text(step.site)
    return called.removesuffix(".step") if called.endswith(".step") else None
