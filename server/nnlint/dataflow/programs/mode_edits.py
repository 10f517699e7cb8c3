"""The cures of wrong modes as edits: `train()` and `eval()` where they are missing, in the names of the code around."""

from __future__ import annotations

import re

from nnlint.dataflow import values as val
from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.programs.mode_mistakes import Mistake, WrongMode, is_module
from nnlint.dataflow.programs.modes import Sighting
from nnlint.dataflow.programs.surroundings import Layout
from nnlint.dataflow.programs.trace import Activation, Event, Item, Kind, Loop
from nnlint.dataflow.source_text import Edits
from nnlint.semantics.definitions import FunctionDefinition, Site
from nnlint.syntax import lowered as low
from nnlint.syntax.statements import Enclosing

_PLACE = re.compile(r"[A-Za-z_]\w*(\.\w+|\[[\w'\".]+\])*")


def module_text(graph: ProjectGraph, call: Event, module: val.Value) -> str | None:
    """How the code writes the module that is called: `net` in `net(x)`, `self` in `self.encoder(x)` of a module."""
    text = graph.callee_text(call.site)
    text = text.removesuffix(".forward").removesuffix(".__call__")
    at = module
    while isinstance(at, val.Heap) and at.owner is not None and is_module(at.owner) and "." in text:
        text, at = text.rpartition(".")[0], at.owner
    return text if _PLACE.fullmatch(text) else None


def evaluate_in_eval_mode(graph: ProjectGraph, wrong: WrongMode) -> Edits:
    """Edits that switch a module to evaluation mode before its evaluation, and back where it would be trained without it afterwards."""
    text = module_text(graph, wrong.call, wrong.module)
    if text is None:
        return None
    edits = _switch_for_evaluation(graph, wrong, text)
    later = _trained_afterwards(wrong)
    if edits is None or later is None:
        return edits
    back = train_in_training_mode(graph, wrong.layout, later, wrong.module, wrong.call)
    return None if back is None else (*edits, *back)


def _switch_for_evaluation(graph: ProjectGraph, wrong: WrongMode, text: str) -> Edits:
    layout, call, cause = wrong.layout, wrong.call, wrong.seen.cause
    around = layout.of[call].around
    inside = around[around.index(wrong.region) :] if wrong.region in around else ()
    if cause is not None and _is_within(layout, cause, wrong.region) and cause.words == "train" and cause.site.block == call.site.block:
        return graph.rename_method(cause.site, "eval")
    calls = [item for item in inside if isinstance(item, Activation)]
    found = _at_top_of(graph, calls[::-1] if not wrong.is_shared else calls[-2::-1], layout, call, f"{text}.eval()")
    if found is not None or wrong.is_shared or (calls and calls[-1].definition.block != call.site.block):
        return found
    return before_loops(graph, call.site, len(_loops_at(inside)), f"{text}.eval()")


def _trained_afterwards(wrong: WrongMode) -> Sighting | None:
    """Where a module that would be in evaluation mode from here on would be trained in it."""
    walk = wrong.walk.assuming(wrong.call)
    return next((s for s in walk.found.trainings if s.cause is not None and s.cause.site == wrong.call.site), None)


def train_in_training_mode(graph: ProjectGraph, layout: Layout, seen: Sighting, module: val.Value, cause: Event) -> Edits:
    """Edits that switch a module to training mode before it is trained: at the top of the function that trains it, or of the loop
    in which it was left in evaluation mode."""
    text = module_text(graph, seen.call, module)
    if text is None or seen.step is None:
        return None
    code = f"{text}.train()"
    call, step, origin = layout.of[seen.call], layout.of[seen.step], layout.of[cause]
    calls = [a for a in call.calls if a in step.calls and a not in origin.calls]
    found = _at_top_of(graph, calls, layout, seen.call, code)
    if found is not None or calls:
        return found
    loops = _loops_at(call.around)
    shared = [loop for loop in loops if loop in origin.loops]
    if shared and origin.number < call.number:  # put right between the two, in the loop around both
        return before_loops(graph, seen.call.site, len(loops) - 1 - loops.index(shared[-1]), code)
    if shared:
        return graph.insert_first(seen.call.site, Enclosing.LOOP, code, len(loops) - 1 - loops.index(shared[-1]))
    repeated = graph.insert_first(seen.call.site, Enclosing.LOOP, code, len(loops))  # a loop of few rounds, which were run one by one
    return repeated or before_loops(graph, seen.call.site, len(loops), code)


def before_loops(graph: ProjectGraph, site: Site, loops: int, code: str) -> Edits:
    """Edits that put code before the outermost of so many loops around a place, or before its own statement."""
    return graph.insert_around(site, Enclosing.LOOP, code, loops - 1) if loops else graph.insert_before(site, code)


def _loops_at(around: tuple[Item, ...]) -> list[Loop]:
    """The loops around an event in the function where it stands, outermost first."""
    last = max((at for at, item in enumerate(around) if isinstance(item, Activation)), default=-1)
    return [item for item in around[last + 1 :] if isinstance(item, Loop)]


def _at_top_of(graph: ProjectGraph, calls: list[Activation], layout: Layout, call: Event, code: str) -> Edits:
    """Edits that put code at the top of the first function in which its name means what it means at the call."""
    around = layout.of[call].calls
    for activation in calls:
        at = around.index(activation)
        inner = around[at + 1].site if at + 1 < len(around) else call.site
        if inner is None or not _means_the_same(activation.definition, around[-1].definition, code):
            continue
        found = graph.insert_first(inner, Enclosing.FUNCTION, code)
        if found is not None:
            return found
    return None


def _means_the_same(function: FunctionDefinition, other: FunctionDefinition, code: str) -> bool:
    """Whether a name means at the top of a function what it means at a place in `other`."""
    name = re.split(r"[.\[]", code, maxsplit=1)[0]
    if function is not other:
        return name == "self" and function.owner is not None and function.owner is other.owner
    parameters = function.node.parameters
    given = {p.name for p in (*parameters.positional_only, *parameters.positional, *parameters.keyword_only)}
    return not _binds(function.node, name) if name in given else name not in _bound_in(function.node)


def _binds(function: low.FunctionDef, name: str) -> bool:
    return name in _bound_in(function)


def _bound_in(function: low.FunctionDef) -> set[str]:
    found: set[str] = set()
    for node in low.nodes_in(function.body):
        match node:
            case low.Assign(targets=targets):
                for target in targets:
                    found |= _names(target)
            case low.For(target=target) | low.NamedExpression(target=target):
                found |= _names(target)
            case low.With(items=items):
                found = found.union(*(_names(bound) for _, bound in items if bound is not None))
    return found


def _names(target: low.Node) -> set[str]:
    match target:
        case low.Name(id=name):
            return {name}
        case low.Display(items=items):
            return set().union(*(_names(item) for item in items))
        case _:
            return set()


def _is_within(layout: Layout, event: Event, region: Item | None) -> bool:
    return region is not None and region in layout.of[event].around


def put_in_training_mode(graph: ProjectGraph, wrong: WrongMode) -> Edits:
    """Edits that turn an `eval()` before training into `train()`, or undo it where something is evaluated in between."""
    seen, cause = wrong.seen, wrong.seen.cause
    assert cause is not None
    is_needed = any(e.cause is cause for e in wrong.walk.found.evaluations)
    if wrong.mistake is Mistake.TRAINED_IN_EVALUATION and cause.kind is Kind.MODE and cause.words == "eval" and not is_needed:
        return graph.rename_method(cause.site, "train")
    return train_in_training_mode(graph, wrong.layout, seen, wrong.module, cause)
