"""Modules that are called in the wrong mode: what is wrong, and on what evidence. One verdict for a call, over all paths and runs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from enum import Enum

from nnlint.dataflow import values as val
from nnlint.dataflow.classes import Classes
from nnlint.dataflow.programs.entries import Programs
from nnlint.dataflow.programs.frameworks import is_managed, trains_for_you
from nnlint.dataflow.programs.mode_layers import depends_on_mode
from nnlint.dataflow.programs.modes import ModeWalk, ModuleInRun, Phase, Sighting, key_of, modules_in_run
from nnlint.dataflow.programs.roles import Readers, Roles
from nnlint.dataflow.programs.surroundings import Layout
from nnlint.dataflow.programs.trace import Activation, Event, Item, Kind, Loop, Run
from nnlint.dataflow.values import Value
from nnlint.semantics.definitions import Site

_TRAINS = re.compile(r"train|fit|epoch|learn|finetune|fine_tune|main|run")
_FREEZES = frozenset({"requires_grad"})


class Mistake(Enum):
    EVALUATED_IN_TRAINING = "evaluated in training mode"
    TRAINED_AFTER_EVALUATION = "trained in evaluation mode after an evaluation"
    TRAINED_IN_EVALUATION = "trained in evaluation mode"


@dataclass(frozen=True, slots=True)
class WrongMode:
    """A call in the wrong mode: the sighting, the module, what surrounds it, and whether it surely has layers that care."""

    mistake: Mistake
    seen: Sighting
    module: Value
    layout: Layout
    walk: ModeWalk
    region: Item | None = None  # of an evaluation
    is_shared: bool = False  # the same call trains elsewhere

    @property
    def call(self) -> Event:
        return self.seen.call


@dataclass(slots=True)
class _Verdict:
    wrong: WrongMode | None = None
    is_right: bool = False


class ModeMistakes:
    """Every call in the wrong mode, in the order of the runs; of one module, the first in each place."""

    def __init__(self, programs: Programs) -> None:

        assert programs.classes is not None
        self._classes: Classes = programs.classes
        self._evaluated: dict[tuple[Site, Hashable], _Verdict] = {}
        self._trained: dict[Site, _Verdict] = {}
        readers = Readers(programs.graphs)
        for run in programs.runs:
            if not trains_for_you(run) and not is_test(run):
                layout = Layout(run)
                roles = Roles(run, layout, readers)
                for module, walk in modules_in_run(layout, roles, run):
                    self._judge(module, walk, layout, roles)

    def found(self) -> Iterator[WrongMode]:
        taken: set[Hashable] = set()
        for verdict in (*self._evaluated.values(), *self._trained.values()):
            wrong = verdict.wrong
            if wrong is None or verdict.is_right:
                continue
            place = _place_of(wrong)
            if place not in taken:
                taken.add(place)
                is_shared = wrong.region is not None and wrong.call.site in self._trained
                yield WrongMode(wrong.mistake, wrong.seen, wrong.module, wrong.layout, wrong.walk, wrong.region, is_shared)

    # --- one module in one run ---

    def _judge(self, module: ModuleInRun, walk: ModeWalk, layout: Layout, roles: Roles) -> None:
        if is_managed_module(module.module):
            return
        cares = depends_on_mode(module.module, self._classes)
        if cares is False:
            return
        for seen in module.evaluations:
            evaluation = roles.evaluation(seen.call)
            assert evaluation is not None
            function = _function_of(seen.call, evaluation.region, layout)
            verdict = self._evaluated.setdefault((seen.call.site, function), _Verdict())
            is_known = seen.cause is not None and (cares or seen.cause.kind is Kind.MODE)
            if seen.phase is not Phase.TRAIN or not is_known or module.is_truncated:
                verdict.is_right = True
            elif verdict.wrong is None:
                verdict.wrong = WrongMode(Mistake.EVALUATED_IN_TRAINING, seen, module.module, layout, walk, evaluation.region)
        by_site: dict[Site, list[Sighting]] = {}
        for seen in module.trainings:
            by_site.setdefault(seen.call.site, []).append(seen)
        for site, sightings in by_site.items():
            verdict = self._trained.setdefault(site, _Verdict())
            wrong = None if module.is_truncated else self._trained_wrongly(sightings, module, walk, layout)
            if wrong is not None:
                verdict.wrong = verdict.wrong or wrong
            elif verdict.wrong is None or verdict.wrong.mistake is Mistake.TRAINED_IN_EVALUATION:
                verdict.is_right = True

    def _trained_wrongly(self, seen: list[Sighting], module: ModuleInRun, walk: ModeWalk, layout: Layout) -> WrongMode | None:
        in_eval = [s for s in seen if s.phase is Phase.EVAL and s.cause is not None]
        if not in_eval:
            return None
        again = next((s for s in in_eval if _is_after_evaluation(s, module, layout)), None)
        if again is not None:
            # On one path is enough, if that is a possible one.
            return None if module.is_cut else WrongMode(Mistake.TRAINED_AFTER_EVALUATION, again, module.module, layout, walk)
        first = in_eval[0]
        if len(in_eval) < len(seen) or not self._is_meant_to_train(first, module, walk, layout):
            return None
        return WrongMode(Mistake.TRAINED_IN_EVALUATION, first, module.module, layout, walk)

    def _is_meant_to_train(self, seen: Sighting, module: ModuleInRun, walk: ModeWalk, layout: Layout) -> bool:
        """Whether the optimizer is over the very module that is in evaluation mode, none of it being frozen."""
        assert seen.step is not None and seen.cause is not None
        if _is_partly_frozen(walk, layout):
            return False
        over = walk.optimizes(seen.step.subject)
        if over is not None:
            return walk.is_whole(seen.step.subject, seen.cause)
        if seen.cause.kind is not Kind.MODE or key_of(seen.cause.subject) != walk.key:
            return False
        names = [call.definition.name.lower() for call in layout.of[seen.call].calls]
        return bool(names) and _TRAINS.search(names[-1]) is not None


def _is_after_evaluation(seen: Sighting, module: ModuleInRun, layout: Layout) -> bool:
    """Whether the mode was set in an earlier round of a loop around the call, between two runs of the call, or for an evaluation."""
    if seen.cause is None or seen.cause.kind is not Kind.MODE:
        return False
    call, cause = layout.of[seen.call], layout.of[seen.cause]
    if any(isinstance(item, Loop) for item in call.common(cause)):
        return cause.number > call.number or any(s.cause is seen.cause for s in module.evaluations)
    return any(
        s.phase is not Phase.EVAL and layout.of[s.call].number < cause.number for s in module.trainings if s.call.site == seen.call.site
    )


def _is_partly_frozen(walk: ModeWalk, layout: Layout) -> bool:
    return any(e.kind is Kind.STORE and e.words in _FREEZES and walk.touches(e.subject) for e in layout.events)


def is_managed_module(module: Value) -> bool:
    root = root_of(module)
    return isinstance(root, val.Instance) and is_managed(root.definition)


def root_of(module: Value) -> Value:
    """The outermost module that a module is a part of."""
    root = at = module
    while isinstance(at, val.Heap) and at.owner is not None:
        at = at.owner
        if is_module(at):
            root = at
        elif not isinstance(at, (val.Sequence, val.Mapping_)):
            break
    return root


def is_module(value: Value) -> bool:
    return isinstance(value, val.Layer) or (isinstance(value, (val.Instance, val.Sequence, val.Mapping_)) and value.is_module)


def _place_of(wrong: WrongMode) -> Hashable:
    """Equal for what is one mistake: of one evaluation, of one function that trains, or of one `eval()`."""
    if wrong.mistake is Mistake.TRAINED_IN_EVALUATION and wrong.seen.cause is not None:
        return wrong.mistake, wrong.seen.cause.site
    root = key_of(root_of(wrong.module))
    if wrong.region is not None:
        return wrong.mistake, root, _function_of(wrong.call, wrong.region, wrong.layout) or id(wrong.region)
    return wrong.mistake, root, wrong.call.site.block, wrong.call.site.path


def _function_of(call: Event, region: Item | None, layout: Layout) -> Hashable:
    """The outermost function of an evaluation."""
    around = layout.of[call].around
    inside = around[around.index(region) :] if region in around else ()
    return next((id(item.definition.node) for item in inside if isinstance(item, Activation)), None)


def is_test(run: Run) -> bool:
    """Whether a run is one of a test suite, which trains and evaluates for other reasons."""
    name = posixpath.basename(run.path)
    return (name.startswith("test_") and run.definition is not None) or name.endswith("_test.py") or name == "conftest.py"
