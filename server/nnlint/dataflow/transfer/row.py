"""How a transfer row is declared: what one torch operation does to each kind of fact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nnlint.dataflow.facts import ANY_SHIFT, NO_SHIFT, Shift, ShiftFact, join_shifts, with_rank
from nnlint.dataflow.graph import Node
from nnlint.dataflow.values import Const, Symbol, Tensor, Unknown, Value
from nnlint.dataflow.values import Sequence as SequenceValue
from nnlint.semantics.signatures import NO_DEFAULT, signature

ShiftRule = Callable[[Node, Sequence[ShiftFact]], ShiftFact]
RankRule = Callable[[Node], int | None]
# The size of an axis of the result: a number, or the axis of an input that has the same one.
SizeRule = Callable[[Node, int], "Value | tuple[Node, int] | None"]


@dataclass(frozen=True, slots=True)
class Row:
    """What an operation does. `shift` maps the facts of the node's inputs to the fact of its result.

    `rank_change` is how many axes more the result has than the input, `rank_tie` how many more than another tensor.
    `is_linear` says that the operation mixes its input with parameters or other data as a linear map (a convolution, a
    projection): a bias that passes it is not directly before what follows. `is_normalization` and `is_softmax` say what
    may cancel a shift there; `cancels` that some other operation does, as the subtraction of a mean that is written out.
    """

    shift: ShiftRule
    rank: RankRule | None = None
    returns_several: Callable[[Node], bool] | None = None
    size: SizeRule | None = None
    rank_change: RankRule | None = None
    rank_tie: Callable[[Node], tuple[Node, int] | None] | None = None
    is_linear: bool = False
    is_normalization: bool = False
    is_softmax: bool = False
    is_sum: bool = False
    cancels: bool = False


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
    # Where the first tensor is not bound to the name that is asked for, nobody knows which one it is.
    is_unbound = name == "input" and name not in node.arguments and any(fact is not NO_SHIFT for fact in facts)
    return ANY_SHIFT if is_unbound else NO_SHIFT


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


def same_sizes(node: Node, axis: int) -> tuple[Node, int] | None:
    """The size rule of what works on each element, or leaves them all where they are."""
    source = input_node(node)
    return None if source is None else (source, axis)


def sizes_but(*changed: int) -> SizeRule:
    """The size rule of what changes the size of these axes alone."""
    return lambda node, axis: None if axis in changed else same_sizes(node, axis)


def batch_and_channels(node: Node, axis: int) -> tuple[Node, int] | None:
    """The size rule of what resizes the spatial axes."""
    return same_sizes(node, axis) if axis in (0, 1) else None


# --- rules that many operations share ---


def keeps(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """The result changes as the input does."""
    return fact_of(node, facts) if others_are_untouched(node, facts) else ANY_SHIFT


def destroys(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """Nothing is known of the change of the result."""
    return NO_SHIFT if all(fact is NO_SHIFT for fact in facts) else ANY_SHIFT


def joins(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """Any one of the inputs."""
    ranked = [with_rank(fact, read.rank) for read, fact in zip(node.inputs, facts, strict=True)]
    result: ShiftFact = NO_SHIFT
    for fact in ranked:
        result = join_shifts(result, fact)
    # Where one input shifts and another does not, nobody knows by how much.
    return result.inexact() if isinstance(result, Shift) and NO_SHIFT in ranked else result


def keeps_inexactly(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """The result varies along the same axes, by other amounts."""
    fact = keeps(node, facts)
    return fact.inexact() if isinstance(fact, Shift) else fact
