"""Attention in one call, and sums over named axes (`einsum`)."""

from __future__ import annotations

from collections.abc import Sequence

from nnlint.dataflow.facts import ANY_SHIFT, NO_SHIFT, Shift, ShiftFact
from nnlint.dataflow.graph import Node
from nnlint.dataflow.transfer.averages import averaging_axis
from nnlint.dataflow.transfer.row import Row, argument, fact_of, input_node, register
from nnlint.dataflow.values import Const, Tensor, Value
from nnlint.dataflow.values import Sequence as SequenceValue

# --- softmax(q kᵀ) v ---


def _attention(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """A shift that is the same for all keys is cancelled; one that is the same for all values stays as it is.

    Source: torch.nn.functional.scaled_dot_product_attention; keys and values are (…, positions, features).
    """
    query, key, value = (fact_of(node, facts, name) for name in ("query", "key", "value"))
    if query is not NO_SHIFT or fact_of(node, facts, "attn_mask") is not NO_SHIFT:
        return ANY_SHIFT
    if _varies_with_position(key, input_node(node, "key")) or _varies_with_position(value, input_node(node, "value")):
        return ANY_SHIFT
    never_drops = argument(node, "dropout_p") in (Const(0.0), Const(0))
    return value if value is NO_SHIFT or never_drops else ANY_SHIFT


def _varies_with_position(fact: ShiftFact, source: Node | None) -> bool:
    if not isinstance(fact, Shift):
        return fact is not NO_SHIFT
    if source is None or source.rank is None:
        return any(a >= 0 or a == -2 for a in fact.axes)
    return source.rank - 2 in fact.axes


def _attention_rank(node: Node) -> int | None:
    query = input_node(node, "query")
    return None if query is None else query.rank


def _attention_size(node: Node, axis: int) -> tuple[Node, int] | None:
    features = -1 if node.rank is None else node.rank - 1
    source = input_node(node, "value" if axis == features else "query")
    return None if source is None or source.rank != node.rank else (source, axis)


# --- einsum ---


def _terms(node: Node) -> tuple[list[str], str] | None:
    """The letters of each operand and of the result; `None` where they are not written out."""
    equation = argument(node, "equation")
    if not isinstance(equation, Const) or not isinstance(equation.value, str):
        return None
    left, arrow, right = equation.value.replace(" ", "").partition("->")
    terms = left.split(",")
    if not arrow or not all(term.isalpha() and len(set(term)) == len(term) for term in (*terms, right or "a")):
        return None
    return terms, right


def _operands(node: Node) -> list[Node | None]:
    given: list[Value] = [v for k, v in node.arguments.items() if k.startswith("operands")]
    if len(given) == 1 and isinstance(given[0], SequenceValue):
        given = list(given[0].items)
    return [v.node if isinstance(v, Tensor) else None for v in given]


def _einsum(node: Node, facts: Sequence[ShiftFact]) -> ShiftFact:
    """A sum of products: the shift varies along its own axes and along those of the other factors.

    One other factor whose elements sum to one along the only axis that is summed leaves the shift as it is.
    """
    terms, operands = _terms(node), _operands(node)
    if terms is None or len(terms[0]) != len(operands) or None in operands:
        return ANY_SHIFT if any(fact is not NO_SHIFT for fact in facts) else NO_SHIFT
    by_node = dict(zip(node.inputs, facts, strict=True))
    shifted = [at for at, read in enumerate(operands) if read is not None and by_node.get(read, NO_SHIFT) is not NO_SHIFT]
    if not shifted:
        return NO_SHIFT
    source = operands[shifted[0]]
    fact = None if source is None else by_node[source]
    if len(shifted) != 1 or not isinstance(fact, Shift):
        return ANY_SHIFT
    letters, result = terms[0][shifted[0]], terms[1]
    own = {letters[axis] for axis in fact.axes}
    others = [(term, read) for at, (term, read) in enumerate(zip(terms[0], operands, strict=True)) if at not in shifted]
    varies = own | {letter for term, _ in others for letter in term}
    if len(others) == 1 and not (set(letters) - set(result)) & own and _averages(others[0], set(letters) - set(result), result):
        varies = own
    return Shift(frozenset(result.index(letter) for letter in varies if letter in result))


def _averages(weights: tuple[str, Node | None], summed: set[str], result: str) -> bool:
    """Whether the elements of a factor sum to one over the one axis that is summed, and no axis of it vanishes otherwise."""
    term, read = weights
    if read is None or len(summed) != 1 or not summed <= set(term) or set(term) - summed - set(result):
        return False
    axis = averaging_axis(read)
    return axis is not None and -len(term) <= axis < len(term) and term[axis] in summed


def _einsum_rank(node: Node) -> int | None:
    terms = _terms(node)
    return None if terms is None else len(terms[1])


def _einsum_size(node: Node, axis: int) -> tuple[Node, int] | None:
    terms = _terms(node)
    if terms is None or not 0 <= axis < len(terms[1]):
        return None
    letter = terms[1][axis]
    for term, read in zip(terms[0], _operands(node), strict=False):
        if read is not None and letter in term:
            return read, term.index(letter)
    return None


def einsum_ranks(node: Node) -> list[tuple[Node, int]]:
    """How many axes each operand of an `einsum` has."""
    terms = _terms(node)
    return [] if terms is None else [(read, len(term)) for term, read in zip(terms[0], _operands(node), strict=False) if read is not None]


register("torch.nn.functional.scaled_dot_product_attention", Row(_attention, _attention_rank, size=_attention_size, is_softmax=True))
register("torch.einsum", Row(_einsum, _einsum_rank, size=_einsum_size, is_linear=True))
