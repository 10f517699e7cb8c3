"""Softmaxes that are not told their axis, and the axis that torch then takes (the questions of NN405)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nnlint.dataflow.graph import Node, ProjectGraph
from nnlint.dataflow.ranks import settle_ranks
from nnlint.dataflow.written_calls import target_of, written_calls
from nnlint.semantics.definitions import Site
from nnlint.syntax import lowered as low

_DIM_POSITION = {
    "torch.nn.functional.softmax": 1,
    "torch.nn.functional.log_softmax": 1,
    "torch.nn.functional.softmin": 1,
    "torch.nn.Softmax": 0,
    "torch.nn.LogSoftmax": 0,
    "torch.nn.Softmin": 0,
}
_WORDS = ("softmax", "softmin", "Softmax", "Softmin")


@dataclass(frozen=True, slots=True, eq=False)
class SoftmaxWithoutAxis:
    """A call of one of torch's softmaxes, or the construction of a layer of one, without `dim`.

    `rank` is the number of axes of every tensor that it is known to be given; `None` where that is not known.
    """

    target: str
    site: Site
    rank: int | None

    @property
    def axis(self) -> int | None:
        """The axis that torch takes (`torch.nn.functional._get_softmax_dim`)."""
        return None if self.rank is None else 0 if self.rank in (0, 1, 3) else 1


def softmaxes_without_axis(graph: ProjectGraph) -> Iterator[SoftmaxWithoutAxis]:
    """Every one in the files that are reported on, in the order of the text."""
    program = graph.program
    assert program is not None
    calls: dict[Site, str] = {}
    for path in sorted(graph.wanted):
        module = program.module(path) if any(program.mentions(path, word) for word in _WORDS) else None
        for call in () if module is None else written_calls(program, module, _WORDS):
            target = target_of(program, call)
            if target in _DIM_POSITION and not call.has_star_arguments and _is_absent(call.argument("dim", _DIM_POSITION[target])):
                calls[call.site] = target
    if not calls:
        return
    nodes: dict[Site, list[Node]] = {site: [] for site in calls}
    for node in (node for inner in graph.graphs for node in inner.nodes):
        if node.site in nodes and node.operation == calls[node.site]:
            nodes[node.site].append(node)
    for site, target in calls.items():
        used = [node for layer in graph.layers.get(site, ()) for node in graph.calls_of(layer)]
        yield SoftmaxWithoutAxis(target, site, _common_rank([*nodes[site], *used]))


def _is_absent(dim: low.Node | None) -> bool:
    return dim is None or (isinstance(dim, low.Constant) and dim.value is None)


def _common_rank(nodes: list[Node]) -> int | None:
    ranks = {_rank(node) for node in nodes}
    return ranks.pop() if len(ranks) == 1 else None


def _rank(node: Node) -> int | None:
    settle_ranks(node.graph)
    return node.rank if node.rank is not None or not node.inputs else node.inputs[0].rank
