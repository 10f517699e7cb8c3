"""What a reporter gets: findings in their final order, with places and names as they are shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from nnlint.cli.style import Style
from nnlint.findings import Applicability, Finding, Fix
from nnlint.text import LineIndex, Span


@dataclass(frozen=True, slots=True)
class Place:
    """A span in rows and columns from 1; columns count code points, the end column is the one after."""

    row: int
    column: int
    end_row: int
    end_column: int


class Names:
    """How paths are shown: as they were given, and what was not given like its neighbours: relative where those are."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self._relative = any(not os.path.isabs(name) for name in given.values())
        self._here = os.path.join(os.getcwd(), "")

    def __call__(self, path: str) -> str:
        name = self._given.get(path)
        if name is None:
            name = path[len(self._here) :] if self._relative and path.startswith(self._here) else path
        # Where the locale is not UTF-8, Python keeps the bytes of names that it cannot read as lone surrogates.
        return name if name.isascii() else os.fsencode(name).decode("utf-8", "surrogateescape")


class Report:
    """The findings of a run. `applied` are the grades of fixes that the person's options allow to apply."""

    def __init__(
        self,
        findings: Iterable[Finding],
        names: Callable[[str], str],
        text: Callable[[str], str | None],
        style: Style,
        applied: frozenset[Applicability] = frozenset({Applicability.SAFE}),
    ) -> None:
        self.name = names
        self.style = style
        self._found = list(findings)
        self._text = text
        self._indexes: dict[str, LineIndex] = {}
        self._applied = applied

    @cached_property
    def findings(self) -> list[Finding]:
        """By file as shown, then row, column and code."""
        return sorted(self._found, key=lambda f: (self.name(f.path), f.span.start, f.code, f.span.end, f.message))

    def index(self, path: str) -> LineIndex:
        if path not in self._indexes:
            self._indexes[path] = LineIndex(self._text(path) or "")
        return self._indexes[path]

    def place(self, path: str, span: Span) -> Place:
        index = self.index(path)
        start, end = index.position(span.start), index.position(span.end)
        return Place(start.line + 1, start.column + 1, end.line + 1, end.column + 1)

    def is_fixable(self, finding: Finding) -> bool:
        """Whether `--fix` with the options of this run would apply a fix."""
        return any(fix.applicability in self._applied for fix in finding.fixes)


def verdict_mark(finding: Finding) -> str:
    """What a line on a finding ends with: ` [confirmed]`, or nothing where no model was asked."""
    return f" [{finding.verdict.kind.value}]" if finding.verdict else ""


def preferred_fix(finding: Finding) -> Fix | None:
    """The fix to show, or to apply: the safest, among equals the first."""
    grades = list(Applicability)
    return min(finding.fixes, key=lambda fix: grades.index(fix.applicability), default=None)
