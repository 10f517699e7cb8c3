"""`check(sources, paths, settings) -> findings`: a pure function of what it is given."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from nnlint.findings import Applicability, FileEdit, Finding, Fix
from nnlint.rule import Rule
from nnlint.rules import all_rules
from nnlint.semantics.program import Module, Program
from nnlint.settings import Settings
from nnlint.syntax.parser import ParsedFile, Parser, collector_off
from nnlint.syntax.suppressions import Scope, Suppression, suppressions_in
from nnlint.text import Edit, LineIndex, Span

SYNTAX_ERROR = "NN000"
UNUSED_SUPPRESSION = "NN001"


class Sources(Protocol):
    """The Python files of one project: an immutable, lazy mapping from absolute path to text.

    The engine reads definitions and callers from every file in it, and reports only on those that it is asked for.
    """

    @property
    def import_roots(self) -> Sequence[str]:
        """Folders from which modules are imported (the project's folder, its `src`, …), absolute."""

    def paths(self) -> Sequence[str]:
        """Every Python file of the project, absolute, sorted."""

    def text(self, path: str) -> str | None:
        """The file's text without a byte-order mark; `None` where there is no such readable file. The same at every call."""


@dataclass(slots=True)
class CheckResult:
    """Findings sorted by path, place and code; and for each rule that crashed, what it said."""

    findings: list[Finding] = field(default_factory=list)
    internal_errors: list[str] = field(default_factory=list)


class Engine:
    """Checks, and remembers between checks what it learned of unchanged text. One thread at a time."""

    def __init__(self) -> None:
        self._parser = Parser()
        self._modules: dict[str, Module] = {}

    def check(self, sources: Sources, paths: Sequence[str], settings_for: Callable[[str], Settings]) -> CheckResult:
        from nnlint.dataflow.explore import explore

        result = CheckResult()
        program = Program(sources.text, sources.paths(), sources.import_roots, self._parser, self._modules)
        wanted = {path: settings_for(path) for path in dict.fromkeys(paths)}
        enabled = frozenset().union(*(settings.enabled for settings in wanted.values())) if wanted else frozenset()
        found: list[Finding] = []
        parsed = {path: module.parsed for path in wanted if (module := program.module(path)) is not None}
        found += [f for path, file in parsed.items() for f in _syntax_errors(path, file)]
        if any(rule.check is not None for code, rule in all_rules().items() if code in enabled):
            try:
                with collector_off():
                    graph = explore(program, _relevant_paths(program, list(wanted)), wanted.keys())
            except Exception:  # a defect of ours must not take the other findings with it
                result.internal_errors.append(f"the analysis failed\n{traceback.format_exc()}")
            else:
                for code, rule in all_rules().items():
                    if code in enabled and rule.check is not None:
                        found += self._run(rule, graph, result)
        for path, file in parsed.items():
            own = [f for f in found if f.path == path and f.code in wanted[path].enabled]
            result.findings += _finished(path, file, own, wanted[path])
        return result

    def _run(self, rule: Rule, graph: object, result: CheckResult) -> list[Finding]:
        assert rule.check is not None
        try:
            return list(rule.check(graph))  # type: ignore[arg-type]
        except Exception:  # the others go on
            result.internal_errors.append(f"rule {rule.code} crashed\n{traceback.format_exc()}")
            return []


def check(sources: Sources, paths: Sequence[str], settings_for: Callable[[str], Settings]) -> CheckResult:
    """Checks `paths` in the light of the whole project."""
    return Engine().check(sources, paths, settings_for)


def graph_text(sources: Sources, path: str, class_name: str) -> str:
    """The dataflow graph of a class's `forward()` as text; raises `LookupError` where there is no such class."""
    from nnlint.dataflow.explore import explore
    from nnlint.dataflow.rendering import render_class

    program = Program(sources.text, sources.paths(), sources.import_roots, Parser())
    return render_class(explore(program, _relevant_paths(program, [path]), [path]), path, class_name)


def _relevant_paths(program: Program, wanted: Sequence[str]) -> list[str]:
    """The files that can say something about modules: those that mention torch, and those that were asked for."""
    return [path for path in sorted(program.paths | set(wanted)) if path in wanted or program.mentions(path, "torch")]


def _syntax_errors(path: str, parsed: ParsedFile) -> Iterable[Finding]:
    rule = all_rules()[SYNTAX_ERROR]
    for offset, message in parsed.problems:
        yield Finding(SYNTAX_ERROR, rule.name, f"syntax error: {message}", path, _visible(parsed.text, offset), rule.severity)


def _visible(text: str, offset: int) -> Span:
    """One character at `offset`, or the last one before it where a line ends there."""
    while offset > 0 and (offset >= len(text) or text[offset] in "\r\n"):
        offset -= 1
    return Span(offset, min(offset + 1, len(text)))


def _finished(path: str, parsed: ParsedFile, findings: list[Finding], settings: Settings) -> list[Finding]:
    """The findings of one file: suppressed, graded and sorted."""
    suppressions = suppressions_in(parsed)
    used: set[Span] = set()
    kept = [f for f in findings if not _is_suppressed(f, suppressions, used)]
    if UNUSED_SUPPRESSION in settings.enabled:
        kept += [f for f in _unused(path, parsed.text, suppressions, used, settings) if not _is_suppressed(f, suppressions, used)]
    index = LineIndex(parsed.text)
    graded = [_graded(f, settings) for f in kept]
    return sorted(graded, key=lambda f: (index.position(f.span.start), f.code, f.span.end, f.message))


def _graded(finding: Finding, settings: Settings) -> Finding:
    fixes = tuple(replace(fix, applicability=settings.applicability(finding.code, fix.applicability)) for fix in finding.fixes)
    return replace(finding, fixes=fixes, severity=settings.severities.get(finding.code, finding.severity))


def _is_suppressed(finding: Finding, suppressions: list[Suppression], used: set[Span]) -> bool:
    """Whether a comment covers the finding's start; every selector that does is noted as used."""
    hit = False
    for suppression in suppressions:
        if suppression.covers.start <= finding.span.start < suppression.covers.end or suppression.scope is Scope.FILE:
            for selector in suppression.selectors:
                if _names(selector.name, finding.code, finding.name):
                    used.add(selector.span)
                    hit = True
    return hit


def _names(selector: str, code: str, name: str) -> bool:
    word = selector.upper()
    return word in ("", "ALL") or (word.startswith("NN") and code.startswith(word)) or word == name.upper()


def _unused(path: str, text: str, suppressions: list[Suppression], used: set[Span], settings: Settings) -> Iterable[Finding]:
    rules = all_rules()
    rule = rules[UNUSED_SUPPRESSION]
    for suppression in suppressions:
        idle = [s for s in suppression.selectors if s.span not in used and _was_asked(s.name, settings, rules)]
        if not idle:
            continue
        words = ", ".join(s.name for s in idle if s.name) or "anything"
        if len(idle) == len(suppression.selectors):
            yield _unused_finding(rule, path, suppression.comment, words, _without_comment(text, suppression))
        else:
            for selector in idle:
                yield _unused_finding(rule, path, selector.span, selector.name, _without_selector(text, selector.span))


def _was_asked(selector: str, settings: Settings, rules: dict[str, Rule]) -> bool:
    """Whether every rule that the selector names was switched on, so that its silence means something."""
    named = [code for code, rule in rules.items() if _names(selector, code, rule.name)]
    return bool(named) and UNUSED_SUPPRESSION not in (named if selector else ()) and all(code in settings.enabled for code in named)


def _unused_finding(rule: Rule, path: str, span: Span, words: str, edit: Edit) -> Finding:
    fix = Fix("remove the unused suppression", Applicability.SAFE, (FileEdit(edit),))
    return Finding(rule.code, rule.name, f"unused suppression: {words} is not reported here", path, span, rule.severity, (fix,))


def _without_comment(text: str, suppression: Suppression) -> Edit:
    """Removes the comment with the blanks before it, and the whole line where nothing else stands on it."""
    start, end = suppression.comment.start, suppression.comment.end
    line_start = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    line_end = next((i for i in range(end, len(text)) if text[i] in "\r\n"), len(text))
    if text[end:line_end].strip():
        rest = text[end:line_end].lstrip()
        keep = "" if rest.startswith("#") else "# "
        return Edit(Span(start, line_end - len(rest)), keep)
    if not text[line_start:start].strip():
        behind = 2 if text[line_end : line_end + 2] == "\r\n" else 1
        return Edit(Span(line_start, min(line_end + behind, len(text))), "")
    return Edit(Span(line_start + len(text[line_start:start].rstrip()), line_end), "")


def _without_selector(text: str, span: Span) -> Edit:
    """Removes one code from a list, with the comma behind it, or else the one before it."""
    end = span.end
    while end < len(text) and text[end] in ", ":
        end += 1
    if end > span.end:
        return Edit(Span(span.start, end), "")
    start = span.start
    while start > 0 and text[start - 1] in ", ":
        start -= 1
    return Edit(Span(start, span.end), "")
