"""`lsp-check --deep`: asks the models themselves about what was found in them, a few models at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from nnlint.cli.checking import ProjectCheck, available_jobs
from nnlint.cli.errors import UsageMistake
from nnlint.cli.model_runs import run_models
from nnlint.cli.report import Names
from nnlint.cli.session import Outcome, Session
from nnlint.cli.style import printable
from nnlint.deep.interpreters import InterpreterError, choose
from nnlint.deep.plan import PROVABLE, Plan, plans_for_findings
from nnlint.deep.verdicts import discovered, judge, merged, verdicts_of
from nnlint.deep.worker.messages import Answer, Limits, Request
from nnlint.findings import Finding, Verdict, VerdictKind
from nnlint.text import LineIndex


def deep_outcomes(session: Session) -> list[Outcome]:
    """The outcomes with what the models say of the findings. Raises `UsageMistake` where no model can be run at all."""
    python = _interpreter(session.options.python)
    with session.notes.busy("looking for ways to build the models"):
        planned = [_planned(outcome, session) for outcome in session.outcomes]
    plans = [plan for one in planned for plan in one.plans]
    answers = run_models(python, [plan.request for plan in plans], _models_at_once(session), session.notes)
    _check_that_torch_was_found(answers)
    for plan, answer in zip(plans, answers, strict=True):
        session.notes.detail(printable(_how_it_ran(plan, answer, session)))
    remaining = iter(answers)
    judged = [_judged(one, [*islice(remaining, len(one.plans))]) for one in planned]
    for one in judged:
        _tell_refuted(one, session)
    session.notes.summary(_summary(judged))
    return [one.outcome for one in judged]


def _interpreter(named: str | None) -> str:
    try:
        return choose(named)
    except InterpreterError as error:
        raise UsageMistake(f"--python: {error}" if named else str(error)) from None


def _models_at_once(session: Session) -> int:
    """Half as many as there are jobs: each runs torch, which uses several threads."""
    return max(1, (session.options.jobs or available_jobs()) // 2)


@dataclass(frozen=True)
class _Planned:
    """What to run for one project, and the findings that no run can answer, with the reason."""

    outcome: Outcome
    plans: list[Plan]
    unanswerable: dict[Finding, Verdict]


def _planned(outcome: Outcome, session: Session) -> _Planned:
    check = outcome.check
    settings = check.workspace.config_in(check.project.folder).deep
    seconds = session.options.timeout or settings.timeout or Limits().seconds
    asked = [finding for finding in outcome.result.findings if finding.code in PROVABLE]
    plans, unanswerable = plans_for_findings(check.sources, asked, settings)
    return _Planned(
        outcome,
        [replace(plan, request=_limited(plan.request, seconds)) for plan in plans],
        {finding: Verdict(VerdictKind.NO_ANSWER, reason) for finding, reason in unanswerable},
    )


def _limited(request: Request, seconds: float) -> Request:
    return replace(request, limits=replace(request.limits, seconds=seconds))


def _check_that_torch_was_found(answers: Sequence[Answer]) -> None:
    """An interpreter that runs no model at all is no answer to any of them, but a mistake to put right."""
    problems = {answer.problem for answer in answers}
    if len(problems) == 1 and not any("torch" in answer.versions for answer in answers):
        raise UsageMistake(f"no model could be run: {printable(problems.pop())}")


@dataclass(frozen=True)
class _Judged:
    outcome: Outcome
    refuted: tuple[Finding, ...]
    discovered: tuple[Finding, ...]


def _judged(planned: _Planned, answers: Sequence[Answer]) -> _Judged:
    check, result = planned.outcome.check, planned.outcome.result
    told = (verdicts_of(plan.findings, answer) for plan, answer in zip(planned.plans, answers, strict=True))
    judgment = judge(result.findings, merged([planned.unanswerable, *told]), check.settings_for)
    new = tuple(_discovered(check, result.findings, answers))
    findings = [*judgment.findings, *new]
    return _Judged(replace(planned.outcome, result=replace(result, findings=findings)), judgment.refuted, new)


def _discovered(check: ProjectCheck, known: Sequence[Finding], answers: Sequence[Answer]) -> Iterator[Finding]:
    for path in sorted({one.place.path for answer in answers for one in answer.discoveries} & {*check.paths}):
        yield from discovered(path, check.sources.text(path) or "", answers, known, check.settings_for(path))


def _tell_refuted(judged: _Judged, session: Session) -> None:
    name = Names(session.names)
    for finding in judged.refuted:
        at = LineIndex(judged.outcome.text(finding.path) or "").position(finding.span.start)
        session.notes.detail(f"{name(finding.path)}:{at.line + 1}:{at.column + 1}: {finding.code} {printable(str(finding.verdict))}")


def _summary(judged: Sequence[_Judged]) -> str:
    """`Deep check: 5 confirmed, 1 refuted, 2 without an answer; 1 more found by running the models.`"""
    verdicts = [finding.verdict for one in judged for finding in one.outcome.result.findings if finding.verdict]
    kinds = Counter(verdict.kind for verdict in verdicts)
    new = sum(len(one.discovered) for one in judged)
    parts = [f"{kinds[VerdictKind.CONFIRMED] - new} confirmed", f"{sum(len(one.refuted) for one in judged)} refuted"]
    parts.append(f"{kinds[VerdictKind.NO_ANSWER]} without an answer")
    return f"Deep check: {', '.join(parts)}{f'; {new} more found by running the models' if new else ''}."


def _how_it_ran(plan: Plan, answer: Answer, session: Session) -> str:
    where = f"{Names(session.names)(plan.path)}::{plan.class_name}"
    if not answer.model:
        return f"{where}: no answer: {answer.problem}"
    versions = ", ".join(f"{name} {version}" for name, version in answer.versions.items())
    built = f"{where}: built as {answer.model} ({answer.origin}), called with {answer.inputs}"
    problem = f"; no answer: {answer.problem}" if answer.problem else ""
    return f"{built}, {answer.seconds:.1f} s ({versions}){problem}"
