"""# missing-no-grad (NN205)

page

## Bad

## Good

## Fix safety
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.programs.recording_mistakes import Recorded, wrap_evaluations
from nnlint.findings import Applicability, Finding, Fix, Related, Severity
from nnlint.rule import Declaration
from nnlint.semantics.definitions import Site

RULE = Declaration(name="missing-no-grad", severity=Severity.INFO)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    mistakes = graph.recording_mistakes
    idle = {(site.path, site.block): site for site in mistakes.idle}
    told = set()
    for found in mistakes.found():
        site = found[0].call.site
        vain = idle.get((site.path, site.block))
        if vain is None:
            yield _finding(
                graph, site, "evaluation records gradients that nothing computes: memory and time for a graph without use", found
            )
        elif vain not in told:
            told.add(vain)
            yield _idle(graph, vain, found)
    for site in mistakes.idle:
        if site not in told:
            yield _idle(graph, site, [])


def _idle(graph: ProjectGraph, site: Site, found: list[Recorded]) -> Finding:
    written = graph.callee_text(site)
    return _finding(graph, site, f"`{written}()` on a line of its own switches nothing off: it is `with {written}():`", found)


def _finding(graph: ProjectGraph, site: Site, message: str, found: list[Recorded]) -> Finding:
    return Finding(
        code="NN205",
        name=RULE.name,
        message=message,
        path=site.path,
        span=graph.span(site),
        severity=RULE.severity,
        fixes=tuple(_fixes(graph, site, found)),
        related=tuple(_related(graph, site, found)),
    )


def _related(graph: ProjectGraph, site: Site, found: list[Recorded]) -> Iterator[Related]:
    for recorded in found:
        if recorded.call.site != site:
            yield Related(recorded.call.site.path, graph.span(recorded.call.site), "gradients are recorded here")
    if found and (cause := found[0].seen.cause) is not None and cause.words == "eval":
        yield Related(cause.site.path, graph.span(cause.site), "the evaluation begins here")


def _fixes(graph: ProjectGraph, site: Site, found: list[Recorded]) -> Iterator[Fix]:
    edits = wrap_evaluations(graph, found) if found else None
    if edits is None:
        return
    is_idle = found[0].call.site != site and site in graph.recording_mistakes.idle
    deleted = graph.delete_statement(site) if is_idle else ()
    if deleted is None:
        return
    is_safe = not any(recorded.escapes for recorded in found)
    words = "" if is_safe else " (unsafe: the result is handed on, and would carry no gradients)"
    yield Fix(f"evaluate under no_grad{words}", Applicability.SAFE if is_safe else Applicability.UNSAFE, (*deleted, *edits))
