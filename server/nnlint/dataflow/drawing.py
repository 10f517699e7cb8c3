"""What is drawn of a dataflow graph, in whatever format: nodes with names, shapes, places and facts, and who reads whom."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from nnlint.dataflow import values as val
from nnlint.dataflow.attribute_paths import attribute_paths
from nnlint.dataflow.graph import CALL, ESCAPE, JOIN, OUTPUT, UNKNOWN_OPERATION, Graph, Node, ProjectGraph
from nnlint.dataflow.redundancy import has_bias
from nnlint.dataflow.shapes import Shapes, shape_words
from nnlint.dataflow.shift import trace_bias, unknown_reason
from nnlint.dataflow.transfer.linear import BIASED_LAYERS
from nnlint.dataflow.values import Layer
from nnlint.semantics.definitions import Site
from nnlint.text import LineIndex

_CANCELLERS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """One operation. `name` is the attribute that is called, or the operation; `kind` the class of a layer or what a call runs.

    `reads` are the numbers of the nodes that it reads; `facts` sentences about it; `is_lost` says that knowledge ends here.
    """

    number: int
    name: str
    kind: str
    shape: str
    place: str
    reads: tuple[int, ...]
    facts: tuple[str, ...] = ()
    is_lost: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """One way of running a method."""

    title: str
    nodes: tuple[DrawnNode, ...]
    results: tuple[int, ...] = ()

    @property
    def is_worth_showing(self) -> bool:
        return bool(self.nodes)


def draw_class(project: ProjectGraph, path: str, class_name: str, name_of: Callable[[str], str]) -> list[Drawing]:
    """The different ways of running `forward()` of a class; its other methods where it has none.

    `name_of` gives the name under which a file is shown. Raises `LookupError` where there is nothing to draw.
    """
    graphs = project.graphs_of(path, class_name)
    forward = [graph for graph in graphs if graph.name == f"{class_name}.forward"]
    artist = _Artist(project, path, name_of, {key: f"self{name}" for key, name in attribute_paths(project, path, class_name).items()})
    drawn = [drawing for graph in forward or graphs if (drawing := artist.draw(graph)).is_worth_showing]
    if not drawn:
        raise LookupError(_why_nothing(project, path, class_name, bool(graphs)))
    return list(dict.fromkeys(drawn))


def _why_nothing(project: ProjectGraph, path: str, class_name: str, has_graphs: bool) -> str:
    if has_graphs:
        return f"nothing that class `{class_name}` does with tensors could be followed"
    module = None if project.program is None else project.program.module(path)
    if module is None or class_name not in module.names:
        return f"{path} has no class `{class_name}` with a forward() that could be followed"
    return f"class `{class_name}` has no forward() that could be followed: nothing is known to construct it, or that was not understood"


@dataclass(slots=True)
class _Artist:
    project: ProjectGraph
    path: str
    name_of: Callable[[str], str]
    attributes: dict[int, str]  # the path of each layer and module, by its id
    shapes: Shapes = field(default_factory=Shapes)
    indexes: dict[str, LineIndex] = field(default_factory=dict)

    def draw(self, graph: Graph) -> Drawing:
        drawn = [node for node in graph.nodes if node.operation != OUTPUT]
        numbers = {id(node): at for at, node in enumerate(drawn, 1)}
        nodes = tuple(self._node(node, partial(_number, numbers)) for node in drawn)
        return Drawing(graph.name, nodes, tuple(dict.fromkeys(_number(numbers, node) for node in graph.results)))

    def _node(self, node: Node, number: Callable[[Node], int]) -> DrawnNode:
        facts = list(self._facts(node))
        return DrawnNode(
            number(node),
            self._name(node),
            self._kind(node),
            self._shape(node),
            self.place(node.site),
            tuple(dict.fromkeys(map(number, node.inputs))),
            tuple(facts),
            unknown_reason(node) is not None,
        )

    def _name(self, node: Node) -> str:
        called = node.layer if node.layer is not None and node.operation == node.layer.target else node.module
        path = None if called is None else self.attributes.get(id(called))
        if path is not None:
            return path
        if node.operation == CALL and node.callee is not None:
            return node.callee.name
        return {JOIN: "either", UNKNOWN_OPERATION: "unknown code", ESCAPE: "out of sight"}.get(node.operation, short_operation(node))

    def _kind(self, node: Node) -> str:
        if node.operation == CALL and node.callee is not None:
            return "" if self._name(node) == node.callee.name else node.callee.name.removesuffix(".forward")
        is_named = node.layer is not None and id(node.layer) in self.attributes and node.operation == node.layer.target
        return short_operation(node) if is_named else ""

    def _shape(self, node: Node) -> str:
        if node.operation in (ESCAPE, UNKNOWN_OPERATION):
            return ""
        if node.operation == CALL:
            return ", ".join(words for use in node.uses if use.operation == OUTPUT and (words := shape_words(self.shapes.of(use))))
        return shape_words(self.shapes.of(node))

    def place(self, site: Site | None) -> str:
        """`resnet.py:618`; of the class's own file the last name is enough."""
        program = self.project.program
        if site is None or program is None:
            return ""
        if site.path not in self.indexes:
            module = program.module(site.path)
            self.indexes[site.path] = LineIndex("" if module is None else module.parsed.text)
        row = self.indexes[site.path].position(self.project.span(site).start).line + 1
        name = posixpath.basename(site.path) if site.path == self.path else self.name_of(site.path)
        return f"{name}:{row}"

    # --- facts ---

    def _facts(self, node: Node) -> Iterator[str]:
        reason = unknown_reason(node)
        if reason is not None:
            yield f"UNKNOWN because {reason}"
        if node.layer is not None and node.operation in BIASED_LAYERS and node.operation == node.layer.target:
            yield self._bias(node.layer)

    def _bias(self, layer: Layer) -> str:
        """What becomes of the bias of a layer."""
        biased = has_bias(layer)
        if biased is False:
            return "no bias"
        if biased is None:
            given = layer.arguments.get("bias")
            why = given.reason if isinstance(given, val.Unknown) and given.reason else "nothing says what its value is"
            return f"bias: UNKNOWN because {why}"
        if layer.marks:
            return f"bias: not judged, because {_mark_words(layer)}"
        trace = trace_bias(self.project.calls_of(layer))
        if trace.is_redundant:
            words = [self._where(node) for node in trace.cancelled_by[:_CANCELLERS_SHOWN]]
            more = len(trace.cancelled_by) - len(words)
            return f"bias: cancelled by {', '.join(dict.fromkeys(words))}{f' and {more} more' if more > 0 else ''}"
        if trace.loss is None:
            return "bias: nothing uses it"
        verdict = "UNKNOWN" if trace.loss.is_unknown else "needed,"
        return f"bias: {verdict} because {trace.loss.reason}{self._at(trace.loss.node)}"

    def _where(self, node: Node) -> str:
        return f"{short_operation(node)}{self._at(node)}"

    def _at(self, node: Node) -> str:
        place = self.place(node.site)
        return f" ({place})" if place else ""


def _mark_words(layer: Layer) -> str:
    what = next(iter(layer.marks.values()))
    return what if what.startswith(("its ", "the ", "a ", "it ")) else f"the layer is {what}"


def _number(numbers: dict[int, int], node: Node) -> int:
    """The drawn number of a node; the results of a call go by the call's."""
    return numbers[id(node.inputs[0] if node.operation == OUTPUT else node)]


def short_operation(node: Node) -> str:
    """`Conv2d`, `interpolate`, `input`."""
    return node.operation.rpartition(".")[2]
