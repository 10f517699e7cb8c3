"""Evaluations that record gradients which nobody computes."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.operators import truth_of
from nnlint.dataflow.programs.entries import Programs
from nnlint.dataflow.programs.flows import keys_behind, parts
from nnlint.dataflow.programs.frameworks import trains_for_you
from nnlint.dataflow.programs.mode_layers import has_parameters
from nnlint.dataflow.programs.mode_mistakes import is_managed_module, is_test
from nnlint.dataflow.programs.modes import PLAIN_CALLS, ModeWalk, Phase, Sighting, callee_key, key_of, modules_in_run, name_of
from nnlint.dataflow.programs.objects import identity
from nnlint.dataflow.programs.program_calls import GradSwitch
from nnlint.dataflow.programs.roles import Readers, Roles
from nnlint.dataflow.programs.surroundings import Layout
from nnlint.dataflow.programs.trace import Activation, Event, Item, Kind, Loop, Run
from nnlint.dataflow.source_text import Edits
from nnlint.dataflow.values import Value
from nnlint.findings import FileEdit
from nnlint.semantics.definitions import Site
from nnlint.semantics.program import Program
from nnlint.syntax import lowered as low
from nnlint.syntax.statements import Enclosing

# What code names that wants gradients of something else than a loss with a `backward()` that was seen.
_WANTS_GRADIENTS = frozenset({
    "requires_grad", "requires_grad_", "retain_grad", "grad", "autograd", "jacobian", "hessian", "vjp", "jvp", "functional_call",
    "register_backward_hook", "register_full_backward_hook", "register_full_backward_pre_hook", "set_grad_enabled", "enable_grad",
})  # fmt: skip
_TAKES_GRADIENTS = re.compile(r"grad|attack|cam\b|backward|explain|optim|step|hook|attribut|saliency|perturb|adapt", re.I)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A call of an evaluation that records gradients, and whether its result goes where nobody follows."""

    seen: Sighting
    module: Value
    layout: Layout
    walk: ModeWalk
    region: Item | None
    escapes: bool

    @property
    def call(self) -> Event:
        return self.seen.call


@dataclass(slots=True)
class _Verdict:
    found: list[Recorded] = field(default_factory=list)
    is_right: bool = False


class RecordingMistakes:
    """The evaluations that record gradients, by the function in which they stand; and the statements that were to prevent it."""

    def __init__(self, programs: Programs, program: Program) -> None:
        self._program = program
        self._verdicts: dict[Site, _Verdict] = {}
        self.idle: dict[Site, Hashable] = {}  # statements `torch.no_grad()`, which do nothing, and in which function they stand
        readers = Readers(programs.graphs)
        layouts = [(run, Layout(run)) for run in programs.runs]
        is_switched = any(e.kind is Kind.NAMED and e.words == "set_grad_enabled" for _, layout in layouts for e in layout.events)
        for run, layout in layouts:
            self.idle |= {e.site: function_at(e, layout) for e in layout.events if _is_idle(e)}
            if not is_switched and not trains_for_you(run) and not is_test(run) and not _is_private_method(run):
                self._judge(run, layout, Roles(run, layout, readers))

    def found(self) -> Iterator[list[Recorded]]:
        """The calls that record gradients in vain, those of one function together."""
        by_function: dict[Hashable, list[Recorded]] = {}
        for verdict in self._verdicts.values():
            if verdict.found and not verdict.is_right:
                first = verdict.found[0]
                by_function.setdefault(function_at(first.call, first.layout), []).append(first)
        yield from by_function.values()

    def _judge(self, run: Run, layout: Layout, roles: Roles) -> None:
        escaped = frozenset().union(
            keys_behind(run.result), *(keys_behind(e.value) for e in layout.events if e.kind is Kind.STORE),
            *(keys_behind(e.subject) for e in layout.events if e.kind is Kind.HAND_OVER and _TAKES_GRADIENTS.search(name_of(e.value))),
        )  # fmt: skip
        for module, walk in modules_in_run(layout, roles, run):
            for call in walk.trained:
                self._verdicts.setdefault(call.site, _Verdict()).is_right = True
            if is_managed_module(module.module):
                continue
            is_model = has_parameters(module.module) or any(s.cause is not None for s in (*module.evaluations, *module.others))
            if not is_model or any(e.kind is Kind.STORE and e.words == "requires_grad" and walk.touches(e.subject) for e in layout.events):
                continue
            for seen in (*module.evaluations, *module.others):
                self._note(seen, module.module, walk, layout, roles, escaped)

    def _note(self, seen: Sighting, module: Value, walk: ModeWalk, layout: Layout, roles: Roles, escaped: frozenset[Hashable]) -> None:
        verdict = self._verdicts.setdefault(seen.call.site, _Verdict())
        region = self._region(seen, layout, roles)
        escapes = any(identity(part) in escaped for part in parts(seen.call.value))
        is_measured = escapes and roles.is_measured(seen.call)
        if region is None or layout.of[seen.call].is_recording is not True or (escapes and not is_measured) or self._wants(seen, layout):
            verdict.is_right = True
        else:
            verdict.found.append(Recorded(seen, module, layout, walk, region[0], escapes))

    def _region(self, seen: Sighting, layout: Layout, roles: Roles) -> tuple[Item | None] | None:
        """The outermost item of the evaluation that a call belongs to, in a tuple of one; `None` where it belongs to none."""
        is_module = seen.call.words in PLAIN_CALLS or (seen.cause is not None and key_of(seen.cause.subject) == callee_key(seen.call))
        if not is_module or roles.is_touched(seen.call) or not roles.is_used(seen.call):
            return None
        evaluation = roles.evaluation(seen.call)
        if evaluation is not None and evaluation.is_named and seen.cause is not None:
            return (evaluation.region,)
        call, cause = layout.of[seen.call], None if seen.cause is None else layout.of[seen.cause]
        if seen.phase is Phase.EVAL and cause is not None and seen.cause is not None and seen.cause.kind is Kind.MODE:
            return (roles.region(seen.call),) if call.calls[-1:] == cause.calls[-1:] else None
        return None

    def _wants(self, seen: Sighting, layout: Layout) -> bool:
        """Whether the code around a call speaks of gradients."""
        call = layout.of[seen.call].calls[-1:]
        if call:
            return bool(_names_in(call[0].definition.node) & _WANTS_GRADIENTS)
        module = self._program.module(seen.call.site.path)
        return module is None or "requires_grad" in module.parsed.text or "autograd" in module.parsed.text


def _names_in(function: low.FunctionDef) -> set[str]:
    found = set()
    for node in low.nodes_in(function.body):
        if isinstance(node, low.Attribute):
            found.add(node.name)
        elif isinstance(node, low.Name):
            found.add(node.id)
        elif isinstance(node, low.Argument) and node.keyword is not None:
            found.add(node.keyword)
    return found


def _is_idle(event: Event) -> bool:
    return (
        event.kind is Kind.NAMED
        and isinstance(event.subject, GradSwitch)
        and event.words != "set_grad_enabled"
        and truth_of(event.subject.flag) is False
    )


def _is_private_method(run: Run) -> bool:
    """Whether a run starts in a method that another method calls, of a class that need not be this one: it may hold `no_grad`."""
    owner, _, name = run.name.rpartition(".")
    return bool(owner) and name.startswith("_") and not name.endswith("__")


def function_at(event: Event, layout: Layout) -> Hashable:
    """Equal for what stands in one function, or at the top level of one file."""
    calls = layout.of[event].calls
    return id(calls[-1].definition.node) if calls else event.site.path


def wrap_evaluations(graph: ProjectGraph, found: list[Recorded]) -> Edits:
    """Edits that put evaluations under `with torch.no_grad():`, each with the loops around it, as the file's imports call it."""
    edits: dict[FileEdit, None] = {}
    for recorded in found:
        made = _wrap(graph, recorded)
        if made is None:
            return None
        edits |= dict.fromkeys(made)
    return tuple(edits)


def _wrap(graph: ProjectGraph, recorded: Recorded) -> Edits:
    site = recorded.call.site
    switch = graph.spelling(site, "torch.no_grad")
    around = recorded.layout.of[recorded.call].around
    inside = around[around.index(recorded.region) :] if recorded.region in around else ()
    last = max((at for at, item in enumerate(inside) if isinstance(item, Activation)), default=-1)
    if switch is None or (last >= 0 and inside[last].definition.node.is_generator):  # type: ignore[union-attr]
        return None
    loops = sum(isinstance(item, Loop) for item in inside[last + 1 :])
    header = f"with {switch}()"
    wrapped = graph.wrap_around(site, Enclosing.LOOP, header, loops - 1) if loops else None
    return wrapped or graph.wrap(site, site, header)
