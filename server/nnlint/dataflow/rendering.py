"""The graph of a model's `forward()` as text, with what is known of each value and where knowledge ends."""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.graph import CALL, Graph, Node, ProjectGraph
from nnlint.dataflow.redundancy import has_bias
from nnlint.dataflow.shift import trace_bias
from nnlint.dataflow.transfer.linear import BIASED_LAYERS


def render_class(project: ProjectGraph, path: str, class_name: str) -> str:
    """The graphs of the methods of a class, one for each way of running it; raises `LookupError` where there is none."""
    blocks = [f"{graph.name}\n" + "\n".join(_lines(project, graph)) for graph in project.graphs_of(path, class_name)]
    if not blocks:
        raise LookupError(f"{path} has no class `{class_name}` with a forward() that could be followed")
    return "\n\n".join(dict.fromkeys(blocks)) + "\n"


def _lines(project: ProjectGraph, graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        yield f"  {_node(node)}{_rank(node)}{_bias(project, node)}{_lost(node)}"
    if graph.results:
        yield "  return " + ", ".join(f"%{n.number}" for n in graph.results)


def _node(node: Node) -> str:
    reads = ", ".join(f"%{n.number}" for n in node.inputs)
    name = node.operation.removeprefix("torch.nn.functional.").removeprefix("torch.nn.").removeprefix("torch.")
    if node.operation == CALL and node.callee is not None:
        name = f"call {node.callee.name}"
    return f"%{node.number} = {name}({reads})"


def _rank(node: Node) -> str:
    return "" if node.rank is None else f"  rank {node.rank}"


def _lost(node: Node) -> str:
    return f"  UNKNOWN because of {node.reason}" if node.operation in ("unknown", "escape") and node.reason else ""


def _bias(project: ProjectGraph, node: Node) -> str:
    """What becomes of the bias of the layer that a node calls."""
    if node.layer is None or node.operation not in BIASED_LAYERS:
        return ""
    biased = has_bias(node.layer)
    if not biased:
        return "  no bias" if biased is False else "  bias unknown"
    if node.layer.marks:
        return f"  bias not judged: {next(iter(node.layer.marks.values()))}"
    trace = trace_bias(project.calls_of(node.layer))
    if trace.is_redundant:
        return f"  bias cancelled by {', '.join(_node(n) for n in trace.cancelled_by)}"
    return f"  bias needed: {trace.loss.reason} at %{trace.loss.node.number}" if trace.loss is not None else "  bias never used"
