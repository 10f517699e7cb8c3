"""What is known of the tensors that a class's `forward()` takes: sizes, the layer that each meets first, and whether it holds indices."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from nnlint.dataflow import values as val
from nnlint.dataflow.attribute_paths import attribute_paths
from nnlint.dataflow.graph import CALL, CONSTANT, JOIN, NARROWED, Graph, Node, ProjectGraph
from nnlint.dataflow.image_sizes import image_size
from nnlint.dataflow.ranks import settle_ranks
from nnlint.dataflow.transfer import find_row
from nnlint.dataflow.transfer.sizes import declared_size
from nnlint.dataflow.values import Const, Value
from nnlint.semantics.definitions import ClassDefinition

_MAX_STEPS = 200
_PLAIN_PATH = re.compile(r"(?:\.\w+)+")
_INDEXED = ("Embedding", "EmbeddingBag", "embedding", "embedding_bag", "one_hot")


@dataclass(frozen=True, slots=True)
class ForwardInput:
    """One parameter of `forward()`: its sizes (`None` each where not known, or all where not even the rank is), and the attribute path of
    the first layer that it goes into, its axes still in their places."""

    name: str
    sizes: tuple[int | None, ...] | None = None
    layer: str = ""
    is_integer: bool = False


def forward_inputs(project: ProjectGraph, definition: ClassDefinition) -> list[ForwardInput]:
    """What is known of the tensors that objects of a class are called with, in the order of the parameters."""
    found: dict[str, ForwardInput] = {}
    paths = attribute_paths(project, definition.module.path, definition.name)
    for graph in project.graphs_of(definition.module.path, definition.name):
        if graph.name == f"{definition.name}.forward":
            settle_ranks(graph)
            for name, node in zip(graph.input_names, graph.inputs, strict=False):
                if name:
                    one = _described(name, graph, node, paths)
                    found[name] = _agreed(found[name], one) if name in found else one
    size = image_size(project, definition)
    return [_of_image(one, size) for one in found.values()]


def _of_image(one: ForwardInput, size: tuple[int, int] | None) -> ForwardInput:
    """An image is of the size that the model is made for, if nobody was seen to give another."""
    if size is None or one.sizes is None or len(one.sizes) != 4 or one.sizes[2:] != (None, None):
        return one
    return replace(one, sizes=(*one.sizes[:2], *size))


def _described(name: str, graph: Graph, node: Node, paths: dict[int, str]) -> ForwardInput:
    met = _first_layer(node)
    if met is None:
        return ForwardInput(name, _given_sizes(graph, node) or _declared_sizes(node))
    called, operation = met
    is_integer = operation.operation.rpartition(".")[2] in _INDEXED
    path = paths.get(id(called), "")
    layer = path.removeprefix(".") if _PLAIN_PATH.fullmatch(path) else ""
    return ForwardInput(name, _given_sizes(graph, node) or _declared_sizes(node), layer, is_integer)


def _agreed(one: ForwardInput, other: ForwardInput) -> ForwardInput:
    """What two ways of being called say together, nothing where they differ; of the layers the first, as an object may have one alone."""
    sizes = one.sizes or other.sizes
    if one.sizes is not None and other.sizes is not None:
        alike = len(one.sizes) == len(other.sizes)
        sizes = tuple(map(_either, one.sizes, other.sizes)) if alike else None
    return replace(one, sizes=sizes, layer=one.layer or other.layer, is_integer=one.is_integer and other.is_integer)


def _either(one: int | None, other: int | None) -> int | None:
    return one if other is None or one == other else other if one is None else None


# --- sizes ---


def _given_sizes(graph: Graph, node: Node) -> tuple[int | None, ...] | None:
    """The sizes of what a caller makes on the spot, as in `model(torch.randn(2, 3, 32, 32))`; a batch of one counts as any."""
    at = graph.inputs.index(node)
    for caller in graph.callers:
        made = caller.inputs[at]
        sizes = [made.arguments.get(f"size[{axis}]") for axis in range(made.rank or 0)] if made.operation == CONSTANT else []
        known = [size.value for size in sizes if isinstance(size, Const) and isinstance(size.value, int)]
        if known and len(known) == len(sizes):
            return (None if known[0] == 1 else known[0], *known[1:])
    return None


def _declared_sizes(node: Node) -> tuple[int | None, ...] | None:
    """The sizes that the layers which read the input ask for."""
    if node.rank is None:
        return None
    return tuple(_number(declared_size(node, axis) or declared_size(node, axis - node.rank)) for axis in range(node.rank))


def _number(size: Value | None) -> int | None:
    return size.value if isinstance(size, Const) and isinstance(size.value, int) else None


# --- the first layer ---


def _first_layer(start: Node) -> tuple[val.Heap | None, Node] | None:
    """The first layer that reads a tensor whose axes are still where they were, and the outermost module around it that is called."""
    queue: deque[tuple[Node, val.Heap | None]] = deque([(start, None)])
    seen = {start}
    for _ in range(_MAX_STEPS):
        if not queue:
            return None
        node, within = queue.popleft()
        for use in sorted(node.uses, key=lambda n: n.number):
            if use.layer is not None and use.operation == use.layer.target and not _says_nothing(use):
                return within or use.layer, use
            if use.operation.rpartition(".")[2] in _INDEXED:
                return within, use
            for inner, module in _onward(node, use):
                if inner not in seen:
                    seen.add(inner)
                    queue.append((inner, within or module))
    return None


def _onward(node: Node, use: Node) -> Iterator[tuple[Node, val.Heap | None]]:
    """Where a tensor goes on with its axes in their places, and into which module."""
    if use.operation == CALL:
        if use.callee is not None:
            yield from ((inner, use.module) for inner, read in zip(use.callee.inputs, use.inputs, strict=False) if read is node)
        return
    if use.operation in (JOIN, NARROWED) or keeps_sizes(node, use):
        yield use, None


def keeps_sizes(node: Node, use: Node) -> bool:
    """Whether every axis of a tensor has the same place and size in the result."""
    row = find_row(use.operation)
    return row is not None and row.size is not None and all(row.size(use, axis) == (node, axis) for axis in (0, 1, -1))


def _says_nothing(call: Node) -> bool:
    """Whether a layer takes a tensor of any sizes, and leaves it as it is or works on each element."""
    return keeps_sizes(call.inputs[0], call) and "Norm" not in call.operation
