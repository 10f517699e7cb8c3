"""What one check of the recipe came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PASS, WARN, FAIL, NOT_APPLICABLE = "pass", "warn", "fail", "not applicable"


@dataclass(frozen=True)
class Bars:
    """A number for each of several layers, for a chart. `unit` is "share" (from 0 to 1) or "norm" (above 0, over many magnitudes)."""

    title: str
    unit: str
    values: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Curve:
    """A loss at each step from 0, and the loss that was to be reached."""

    losses: tuple[float, ...]
    goal: float


@dataclass(frozen=True)
class Outcome:
    """A status with the sentence that says why, and what would cure it.

    `numbers` are what was measured, `names` lists of parameters or layers, both by what a person would call them.
    """

    status: str
    sentence: str
    cure: str = ""
    numbers: dict[str, float] = field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    bars: Bars | None = None
    curve: Curve | None = None


def not_applicable(sentence: str, cure: str = "") -> Outcome:
    return Outcome(NOT_APPLICABLE, sentence, cure)


def plain(value: Any) -> Any:
    """Tuples as lists: what a message brings back is then what was sent."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value
