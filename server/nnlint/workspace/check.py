"""Checks files of a project; one that cannot be read gives a finding too, for what was not looked at is not clean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from nnlint import engine
from nnlint.findings import Finding
from nnlint.rules import all_rules
from nnlint.settings import SYNTAX_ERROR, Settings
from nnlint.text import Span


class CheckedSources(engine.Sources, Protocol):
    """Sources that also know why a file cannot be read."""

    def problem(self, path: str) -> str | None: ...


def check_files(
    sources: CheckedSources,
    paths: Sequence[str],
    settings_for: Callable[[str], Settings],
    checker: engine.Engine | None = None,
    is_cancelled: Callable[[], bool] | None = None,
    counts_layers: bool = False,
    finds_assists: bool = False,
    finds_models: bool = False,
) -> engine.CheckResult:
    """The engine's findings on `paths`, and an NN000 for each of them that cannot be read; sorted as the engine sorts.

    With `counts_layers` the result says which layers the files construct, and which of these constructions were understood; with
    `finds_assists`, what the rules can do in the files besides curing findings; with `finds_models`, which models they define.
    A `checker` that is given again remembers what it learned of texts that did not change.
    Raises `engine.Cancelled` soon after `is_cancelled` says so.
    """
    unreadable = {path: problem for path in paths if (problem := sources.problem(path)) is not None}
    checker = checker or engine.Engine()
    readable = [path for path in paths if path not in unreadable]
    result = checker.check(sources, readable, settings_for, is_cancelled, counts_layers, finds_assists, finds_models)
    found = [_unreadable(path, problem, settings_for(path)) for path, problem in unreadable.items()]
    if not found:
        return result
    merged = sorted([*result.findings, *(f for f in found if f is not None)], key=lambda finding: finding.path)
    return replace(result, findings=merged)


def _unreadable(path: str, problem: str, settings: Settings) -> Finding | None:
    if SYNTAX_ERROR not in settings.enabled:
        return None
    rule = all_rules()[SYNTAX_ERROR]
    severity = settings.severities.get(SYNTAX_ERROR, rule.severity)
    return Finding(rule.code, rule.name, f"not checked: {problem}", path, Span(0, 0), severity)
