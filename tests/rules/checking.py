"""The engine on files in memory, and its findings in the words of the cases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from nnlint import engine
from nnlint.findings import Finding, Fix
from nnlint.rules import all_rules
from nnlint.settings import Settings
from nnlint.text import Edit, LineIndex, apply_edits
from tests.rules.literate import Mark

ROOT = "/project"


@dataclass(frozen=True)
class MemorySources:
    """A project whose files are a mapping from relative path to text."""

    files: dict[str, str]
    import_roots: tuple[str, ...] = field(default=(ROOT,))

    def paths(self) -> list[str]:
        return sorted(f"{ROOT}/{name}" for name in self.files)

    def text(self, path: str) -> str | None:
        pure = PurePosixPath(path)
        return self.files.get(str(pure.relative_to(ROOT))) if pure.is_relative_to(ROOT) else None


def check_files(files: dict[str, str], codes: Iterable[str] | None = None) -> list[Finding]:
    """The findings of the given rules (all, if none are named) in all files, their paths relative."""
    sources = MemorySources(files)
    settings = Settings(frozenset(all_rules() if codes is None else codes))
    result = engine.check(sources, sources.paths(), lambda _: settings)
    assert not result.internal_errors
    return result.findings


def relative(path: str) -> str:
    return str(PurePosixPath(path).relative_to(ROOT))


def mark_of(finding: Finding, files: dict[str, str]) -> Mark:
    """The caret line that would expect the finding: its place up to the end of its first line."""
    path = relative(finding.path)
    index = LineIndex(files[path])
    start, end = index.position(finding.span.start), index.position(finding.span.end)
    last = end.column if end.line == start.line else len(index.line_text(start.line).rstrip())
    return Mark(path, start.line, start.column, last, finding.code)


def apply_fixes(files: dict[str, str], fixes: Iterable[tuple[Finding, Fix]]) -> dict[str, str]:
    """The files after all the given fixes at once."""
    edits: dict[str, list[Edit]] = {name: [] for name in files}
    for finding, fix in fixes:
        for file_edit in fix.edits:
            edits[relative(file_edit.path or finding.path)].append(file_edit.edit)
    return {name: apply_edits(text, edits[name]) for name, text in files.items()}
