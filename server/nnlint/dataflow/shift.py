"""Follows one bias forward through the graphs: does everything that it does vanish in a normalisation?

The walk starts at the calls of the layer and stops at the first place where nothing more is known (`ANY_SHIFT`) or where anybody
may look at the value (a result of a graph that anybody may run, an escape). It goes into called graphs with the facts of
their inputs, and out of a graph to each of its callers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from nnlint.dataflow.facts import ANY_SHIFT, NO_SHIFT, ShiftFact, join_shifts
from nnlint.dataflow.graph import CALL, CONCATENATIONS, ESCAPE, JOIN, OUTPUT, OWN_OPERATIONS, UNKNOWN_OPERATION, Graph, Node
from nnlint.dataflow.ranks import settle_ranks
from nnlint.dataflow.transfer import find_row
from nnlint.dataflow.transfer.linear import own_shift
from nnlint.dataflow.transfer.row import joins

_MAX_STEPS = 20_000


@dataclass(frozen=True, slots=True)
class Loss:
    """Where the bias comes through, or is lost from sight."""

    node: Node
    reason: str

    @property
    def is_unknown(self) -> bool:
        """Whether the bias is lost from sight, not seen to come through."""
        return unknown_reason(self.node) is not None


class _Lost(Exception):
    def __init__(self, loss: Loss) -> None:
        self.loss = loss


@dataclass(slots=True, eq=False)
class Trace:
    """What became of one bias. It is redundant where `loss` is `None` and something cancels it (`cancelled_by`).

    `between` are the operations that it passes on its way; `is_direct` says that none of them is parametric, and that the
    value is used nowhere else but in one sum right before the normalisation.
    """

    calls: tuple[Node, ...]
    loss: Loss | None = None
    cancelled_by: list[Node] = field(default_factory=list)
    between: list[Node] = field(default_factory=list)

    @property
    def is_redundant(self) -> bool:
        return self.loss is None and bool(self.cancelled_by)

    @property
    def is_by_softmax(self) -> bool:
        return any((row := find_row(n.operation)) is not None and row.is_softmax for n in self.cancelled_by)

    @property
    def is_direct(self) -> bool:
        for node in self.between:
            row = find_row(node.operation)
            if row is not None and row.is_linear and node not in self.calls and (node.layer is not None or len(node.inputs) > 1):
                return False
            is_mixed = any(
                use not in self.cancelled_by
                and (r := find_row(use.operation)) is not None
                and (r.is_sum or use.operation in CONCATENATIONS)
                for use in node.uses
            )
            if is_mixed and len({id(use) for use in node.uses}) > 1:
                return False  # part of a stream: other readers follow
        return True


def trace_bias(calls: Sequence[Node]) -> Trace:
    """Follows the bias of a layer from all of its calls."""
    walk = _Walk(Trace(tuple(calls)))
    by_graph: dict[int, dict[Node, ShiftFact]] = {}
    for call in calls:
        settle_ranks(call.graph)
        by_graph.setdefault(id(call.graph), {})[call] = own_shift(call)
    try:
        for seeds in by_graph.values():
            graph = next(iter(seeds)).graph
            walk.leave(graph, walk.within(graph, seeds))
    except _Lost as lost:
        walk.trace.loss = lost.loss
    except RecursionError:
        walk.trace.loss = Loss(calls[0], "the calls are nested too deeply")
    return walk.trace


class _Walk:
    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._inside: dict[tuple[int, tuple[ShiftFact, ...]], tuple[ShiftFact, ...]] = {}
        self._left: set[tuple[int, tuple[ShiftFact, ...]]] = set()
        self._steps = 0

    def leave(self, graph: Graph, results: tuple[ShiftFact, ...]) -> None:
        """Goes on behind a graph's results, in every caller."""
        if all(fact is NO_SHIFT for fact in results):
            return
        key = (id(graph), results)
        if key in self._left:
            return
        self._left.add(key)
        if graph.is_root or not graph.callers:
            at = next(n for n, fact in zip(graph.results, results, strict=True) if fact is not NO_SHIFT)
            raise _Lost(Loss(at, f"it is part of what {graph.name}() returns"))
        for call in graph.callers:
            seeds = {use: results[use.output] for use in call.uses if use.operation == OUTPUT and results[use.output] is not NO_SHIFT}
            if seeds:
                self.leave(call.graph, self.within(call.graph, seeds))

    def called(self, graph: Graph, inputs: tuple[ShiftFact, ...]) -> tuple[ShiftFact, ...]:
        """The facts of a graph's results when it is run on inputs with these facts."""
        key = (id(graph), inputs)
        if key not in self._inside:
            self._inside[key] = tuple(NO_SHIFT for _ in graph.results)  # a recursive call adds nothing of its own
            seeds = {node: fact for node, fact in zip(graph.inputs, inputs, strict=True) if fact is not NO_SHIFT}
            self._inside[key] = self.within(graph, seeds)
        return self._inside[key]

    def within(self, graph: Graph, seeds: Mapping[Node, ShiftFact]) -> tuple[ShiftFact, ...]:
        """The facts of a graph's results, given the facts of some of its nodes, round loops to the fixed point."""
        settle_ranks(graph)
        facts: dict[Node, ShiftFact] = dict(seeds)
        calls: dict[Node, tuple[ShiftFact, ...]] = {}
        queue: list[tuple[int, int, Node]] = []
        for node in seeds:
            for use in node.uses:
                heappush(queue, (use.number, id(use), use))
            self._passed(node)
        done: dict[Node, tuple[ShiftFact, ...]] = {}
        while queue:
            _, _, node = heappop(queue)
            while queue and queue[0][2] is node:
                heappop(queue)
            self._steps += 1
            if self._steps > _MAX_STEPS:
                raise _Lost(Loss(node, "too many paths"))
            fact = self._fact(node, facts, calls)
            if node in seeds:
                fact = join_shifts(fact, seeds[node])
            if fact is NO_SHIFT and node.operation != CALL:
                self._cancelled(node)
                continue
            if fact is ANY_SHIFT:
                raise _Lost(Loss(node, _loss_reason(node)))
            if node.operation == CALL:
                changed = calls[node] != done.get(node)
                done[node] = calls[node]
            else:
                changed = facts.get(node) != fact
                facts[node] = fact
                self._passed(node)
            if changed:
                for use in node.uses:
                    heappush(queue, (use.number, id(use), use))
        return tuple(facts.get(node, NO_SHIFT) for node in graph.results)

    def _fact(self, node: Node, facts: Mapping[Node, ShiftFact], calls: dict[Node, tuple[ShiftFact, ...]]) -> ShiftFact:
        given = [facts.get(read, NO_SHIFT) for read in node.inputs]
        if node.operation == CALL:
            assert node.callee is not None
            calls[node] = self.called(node.callee, tuple(given))
            return NO_SHIFT
        if node.operation == OUTPUT:
            return calls.get(node.inputs[0], (NO_SHIFT,) * (node.output + 1))[node.output]
        if node.operation == JOIN:
            return joins(node, given)
        if node.operation in (ESCAPE, UNKNOWN_OPERATION):
            return ANY_SHIFT
        row = find_row(node.operation)
        return ANY_SHIFT if row is None else row.shift(node, given)

    def _passed(self, node: Node) -> None:
        if node not in self.trace.between:
            self.trace.between.append(node)

    def _cancelled(self, node: Node) -> None:
        row = find_row(node.operation)
        if row is not None and (row.is_normalization or row.is_softmax or row.cancels) and node not in self.trace.cancelled_by:
            self.trace.cancelled_by.append(node)


def _loss_reason(node: Node) -> str:
    """Why a bias is not followed further, as the end of a sentence that begins with "because"."""
    reason = unknown_reason(node)
    if reason is not None:
        return reason
    name = f"`{node.operation.rpartition('.')[2]}`"
    row = find_row(node.operation)
    is_norm = row is not None and row.is_normalization
    return f"{name} leaves some of it" if is_norm else f"{name} changes more with it than by a constant for each channel"


def unknown_reason(node: Node) -> str | None:
    """Why nothing is known of what a node computes, as the end of a sentence that begins with "because"; `None` where something is."""
    if node.operation == ESCAPE:
        return f"it is {node.reason or 'used where nobody follows'}"
    if node.operation == UNKNOWN_OPERATION:
        is_sentence = any(f" {verb} " in node.reason.partition(" (")[0] for verb in ("is", "has", "calls"))
        return node.reason if is_sentence else f"nothing is known of {node.reason or 'what computes it'}"
    if node.operation in OWN_OPERATIONS or find_row(node.operation) is not None:
        return None
    return f"nothing is known of `{node.operation.removeprefix('torch.')}`"
