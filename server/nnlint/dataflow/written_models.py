"""Models that a single expression builds, such as an `nn.Sequential(…)` in a script: they can be built from their text alone."""

from __future__ import annotations

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.written_calls import Scope, resolve
from nnlint.semantics.binding import names_assigned_in, names_bound_in
from nnlint.semantics.definitions import ExternalDefinition, Site
from nnlint.semantics.program import Module
from nnlint.semantics.signatures import layer_signatures
from nnlint.syntax import lowered as low

_SCOPES = (low.FunctionDef, low.ClassDef, low.LambdaExpr, low.Comprehension)
_HOLDING = (low.Argument, low.Display, low.DictDisplay, low.Starred)


def written_model(project: ProjectGraph, layer: Site) -> Site | None:
    """The outermost call around the construction of a layer that builds a module from what stands in it alone.

    `None` where it uses names that a function or class around it binds: nobody outside knows what these are.
    """
    assert project.program is not None
    module = project.program.module(layer.path)
    placed = None if module is None else module.placed(layer.block)
    if module is None or placed is None:
        return None
    around = _path_to(placed.block.body, layer.index)
    at = _outermost(project, module, around)
    if at is None:
        return None
    call = around[at]
    assert isinstance(call, low.Call)
    local = names_assigned_in(tuple(node for node in around[:at] if isinstance(node, _SCOPES)))
    used = {node.id for node in low.nodes_in(call) if isinstance(node, low.Name)} - names_bound_in(call)
    is_known = all(project.program.resolve(module, name) is not None for name in used)
    return None if used & local or not is_known else Site(layer.path, layer.block, call.index)


def _path_to(root: object, index: int) -> list[low.Node]:
    """The nodes from the outside in that hold the call with this index, itself last; empty where there is none."""
    stack: list[tuple[object, tuple[low.Node, ...]]] = [(root, ())]
    while stack:
        item, above = stack.pop()
        if isinstance(item, tuple):
            stack += [(part, above) for part in item]
        elif isinstance(item, low.Node):
            if isinstance(item, low.Call) and item.index == index:
                return [*above, item]
            stack += [(part, (*above, item)) for part in item.fields()]
    return []


def _outermost(project: ProjectGraph, module: Module, around: list[low.Node]) -> int | None:
    """Where in the nodes around a layer the outermost one is that constructs one of torch's modules and holds nothing else."""
    found = None
    for at in range(len(around) - 1, -1, -1):
        node = around[at]
        if isinstance(node, low.Call):
            assert project.program is not None
            target = resolve(project.program, module, node.function, Scope())
            name = target.name if isinstance(target, ExternalDefinition) else ""
            if name in layer_signatures():
                found = at
            elif name != "collections.OrderedDict":
                break
        elif not isinstance(node, _HOLDING):
            break
    return found
