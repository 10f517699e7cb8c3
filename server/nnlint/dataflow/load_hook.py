"""The load hook with which a class goes on reading checkpoints that were saved while one of its layers had a bias.

The bias moved the mean that the normalization behind the layer remembers, so the hook takes it out of the running mean. That is exact
where the two are one step apart and nothing else feeds the normalization.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nnlint.dataflow.classes import ITEMS
from nnlint.dataflow.deciding import function_at
from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.redundancy import RedundantBias
from nnlint.dataflow.source_text import Edits
from nnlint.dataflow.transfer import find_row
from nnlint.dataflow.values import Heap, Instance, Layer, Sequence
from nnlint.semantics.definitions import ClassDefinition
from nnlint.syntax import lowered as low
from nnlint.syntax.statements import Enclosing

_WITHOUT_STATISTICS = frozenset({"torch.nn.GroupNorm", "torch.nn.LayerNorm"})
_DEEPEST = 4  # containers in containers

# Unlike a function inside `__init__`, a static method lets the model be pickled. The name with the underscore is there in all
# versions of torch, and hands over no module.
_REGISTERED = "{self}._register_load_state_dict_pre_hook({self}.{name})"
_DROPPING = '''
@staticmethod
def {name}(state_dict, prefix, *_):
    """Drops the bias that `{layer}` had in older checkpoints: `{norm}` cancels it."""
    state_dict.pop(f"{{prefix}}{layer}.bias", None)'''
_FOLDING = '''
@staticmethod
def {name}(state_dict, prefix, *_):
    """Folds the bias that `{layer}` had in older checkpoints into the running mean of `{norm}`."""
    bias = state_dict.pop(f"{{prefix}}{layer}.bias", None)
    mean = f"{{prefix}}{norm}.running_mean"
    if bias is not None and mean in state_dict:
        state_dict[mean] = state_dict[mean] - bias'''


@dataclass(frozen=True, slots=True)
class Folding:
    """A layer and the normalization that cancels its bias, by the keys that a class gives them in its `state_dict`."""

    definition: ClassDefinition
    layer: str
    norm: str
    has_statistics: bool  # or may have some: the hook looks

    @property
    def words(self) -> str:
        """What the hook does, for people."""
        return f"fold it into `{self.norm}`" if self.has_statistics else "leave it out"

    @property
    def hook_name(self) -> str:
        return "_absorb_bias_of_" + self.layer.replace(".", "_")


def folding_of(graph: ProjectGraph, bias: RedundantBias) -> Folding | None:
    """Where the bias of a layer can be folded to; `None` unless all objects that the construction call makes agree on it."""
    foldings = {_folding_of_layer(graph, layer) for layer in bias.layers}
    return foldings.pop() if len(foldings) == 1 else None


def insert_load_hook(graph: ProjectGraph, bias: RedundantBias, folding: Folding) -> Edits:
    """Edits that register the hook at the end of `__init__()`, and write it behind; `None` where that cannot be done."""
    assert graph.program is not None
    init = folding.definition.methods.get("__init__")
    if init is None or folding.hook_name in {*folding.definition.methods, *folding.definition.assigned}:
        return None
    parameters = (*init.node.parameters.positional_only, *init.node.parameters.positional)
    is_reached = function_at(graph.program, bias.site) is init.node and not any(isinstance(n, low.Return) for n in low.nodes_in(init.node))
    if not parameters or not is_reached or (init.module.path, init.block) != (bias.site.path, bias.site.block):
        return None
    words = {"self": parameters[0].name, "name": folding.hook_name, "layer": folding.layer, "norm": folding.norm}
    hook = _FOLDING if folding.has_statistics else _DROPPING
    return graph.insert_last(bias.site, Enclosing.FUNCTION, _REGISTERED.format(**words), behind=hook.format(**words))


def _folding_of_layer(graph: ProjectGraph, layer: Layer) -> Folding | None:
    norm, holder = _normalization_behind(graph, layer), _holder(layer)
    if norm is None or holder is None or layer.constructor is not None:
        return None
    keys = [[key for key, held in _held(holder) if held.origin is one] for one in (layer, norm)]
    if any(len(found) != 1 for found in keys):
        return None
    [layer_key], [norm_key] = keys
    return Folding(holder.definition, layer_key, norm_key, norm.target not in _WITHOUT_STATISTICS)


def _normalization_behind(graph: ProjectGraph, layer: Layer) -> Layer | None:
    """The one normalization layer that reads what the layer returns, where nothing else reads it, or feeds the normalization."""
    calls = graph.calls_of(layer)
    norms = [use for call in calls for use in call.uses]
    rows = [find_row(norm.operation) for norm in norms]
    if not norms or not all(row is not None and row.is_normalization for row in rows):
        return None
    behind = {id(norm.layer): norm.layer for norm in norms}
    found = norms[0].layer
    feeds_alone = found is not None and len(behind) == 1 and all(norm.inputs and norm.inputs[0] in calls for norm in graph.calls_of(found))
    return found if feeds_alone else None


def _holder(layer: Layer) -> Instance | None:
    """The object of a project's class that holds a layer, in a `Sequential` or a `ModuleList` or directly."""
    at: Heap | None = layer.owner
    for _ in range(_DEEPEST):
        if not isinstance(at, Sequence):
            break
        at = at.owner
    return at if isinstance(at, Instance) and at.is_module else None


def _held(holder: Instance) -> Iterator[tuple[str, Layer]]:
    """The layers that an object and the containers in it hold, by their keys in its `state_dict`, as far as these are known."""
    for name, value in holder.state.items():
        if name == ITEMS:
            yield from _inside(value, "", _DEEPEST)
        elif isinstance(value, Layer):
            yield name, value
        else:
            yield from _inside(value, f"{name}.", _DEEPEST)


def _inside(value: object, prefix: str, depth: int) -> Iterator[tuple[str, Layer]]:
    if not isinstance(value, Sequence) or not value.is_module or not value.is_exact or not depth:
        return
    for number, item in enumerate(value.items):
        key = prefix + (str(number) if value.names is None else value.names[number])
        if isinstance(item, Layer):
            yield key, item
        else:
            yield from _inside(item, f"{key}.", depth - 1)
