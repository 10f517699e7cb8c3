"""Sizes as products of numbers and symbols: which axes a reshape keeps, merges and splits.

Divisions are taken to leave no remainder, since a reshape to the quotient would raise otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod

from nnlint.dataflow.graph import Node
from nnlint.dataflow.transfer.sizes import size_of
from nnlint.dataflow.values import Const, Symbol, Value

Block = tuple[range, range]
SizeQuery = Callable[[Node, int], Value]  # the size of an axis of a node
_ROUNDINGS = ("builtins.int", "builtins.round", "math.floor", "math.ceil")
_MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class Monomial:
    """A number times powers of symbols' keys."""

    number: Fraction
    powers: frozenset[tuple[object, int]] = frozenset()

    def __mul__(self, other: Monomial) -> Monomial:
        if not other.powers and other.number == 1:
            return self
        return other if not self.powers and self.number == 1 else self._times(other, 1)

    def __truediv__(self, other: Monomial) -> Monomial:
        return self if not other.powers and other.number == 1 else self._times(other, -1)

    def _times(self, other: Monomial, sign: int) -> Monomial:
        powers = dict(self.powers)
        for key, power in other.powers:
            powers[key] = powers.get(key, 0) + sign * power
        number = self.number if other.number == 1 else self.number * other.number**sign
        return Monomial(number, frozenset((k, p) for k, p in powers.items() if p))

    @property
    def value(self) -> Value:
        """The same as an abstract value."""
        if not self.powers and self.number.denominator == 1:
            return Const(int(self.number))
        if self.number == 1 and len(self.powers) == 1:
            ((key, power),) = self.powers
            if power == 1:
                return Symbol(key)
        return Symbol(("product", self.number, self.powers))


def monomial(size: Value, sizes: SizeQuery = size_of) -> Monomial | None:
    """A size as a product; `None` where it is no symbol and no number above zero. `sizes` says what is known of tensors."""
    if isinstance(size, Const):
        is_number = isinstance(size.value, int) and not isinstance(size.value, bool) and size.value > 0
        return Monomial(Fraction(size.value)) if is_number else None
    return _of_key(size.key, sizes) if isinstance(size, Symbol) else None


def symbol(key: object) -> Monomial:
    """A symbol as a product."""
    return Monomial(Fraction(1), frozenset({(key, 1)}))


def _of_key(key: object, sizes: SizeQuery, depth: int = _MAX_DEPTH) -> Monomial:
    if depth:
        match key:
            case ("size", node, int() as axis):
                size = sizes(node, axis)  # type: ignore[arg-type]
                if isinstance(size, Const):
                    return monomial(size) or symbol(key)
                if isinstance(size, Symbol) and size.key != key:
                    return _of_key(size.key, sizes, depth - 1)
            case ("product", Fraction() as number, frozenset() as powers):
                return Monomial(number, powers)
            case ("*", left, right):
                return _of_key(left, sizes, depth - 1) * _of_key(right, sizes, depth - 1)
            case ("//" | "/", left, right):
                return _of_key(left, sizes, depth - 1) / _of_key(right, sizes, depth - 1)
            case (str() as word, inner) if word in _ROUNDINGS:
                return _of_key(inner, sizes, depth - 1)
            case int() if not isinstance(key, bool) and key > 0:
                return Monomial(Fraction(key))
    return symbol(key)


def times(sizes: Iterable[Value]) -> Monomial | None:
    """The product of sizes."""
    factors = [monomial(size) for size in sizes]
    return None if None in factors else prod((f for f in factors if f is not None), start=Monomial(Fraction(1)))


def resolved(source: Sequence[Value], target: Sequence[Value]) -> list[Value]:
    """The target sizes of a reshape, with `-1` replaced by what the others leave of the source."""
    inferred = [at for at, size in enumerate(target) if size == Const(-1)]
    whole, given = times(source), times(size for size in target if size != Const(-1))
    if len(inferred) != 1 or whole is None or given is None:
        return list(target)
    return [(whole / given).value if at == inferred[0] else size for at, size in enumerate(target)]


def blocks(source: Sequence[Value], target: Sequence[Value]) -> Iterator[Block]:
    """The smallest runs of source axes that a reshape turns into runs of target axes: those whose sizes have one product."""
    one = other = 0
    while one < len(source) or other < len(target):
        taken, given = _next_block(source[one:], target[other:])
        yield range(one, one + taken), range(other, other + given)
        one, other = one + taken, other + given


def _next_block(source: Sequence[Value], target: Sequence[Value]) -> tuple[int, int]:
    before, after = _prefixes(source), _prefixes(target)
    counts = [c for c in product(range(len(before)), range(len(after))) if c != (0, 0)]
    # One axis for one comes first, then an axis of size one that comes or goes, then merges and splits.
    for taken, given in sorted(counts, key=lambda c: (0 if c == (1, 1) else sum(c), c)):
        if before[taken] is not None and before[taken] == after[given]:
            return taken, given
    return len(source), len(target)


def _prefixes(sizes: Sequence[Value]) -> list[Monomial | None]:
    """The products of the first none, one, two … sizes."""
    found: list[Monomial | None] = [Monomial(Fraction(1))]
    for size in sizes:
        last, factor = found[-1], monomial(size)
        found.append(None if last is None or factor is None else last * factor)
    return found
