"""The kinds of a tensor's values and how alternatives are joined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnlint.dataflow.graph import Node


class Kind(Enum):
    """What is known of the values of a tensor.

    RAW: scores that nothing normalizes or bounds from above, such as those of a linear layer. PROBABILITY: in [0, 1] with the sum one
    along an axis; LOG_PROBABILITY: the logarithm of such. UNIT: in [0, 1], as a sigmoid or single probabilities are; LOG_UNIT: the
    logarithm of such, at most zero.
    """

    RAW = "raw"
    PROBABILITY = "probability"
    LOG_PROBABILITY = "log-probability"
    UNIT = "unit"
    LOG_UNIT = "log-unit"


class _Implicit:
    """The axis that `softmax` without `dim` takes, where the rank is not known."""

    def __repr__(self) -> str:
        return "IMPLICIT"


IMPLICIT = _Implicit()
Axis = int | _Implicit | None

WITHIN_UNIT = frozenset({Kind.PROBABILITY, Kind.UNIT})
_WITHIN_LOG_UNIT = frozenset({Kind.LOG_PROBABILITY, Kind.LOG_UNIT})


@dataclass(frozen=True, slots=True)
class KindFact:
    """The kind of a tensor and the operations that gave it (`sources`: softmaxes, sigmoids, linear layers).

    `axis` is the axis along which probabilities sum to one, counted from the front where the rank is known; `None` where it is not
    known. It means nothing for the other kinds.
    """

    kind: Kind
    sources: tuple[Node, ...]
    axis: Axis = None

    @property
    def is_within_unit(self) -> bool:
        return self.kind in WITHIN_UNIT

    def along(self, axis: Axis) -> KindFact:
        """The same values with their axis elsewhere; where it is lost, nothing is known to sum to one."""
        return self.without_axis() if axis is None else replace(self, axis=axis)

    def without_axis(self) -> KindFact:
        weaker = {Kind.PROBABILITY: Kind.UNIT, Kind.LOG_PROBABILITY: Kind.LOG_UNIT}.get(self.kind, self.kind)
        return KindFact(weaker, self.sources)


def join_kinds(facts: Iterable[KindFact | None]) -> KindFact | None:
    """What holds of every alternative; `None` where one of them is not known, or they differ in more than an axis."""
    found = list(facts)
    if not found or None in found:
        return None
    known = [fact for fact in found if fact is not None]
    sources = tuple(dict.fromkeys(source for fact in known for source in fact.sources))
    kinds = {fact.kind for fact in known}
    if len(kinds) == 1 and len({fact.axis for fact in known}) == 1:
        return replace(known[0], sources=sources)
    for weak, members in ((Kind.UNIT, WITHIN_UNIT), (Kind.LOG_UNIT, _WITHIN_LOG_UNIT)):
        if kinds <= members:
            return KindFact(weak, sources)
    return KindFact(Kind.RAW, sources) if kinds == {Kind.RAW} else None
