"""`--add-ignore`: a suppression comment for every finding, so that a project can begin with a clean slate."""

from __future__ import annotations

from collections.abc import Iterable

from nnlint.cli.fix import Fixed, SettingsFor
from nnlint.engine import CheckResult
from nnlint.findings import Finding
from nnlint.settings import SYNTAX_ERROR, UNUSED_SUPPRESSION
from nnlint.syntax.scanner import scan
from nnlint.text import LineIndex, apply_edits
from nnlint.workspace import DiskSources, OverlaySources, check_files
from nnlint.workspace.suppress import ignore_line

# What does not parse has no comments, and of the other it is the cure to take a comment away.
_NOT_SUPPRESSED = (SYNTAX_ERROR, UNUSED_SUPPRESSION)


def add_ignores(
    sources: DiskSources | OverlaySources, paths: tuple[str, ...], settings_for: SettingsFor, first: CheckResult, reason: str
) -> Fixed:
    """Suppresses the findings in memory, and checks again that they are silent."""
    by_path: dict[str, list[Finding]] = {}
    for finding in first.findings:
        if finding.code not in _NOT_SUPPRESSED:
            by_path.setdefault(finding.path, []).append(finding)
    added = Fixed(first, {path: _suppressed(sources.text(path) or "", found, reason) for path, found in by_path.items()})
    added.result = check_files(OverlaySources(sources, added.texts), paths, settings_for)
    left = [finding for finding in added.result.findings if finding.code not in _NOT_SUPPRESSED]
    added.problems = [(finding.path, f"no line of the statement can take a comment for {finding.code}") for finding in left]
    added.applied.update(finding.code for found in by_path.values() for finding in found)
    added.applied.subtract(finding.code for finding in left)
    return added


def _suppressed(text: str, findings: Iterable[Finding], reason: str) -> str:
    """The text with comments, put in from the last finding to the first so that the places of the others stay true."""
    places = {(finding.span.start, finding.code) for finding in findings}
    for offset, code in sorted(places, reverse=True):
        edit = ignore_line(code, offset, LineIndex(text), scan(text), reason)
        text = text if edit is None else apply_edits(text, [edit])
    return text
