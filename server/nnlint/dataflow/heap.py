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
    """A cell (a key of a dictionary) with its value before and after a stretch of execution; `born` as `Journal.write` has it."""

    cell: dict[Any, Any]
    key: Any
    old: Any
    new: Any
    born: int


@dataclass(slots=True)
class _Log:
    """The first old value of each cell that was written since `start`, by the journal's clock."""

    start: int
    entries: dict[tuple[int, Any], tuple[dict[Any, Any], Any, Any, int]]


class Journal:
    """Records changes of cells. Every write of the interpreter goes through `write`.

    What was born within a stretch of execution is out of reach outside of it, so that undoing the stretch leaves it as it is: a
    module that one branch constructs and returns stays whole while the other branches are run.
    """

    def __init__(self, clock: int = 0) -> None:
        self.clock = clock
        self._logs: list[_Log] = []

    def tick(self) -> int:
        """A number greater than all before: serials of objects, and the starts of stretches."""
        self.clock += 1
        return self.clock

    def write(self, cell: dict[Any, Any], key: Any, value: Any, born: int = 0) -> None:
        """Sets a cell of an object that was `born` then by the journal's clock; a cell of unknown age counts as old."""
        if self._logs and born <= self._logs[-1].start:
            self._logs[-1].entries.setdefault((id(cell), key), (cell, key, cell.get(key, MISSING), born))
        if value is MISSING:
            cell.pop(key, None)
        else:
            cell[key] = value

    def record(self, run: Callable[[], T]) -> tuple[T, list[Change]]:
        """Runs, keeping the changes in force, and returns the result and the changes."""
        self._logs.append(_Log(self.clock, {}))
        try:
            result = run()
        finally:
            log = self._logs.pop()
            if self._logs:
                outer = self._logs[-1]
                for identity, entry in log.entries.items():
                    if entry[3] <= outer.start:
                        outer.entries.setdefault(identity, entry)
        return result, [Change(cell, key, old, cell.get(key, MISSING), born) for cell, key, old, born in log.entries.values()]

    def forget(self) -> None:
        """Ends all recordings: what ran was left in the middle."""
        self._logs.clear()

    def undo(self, changes: list[Change]) -> None:
        for change in changes:
            self.write(change.cell, change.key, change.old, change.born)


def by_cell(changes: list[Change]) -> Iterator[tuple[tuple[int, Any], Change]]:
    for change in changes:
        yield (id(change.cell), change.key), change
