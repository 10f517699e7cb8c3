"""What the rules on modes say in common: the chain of a finding and how its module is called."""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.programs.mode_edits import module_text
from nnlint.dataflow.programs.mode_mistakes import WrongMode
from nnlint.dataflow.programs.modes import Phase
from nnlint.dataflow.programs.trace import Event, Kind
from nnlint.findings import Related
from nnlint.semantics.definitions import Site


def name_in(graph: ProjectGraph, wrong: WrongMode) -> str:
    """The module as the code calls it."""
    return module_text(graph, wrong.call, wrong.module) or graph.callee_text(wrong.call.site)


def chain_of(graph: ProjectGraph, wrong: WrongMode) -> tuple[Related, ...]:
    """What set the mode, what was called then, and what applies the gradients."""
    return tuple(Related(site.path, graph.span(site), words) for site, words in _chain(wrong))


def _chain(wrong: WrongMode) -> Iterator[tuple[Site, str]]:
    seen = wrong.seen
    if seen.cause is not None:
        yield seen.cause.site, mode_words(seen.cause, seen.phase)
    inner = next((a for a in reversed(wrong.layout.of[wrong.call].calls) if a.site is not None), None)
    if inner is not None and inner.site is not None:
        yield inner.site, f"`{inner.definition.name}()` is called here"
    if seen.step is not None:
        yield seen.step.site, "the optimizer applies its gradients here"


def mode_words(cause: Event, phase: Phase) -> str:
    mode = "training" if phase is Phase.TRAIN else "evaluation"
    if cause.kind is Kind.MADE:
        return "it is constructed here, in training mode" if phase is Phase.TRAIN else "`from_pretrained` gives a model in evaluation mode"
    return f"it is set to {mode} mode here"
