"""Facts about values and their orders.

The *shift* of a tensor with respect to one bias (source: the project's rule page NN501): how the tensor changes when the
bias does.

- `NO_SHIFT` (⊥): not at all.
- `Shift(axes)`: by an addend that is constant along every axis outside `axes`. Axes count from the front where the rank
  is known, from the back (negative) where it is not. It `is_exact` where the addend is the very change of the bias, laid
  along the one axis (or along none, for a bias of size one): two exact shifts along one axis are equal.
- `ANY_SHIFT` (top): in any way at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shift:
    """An additive change, constant along the axes that are not in `axes`."""

    axes: frozenset[int]
    is_exact: bool = False

    def inexact(self) -> Shift:
        return Shift(self.axes) if self.is_exact else self

    def moved(self, axes: Iterable[int]) -> Shift:
        """The shift after an operation that leaves the elements as they are and takes the axes elsewhere. An axis that was split,
        or became several, is no longer the one of the bias."""
        at = frozenset(axes)
        return Shift(at, self.is_exact and len(at) == len(self.axes))


@dataclass(frozen=True, slots=True)
class _Extreme:
    name: str

    def __repr__(self) -> str:
        return self.name


NO_SHIFT = _Extreme("⊥")
ANY_SHIFT = _Extreme("\N{DOWN TACK}")
ShiftFact = Shift | _Extreme


def shift(*axes: int) -> Shift:
    return Shift(frozenset(axes))


def join_shifts(one: ShiftFact, other: ShiftFact) -> ShiftFact:
    """The least fact above both: also the fact of a sum of both values."""
    if one == other or other is NO_SHIFT:
        return one
    if one is NO_SHIFT:
        return other
    if isinstance(one, Shift) and isinstance(other, Shift):
        return Shift(one.axes | other.axes)
    return ANY_SHIFT


def with_rank(fact: ShiftFact, rank: int | None) -> ShiftFact:
    """The fact with its axes counted from the front where the rank is known; `ANY_SHIFT` where they do not fit it."""
    if not isinstance(fact, Shift) or rank is None:
        return fact
    axes = frozenset(a + rank if a < 0 else a for a in fact.axes)
    return fact.moved(axes) if all(0 <= a < rank for a in axes) else ANY_SHIFT
