"""Training and evaluation mode: in which mode each module is called, and what for.

One walk follows one module. Its mode is known from where it is constructed, or from `train()` and `eval()` on; before, and after it was
given to code that is not followed, it is not.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum

from nnlint.dataflow import values as val
from nnlint.dataflow.frames import Flow
from nnlint.dataflow.operators import truth_of
from nnlint.dataflow.programs.flows import sources
from nnlint.dataflow.programs.objects import Thing, holders, identity, maker, own_name
from nnlint.dataflow.programs.paths import Path, Walk
from nnlint.dataflow.programs.roles import Roles
from nnlint.dataflow.programs.surroundings import Layout
from nnlint.dataflow.programs.trace import Branch, Event, Kind, Run
from nnlint.dataflow.values import Symbol, Value

PLAIN_CALLS = frozenset({"", "forward", "__call__"})
_WRAPPED = frozenset({"module", "_orig_mod"})
# Methods of a module that leave its mode alone.
_QUIET = re.compile(
    r"param|state_dict|modules|children|buffer|zero_grad|^to|^cuda|^cpu|save|load|device|dtype|half|float|summary|register|hook"
    r"|^get_|size|share|apply|init|compile|num_|count|print|log|freeze|config|^no_sync|clip|resize|^set_epoch|named_|backward|step|tokeni[sz]e",
    re.I,
)  # fmt: skip
# Code that is handed a module and leaves its mode alone.
_LEAVES_ALONE = re.compile(
    r"save|log|print|summary|watch|count|param|optim|sched|ema|clip|load|flops|len|repr|str|wrap|prepare|device|init|seed|plot|state"
    r"|parallel|ddp|loss|criterion|isinstance|type|hasattr|checkpoint", re.I,
)  # fmt: skip
# Methods of something that holds a module, not followed, that may switch its mode.
_MAY_SWITCH = re.compile(
    r"^(on_|before_|after_|call|fire|run|trigger|notify|emit|execute)|eval|train|mode|test|valid|hook|callback|switch", re.I
)


class Phase(Enum):
    TRAIN = "train"
    EVAL = "eval"
    UNKNOWN = "unknown"  # whatever the caller left
    MANAGED = "managed"  # set by an expression, or by code that is not followed, or not alike for all parts

    __hash__ = object.__hash__  # an enumeration's own is slow


@dataclass(frozen=True, slots=True)
class Mode:
    """The mode of one module, and the event that set it."""

    phase: Phase = Phase.UNKNOWN
    cause: Event | None = None
    before: Phase = Phase.UNKNOWN  # the mode was last changed from this one
    asked: Phase | None = None  # what it was when the code last asked for it
    called: frozenset[tuple[Event, Phase, Event | None]] = frozenset()  # calls whose gradients are not computed yet, by mode
    armed: frozenset[tuple[Event, Phase, Event | None]] = frozenset()  # calls with gradients that no optimizer has applied yet


@dataclass(frozen=True, slots=True)
class Sighting:
    """A call of a module in some mode; `step` is the optimizer step that applies its gradients, if the call is for training."""

    call: Event
    phase: Phase
    cause: Event | None
    step: Event | None = None


@dataclass(slots=True)
class ModuleInRun:
    """What was seen of one module in one run."""

    module: Value
    evaluations: list[Sighting] = field(default_factory=list)
    others: list[Sighting] = field(default_factory=list)  # calls that neither train nor surely evaluate
    trainings: list[Sighting] = field(default_factory=list)
    is_cut: bool = False
    is_truncated: bool = False


def key_of(value: Value, depth: int = 20) -> Hashable:
    """Equal for what is one module: attributes of one name of one object, and a wrapper and what it wraps."""
    match value:
        case _ if not depth:
            return identity(value)
        case Thing(receiver=Value() as receiver, name=name):
            return _part_key(key_of(receiver, depth - 1), name)
        case Symbol(key=("attribute", inner, str() as name)):
            return _part_key(key_of(Symbol(inner), depth - 1), name)
        case val.Method(receiver=receiver, name=name):
            return _part_key(key_of(receiver, depth - 1), name)
        case _:
            return identity(value)


def _part_key(whole: Hashable, name: str) -> Hashable:
    return whole if name in _WRAPPED else ("part", whole, name)


def callee_key(call: Event) -> Hashable:
    """What is called: of `trainer.model(x)` the attribute."""
    inner = key_of(call.subject)
    return inner if call.words in PLAIN_CALLS or call.words in _WRAPPED else ("part", inner, call.words)


def around(key: Hashable, module: Value) -> frozenset[Hashable]:
    """The keys of what a module is a part of."""
    found = {key_of(holder) for holder in holders(module)}
    at = key
    while isinstance(at, tuple) and at and at[0] == "part":
        at = at[1]
        found.add(at)
    return frozenset(found - {key})


def options(value: Value, depth: int = 6) -> Iterator[Value]:
    """What a value may be, where it is one of several."""
    yield value
    if isinstance(value, val.Choice):
        yield from value.options
    elif isinstance(value, Thing) and value.reason == "one of several" and depth:
        for option in value.of:
            yield from options(option, depth - 1)


class ModeWalk(Walk[Mode]):
    """Follows the mode of one module through one run."""

    def __init__(
        self, key: Hashable, module: Value, layout: Layout, roles: Roles, run: Run, in_eval: frozenset[Event] = frozenset()
    ) -> None:
        super().__init__()
        self.key = key
        self._run, self._roles, self._in_eval = run, roles, in_eval
        self.around = around(key, module)
        self.found = ModuleInRun(module)
        self._layout = layout
        self._calls: set[Event] = {e for e in layout.events if e.kind is Kind.CALL and callee_key(e) == key}
        self._trained_by = {call: frozenset(found) for call in self._calls if (found := roles.trained_by(call))}
        self._evaluating = {call for call in self._calls if call not in self._trained_by and roles.evaluation(call) is not None}
        self._concerned = frozenset(e for e in layout.events if self._concerns(e))

    def assuming(self, call: Event) -> ModeWalk:
        """The same walk, had the module been switched to evaluation mode at a call."""
        alike = frozenset(e for e in self._calls if e.site == call.site and e in self._evaluating)
        other = ModeWalk(self.key, self.found.module, self._layout, self._roles, self._run, alike)
        other.walk(self._run, Mode())
        return other

    @property
    def concerns_anybody(self) -> bool:
        return bool(self._trained_by or self._evaluating) or self.may_be_known

    @property
    def trained(self) -> frozenset[Event]:
        """The calls whose gradients are computed."""
        return frozenset(self._trained_by)

    @property
    def may_be_known(self) -> bool:
        """Whether anything in the run says in which mode the module is."""
        return any(e.kind in (Kind.MADE, Kind.MODE) for e in self._concerned)

    def see_without_modes(self) -> None:
        """Notes the calls of a module of whose mode nothing is known."""
        for call in self._calls - self.trained:
            seen = self.found.evaluations if call in self._evaluating else self.found.others
            seen.append(Sighting(call, Phase.UNKNOWN, None))

    def _concerns(self, event: Event) -> bool:
        """Whether an event may change what is known of the module."""
        match event.kind:
            case Kind.MADE | Kind.ASKED:
                return self._is_this(event.subject)
            case Kind.MODE:
                return self._covers(event.subject) or self._is_part(event.subject)
            case Kind.CALL:
                return event in self._calls or self._is_switching(event)
            case Kind.HAND_OVER:
                return self._covers(event.subject) and not _LEAVES_ALONE.search(name_of(event.value))
            case kind:
                return kind in (Kind.BACKWARD, Kind.ZERO, Kind.STEP) and bool(self._trained_by)

    def concerns(self, event: Event) -> bool:
        return event in self._concerned

    def event(self, event: Event, state: Mode) -> Mode:
        match event.kind:
            case Kind.MADE:
                return self._set(state, Phase.EVAL if _is_pretrained(event.value) else Phase.TRAIN, event)
            case Kind.MODE:
                return self._mode(event, state)
            case Kind.ASKED:
                return replace(state, asked=state.phase)
            case Kind.CALL:
                return self._call(event, state)
            case Kind.HAND_OVER:
                return self._set(state, Phase.MANAGED, event)
            case Kind.BACKWARD:
                return self._backward(event, state)
            case Kind.ZERO if state.armed:
                return replace(state, armed=frozenset())
            case Kind.STEP if state.armed:
                return self._step(event, state)
            case _:
                return state

    # --- modes ---

    def _set(self, state: Mode, phase: Phase, cause: Event | None) -> Mode:
        return replace(state, phase=phase, cause=cause, before=state.phase)

    def _mode(self, event: Event, state: Mode) -> Mode:
        flag = truth_of(event.value)
        if self._covers(event.subject):
            if flag is None:
                restored = state.asked if _is_asked(event.value) else None
                return self._set(state, restored or Phase.MANAGED, event)
            return self._set(state, Phase.TRAIN if flag else Phase.EVAL, event)
        if state.phase is Phase.UNKNOWN:
            return state
        wanted = None if flag is None else Phase.TRAIN if flag else Phase.EVAL
        return state if wanted is state.phase else self._set(state, Phase.MANAGED, event)

    def _is_this(self, value: Value) -> bool:
        return key_of(value) == self.key

    def _covers(self, value: Value) -> bool:
        """Whether a value is, or may be, the module or what it is a part of."""
        return any(self._is_this(option) or key_of(option) in self.around for option in options(value))

    def _is_part(self, value: Value) -> bool:
        """Whether a value is a part of the module, or comes out of a container with it: what happens to it is no news of the whole."""
        if self.key in around(key_of(value), value):
            return True
        return any(self._is_this(s) or (key_of(s) in self.around and not isinstance(s, val.Instance)) for s in sources(value, is_cut=False))

    # --- calls ---

    def _call(self, event: Event, state: Mode) -> Mode:
        if event in self._calls:
            if event in self._trained_by:
                return replace(state, called=state.called | {(event, state.phase, state.cause)})
            if event in self._evaluating:
                self.found.evaluations.append(Sighting(event, state.phase, state.cause))
            else:
                self.found.others.append(Sighting(event, state.phase, state.cause))
            return self._set(state, Phase.EVAL, event) if event in self._in_eval else state
        return self._set(state, Phase.MANAGED, event)

    def _is_switching(self, event: Event) -> bool:
        """Whether a method that is not followed may switch the mode: one of the module's, or of what holds it."""
        if event.words in PLAIN_CALLS:
            return False
        owner = key_of(event.subject)
        if owner == self.key:
            return _QUIET.search(event.words) is None
        return owner in self.around and _MAY_SWITCH.search(event.words) is not None and ("part", owner, event.words) not in self.around

    # --- updates ---

    def _backward(self, event: Event, state: Mode) -> Mode:
        reached = frozenset(seen for seen in state.called if event in self._trained_by[seen[0]])
        return replace(state, called=state.called - reached, armed=state.armed | reached) if reached else state

    def _step(self, event: Event, state: Mode) -> Mode:
        if self.optimizes(event.subject) is False:
            return state
        self.found.trainings += [Sighting(call, phase, cause, event) for call, phase, cause in state.armed]
        return replace(state, armed=frozenset())

    def optimizes(self, optimizer: Value) -> bool | None:
        """Whether an optimizer is over the parameters of the module; `None` where that is not known."""
        found = optimized(optimizer)
        if self.key in found or any(holder in found for holder in self.around):
            return True
        is_over_part = any(self.key in around(other, module) for other, module in found.items())
        return None if is_over_part or not found else False

    def is_whole(self, optimizer: Value, cause: Event) -> bool:
        """Whether an optimizer is over all of what an event sets the mode of."""
        over = optimized(optimizer)
        keys = [key_of(cause.subject), *around(key_of(cause.subject), cause.subject)]
        return any(key in over for key in keys)

    def touches(self, value: Value) -> bool:
        """Whether a value is the module, a part of it, or one of its parameters."""
        return self._is_this(value) or key_of(value) in self.around or self._is_part(value)

    # --- branches that ask for the mode ---

    def _branch(self, branch: Branch, paths: list[Path[Mode]]) -> dict[Flow, list[Path[Mode]]]:
        if not _is_asked(branch.asked) or not self._is_this(_asked_of(branch.asked)) or len(branch.arms) != 2:
            return super()._branch(branch, paths)
        ends: dict[Flow, list[Path[Mode]]] = {}
        for arm, phase in zip(branch.arms, (Phase.TRAIN, Phase.EVAL), strict=True):
            taken = [p for p in paths if p.state.asked in (phase, Phase.UNKNOWN, Phase.MANAGED, None)]
            for flow, out in self._through(arm, taken).items():
                ends.setdefault(flow, []).extend(out)
        return {flow: self._few(out) for flow, out in ends.items()}


def optimized(optimizer: Value) -> dict[Hashable, Value]:
    """The modules whose parameters an optimizer was given, by key; none where that is not known."""
    if not isinstance(optimizer, Thing):
        return {}
    given = (source for of in optimizer.of for source in sources(of))
    return {key_of(s.of[0]): s.of[0] for s in given if isinstance(s, Thing) and s.name in ("parameters", "named_parameters") and s.of}


def _is_asked(value: Value) -> bool:
    return (isinstance(value, Thing) and value.name == "training" and value.receiver is not None) or (
        isinstance(value, Symbol) and isinstance(value.key, tuple) and value.key[0] == "attribute" and value.key[-1] == "training"
    )


def _asked_of(value: Value) -> Value:
    if isinstance(value, Thing) and value.receiver is not None:
        return value.receiver
    return Symbol(value.key[1]) if isinstance(value, Symbol) and isinstance(value.key, tuple) else value


def _is_pretrained(made_by: Value) -> bool:
    return isinstance(made_by, val.External) and made_by.name.endswith("from_pretrained")


def name_of(function: Value) -> str:
    match function:
        case val.External(name=name) | val.Method(name=name):
            return name
        case val.Class(definition=definition) | val.Function(definition=definition):
            return definition.name
        case _:
            return own_name(function) or maker(function)


def _may_run_layers(call: Event) -> bool:
    """Whether a call may be one of a module: `model.modules()` is none, nor any method that is given nothing to compute with."""
    if call.words in PLAIN_CALLS:
        return True
    if not call.words.startswith("get_") and _QUIET.search(call.words):
        return False
    return not isinstance(call.value, Thing) or any(key_of(part) != key_of(call.subject) for part in call.value.of)


def modules_in_run(layout: Layout, roles: Roles, run: Run) -> Iterator[tuple[ModuleInRun, ModeWalk]]:
    """What is seen of every module that is called in a run for training or for evaluation."""
    subjects: dict[Hashable, Value] = {}
    for event in layout.events:
        if event.kind is Kind.CALL and _may_run_layers(event):
            subjects.setdefault(callee_key(event), event.subject)
    for key, subject in subjects.items():
        walk = ModeWalk(key, subject, layout, roles, run)
        if walk.concerns_anybody:
            if walk.may_be_known:
                walk.walk(run, Mode())
            else:
                walk.see_without_modes()
            walk.found.is_cut, walk.found.is_truncated = walk.is_cut, walk.is_truncated
            yield walk.found, walk
