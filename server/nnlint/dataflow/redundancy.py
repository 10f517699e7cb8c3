"""Which construction calls make biases that change nothing: the question behind NN501, put to every instance of each call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nnlint.dataflow.graph import Node, ProjectGraph
from nnlint.dataflow.parameter_count import ParameterCount, count_parameters
from nnlint.dataflow.shift import Trace, trace_bias
from nnlint.dataflow.torch_calls import BIAS_USED, ESCAPED
from nnlint.dataflow.transfer.linear import BIASED_LAYERS
from nnlint.dataflow.values import Const, Instance, Layer
from nnlint.semantics.definitions import Site

_MAX_OWNERS = 10


@dataclass(frozen=True, slots=True, eq=False)
class RedundantBias:
    """A construction call whose bias is redundant in every instance that has one. `trace` is the least direct of them."""

    site: Site
    layer: Layer
    call: Node
    trace: Trace
    layers: tuple[Layer, ...]  # every instance that has such a bias
    has_all_sizes: bool  # whether these are all, not only all that differ in more than sizes

    @property
    def parameter_counts(self) -> list[ParameterCount]:
        """The different counts of the instances, the smallest first; empty where one is not known."""
        counts = [count_parameters(layer) for layer in self.layers]
        if any(count is None for count in counts):
            return []
        return sorted({count for count in counts if count is not None}, key=lambda c: (c.bias, c.total or 0))

    @property
    def names(self) -> frozenset[str]:
        return frozenset(_kept_under(self.layer))

    @property
    def owners(self) -> frozenset[str]:
        """The names of the classes whose objects hold the layer, as far out as is known."""
        found = set()
        at = self.layer.owner
        for _ in range(_MAX_OWNERS):
            if at is None:
                break
            if isinstance(at, Instance):
                found.add(at.definition.name)
            at = at.owner
        return frozenset(found)


def has_bias(layer: Layer) -> bool | None:
    """Whether the layer is constructed with a bias; `None` where that is not known."""
    given = layer.arguments.get("bias")
    if given is None:
        return True
    return bool(given.value) if isinstance(given, Const) else None


def redundant_biases(project: ProjectGraph) -> Iterator[RedundantBias]:
    """Every construction call of which all instances that have a bias, and are ever called, have a redundant one."""
    for site, layers in sorted(project.layers.items(), key=lambda item: (item[0].path, item[0].block, item[0].index)):
        if layers[0].target in BIASED_LAYERS:
            verdict = _verdict(project, site, layers)
            if verdict is not None:
                yield verdict


def _verdict(project: ProjectGraph, site: Site, layers: list[Layer]) -> RedundantBias | None:
    found: list[tuple[Layer, Node, Trace]] = []
    for layer in layers:
        biased = has_bias(layer)
        if biased is False:
            continue
        if ESCAPED in layer.marks or BIAS_USED in layer.marks:
            return None
        calls = project.calls_of(layer)
        if not calls:
            continue
        trace = trace_bias(calls)
        if not trace.is_redundant or not all(_serves_only(project, norm, trace) for norm in trace.cancelled_by):
            return None
        if biased:
            found.append((layer, calls[0], trace))
        # Where nobody knows whether there is a bias, it is without effect if there is one: no word against the others.
    if not found:
        return None
    layer, call, trace = min(found, key=lambda f: (f[2].is_direct, not f[2].is_by_softmax))
    return RedundantBias(site, layer, call, trace, tuple(one for one, _, _ in found), site not in project.sampled)


def _serves_only(project: ProjectGraph, norm: Node, trace: Trace) -> bool:
    """Whether the running statistics of a normalisation see this bias at every call: shared with another layer, they hold a
    mixture, and in evaluation the bias is no longer taken out."""
    if norm.layer is None or "Batch" not in norm.operation:
        return True
    return all(call in trace.cancelled_by for call in project.calls_of(norm.layer))


def _kept_under(layer: Layer) -> Iterator[str]:
    """The attribute names under which the layer, or the container that holds it, is kept."""
    holder = layer
    at: object = layer.owner
    for _ in range(_MAX_OWNERS):
        if at is None:
            return
        for key, value in at.state.items():  # type: ignore[attr-defined]
            if value is holder and isinstance(key, str):
                yield key
        holder, at = at, at.owner  # type: ignore[assignment, attr-defined]
