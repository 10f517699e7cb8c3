"""What is known of the tensors that a class's `forward()` takes: sizes, the layer that each meets first, and whether it holds indices."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from nnlint.dataflow import values as val
from nnlint.dataflow.graph import CALL, CONSTANT, JOIN, NARROWED, Graph, Node, ProjectGraph
from nnlint.dataflow.ranks import settle_ranks
from nnlint.dataflow.transfer import find_row
from nnlint.dataflow.transfer.row import input_rank, same_sizes
from nnlint.dataflow.transfer.sizes import declared_size
from nnlint.dataflow.values import Const, Value
from nnlint.semantics.definitions import ClassDefinition

_MAX_STEPS = 200
_MAX_OWNERS = 12
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
    for graph in project.graphs_of(definition.module.path, definition.name):
        if graph.name == f"{definition.name}.forward":
            settle_ranks(graph)
            for name, node in zip(graph.input_names, graph.inputs, strict=False):
                if name:
                    one = _described(name, graph, node, definition)
                    found[name] = _agreed(found[name], one) if name in found else one
    return list(found.values())


def _described(name: str, graph: Graph, node: Node, definition: ClassDefinition) -> ForwardInput:
    met = _first_layer(node)
    if met is None:
        return ForwardInput(name, _given_sizes(graph, node) or _declared_sizes(node))
    called, operation = met
    is_integer = operation.operation.rpartition(".")[2] in _INDEXED
    path = _attribute_path(called, definition)
    return ForwardInput(name, _given_sizes(graph, node) or _declared_sizes(node), path, is_integer)


def _agreed(one: ForwardInput, other: ForwardInput) -> ForwardInput:
    """What two ways of being called have in common; of the layers the first, since an object has only some of them."""
    sizes = one.sizes or other.sizes
    if one.sizes is not None and other.sizes is not None:
        alike = len(one.sizes) == len(other.sizes)
        sizes = tuple(a if a == b else None for a, b in zip(one.sizes, other.sizes, strict=True)) if alike else None
    return replace(one, sizes=sizes, layer=one.layer or other.layer, is_integer=one.is_integer and other.is_integer)


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
            if use.layer is not None and use.operation == use.layer.target:
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
    row = find_row(use.operation)
    if use.operation in (JOIN, NARROWED) or (row is not None and row.rank is input_rank and row.size is same_sizes):
        yield use, None


def _attribute_path(part: val.Heap | None, definition: ClassDefinition) -> str:
    """`layer1.0.conv` for what an object of a class holds; empty where it does not, or only in plain lists and the like."""
    names: list[str] = []
    at = part
    for _ in range(_MAX_OWNERS):
        owner = None if at is None else at.owner
        if owner is None or at is None:
            return ""
        name = _name_within(owner, at)
        if name is None:
            return ""
        names.append(name)
        if isinstance(owner, val.Instance) and owner.definition is definition:
            return ".".join(reversed(names))
        at = owner
    return ""


def _name_within(owner: val.Heap, part: val.Heap) -> str | None:
    match owner:
        case val.Instance():
            return next((key for key, value in owner.state.items() if value is part and isinstance(key, str) and key.isidentifier()), None)
        case val.Sequence() if owner.is_module and owner.is_exact:
            at = next((i for i, item in enumerate(owner.items) if item is part), None)
            return None if at is None else owner.names[at] if owner.names else str(at)
        case val.Mapping_() if owner.is_module:
            return next((str(key) for key, value in owner.entries.items() if value is part), None)
        case _:
            return None
