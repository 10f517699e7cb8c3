"""What a layout is made of: atoms, each with a size and a stride; an axis is an ordered product of atoms, outermost first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from nnlint.dataflow.graph import Node
from nnlint.dataflow.transfer.products import Monomial
from nnlint.dataflow.values import Const, Value

ONE = Monomial(Fraction(1))
ZERO = Monomial(Fraction(0))  # the stride of what is expanded


@dataclass(frozen=True, slots=True)
class Atom:
    """A part of an axis: so many elements, each `stride` elements behind the one before in memory; `None` where that is not known."""

    size: Monomial
    stride: Monomial | None = None


Axis = tuple[Atom, ...]  # none for an axis of size one


@dataclass(frozen=True, slots=True)
class Layout:
    """The axes of a tensor. `moved_by` is the operation that last put them in another order than memory has.

    `is_packed` says that it was made contiguous; that others are, their strides show.
    """

    axes: tuple[Axis, ...]
    moved_by: Node | None = None
    is_packed: bool = False

    @property
    def rank(self) -> int:
        return len(self.axes)

    @property
    def atoms(self) -> tuple[Atom, ...]:
        return tuple(atom for axis in self.axes for atom in axis)

    @property
    def sizes(self) -> list[Monomial]:
        return [axis_size(axis) for axis in self.axes]


def axis_size(axis: Iterable[Atom]) -> Monomial:
    return prod((atom.size for atom in axis), start=ONE)


def axis_of_size(size: Monomial) -> Axis:
    return () if size == ONE else (Atom(size),)


def contiguous(axes: Sequence[Axis]) -> Layout:
    """These axes, one element behind the other in memory."""
    stride = ONE
    made: list[Axis] = []
    for axis in reversed(axes):
        atoms: list[Atom] = []
        for atom in reversed(axis):
            atoms.append(Atom(atom.size, stride))
            stride = stride * atom.size
        made.append(tuple(reversed(atoms)))
    return Layout(tuple(reversed(made)), is_packed=True)


def packed(layout: Layout) -> Layout:
    """The same axes, contiguous."""
    return layout if layout.is_packed else contiguous(layout.axes)


def scattered(axes: Sequence[Axis]) -> Layout:
    """These axes, and nothing is known of where they lie in memory."""
    return Layout(tuple(tuple(Atom(atom.size) for atom in axis) for axis in axes))


def is_contiguous(layout: Layout) -> bool | None:
    """Whether each element lies right behind the one before; `None` where that is not known."""
    if layout.is_packed:
        return True
    if any(atom.stride is None for atom in layout.atoms):
        return None
    return layout.axes == contiguous(layout.axes).axes


def is_dense(layout: Layout) -> bool:
    """Whether the elements fill a block of memory without gaps, in whatever order of the axes."""
    if layout.is_packed:
        return True
    left = list(layout.atoms)
    stride = ONE
    while left:
        following = next((atom for atom in left if atom.stride == stride), None)
        if following is None:
            return False
        left.remove(following)
        stride = stride * following.size
    return True


def moved(layout: Layout, axes: Sequence[Axis], by: Node) -> Layout:
    """A layout after an operation that puts its axes in another order; identity where it does not."""
    return layout if tuple(axes) == layout.axes else Layout(tuple(axes), by)


def number_of(size: Monomial) -> int | None:
    """The size as a number, where it is one."""
    value: Value = size.value
    return value.value if isinstance(value, Const) else None


def symbols_of(size: Monomial) -> frozenset[object]:
    return frozenset(key for key, _ in size.powers)


def symbol_of(size: Monomial) -> object | None:
    """The key of the one symbol that a size is."""
    if size.number == 1 and len(size.powers) == 1:
        ((key, power),) = size.powers
        return key if power == 1 else None
    return None


def is_whole(size: Monomial) -> bool:
    """Whether a quotient is a size for sure: a whole number times symbols."""
    return size.number.denominator == 1 and all(power > 0 for _, power in size.powers)


def may_be_whole(size: Monomial) -> bool:
    """Whether a quotient may be a size: a fraction of symbols may be whole, a fraction alone is not."""
    return all(power > 0 for _, power in size.powers) and (bool(size.powers) or size.number.denominator == 1)


def substituted(size: Monomial, key: object, by: Monomial) -> Monomial:
    """The size with a symbol replaced."""
    power = dict(size.powers).get(key, 0)
    if not power:
        return size
    rest = Monomial(size.number, frozenset((k, p) for k, p in size.powers if k != key))
    for _ in range(abs(power)):
        rest = rest * by if power > 0 else rest / by
    return rest
