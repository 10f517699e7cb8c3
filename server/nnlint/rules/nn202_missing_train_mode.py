"""# missing-train-mode (NN202)

page

## Bad

## Good

## Fix safety
"""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.programs.mode_edits import put_in_training_mode
from nnlint.dataflow.programs.mode_mistakes import Mistake, WrongMode
from nnlint.dataflow.programs.mode_reports import chain_of, name_in
from nnlint.findings import Applicability, Finding, Fix, Severity
from nnlint.rule import Declaration

RULE = Declaration(name="missing-train-mode", severity=Severity.WARNING)


def check(graph: ProjectGraph) -> Iterator[Finding]:
    for wrong in graph.mode_mistakes:
        if wrong.mistake is Mistake.TRAINED_AFTER_EVALUATION:
            name = name_in(graph, wrong)
            yield Finding(
                code="NN202",
                name=RULE.name,
                message=f"after its first evaluation `{name}` is trained in evaluation mode: nothing calls `{name}.train()` again",
                path=wrong.call.site.path,
                span=graph.span(wrong.call.site),
                severity=RULE.severity,
                fixes=tuple(_fixes(graph, wrong, name)),
                related=chain_of(graph, wrong),
            )


def _fixes(graph: ProjectGraph, wrong: WrongMode, name: str) -> Iterator[Fix]:
    edits = put_in_training_mode(graph, wrong)
    if edits is not None:
        yield Fix(f"call {name}.train() before the training goes on (unsafe: training changes)", Applicability.UNSAFE, edits)
