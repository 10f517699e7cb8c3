"""Recurrent layers: what is known of the sizes of what they return. Source: torch.nn.LSTM, GRU, RNN.

They return the outputs of all steps, which have the axes of the input, in either layout, and the last state, of which nothing is said.
"""

from __future__ import annotations

from nnlint.dataflow.graph import Node
from nnlint.dataflow.transfer.row import Row, argument, destroys, flag, input_node, joins, register
from nnlint.dataflow.values import Const, Symbol, Value

RECURRENT = frozenset({"torch.nn.LSTM", "torch.nn.GRU", "torch.nn.RNN"})


def _recurrence(part: Node) -> Node | None:
    """The call of a recurrent layer of which a node is the outputs of all steps."""
    whole = part.inputs[0]
    return whole if whole.operation in RECURRENT and part.output == 0 else None


def _part_rank(part: Node) -> int | None:
    call = _recurrence(part)
    source = None if call is None else input_node(call)
    return part.inputs[0].rank if source is None else source.rank


def _part_tie(part: Node) -> tuple[Node, int] | None:
    call = _recurrence(part)
    source = None if call is None else input_node(call)
    return None if source is None else (source, 0)


def _part_size(part: Node, axis: int) -> Value | tuple[Node, int] | None:
    if part.inputs[0].operation not in RECURRENT:
        return part.inputs[0], axis
    call = _recurrence(part)
    source = None if call is None else input_node(call)
    if call is None or source is None:
        return None
    return _features(call) if axis == (-1 if part.rank is None else part.rank - 1) else (source, axis)


def _features(call: Node) -> Value | None:
    """The features of both directions, side by side."""
    size, is_twofold = argument(call, "hidden_size"), flag(call, "bidirectional")
    if is_twofold is None or ("proj_size" in call.arguments and argument(call, "proj_size") != Const(0)):
        return None
    if not is_twofold:
        return size
    if isinstance(size, Const) and isinstance(size.value, int):
        return Const(2 * size.value)
    return Symbol(("*", size.key, 2)) if isinstance(size, Symbol) else None


register(" ".join(sorted(RECURRENT)), Row(destroys, returns_several=lambda node: True))
register("part", Row(joins, _part_rank, size=_part_size, rank_tie=_part_tie))
