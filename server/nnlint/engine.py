"""`check(sources, paths, settings) -> findings`: a pure function of what it is given."""

from __future__ import annotations

import posixpath
import re
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from nnlint.dataflow.coverage import Construction as Construction
from nnlint.dataflow.coverage import constructions
from nnlint.dataflow.explore import PROJECT_FUEL, explore, explore_alone
from nnlint.dataflow.explore import Cancelled as Cancelled
from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.model_sizes import DefinedModel as DefinedModel
from nnlint.dataflow.model_sizes import defined_models
from nnlint.dataflow.models import Models
from nnlint.dataflow.source_text import SourceText
from nnlint.findings import Applicability, Assist, FileEdit, Finding, Fix
from nnlint.rule import Rule
from nnlint.rules import all_rules
from nnlint.semantics.program import Module, Program
from nnlint.settings import SYNTAX_ERROR, UNUSED_SUPPRESSION, Settings
from nnlint.syntax.parser import ParsedFile, Parser, TopLevel, collector_off
from nnlint.syntax.suppressions import Scope, Suppression, suppressions_in
from nnlint.text import Edit, LineIndex, Span

_MAX_EDITED = 4  # statements that one edit may touch to be answered on their own
_DEFINES = re.compile(r"\s*(?:@|class\b|(?:async\s+)?def\b)")


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
    """Findings sorted by path, place and code; and for each rule that crashed, what it said.

    `left_out` counts the classes, functions and scripts of a project that is too large which were not run: nothing that they
    could change is reported. `constructions` are the layers that the checked files construct, `assists` what the rules, on or
    off, can do in these files, and `models` the models that they define; each where it was asked for.
    """

    findings: list[Finding] = field(default_factory=list)
    internal_errors: list[str] = field(default_factory=list)
    constructions: list[Construction] | None = None
    assists: list[Assist] = field(default_factory=list)
    models: list[DefinedModel] | None = None
    left_out: int = 0


class Engine:
    """Checks, and remembers between checks what it learned of unchanged text. One thread at a time.

    `fuel` is the number of steps that one check may take, in round figures.
    """

    def __init__(self, fuel: int = PROJECT_FUEL) -> None:
        self._fuel = fuel
        self._parser = Parser()
        self._modules: dict[str, Module] = {}
        self._checked: dict[str, _Checked] = {}

    def check(
        self,
        sources: Sources,
        paths: Sequence[str],
        settings_for: Callable[[str], Settings],
        is_cancelled: Callable[[], bool] | None = None,
        counts_layers: bool = False,
        finds_assists: bool = False,
        finds_models: bool = False,
    ) -> CheckResult:
        """Checks `paths` in the light of the whole project. Raises `Cancelled` soon after `is_cancelled` says so."""
        with collector_off():
            return self._check(sources, paths, settings_for, is_cancelled, counts_layers, finds_assists, finds_models)

    def _check(
        self,
        sources: Sources,
        paths: Sequence[str],
        settings_for: Callable[[str], Settings],
        is_cancelled: Callable[[], bool] | None,
        counts_layers: bool,
        finds_assists: bool,
        finds_models: bool,
    ) -> CheckResult:
        result = CheckResult()
        program = Program(sources.text, sources.paths(), sources.import_roots, self._parser, self._modules)
        wanted = {path: settings_for(path) for path in dict.fromkeys(paths)}
        files = {path: module.parsed for path in wanted if (module := program.module(path)) is not None}
        found: list[Finding] = []
        if counts_layers:
            result.constructions = []
        if finds_models:
            result.models = []
        if (rules := _rules_with_checks(wanted.values())) or counts_layers or finds_models:
            found = self._findings(
                rules, lambda: explore(program, _relevant_paths(program, wanted), wanted.keys(), is_cancelled, self._fuel), result, files
            )
        for path, parsed in files.items():
            own = [f for f in found if f.path == path]
            self._checked[path] = _Checked(parsed, own)
            result.findings += _finished(path, parsed, own, wanted[path])
            if finds_assists:
                result.assists += _assists(program, path, wanted[path], result)
        return result

    def check_edit(self, sources: Sources, path: str, settings_for: Callable[[str], Settings]) -> CheckResult | None:
        """A first answer after an edit of one file, in a fraction of the time of `check`, which has the last word.

        The edited classes and functions are analysed on their own; the rest is what the last `check` found, moved with
        its text. `None` where there was no such check, or where the edit touches more than definitions.
        """
        with collector_off():
            return self._check_edit(sources, path, settings_for)

    def _check_edit(self, sources: Sources, path: str, settings_for: Callable[[str], Settings]) -> CheckResult | None:
        last = self._checked.get(path)
        program = Program(sources.text, sources.paths(), sources.import_roots, self._parser, self._modules)
        module = program.module(path)
        if last is None or module is None:
            return None
        edited = _edited(last.parsed, module.parsed)
        if len(edited) > _MAX_EDITED or any(_DEFINES.match(top.block.block.text) is None for top in edited):
            return None
        result = CheckResult()
        settings = settings_for(path)
        moved = [m for f in last.findings if (m := _moved(f, last.parsed, module.parsed, edited)) is not None]
        rules = _rules_with_checks([settings])
        found = self._findings(rules, lambda: explore_alone(program, module, edited), result) if rules and edited else []
        spans = [top.span for top in edited]
        moved += [f for f in found if f.path == path and any(s.start <= f.span.start < s.end for s in spans)]
        result.findings = _finished(path, module.parsed, moved, settings)
        return result

    def _findings(
        self, rules: Sequence[Rule], make_graph: Callable[[], ProjectGraph], result: CheckResult, paths: Iterable[str] = ()
    ) -> list[Finding]:
        """What the rules find in the graph. A defect of ours is reported and takes no other findings with it.

        Where the result has a place for them, the layers that the files at `paths` construct and the models that they define go there.
        """
        found: list[Finding] = []
        try:
            graph = make_graph()
            result.left_out = graph.progress.left_out
            if result.constructions is not None:
                result.constructions += constructions(graph, paths)
        except Cancelled:
            raise
        except Exception:
            result.internal_errors.append(f"the analysis failed\n{traceback.format_exc()}")
            return found
        for rule in rules:
            assert rule.check is not None
            try:
                found += rule.check(graph)
            except Exception:
                result.internal_errors.append(f"rule {rule.code} crashed\n{traceback.format_exc()}")
        if result.models is not None:
            try:
                result.models += defined_models(graph, paths)
            except Exception:
                result.internal_errors.append(f"the models could not be counted\n{traceback.format_exc()}")
        return found


@dataclass(frozen=True, slots=True)
class _Checked:
    """What the last full check of a file found, before suppression."""

    parsed: ParsedFile
    findings: list[Finding]


def _rules_with_checks(settings: Iterable[Settings]) -> list[Rule]:
    enabled = frozenset().union(*(s.enabled for s in settings))
    return [rule for code, rule in all_rules().items() if code in enabled and rule.check is not None]


def _assists(program: Program, path: str, settings: Settings, result: CheckResult) -> Iterable[Assist]:
    """What the rules can do in a file, but where the settings let none of a rule's fixes be applied."""
    for rule in all_rules().values():
        try:
            found = [] if rule.assists is None else [*rule.assists(SourceText(program=program), path)]
        except Exception:
            result.internal_errors.append(f"what rule {rule.code} offers could not be found\n{traceback.format_exc()}")
            continue
        for assist in found:
            applicability = settings.applicability(rule.code, assist.fix.applicability)
            if applicability is not Applicability.DISPLAY:
                yield replace(assist, fix=replace(assist.fix, applicability=applicability))


# --- what an edit leaves as it was ---


def _edited(old: ParsedFile, new: ParsedFile) -> list[TopLevel]:
    """The top-level statements of `new` that are not word for word in `old`."""
    known = Counter(_keys(top) for top in old.top_level)
    edited = []
    for top in new.top_level:
        known[_keys(top)] -= 1
        if known[_keys(top)] < 0:
            edited.append(top)
    return edited


def _keys(top: TopLevel) -> tuple[str, ...]:
    return tuple(placed.block.key for placed in (top.block, *top.members))


def _moved(finding: Finding, old: ParsedFile, new: ParsedFile, edited: list[TopLevel]) -> Finding | None:
    """The finding at its place in the new text; `None` where its own statement was edited or is gone."""
    span = _moved_span(finding.span, old, new, edited)
    if span is None:
        return None

    def place(path: str | None, at: Span) -> Span | None:
        return _moved_span(at, old, new, []) if path in (None, finding.path) else at

    related = [replace(r, span=s) for r in finding.related if (s := place(r.path, r.span)) is not None]
    fixes = []
    for fix in finding.fixes:
        edits = [(e, place(e.path, e.edit.span)) for e in fix.edits]
        if all(s is not None for _, s in edits):
            fixes.append(replace(fix, edits=tuple(replace(e, edit=Edit(s, e.edit.content)) for e, s in edits if s is not None)))
    return replace(finding, span=span, related=tuple(related), fixes=tuple(fixes))


def _moved_span(span: Span, old: ParsedFile, new: ParsedFile, edited: list[TopLevel]) -> Span | None:
    block = next((b for b in old.blocks if b.span.start <= span.start and span.end <= b.span.end), None)
    if block is None:
        return None
    there = next((b for b in new.blocks if b.name == block.name), None)
    if there is None or any(top.span.start <= there.span.start < top.span.end for top in edited):
        return None
    return span.shifted(there.span.start - block.span.start)


def check(sources: Sources, paths: Sequence[str], settings_for: Callable[[str], Settings], counts_layers: bool = False) -> CheckResult:
    """Checks `paths` in the light of the whole project."""
    return Engine().check(sources, paths, settings_for, counts_layers=counts_layers)


def graph_text(
    sources: Sources,
    path: str,
    class_name: str,
    output_format: str = "text",
    shows_all: bool = False,
    name_of: Callable[[str], str] = posixpath.basename,
) -> str:
    """The dataflow graph of a class's `forward()`: `text`, `mermaid`, `dot` or `svg`, files called as `name_of` says.

    Raises `LookupError` where there is no such class or nothing of it could be followed.
    """
    from nnlint.dataflow.drawing import draw_class
    from nnlint.dataflow.rendering import render

    program = Program(sources.text, sources.paths(), sources.import_roots, Parser())
    project = explore(program, _relevant_paths(program, [path]), [path])
    return render(draw_class(project, path, class_name, name_of), output_format, shows_all)


def admit(path: str, text: str, findings: Iterable[Finding], settings: Settings) -> list[Finding]:
    """Findings on a file that no rule made: those that its settings ask for and no comment suppresses, graded and sorted."""
    return _finished(path, Parser().parse(text), [*findings], settings.without(frozenset({SYNTAX_ERROR, UNUSED_SUPPRESSION})))


def models_of(sources: Sources, paths: Collection[str]) -> Models:
    """The models that hold what the files at `paths` define, for whoever wants to run them."""
    program = Program(sources.text, sources.paths(), sources.import_roots, Parser())
    with collector_off():
        return Models(explore(program, _calling_paths(program, paths), paths, runs_examples=True))


def _relevant_paths(program: Program, wanted: Collection[str]) -> list[str]:
    """The files that can say something about modules: those that mention torch, and those that were asked for."""
    return [path for path in sorted(program.paths | set(wanted)) if path in wanted or program.mentions(path, "torch")]


def _calling_paths(program: Program, wanted: Collection[str]) -> list[str]:
    """The relevant files, and those that mention a module of the wanted ones by its name: they may say how its models are built."""
    names = {name for path in wanted for name in path.removesuffix(".py").split("/")[-2:] if name != "__init__"}
    relevant = set(_relevant_paths(program, wanted))
    calling = {path for path in program.paths - relevant if any(program.mentions(path, name) for name in names)}
    return sorted(relevant | calling)


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
    """The findings of one file, syntax errors included: those that are asked for, suppressed, graded and sorted."""
    findings = [f for f in (*_syntax_errors(path, parsed), *findings) if f.code in settings.enabled]
    suppressions = suppressions_in(parsed)
    used: set[Span] = set()
    kept = [f for f in findings if not _is_suppressed(f, suppressions, used)]
    if UNUSED_SUPPRESSION in settings.enabled:
        kept += [f for f in _unused(path, parsed.text, suppressions, used, settings) if not _is_suppressed(f, suppressions, used)]
    index = LineIndex(parsed.text)
    graded = [_graded(f, settings) for f in kept]
    return sorted(graded, key=lambda f: (index.position(f.span.start), f.code, f.span.end, f.message))


def _graded(finding: Finding, settings: Settings) -> Finding:
    fixes = []
    for fix in finding.fixes:
        edits = tuple(replace(e, path=None) if e.path == finding.path else e for e in fix.edits)
        fixes.append(replace(fix, edits=edits, applicability=settings.applicability(finding.code, fix.applicability)))
    return replace(finding, fixes=tuple(fixes), severity=settings.severities.get(finding.code, finding.severity))


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
