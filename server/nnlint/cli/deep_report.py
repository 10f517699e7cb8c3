"""How `nnlint deep` reports: the verdicts of each model as text or JSON, or its recipe."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from nnlint.cli.deep_models import ModelRun
from nnlint.cli.report import Names, Report
from nnlint.cli.reporters.json import finding_object
from nnlint.cli.style import Style, printable
from nnlint.deep.answer_words import facts_of, in_one_line, number_words
from nnlint.deep.recipe_report import html as recipe_html
from nnlint.deep.recipe_report import json as recipe_json
from nnlint.deep.recipe_report import text as recipe_text
from nnlint.deep.recipe_report.recipe import Recipe
from nnlint.findings import Finding, VerdictKind

_ROLES = {VerdictKind.CONFIRMED: "warning", VerdictKind.REFUTED: "note", VerdictKind.NO_ANSWER: "quiet"}


def is_bad(run: ModelRun) -> bool:
    """Whether a mistake was seen to happen, or a check of the recipe failed."""
    confirmed = any(finding.verdict and finding.verdict.kind is VerdictKind.CONFIRMED for finding in run.findings)
    return confirmed or _recipe(run).has_failed


def has_answer(run: ModelRun) -> bool:
    """Whether the model could be run at all, or told something before its run was ended."""
    judged = any(finding.verdict and finding.verdict.kind is not VerdictKind.NO_ANSWER for finding in run.findings)
    return not run.answer.problem or judged or bool(_recipe(run).checks)


def render(runs: Sequence[ModelRun], recipe: bool, output_format: str, style: Style) -> str:
    if recipe:
        recipes = list(map(_recipe, runs))
        if output_format == "text":
            return recipe_text.render(recipes, style.paint)
        return recipe_html.render(recipes) if output_format == "html" else recipe_json.render(recipes)
    reports = [(run, _report(run, style)) for run in runs]
    if output_format == "json":
        return json.dumps([_object(*pair) for pair in reports], indent=2, ensure_ascii=False) + "\n"
    return "\n".join("".join(f"{line}\n" for line in _lines(*pair)) for pair in reports)


def _recipe(run: ModelRun) -> Recipe:
    return Recipe(run.name, run.file, run.answer)


def _report(run: ModelRun, style: Style) -> Report:
    return Report(run.findings, Names({run.path: run.file}), lambda path: run.text if path == run.path else None, style)


def _object(run: ModelRun, report: Report) -> dict[str, Any]:
    answer = run.answer
    return {
        "class": run.name,
        "filename": run.file,
        "problem": answer.problem or None,
        "model": answer.model,
        "origin": answer.origin,
        "inputs": answer.inputs,
        "parameters": answer.parameters,
        "seconds": answer.seconds,
        "versions": answer.versions,
        "findings": [finding_object(report, finding) for finding in report.findings],
    }


def _lines(run: ModelRun, report: Report) -> Iterator[str]:
    paint = report.style.paint
    yield f"{paint(run.name, 'strong')} in {printable(run.file)}"
    for word, value in facts_of(run.answer):
        yield f"  {paint(f'{word:<10}', 'quiet')}  {value}"
    if run.answer.problem:
        yield f"  {paint('No answer', 'error')}   {in_one_line(run.answer.problem)}"
    for finding in report.findings:
        yield ""
        yield from _finding(finding, report)
    yield ""
    yield _summary(run.findings)


def _finding(finding: Finding, report: Report) -> Iterator[str]:
    verdict = finding.verdict
    assert verdict is not None
    place = report.place(finding.path, finding.span)
    where = f"{printable(report.name(finding.path))}:{place.row}:{place.column}"
    yield f"  {report.style.paint(verdict.kind.value, _ROLES[verdict.kind])}  {where}  {finding.code} {finding.message}"
    yield f"    {in_one_line(verdict.message)}"
    if verdict.numbers:
        yield f"    {', '.join(f'{in_one_line(name)} {number_words(value)}' for name, value in verdict.numbers)}"


def _summary(findings: Sequence[Finding]) -> str:
    """`2 confirmed, 1 refuted.`"""
    counts = Counter(finding.verdict.kind for finding in findings if finding.verdict)
    words = [
        f"{counts[kind]} {'without an answer' if kind is VerdictKind.NO_ANSWER else kind.value}" for kind in VerdictKind if counts[kind]
    ]
    return f"{', '.join(words)}." if words else "Nothing was found in it that a run could confirm or refute."
