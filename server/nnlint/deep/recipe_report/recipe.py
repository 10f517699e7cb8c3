"""The worker's answer to a recipe, in words that the formats share.

`Answer.details` comes from a process in which the user's code runs: whatever is not as `worker/recipe` writes it is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nnlint.deep.answer_words import facts_of, in_one_line
from nnlint.deep.worker.messages import Answer

PASS, WARN, FAIL, NOT_APPLICABLE = STATUSES = ("pass", "warn", "fail", "not applicable")
_COUNTED = {PASS: "passed", WARN: "warning", FAIL: "failed", NOT_APPLICABLE: "not applicable"}


@dataclass(frozen=True, slots=True)
class Bars:
    """A number for each layer; a share from 0 to 1, or the length of a vector."""

    title: str
    is_share: bool
    values: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """A loss at each step from 0, and the one that was to be reached."""

    losses: tuple[float, ...]
    goal: float


@dataclass(frozen=True, slots=True)
class Check:
    """What one check came to: a status, the sentence that says why, and the cure if there is something to cure."""

    id: str
    title: str
    status: str
    sentence: str
    cure: str
    numbers: Mapping[str, float]
    names: Mapping[str, tuple[str, ...]]
    bars: Bars | None
    curve: Curve | None


@dataclass(frozen=True)
class Recipe:
    """A model by the name of its class and the path of its file, as they are shown, with what the run of the recipe said of it."""

    name: str
    path: str
    answer: Answer

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        found = self.answer.details.get("checks")
        return tuple(check for item in (found if isinstance(found, list) else ()) if (check := _check(item)) is not None)

    @property
    def objective(self) -> tuple[str, str]:
        """The loss that the model was trained with, and why this one; empty where the run did not come so far."""
        found = self.answer.details.get("objective")
        return (_text(found, "name"), _text(found, "reason")) if isinstance(found, dict) else ("", "")

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """How the model was built, called and trained, a word and a value each."""
        return (*facts_of(self.answer), *([("Loss", self.objective[0])] if self.objective[0] else []))

    def count(self, status: str) -> int:
        return sum(check.status == status for check in self.checks)

    def counted(self, status: str) -> str:
        """`1 warning`, `2 failed`; empty where no check came to it."""
        count = self.count(status)
        return f"{count} {'warnings' if status == WARN and count > 1 else _COUNTED[status]}" if count else ""

    @property
    def has_failed(self) -> bool:
        """Whether a check failed."""
        return self.count(FAIL) > 0

    @property
    def summary(self) -> str:
        """`5 passed, 1 warning, 1 failed`"""
        return ", ".join(filter(None, map(self.counted, STATUSES)))


def _check(item: Any) -> Check | None:
    if not isinstance(item, dict) or item.get("status") not in STATUSES:
        return None
    numbers, names = item.get("numbers"), item.get("names")
    return Check(
        _text(item, "id"),
        _text(item, "title"),
        item["status"],
        _text(item, "sentence"),
        _text(item, "cure"),
        {in_one_line(str(key)): float(value) for key, value in numbers.items() if _is_number(value)} if isinstance(numbers, dict) else {},
        {in_one_line(str(key)): tuple(in_one_line(str(name)) for name in value) for key, value in names.items() if isinstance(value, list)}
        if isinstance(names, dict)
        else {},
        _bars(item.get("bars")),
        _curve(item.get("curve")),
    )


def _bars(item: Any) -> Bars | None:
    if not isinstance(item, dict) or not isinstance(item.get("values"), list):
        return None
    pairs = [pair for pair in item["values"] if isinstance(pair, list) and len(pair) == 2 and _is_number(pair[1])]
    values = tuple((in_one_line(str(name)), float(value)) for name, value in pairs)
    return Bars(_text(item, "title"), item.get("unit") == "share", values) if values else None


def _curve(item: Any) -> Curve | None:
    if not isinstance(item, dict) or not isinstance(item.get("losses"), list) or not _is_number(item.get("goal")):
        return None
    losses = tuple(float(loss) for loss in item["losses"] if _is_number(loss))
    return Curve(losses, float(item["goal"])) if losses else None


def _text(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    return in_one_line(value) if isinstance(value, str) else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
