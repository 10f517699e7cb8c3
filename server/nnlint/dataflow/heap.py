"""The mutable part of abstract execution: dictionaries whose changes can be undone, so that branches can be run one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()


@dataclass(slots=True)
class Change:
    """A cell (a key of a dictionary) with its value before and after a stretch of execution."""

    cell: dict[Any, Any]
    key: Any
    old: Any
    new: Any


class Journal:
    """Records changes of cells. Every write of the interpreter goes through `write`."""

    def __init__(self) -> None:
        self._logs: list[dict[tuple[int, Any], tuple[dict[Any, Any], Any, Any]]] = []

    def write(self, cell: dict[Any, Any], key: Any, value: Any) -> None:
        if self._logs:
            self._logs[-1].setdefault((id(cell), key), (cell, key, cell.get(key, MISSING)))
        if value is MISSING:
            cell.pop(key, None)
        else:
            cell[key] = value

    def record(self, run: Callable[[], T]) -> tuple[T, list[Change]]:
        """Runs, keeping the changes in force, and returns the result and the changes."""
        self._logs.append({})
        try:
            result = run()
        finally:
            log = self._logs.pop()
            if self._logs:
                for identity, entry in log.items():
                    self._logs[-1].setdefault(identity, entry)
        return result, [Change(cell, key, old, cell.get(key, MISSING)) for cell, key, old in log.values()]

    def undo(self, changes: list[Change]) -> None:
        for change in changes:
            self.write(change.cell, change.key, change.old)


def by_cell(changes: list[Change]) -> Iterator[tuple[tuple[int, Any], Change]]:
    for change in changes:
        yield (id(change.cell), change.key), change
