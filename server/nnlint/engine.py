"""`check(sources, paths, settings) -> findings`: a pure function of what it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from nnlint.findings import Finding
from nnlint.settings import Settings


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


class InternalError(Exception):
    """A rule crashed. The other rules' findings are kept."""


class CheckResult:
    findings: list[Finding]
    internal_errors: list[str]


def check(sources: Sources, paths: Sequence[str], settings_for: Callable[[str], Settings]) -> CheckResult: ...
