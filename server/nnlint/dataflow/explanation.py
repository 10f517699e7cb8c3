"""What the rules on biases say in common: the chain from layer to normalisation, and the edit that removes a bias."""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.graph import Node, ProjectGraph
from nnlint.dataflow.redundancy import RedundantBias
from nnlint.findings import Applicability, Fix, Related


def short_name(target: str) -> str:
    """`Conv2d` for `torch.nn.Conv2d`."""
    return target.rpartition(".")[2]


def layer_label(node: Node) -> str:
    return short_name(node.operation)


def wasted_words(bias: RedundantBias) -> str:
    count = bias.wasted
    return "" if count is None else f" ({count:,} parameter{'' if count == 1 else 's'} without effect)"


def chain_of(graph: ProjectGraph, bias: RedundantBias) -> Iterator[Related]:
    """Construction → where it is called → what cancels it → where that is called, each place once."""
    seen = {bias.site}
    norm = bias.trace.cancelled_by[0]
    places = [
        (bias.layer.built_by[0] if bias.layer.built_by else None, "built through this call"),
        (bias.call.site, f"this `{short_name(bias.layer.target)}` is called here"),
        (
            norm.layer.site if norm.layer is not None else None,
            f"this `{layer_label(norm)}` subtracts the mean, and the bias with it",
        ),
        (norm.site, f"`{layer_label(norm)}` is called here"),
    ]
    for site, message in places:
        if site is not None and site not in seen:
            seen.add(site)
            yield Related(site.path, graph.span(site), message)


def remove_bias(graph: ProjectGraph, bias: RedundantBias) -> Iterator[Fix]:
    """The fix that constructs the layer without a bias; none where that could crash."""
    if any(read.may_be(bias.layer.target, bias.names, bias.site.path) for read in graph.bias_reads):
        return
    layers = graph.layers[bias.site]
    if graph.passes_unknown(bias.site, "bias", any(layer.has_open_keywords for layer in layers)):
        return
    edits = graph.set_argument(bias.site, "bias", "False")
    yield Fix("insert bias=False (unsafe: the bias leaves the state_dict)", Applicability.UNSAFE, edits)
