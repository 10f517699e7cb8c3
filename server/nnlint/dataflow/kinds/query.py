"""Follows a value back to what gave it its kind: through called graphs, out to all callers, through joins and round loops.

A graph that anybody may run has inputs of unknown kind. In a called graph the inputs are those of the call that was come through; where
none was, all callers must agree.
"""

from __future__ import annotations

from nnlint.dataflow.graph import CONSTANT, ESCAPE, INPUT, JOIN, OUTPUT, WRITTEN_IN_PART, Node
from nnlint.dataflow.kinds.kind import KindFact, join_kinds
from nnlint.dataflow.kinds.rules import kind_rule
from nnlint.dataflow.ranks import settle_ranks
from nnlint.dataflow.transfer.axes import PERMUTATIONS
from nnlint.dataflow.values import Tensor

_MAX_STEPS = 50_000
_MAX_DEPTH = 150
_MAX_CALLS = 20
_VIEWS = PERMUTATIONS | {"torch.Tensor.view", "torch.reshape", "torch.unsqueeze", "torch.squeeze", "torch.Tensor.__getitem__"}

Calls = tuple[Node, "Calls"] | None  # the CALL nodes come through, innermost first
_Key = tuple[Node, Calls]


class _Circular(Exception):
    """The value is asked for while it is being found: it adds nothing to what its loop starts with."""


class KindQuery:
    """Answers are remembered; the graphs must not change meanwhile."""

    def __init__(self) -> None:
        self._known: dict[_Key, KindFact | None] = {}
        self._active: dict[_Key, bool] = {}  # whether the value was asked for again
        self._open_loops = 0
        self._steps = 0

    def kind_of(self, node: Node, calls: Calls = None) -> KindFact | None:
        """The kind of a node's value; `None` where it is not known."""
        self._steps = 0
        return self._ask(node, calls)

    def _ask(self, node: Node, calls: Calls) -> KindFact | None:
        key = (node, calls)
        if key in self._known:
            return self._known[key]
        if key in self._active:
            self._open_loops += not self._active[key]
            self._active[key] = True
            raise _Circular
        self._steps += 1
        if self._steps > _MAX_STEPS or len(self._active) > _MAX_DEPTH:
            return None
        self._active[key] = False
        try:
            fact = self._fact(node, calls)
        except _Circular:
            self._leave(key)
            raise
        if self._leave(key):
            fact = self._confirmed(key, fact)
        if not self._open_loops:
            self._known[key] = fact
        return fact

    def _leave(self, key: _Key) -> bool:
        was_asked_again = self._active.pop(key)
        self._open_loops -= was_asked_again
        return was_asked_again

    def _confirmed(self, key: _Key, fact: KindFact | None) -> KindFact | None:
        """What was found on the assumption that a loop adds nothing holds where a round on it gives it again."""
        self._known[key] = fact
        self._open_loops += 1  # nothing that rests on it is remembered
        try:
            again = self._fact(*key)
        finally:
            self._open_loops -= 1
            del self._known[key]
        same = fact is not None and again is not None and (fact.kind, fact.axis) == (again.kind, again.axis)
        return again if same else None

    def _fact(self, node: Node, calls: Calls) -> KindFact | None:
        if not node.graph.is_settled:
            settle_ranks(node.graph)
        if _is_rewritten(node):
            return None
        if node.operation == INPUT:
            return self._from_outside(node, calls)
        if node.operation == OUTPUT:
            return self._result(node, calls)
        if node.operation == JOIN:
            return self._joined(node, calls)
        if node.operation == CONSTANT:
            elsewhere = node.arguments.get("like")
            is_kept = isinstance(elsewhere, Tensor) and node.reason == "computed elsewhere"
            return self._ask(elsewhere.node, None) if is_kept and isinstance(elsewhere, Tensor) else None
        rule = kind_rule(node.operation)
        return None if rule is None else rule(node, lambda read: self._ask(read, calls if read.graph is node.graph else None))

    def _joined(self, node: Node, calls: Calls) -> KindFact | None:
        found: list[KindFact | None] = []
        for read in node.inputs:
            try:
                found.append(self._ask(read, calls))
            except _Circular:
                continue
        if not found:
            raise _Circular
        return join_kinds(found)

    def _result(self, node: Node, calls: Calls) -> KindFact | None:
        call = node.inputs[0]
        if call.callee is None or _depth(calls) >= _MAX_CALLS:
            return None
        return self._ask(call.callee.results[node.output], (call, calls))

    def _from_outside(self, node: Node, calls: Calls) -> KindFact | None:
        graph = node.graph
        if node not in graph.inputs:
            return None
        at = graph.inputs.index(node)
        if calls is not None and calls[0].callee is graph:
            return self._ask(calls[0].inputs[at], calls[1])
        if graph.is_root:
            return None
        return join_kinds(self._ask(caller.inputs[at], None) for caller in graph.callers)


def _is_rewritten(node: Node, depth: int = 3) -> bool:
    """Whether elements of a tensor, or of a view of it, are set after it was computed."""
    return any(
        (use.operation == ESCAPE and use.reason == WRITTEN_IN_PART)
        or (depth > 0 and use.operation in _VIEWS and _is_rewritten(use, depth - 1))
        for use in node.uses
    )


def _depth(calls: Calls) -> int:
    count = 0
    while calls is not None:
        count, calls = count + 1, calls[1]
    return count
