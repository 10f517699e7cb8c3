"""Ranks that are not known where a tensor comes in, but follow from what is done with it.

`forward(x)` does not say how many axes `x` has; `B, T, C = x.shape`, `x.permute(0, 2, 1)` or a `BatchNorm1d` behind
`x.transpose(1, 2)` do. Ranks of one graph are tied by the operations that keep them or change them by a known number; one tensor
of such a tie whose rank is known, or must be one number, settles all. Graphs that are called settle what their callers pass.
"""

from __future__ import annotations

from collections import defaultdict

from nnlint.dataflow.graph import CALL, INPUT, JOIN, OUTPUT, Graph, Node
from nnlint.dataflow.transfer import find_row
from nnlint.dataflow.transfer.attention import einsum_ranks
from nnlint.dataflow.transfer.axes import named_axes, splits_last_axis
from nnlint.dataflow.transfer.recurrent import RECURRENT
from nnlint.dataflow.transfer.row import input_node, input_rank
from nnlint.dataflow.transfer.sizes import declared_size, size_of
from nnlint.dataflow.values import Const, Symbol, Value

_MAX_ROUNDS = 3
_PRODUCTS = frozenset({"torch.bmm", "torch.matmul"})
_NORMS_OF_ONE_AXIS = frozenset({"torch.nn.BatchNorm1d", "torch.nn.LazyBatchNorm1d", "torch.nn.SyncBatchNorm"})
_SPATIAL = ("Conv", "ConvTranspose", "BatchNorm", "InstanceNorm", "MaxPool", "AvgPool", "AdaptiveAvgPool", "AdaptiveMaxPool")
_REQUIRED = {
    f"torch.nn.{lazy}{kind}{n}d": n + 2 for kind in _SPATIAL for lazy in ("", "Lazy") for n in (1, 2, 3) if (kind, n) != ("BatchNorm", 1)
} | {f"torch.nn.functional.{kind}{n}d": n + 2 for kind in ("conv", "conv_transpose") for n in (1, 2, 3)}


def settle_ranks(graph: Graph) -> None:
    """Fills in the ranks of a graph's nodes that follow from others, once for each graph."""
    if graph.is_settled:
        return
    graph.is_settled = True
    for node in graph.nodes:
        if node.operation == CALL and node.callee is not None:
            settle_ranks(node.callee)
    if all(node.rank is not None for node in graph.nodes if node.operation != CALL):
        return
    for _ in range(_MAX_ROUNDS):
        if not _Ties(graph).settle():
            break
    if any(node.rank is None for node in graph.inputs):
        _Ties(graph).describe()


class _Ties:
    """Tensors of one graph whose ranks differ by known numbers: a forest, with the difference to the parent at each node."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.parent: dict[Node, tuple[Node, int]] = {}

    def root(self, node: Node) -> tuple[Node, int]:
        """The representative of a tie, and how many axes more the node has."""
        more = 0
        while node in self.parent:
            node, step = self.parent[node]
            more += step
        return node, more

    def tie(self, node: Node, other: Node, more: int) -> None:
        """`node` has `more` axes more than `other`."""
        (one, one_more), (two, two_more) = self.root(node), self.root(other)
        if one is not two:
            self.parent[one] = (two, two_more + more - one_more)

    def settle(self) -> bool:
        """Whether any rank was found."""
        lower, upper = self._bounds()
        found = False
        for node in self.graph.nodes:
            if node.rank is None and node.operation != CALL:
                base, more = self.root(node)
                if base in upper and lower[base] == upper[base]:
                    node.rank = upper[base] + more
                elif node.operation == JOIN:
                    node.rank = self._joined(node)
                else:
                    row = find_row(node.operation)
                    node.rank = row.rank(node) if row is not None and row.rank is not None else None
                found = found or node.rank is not None
        return found

    def describe(self) -> None:
        """Notes what callers may take over: how many axes the inputs have at least, and which results have as many as which input."""
        lower, _ = self._bounds()
        roots = [self.root(node) for node in self.graph.inputs]
        self.graph.least_ranks = tuple(lower[base] + more for base, more in roots)
        found: list[tuple[int, int] | None] = []
        for node in self.graph.results:
            base, more = self.root(node)
            at = next((at for at, (root, _) in enumerate(roots) if root is base), None)
            found.append(None if at is None else (at, more - roots[at][1]))
        self.graph.result_ranks = tuple(found)

    def _bounds(self) -> tuple[dict[Node, int], dict[Node, int]]:
        """The least and the largest rank of each tie's representative."""
        for node in self.graph.nodes:
            self._tie_to_inputs(node)
        lower: dict[Node, int] = defaultdict(int)
        upper: dict[Node, int] = {}
        for node in self.graph.nodes:
            for read, least, most in _limits(node):
                if read.graph is self.graph:
                    base, more = self.root(read)
                    lower[base] = max(lower[base], least - more)
                    if most is not None:
                        upper[base] = min(upper.get(base, most - more), most - more)
        return lower, upper

    def _joined(self, node: Node) -> int | None:
        """The one rank of all inputs; those of a loop that come from the join itself have its own."""
        ranks = {read.rank for read in node.inputs if self.root(read) != self.root(node)}
        return ranks.pop() if len(ranks) == 1 else None

    def _tie_to_inputs(self, node: Node) -> None:
        if node.operation == OUTPUT and node.inputs[0].callee is not None:
            call, passed = node.inputs[0], node.inputs[0].callee.result_ranks
            origin = passed[node.output] if node.output < len(passed) else None
            if origin is not None and origin[0] < len(call.inputs) and call.inputs[origin[0]].graph is self.graph:
                self.tie(node, call.inputs[origin[0]], origin[1])
        row = find_row(node.operation)
        if row is None:
            return
        source = input_node(node)
        if source is not None and source.graph is self.graph:
            change = 0 if row.rank is input_rank else None if row.rank_change is None else row.rank_change(node)
            if change is not None:
                self.tie(node, source, change)
        if row.rank_tie is not None and (found := row.rank_tie(node)) is not None and found[0].graph is self.graph:
            self.tie(node, *found)


def _limits(node: Node) -> list[tuple[Node, int, int | None]]:
    """Tensors with the least and the largest rank that they may have, as far as this node tells."""
    limits: list[tuple[Node, int, int | None]] = []
    if node.rank is not None:
        limits.append((node, node.rank, node.rank))
    if node.operation == CALL and node.callee is not None:
        limits += [
            (read, inner.rank, inner.rank) for read, inner in zip(node.inputs, node.callee.inputs, strict=False) if inner.rank is not None
        ]
        limits += [(read, least, None) for read, least in zip(node.inputs, node.callee.least_ranks, strict=False) if least > 0]
    if node.operation == OUTPUT and node.inputs[0].callee is not None:
        result = node.inputs[0].callee.results[node.output]
        limits += [] if result.rank is None else [(node, result.rank, result.rank)]
    if node.operation == "torch.einsum":
        limits += [(read, rank, rank) for read, rank in einsum_ranks(node)]
    source = input_node(node)
    if source is None or node.operation == INPUT:
        return limits
    if node.operation in _REQUIRED:
        limits.append((source, _REQUIRED[node.operation], _REQUIRED[node.operation]))
    elif node.operation in _NORMS_OF_ONE_AXIS:
        limits.append((source, 2, 3 if node.operation != "torch.nn.SyncBatchNorm" else None))
    elif node.operation in RECURRENT:
        limits.append((source, 2, 3))
    elif node.operation in _PRODUCTS and (known := _product_rank(node)) is not None:
        limits += [(read, known, known) for read in node.inputs]
    axes = named_axes(node)
    if set(axes) == {1, 2} and splits_last_axis(source):
        # Heads, split off the features of (batch, positions, features), change places with the positions.
        limits.append((source, 4, 4))
    elif axes:
        least = max(axes) + 1
        limits.append((source, least, least if _must_move_the_last_axis(node, source) else None))
    return limits


def _product_rank(node: Node) -> int | None:
    """What is transposed by axis numbers right before a product is transposed in its last two axes, as `k.transpose(2, 3)`."""
    if node.operation == "torch.bmm":
        return 3
    right = input_node(node, "other")
    source = None if right is None else input_node(right)
    if right is None or source is None or splits_last_axis(source):
        return None
    axes = sorted(named_axes(right))
    return axes[1] + 1 if len(axes) == 2 and axes[1] == axes[0] + 1 else None


def _must_move_the_last_axis(node: Node, source: Node) -> bool:
    """Whether a transposition is one of the last axis: the sizes that layers ask for before and behind it differ."""
    before, after = size_of(source, -1), declared_size(node, -1)
    return "transpose" in node.operation and after is not None and _is_decided(before) and _is_decided(after) and before != after


def _is_decided(size: Value) -> bool:
    return isinstance(size, Const) or (isinstance(size, Symbol) and isinstance(size.key, tuple) and size.key[0] != "size")
