"""Applies fixes to texts in memory, pass after pass, until nothing that may be applied is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from nnlint.cli.report import preferred_fix
from nnlint.engine import CheckResult, Engine
from nnlint.findings import Applicability, Finding, Fix
from nnlint.settings import Settings
from nnlint.syntax.parser import Parser
from nnlint.text import Edit, apply_edits, edits_overlap
from nnlint.workspace import DiskSources, OverlaySources, check_files

# Overlapping fixes wait for the next pass. Rules that undo one another would go on for ever.
_MOST_PASSES = 20

SettingsFor = Callable[[str], Settings]


@dataclass
class Fixed:
    """What the passes came to: changed texts by path, and the findings that are left."""

    result: CheckResult
    texts: dict[str, str] = field(default_factory=dict)
    applied: Counter[str] = field(default_factory=Counter)
    problems: list[tuple[str, str]] = field(default_factory=list)
    """What could not be done: paths and words."""


def fix_files(
    sources: DiskSources | OverlaySources,
    paths: Sequence[str],
    settings_for: SettingsFor,
    first: CheckResult,
    grades: frozenset[Applicability],
) -> Fixed:
    """Applies the fixes of these grades to the files of one project; `first` are the findings before."""
    fixed = Fixed(first)
    refused: set[Fix] = set()
    parser, checker = Parser(), Engine()
    for _ in range(_MOST_PASSES):
        chosen = _choose(fixed.result.findings, grades, refused)
        if not chosen:
            return fixed
        before = _Texts(sources, fixed.texts)
        if _breaks(parser, before, chosen):
            culprits = [one for one in chosen if _breaks(parser, before, [one])] or chosen
            refused.update(fix for _, fix in culprits)
            fixed.problems += [_refusal(finding) for finding, _ in culprits if _refusal(finding) not in fixed.problems]
            continue
        fixed.texts |= _edited(before, chosen)
        fixed.applied.update(finding.code for finding, _ in chosen)
        fixed.result = check_files(OverlaySources(sources, fixed.texts), paths, settings_for, checker)
    left = sorted({(finding.path, finding.code) for finding, _ in _choose(fixed.result.findings, grades, refused)})
    words = f"still wants to be fixed after {_MOST_PASSES} passes; its fixes may undo one another"
    fixed.problems += [(path, f"{code} {words}") for path, code in left]
    return fixed


@dataclass(frozen=True)
class _Texts:
    """The texts as the passes so far have left them."""

    sources: DiskSources | OverlaySources
    changed: Mapping[str, str]

    def __getitem__(self, path: str) -> str:
        text = self.changed.get(path)
        return text if text is not None else self.sources.text(path) or ""


def _refusal(finding: Finding) -> tuple[str, str]:
    return finding.path, f"the fix of {finding.code} would not leave valid Python, so it was not applied"


def _choose(findings: Iterable[Finding], grades: frozenset[Applicability], refused: set[Fix]) -> list[tuple[Finding, Fix]]:
    """The fixes of one pass, in the order of the findings: each whole, none that touches what an earlier one changes."""
    taken: dict[str, list[Edit]] = {}
    chosen = []
    for finding in findings:
        fix = preferred_fix(finding)
        if fix is None or fix.applicability not in grades or fix in refused:
            continue
        edits = _edits_by_path([(finding, fix)])
        if any(edits_overlap(edits[path], taken.get(path, ())) for path in edits):
            continue
        for path, own in edits.items():
            taken.setdefault(path, []).extend(own)
        chosen.append((finding, fix))
    return chosen


def _edits_by_path(chosen: Iterable[tuple[Finding, Fix]]) -> dict[str, list[Edit]]:
    edits: dict[str, list[Edit]] = {}
    for finding, fix in chosen:
        for file_edit in fix.edits:
            edits.setdefault(file_edit.path or finding.path, []).append(file_edit.edit)
    return edits


def _edited(before: _Texts, chosen: Iterable[tuple[Finding, Fix]]) -> dict[str, str]:
    return {path: apply_edits(before[path], edits) for path, edits in _edits_by_path(chosen).items()}


def _breaks(parser: Parser, before: _Texts, chosen: Iterable[tuple[Finding, Fix]]) -> bool:
    """Whether a file would parse worse after these fixes."""
    after = _edited(before, chosen)
    return any(len(parser.parse(text).problems) > len(parser.parse(before[path]).problems) for path, text in after.items())
