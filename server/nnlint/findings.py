"""The words in which rules speak: findings, fixes and how far a fix may be trusted."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from math import isfinite
from typing import Any

from nnlint.text import Edit, Span


class Severity(IntEnum):
    """How loud a finding is; larger is louder."""

    HINT = 0
    INFO = 1
    WARNING = 2
    ERROR = 3

    @property
    def label(self) -> str:
        return self.name.lower()

    @classmethod
    def parse(cls, label: str) -> Severity:
        """The severity called `label`; raises `ValueError` for any other word."""
        for severity in cls:
            if severity.label == label:
                return severity
        raise ValueError(f"unknown severity {label!r}: expected error, warning, info or hint")


class Applicability(Enum):
    """How far a fix may be trusted (ruff's and clippy's words).

    SAFE: the program computes the same and its checkpoints load. UNSAFE: it may compute something else, or its
    `state_dict` keys change. DISPLAY: shown, never applied.
    """

    SAFE = "safe"
    UNSAFE = "unsafe"
    DISPLAY = "display"


@dataclass(frozen=True, slots=True)
class FileEdit:
    """An edit of the finding's own file (`path is None`) or of another file of the project; `creates` one that is not there yet."""

    edit: Edit
    path: str | None = None
    creates: bool = False


@dataclass(frozen=True, slots=True)
class Fix:
    """One way to cure a finding: what it does, how far to trust it, and its edits (applied all or none)."""

    message: str
    applicability: Applicability
    edits: tuple[FileEdit, ...]


@dataclass(frozen=True, slots=True)
class Assist:
    """What a rule can do at a place for whoever asks for it there, whether or not it has found anything."""

    code: str
    path: str
    span: Span
    fix: Fix


@dataclass(frozen=True, slots=True)
class Related:
    """A place that explains a finding, such as the normalisation that cancels a bias."""

    path: str
    span: Span
    message: str


class VerdictKind(Enum):
    """What running the real model said of a finding."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One such word and why; `numbers` are what was measured, by what a person would call them."""

    kind: VerdictKind
    message: str
    numbers: tuple[tuple[str, float], ...] = ()

    def __str__(self) -> str:
        """`confirmed: no output moves when the bias does`."""
        return f"{self.kind.value}: {self.message}"

    def as_json(self) -> dict[str, Any]:
        """What programs are told. A number that JSON does not know (infinity) goes by its name."""
        numbers = {name: value if isfinite(value) else str(value) for name, value in self.numbers}
        return {"kind": self.kind.value, "message": self.message, "numbers": numbers}


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake at one place. `path` names the source as the engine was given it; `span` counts its code points."""

    code: str
    name: str
    message: str
    path: str
    span: Span
    severity: Severity
    fixes: tuple[Fix, ...] = ()
    related: tuple[Related, ...] = ()
    cell: int | None = None
    verdict: Verdict | None = field(default=None, compare=False)
