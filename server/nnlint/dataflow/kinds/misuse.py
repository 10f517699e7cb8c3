"""Where a loss is given what it does not expect, and where a softmax runs over what already is one: the questions of NN401–404 and NN406.

A call is judged where everything that runs there, in every context, is misused in one way; of criteria that are chosen from several,
all must be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from nnlint.dataflow.graph import Graph, Node
from nnlint.dataflow.kinds.kind import Kind, KindFact
from nnlint.dataflow.kinds.losses import LOSSES, Misuse, misuse_of, scored
from nnlint.dataflow.kinds.query import KindQuery
from nnlint.dataflow.transfer.row import input_node
from nnlint.dataflow.transfer.sizes import size_of
from nnlint.dataflow.values import Const
from nnlint.dataflow.values import Sequence as SequenceValue
from nnlint.semantics.definitions import Site

SOFTMAXES = frozenset({"torch.softmax", "torch.nn.functional.softmax", "torch.nn.Softmax", "torch.nn.Softmax2d"})
LOG_SOFTMAXES = frozenset({"torch.log_softmax", "torch.nn.functional.log_softmax", "torch.nn.LogSoftmax"})


@dataclass(frozen=True, slots=True, eq=False)
class MisusedLoss:
    """A call of a loss that is misused in every context. `sources` are the operations that gave its input the wrong kind."""

    site: Site
    misuse: Misuse
    kind: Kind
    nodes: tuple[Node, ...]
    sources: tuple[Node, ...]

    @property
    def node(self) -> Node:
        return self.nodes[0]

    @property
    def classes(self) -> int | None:
        """How many classes there are, where it is the same known number everywhere."""
        return _one_number(_class_count(source, node) for node in self.nodes for source in self.sources)


@dataclass(frozen=True, slots=True, eq=False)
class DoubleSoftmax:
    """A softmax whose input, in every context, is the result of another one over the same axis (`inner`)."""

    place: Place
    inner: tuple[Node, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        return self.place.nodes

    @property
    def classes(self) -> int | None:
        return _one_number(_class_count(source, source) for source in self.inner)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A softmax or sigmoid in the text: its call, or the construction of a module that is called along with others."""

    site: Site
    nodes: tuple[Node, ...] = field(compare=False)
    is_construction: bool = False


@dataclass(slots=True, eq=False)
class Misuses:
    """All misuses in some graphs. Where programs were seen to come by, what they compute there counts alone."""

    graphs: list[Graph]
    programs: list[Graph] = field(default_factory=list)
    losses: list[MisusedLoss] = field(default_factory=list)
    double_softmaxes: list[DoubleSoftmax] = field(default_factory=list)
    _query: KindQuery = field(default_factory=KindQuery)
    _at: dict[Site, list[Node]] = field(default_factory=lambda: defaultdict(list))

    _calls: dict[Site, list[Node]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self._index(self.programs)
        self._index(self.graphs)
        for site, nodes in sorted(self._at.items(), key=lambda item: (item[0].path, item[0].block, item[0].index)):
            if any(node.operation in LOSSES for node in nodes) and (loss := self._judge(site, nodes)) is not None:
                self.losses.append(loss)
        blamed = self._sites(source for loss in self.losses for source in loss.sources if loss.kind is not Kind.RAW)
        for place in self._softmaxes():
            double = self._judge_softmax(place)
            if double is not None and not blamed & (self._sites(double.inner) | {place.site}):
                self.double_softmaxes.append(double)

    def _index(self, graphs: list[Graph]) -> None:
        """Notes what runs where; places that are known already stay as they are."""
        known = frozenset(self._at)
        for graph in graphs:
            for node in graph.nodes:
                site = _site_of(node)
                if site is not None and site not in known:
                    self._at[site].append(node)
                    if node.layer is not None:
                        self._calls[node.layer.site].append(node)

    def at(self, site: Site) -> list[Node]:
        return self._at.get(site, [])

    def calls_of(self, construction: Site) -> list[Node]:
        """Every call of the layers that are constructed at a site."""
        return self._calls.get(construction, [])

    def kind_of(self, node: Node) -> KindFact | None:
        return self._query.kind_of(node)

    def place_of(self, source: Node) -> Place | None:
        """Where a person would take a softmax or sigmoid away."""
        layer = source.layer
        if layer is not None:
            is_item = isinstance(layer.owner, SequenceValue) and layer.owner.kind != "ModuleList"
            if is_item or source.site is None or any(n.layer is not layer for n in self.at(source.site) if n.graph is source.graph):
                return Place(layer.site, tuple(self.calls_of(layer.site)) or (source,), is_construction=True)
        return None if source.site is None else Place(source.site, tuple(self.at(source.site)) or (source,))

    def _sites(self, sources: Iterable[Node]) -> set[Site]:
        return {place.site for source in sources if (place := self.place_of(source)) is not None}

    # --- losses ---

    def _judge(self, site: Site, nodes: list[Node]) -> MisusedLoss | None:
        found: list[tuple[Misuse, KindFact]] = []
        for node in nodes:
            source = scored(node)
            fact = None if source is None else self.kind_of(source)
            misuse = None if fact is None else misuse_of(node, fact)
            if fact is None or misuse is None or (misuse is Misuse.LOG_CROSS_ENTROPY and not _is_log_softmax(fact)):
                return None
            found.append((misuse, fact))
        if len({misuse for misuse, _ in found}) > 1 or len({fact.is_within_unit for _, fact in found}) > 1:
            return None
        sources = dict.fromkeys(source for _, fact in found for source in self._stacked(fact))
        return MisusedLoss(site, found[0][0], found[0][1].kind, tuple(nodes), tuple(sources))

    def _stacked(self, fact: KindFact) -> Iterator[Node]:
        """The sources of a kind, with those of a softmax that runs over a softmax."""
        for source in fact.sources:
            yield source
            inner = input_node(source)
            below = None if inner is None or source.operation not in SOFTMAXES | LOG_SOFTMAXES else self.kind_of(inner)
            if below is not None and below.is_within_unit:
                yield from self._stacked(below)

    # --- softmaxes ---

    def _softmaxes(self) -> Iterator[Place]:
        seen: set[Site] = set()
        for nodes in list(self._at.values()):
            for node in nodes:
                if node.operation in SOFTMAXES | LOG_SOFTMAXES:
                    place = self.place_of(node)
                    if place is not None and place.site not in seen:
                        seen.add(place.site)
                        yield place

    def _judge_softmax(self, place: Place) -> DoubleSoftmax | None:
        inner: dict[Node, None] = {}
        for node in place.nodes:
            source = input_node(node)
            outer = self.kind_of(node)
            fact = None if source is None or node.operation not in SOFTMAXES | LOG_SOFTMAXES else self.kind_of(source)
            if fact is None or outer is None or fact.kind is not Kind.PROBABILITY or fact.axis is None or fact.axis != outer.axis:
                return None
            inner |= dict.fromkeys(fact.sources)
        return DoubleSoftmax(place, tuple(inner)) if inner else None


def misuses_in(graphs: Sequence[Graph], programs: Sequence[Graph] = ()) -> Misuses:
    return Misuses(list(dict.fromkeys(graphs)), list(dict.fromkeys(programs)))


def _is_log_softmax(fact: KindFact) -> bool:
    """Whether log-probabilities come from what can be left out as a whole; the logarithm of a softmax is two steps."""
    return all(source.operation in LOG_SOFTMAXES for source in fact.sources)


def _site_of(node: Node) -> Site | None:
    """The call of a node; of a module that nobody is seen to call, its construction."""
    return node.layer.site if node.site is None and node.layer is not None else node.site


def _class_count(source: Node, loss: Node) -> int | None:
    """How many classes a softmax runs over; for other sources, the size of the loss's class axis."""
    given = scored(loss) if source.operation not in SOFTMAXES | LOG_SOFTMAXES else source
    if given is None:
        return None
    dim = source.arguments.get("dim")
    axis = dim.value if isinstance(dim, Const) and isinstance(dim.value, int) else 1
    if given.rank == 1:
        axis = 0
    for at in (axis, -1) if given.rank is None and axis == 1 else (axis,):
        size = size_of(given, at)
        if isinstance(size, Const) and isinstance(size.value, int):
            return size.value
    return None


def _one_number(numbers: Iterable[int | None]) -> int | None:
    found = set(numbers)
    return found.pop() if len(found) == 1 else None
