"""How a transfer row is declared: what one torch operation does to each kind of fact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nnlint.dataflow.facts import ANY_SHIFT, NO_SHIFT, ShiftFact, join_shifts, with_rank
from nnlint.dataflow.graph import Node
from nnlint.dataflow.values import Const, Symbol, Tensor, Unknown, Value
from nnlint.dataflow.values import Sequence as SequenceValue
from nnlint.semantics.signatures import NO_DEFAULT, signature

ShiftRule = Callable[[Node, Sequence[ShiftFact]], ShiftFact]
RankRule = Callable[[Node], int | None]


@dataclass(frozen=True, slots=True)
class Row:
    """What an operation does. `shift` maps the facts of the node's inputs to the fact of its result.

    `is_linear` says that the operation mixes its input with parameters or other data as a linear map (a convolution, a
    projection): a bias that passes it is not directly before what follows. `is_normalization` and `is_softmax` say what
    may cancel a shift there.
    """

    shift: ShiftRule
    rank: RankRule | None = None
    returns_several: Callable[[Node], bool] | None = None
    is_linear: bool = False
    is_normalization: bool = False
    is_softmax: bool = False
    is_sum: bool = False


_ROWS: dict[str, Row] = {}


def register(names: str, row: Row) -> None:
    """Adds a row for each of the blank-separated operations. A second row for one operation is an error."""
    for name in names.split():
        if name in _ROWS:
            raise ValueError(f"two transfer rows for {name}")
        _ROWS[name] = row


def registered() -> dict[str, Row]:
    return _ROWS


# --- what rows ask of nodes ---


def argument(node: Node, name: str) -> Value:
    """The value of an argument, its default where it is not given, `Unknown` where neither is known."""
    given = node.arguments.get(name)
    if given is not None:
        return given
    found = signature(node.operation)
    default = NO_DEFAULT if found is None else found.default(name)
    if default is NO_DEFAULT or default is ... or isinstance(default, tuple):
        return Unknown("no default")
    return Const(default)


def integer(node: Node, name: str) -> int | None:
    """The argument as a known integer."""
    value = argument(node, name)
    return value.value if isinstance(value, Const) and isinstance(value.value, int) and not isinstance(value.value, bool) else None


def integers(node: Node, name: str) -> list[int] | None:
    """The argument as known integers: one number, or a tuple or list of them, or `*name`."""
    spread = [v for k, v in node.arguments.items() if k.startswith(f"{name}[")]
    value = node.arguments.get(name)
    if value is None and not spread:
        value = argument(node, name)
    items: Sequence[Value] = spread if value is None else value.items if isinstance(value, SequenceValue) else (value,)
    if len(items) == 1 and isinstance(items[0], SequenceValue):
        items = items[0].items
    out = []
    for item in items:
        if not isinstance(item, Const) or not isinstance(item.value, int) or isinstance(item.value, bool):
            return None
        out.append(item.value)
    return out


def flag(node: Node, name: str) -> bool | None:
    """The argument as a known truth value."""
    value = argument(node, name)
    return bool(value.value) if isinstance(value, Const) else None


def same_number(one: Value, other: Value) -> bool:
    """Whether two values are provably the same number."""
    return isinstance(one, (Const, Symbol)) and one == other


def input_node(node: Node, name: str = "input") -> Node | None:
    value = node.arguments.get(name)
    return value.node if isinstance(value, Tensor) else None


def fact_of(node: Node, facts: Sequence[ShiftFact], name: str = "input") -> ShiftFact:
    """The fact of the tensor argument `name`, with axes counted from the front where its rank is known."""
    wanted = input_node(node, name)
    for read, fact in zip(node.inputs, facts, strict=True):
        if read is wanted:
            return with_rank(fact, read.rank)
    return NO_SHIFT


def others_are_untouched(node: Node, facts: Sequence[ShiftFact], name: str = "input") -> bool:
    """Whether no tensor but the argument `name` depends on the bias."""
    wanted = input_node(node, name)
    return all(fact is NO_SHIFT for read, fact in zip(node.inputs, facts, strict=True) if read is not wanted)


def input_rank(node: Node) -> int | None:
    source = input_node(node)
    return source.rank if source is not None else None


def axis_of(number: int | None, rank: int | None) -> int | None:
    """An axis counted from the front."""
    if number is None:
        return None
    if number >= 0:
        return number
    return None if rank is None else number + rank


# --- rules that many operations share ---


def keeps(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """The result changes as the input does."""
    return fact_of(node, facts) if others_are_untouched(node, facts) else ANY_SHIFT


def destroys(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """Nothing is known of the change of the result."""
    return NO_SHIFT if all(fact is NO_SHIFT for fact in facts) else ANY_SHIFT


def joins(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    result: ShiftFact = NO_SHIFT
    for read, fact in zip(node.inputs, facts, strict=True):
        result = join_shifts(result, with_rank(fact, read.rank))
    return result
