"""# missing-eval-mode (NN201)

page

## Bad

## Good

## Fix safety
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.programs.mode_edits import evaluate_in_eval_mode
from nnlint.dataflow.programs.mode_mistakes import Mistake, WrongMode
from nnlint.dataflow.programs.mode_reports import chain_of, name_in
from nnlint.findings import Applicability, Finding, Fix, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="missing-eval-mode", severity=Severity.WARNING)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for wrong in graph.mode_mistakes:
        if wrong.mistake is Mistake.EVALUATED_IN_TRAINING:
            name = name_in(graph, wrong)
            yield Finding(
                code="NN201",
                name=RULE.name,
                message=f"`{name}` is evaluated in training mode: dropout drops, and batch norm uses and updates batch statistics",
                path=wrong.call.site.path,
                span=graph.span(wrong.call.site),
                severity=RULE.severity,
                fixes=tuple(_fixes(graph, wrong, name)),
                related=chain_of(graph, wrong),
            )


def _fixes(graph: ProjectGraph, wrong: WrongMode, name: str) -> Iterator[Fix]:
    edits = evaluate_in_eval_mode(graph, wrong)
    if edits is not None:
        yield Fix(f"call {name}.eval() before the evaluation (unsafe: the results change)", Applicability.UNSAFE, edits)
