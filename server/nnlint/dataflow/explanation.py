"""What the rules on biases say in common: the chain from construction to normalisation, and what is wasted."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from nnlint.dataflow.deciding import Decision, call_at, deciding_argument, deciding_class, function_at
from nnlint.dataflow.graph import CALL, CONCATENATIONS, INPUT, JOIN, OUTPUT, Node, ProjectGraph
from nnlint.dataflow.parameter_count import ParameterCount
from nnlint.dataflow.redundancy import RedundantBias
from nnlint.dataflow.transfer import find_row
from nnlint.findings import Related
from nnlint.semantics.definitions import Site
from nnlint.semantics.signatures import signature

_STEPS_SHOWN = 4  # of what lies between layer and normalisation
_NORMS_SHOWN = 3
_LONGEST_NAME = 40
_PRODUCTS = frozenset({"mul", "mul_", "multiply", "matmul", "bmm", "mm", "einsum"})
_GRAPH_ONLY = frozenset({CALL, OUTPUT, INPUT, JOIN, "part"})


def short_name(target: str) -> str:
    """`Conv2d` for `torch.nn.Conv2d`."""
    return target.rpartition(".")[2]


def layer_label(node: Node) -> str:
    return short_name(node.operation)


# --- what is wasted ---


def wasted_words(bias: RedundantBias) -> str:
    """How many parameters do nothing, in brackets; empty where the sizes are not known."""
    counts = bias.parameter_counts
    if not counts:
        return ""
    if not bias.has_all_sizes:
        return f" (such as {_of_all(counts[0])} without effect)"
    smallest, largest = counts[0], counts[-1]
    if smallest.bias == largest.bias:
        one = smallest if len(counts) == 1 else ParameterCount(smallest.bias, None)
        return f" ({_of_all(one)} without effect)"
    return f" ({smallest.bias:,} to {largest.bias:,} parameters of each layer without effect)"


def _of_all(count: ParameterCount) -> str:
    of = "" if count.total is None else f" of {count.total:,}"
    return f"{count.bias:,}{of} parameter{'s' if count.total or count.bias != 1 else ''}"


# --- the chain ---


def chain_of(graph: ProjectGraph, bias: RedundantBias) -> Iterator[Related]:
    """Construction → what built it → what lies between → the normalisation → its call → who decided → where weights are loaded.

    Each place once.
    """
    seen: set[Site] = {bias.site}
    for site, message in _places(graph, bias):
        if site not in seen:
            seen.add(site)
            yield Related(site.path, graph.span(site), message)
    decisions = [d for d in _decisions(graph, bias) if d is not None]
    for decision in dict.fromkeys(decisions):
        span = graph.argument_span(decision.site, decision.position)
        yield Related(decision.site.path, span, f"decided by what is passed here as `{decision.parameter}`")
    load = load_of(graph, bias)
    if load is not None:
        yield Related(load.path, graph.span(load), "weights that were saved with this bias are loaded here")


def load_of(graph: ProjectGraph, bias: RedundantBias) -> Site | None:
    """Where weights are loaded that may hold the bias: in the file of the layer, else in one that names a class that holds it."""
    program, loads = graph.program, graph.weight_loads
    assert program is not None
    if bias.site.path in loads:
        return loads[bias.site.path]
    return next((site for path, site in loads.items() if any(program.mentions(path, owner) for owner in sorted(bias.owners))), None)


def _places(graph: ProjectGraph, bias: RedundantBias) -> Iterator[tuple[Site, str]]:
    for site in _helper_calls(graph, bias):
        yield site, f"built by this call of `{_callee(graph, site)}`"
    norm = bias.trace.cancelled_by[0]
    call, between = _way(bias, norm)
    if call.site is not None:
        yield call.site, f"this `{layer_label(call)}` is called here"
    for node in _shown(between):
        assert node.site is not None
        yield node.site, _step_words(node)
    yield from _cancelling(norm)
    others = [n for n in bias.trace.cancelled_by[1:] if n.layer is None or norm.layer is None or n.layer.site != norm.layer.site]
    for other in others[: _NORMS_SHOWN - 1]:
        place = other.site if other.layer is None else other.layer.site
        if place is not None:
            yield place, f"on another path, this `{layer_label(other)}` cancels it"


def _cancelling(norm: Node) -> Iterator[tuple[Site, str]]:
    row = find_row(norm.operation)
    how = "is the same for inputs shifted alike" if row is not None and row.is_softmax else "subtracts the mean, and the bias with it"
    if norm.layer is not None:
        yield norm.layer.site, f"this `{layer_label(norm)}` {how}"
        if norm.site is not None:
            yield norm.site, f"`{layer_label(norm)}` is called here"
    elif norm.site is not None:
        yield norm.site, f"`{layer_label(norm)}` {how}"


def _step_words(node: Node) -> str:
    row = find_row(node.operation)
    if row is not None and row.is_sum:
        return "added to other values here"
    if node.operation in CONCATENATIONS:
        return "put together with other values here"
    if node.layer is not None and row is not None and row.is_linear:
        return f"`{layer_label(node)}` turns it into another constant for each channel"
    if layer_label(node) in _PRODUCTS:
        return "multiplied by other values here"
    return f"passes through `{layer_label(node)}` here"


def _shown(between: list[Node]) -> list[Node]:
    """The steps worth a place: of many, the first and the last ones."""
    steps = [node for node in between if node.operation not in _GRAPH_ONLY and node.site is not None]
    half = _STEPS_SHOWN // 2
    return steps if len(steps) <= _STEPS_SHOWN else [*steps[:half], *steps[-half:]]


def _way(bias: RedundantBias, norm: Node) -> tuple[Node, list[Node]]:
    """The shortest way from a call of the layer to the normalisation: that call, and the nodes between."""
    passed = {id(node) for node in (*bias.trace.between, *bias.trace.calls)}
    calls = {id(node) for node in bias.trace.calls}
    after: dict[int, Node] = {}
    queue = deque([norm])
    while queue:
        node = queue.popleft()
        for source in _sources(node):
            if id(source) not in passed or id(source) in after:
                continue
            after[id(source)] = node
            if id(source) in calls:
                return source, list(_until(after, source, norm))
            queue.append(source)
    return bias.call, []


def _until(after: dict[int, Node], start: Node, end: Node) -> Iterator[Node]:
    node = after[id(start)]
    while node is not end:
        yield node
        node = after[id(node)]


def _sources(node: Node) -> Iterable[Node]:
    """Where the inputs of a node come from, out of called graphs and into callers."""
    if node.operation == OUTPUT:
        callee = node.inputs[0].callee
        return () if callee is None else (callee.results[node.output],)
    if node.operation == INPUT:
        at = node.graph.inputs.index(node)
        return [caller.inputs[at] for caller in node.graph.callers]
    return node.inputs


# --- who built it, who decided ---


def _helper_calls(graph: ProjectGraph, bias: RedundantBias) -> Iterator[Site]:
    """The calls of the functions in which the layer is constructed, innermost first, up to the class whose part it is."""
    assert graph.program is not None
    inner = bias.site
    for site in bias.layer.built_by:
        function = function_at(graph.program, inner)
        if function is not None and function.name == "__init__" and not _callee(graph, site).endswith("__init__"):
            return
        yield site
        inner = site


def _callee(graph: ProjectGraph, site: Site) -> str:
    """What is called at a site, as written."""
    written = " ".join(graph.callee_text(site).split())
    return written if len(written) <= _LONGEST_NAME else f"{written[: _LONGEST_NAME - 1]}…"


def _decisions(graph: ProjectGraph, bias: RedundantBias) -> Iterator[Decision | None]:
    """What callers decided: the class of the layer, its bias, and the class of the normalisation."""
    program, layer = graph.program, bias.layer
    assert program is not None
    yield deciding_class(program, layer.site, layer.built_by)
    found = signature(layer.target)
    yield deciding_argument(program, layer.site, "bias", None if found is None else found.index("bias"), layer.built_by)
    norm = bias.trace.cancelled_by[0].layer
    if norm is not None and call_at(program, norm.site) is not None:
        yield deciding_class(program, norm.site, norm.built_by)
