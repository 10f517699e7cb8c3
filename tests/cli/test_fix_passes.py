"""Fixes that touch, that belong together, and that never settle."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from nnlint import engine
from nnlint.cli.fix import Fixed, fix_files
from nnlint.findings import Applicability, FileEdit, Finding, Fix, Severity
from nnlint.settings import Settings
from nnlint.text import Edit, Span
from nnlint.workspace import DiskSources, OverlaySources

SAFE = frozenset({Applicability.SAFE})
Rule = Callable[[str, str], list[Finding]]


def finding(path: str, match: re.Match[str], *edits: FileEdit, grade: Applicability = Applicability.SAFE) -> Finding:
    return Finding("NN501", "a-rule", "wrong", path, Span(*match.span()), Severity.INFO, (Fix("mend it", grade, edits),))


def run(monkeypatch: pytest.MonkeyPatch, rule: Rule, **texts: str) -> Fixed:
    """Fixes texts by path with one rule, a function of path and text."""

    def check(_: object, sources: engine.Sources, paths: list[str], *__: object) -> engine.CheckResult:
        return engine.CheckResult([found for path in paths for found in rule(path, sources.text(path) or "")], [])

    monkeypatch.setattr(engine.Engine, "check", check)
    sources = OverlaySources(DiskSources((), ()), texts)
    settings = Settings(frozenset({"NN501"}))
    return fix_files(sources, list(texts), lambda _: settings, check(None, sources, list(texts)), SAFE)


def edit(match: re.Match[str], by: str, further: int = 0) -> FileEdit:
    return FileEdit(Edit(Span(match.start(), match.end() + further), by))


def replace(path: str, text: str, pattern: str, by: str) -> list[Finding]:
    return [finding(path, match, edit(match, by)) for match in re.finditer(pattern, text)]


def test_overlapping_fixes_are_done_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def rule(path: str, text: str) -> list[Finding]:
        names = [finding(path, match, edit(match, "y =", further=2)) for match in re.finditer(r"[xz](?= =)", text)]
        return names + replace(path, text, r"= 1", "= 2")

    fixed = run(monkeypatch, rule, a="x = 1\nz = 1\n")
    assert fixed.texts == {"a": "y = 2\ny = 2\n"}
    assert fixed.applied["NN501"] == 4
    assert fixed.problems == []
    assert fixed.result.findings == []


def test_an_edit_that_two_findings_share_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def rule(path: str, text: str) -> list[Finding]:
        shared = FileEdit(Edit(Span(0, 0), "import a\n"))
        return [] if text.startswith("import") else [finding(path, match, shared) for match in re.finditer("x", text)]

    assert run(monkeypatch, rule, a="x\nx\n").texts == {"a": "import a\nx\nx\n"}


def rename_here_and_elsewhere(path: str, text: str, by: str) -> list[Finding]:
    """Finds every x in `a`, and would put `by` at the beginning of `b` as well."""
    elsewhere = FileEdit(Edit(Span(0, 1), by), "b")
    return [finding(path, match, edit(match, "y"), elsewhere) for match in re.finditer("x", text)] if path == "a" else []


@pytest.mark.parametrize("rest", [" = 1\n", " = (\n"], ids=["whole", "broken before"])
def test_a_fix_may_reach_into_another_file(monkeypatch: pytest.MonkeyPatch, rest: str) -> None:
    fixed = run(monkeypatch, lambda path, text: rename_here_and_elsewhere(path, text, "y"), a="x\n", b="x" + rest)
    assert fixed.texts == {"a": "y\n", "b": "y" + rest}


def test_a_fix_that_breaks_another_file_is_not_applied_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def rule(path: str, text: str) -> list[Finding]:
        return rename_here_and_elsewhere(path, text, "(") + replace(path, text, "z", "w")

    fixed = run(monkeypatch, rule, a="x\n", b="q = z\n")
    assert fixed.texts == {"b": "q = w\n"}
    assert fixed.problems == [("a", "the fix of NN501 would not leave valid Python, so it was not applied")]


def test_fixes_that_undo_one_another_end_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def rule(path: str, text: str) -> list[Finding]:
        return replace(path, text, "x", "y") + replace(path, text, "y", "x")

    fixed = run(monkeypatch, rule, a="x\n")
    [(path, words)] = fixed.problems
    assert path == "a"
    assert words.startswith("NN501 still wants to be fixed after ")


def test_only_the_grades_that_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    def rule(path: str, text: str) -> list[Finding]:
        grades = (Applicability.UNSAFE, Applicability.DISPLAY)
        return [finding(path, match, edit(match, "y"), grade=grade) for grade in grades for match in re.finditer("x", text)]

    fixed = run(monkeypatch, rule, a="x\n")
    assert fixed.texts == {}
    assert len(fixed.result.findings) == 2
