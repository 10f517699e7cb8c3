"""What the rules on losses say in common: where a finding stands, its chain, and the words of its fix."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from nnlint.dataflow.explanation import layer_label
from nnlint.dataflow.graph import Node, ProjectGraph
from nnlint.dataflow.kinds.losses import Misuse
from nnlint.dataflow.kinds.misuse import MisusedLoss, Place
from nnlint.dataflow.kinds.remedies import take_away
from nnlint.findings import Applicability, Fix, Related
from nnlint.semantics.definitions import Site

_SHOWN = 3  # of the losses that one softmax reaches
_OWN_STEP = {Misuse.NORMALIZED_CROSS_ENTROPY: "log_softmax", Misuse.LOG_CROSS_ENTROPY: "log_softmax", Misuse.BOUNDED_LOGITS: "a sigmoid"}


@dataclass(slots=True, eq=False)
class Blame:
    """One place to change: a softmax or sigmoid in the file of a loss that it reaches, else the call of such a loss.

    `places` are the softmaxes and sigmoids, `losses` the losses that they reach.
    """

    site: Site
    places: list[Place] = field(default_factory=list)
    losses: list[MisusedLoss] = field(default_factory=list)

    @property
    def stands_at_loss(self) -> bool:
        return self.site == self.losses[0].site

    @property
    def source(self) -> Node:
        nodes = self.places[0].nodes
        return next((node for node in nodes if node in self.losses[0].sources), nodes[0])

    @property
    def classes(self) -> int | None:
        counts = {loss.classes for loss in self.losses}
        return counts.pop() if len(counts) == 1 else None

    @property
    def words(self) -> str:
        """The mistake, up to what it leads to."""
        source, loss, step = layer_label(self.source), layer_label(self.losses[0].node), _OWN_STEP[self.losses[0].misuse]
        if self.stands_at_loss:
            return f"`{loss}` applies {step} itself, and is given the result of `{source}`"
        return f"`{source}` before `{loss}`, which applies {step} itself"

    def is_whole(self, graph: ProjectGraph) -> bool:
        """Whether these losses are all the calls of one criterion, and nothing else reaches them."""
        layers = {None if node.layer is None else node.layer.site for loss in self.losses for node in loss.nodes}
        if len(layers) > 1 or (None in layers and len(self.losses) > 1):
            return False
        judged = {id(node) for loss in self.losses for node in loss.nodes}
        sources = {source for loss in self.losses for source in loss.sources}
        known = {id(node) for place in self.places for node in place.nodes}
        calls = [node for site in layers if site is not None for node in graph.misuses.calls_of(site)]
        return all(id(node) in judged for node in calls) and all(id(source) in known for source in sources)

    def related(self, graph: ProjectGraph) -> tuple[Related, ...]:
        return tuple(Related(site.path, graph.span(site), words) for site, words in self._chain())

    def _chain(self) -> Iterator[tuple[Site, str]]:
        if self.stands_at_loss:
            for place in self.places:
                yield place.site, f"`{layer_label(place.nodes[0])}` is applied here"
        elif self.places[0].is_construction and self.source.site is not None:
            yield self.source.site, f"this `{layer_label(self.source)}` is called here"
        for loss in [] if self.stands_at_loss else self.losses[:_SHOWN]:
            yield loss.site, f"`{layer_label(loss.node)}` applies {_OWN_STEP[loss.misuse]} to what it is given here"
        built = self.losses[0].node.layer
        if built is not None and built.site not in (self.site, self.losses[0].site):
            yield built.site, f"this `{layer_label(self.losses[0].node)}` is constructed here"

    def removal(self, graph: ProjectGraph) -> Iterator[Fix]:
        """The fix that leaves the softmax or sigmoid out."""
        edits = take_away(graph, self.places)
        if edits is None:
            return
        name = layer_label(self.source)
        owner = next((node.graph.name for place in self.places for node in place.nodes if node.graph.name.endswith(".forward")), None)
        then = (
            "the loss becomes another one" if owner is None else f"{owner}() then returns logits; apply {name} where predictions are used"
        )
        yield Fix(f"remove {name} (unsafe: {then})", Applicability.UNSAFE, edits)


def blamed(graph: ProjectGraph, misuses: Collection[Misuse]) -> Iterator[Blame]:
    """The places to change for these misuses, each once."""
    found: dict[Site, Blame] = {}
    for loss in graph.misuses.losses:
        if loss.misuse not in misuses:
            continue
        places = {place.site: place for source in loss.sources if (place := graph.misuses.place_of(source)) is not None}
        here = [place for place in places.values() if place.site.path == loss.site.path]
        for site, of_site in [(place.site, [place]) for place in here] or [(loss.site, list(places.values()))]:
            if of_site:
                blame = found.setdefault(site, Blame(site, of_site))
                blame.losses.append(loss)
    yield from found.values()


def origins(graph: ProjectGraph, loss: MisusedLoss) -> tuple[Related, ...]:
    """Where the input of a loss comes from, and where the loss is constructed."""
    built = loss.node.layer
    name = layer_label(loss.node)
    construction = (
        ()
        if built is None or built.site == loss.site
        else (Related(built.site.path, graph.span(built.site), f"this `{name}` is constructed here"),)
    )
    return (*places_of(graph, loss.sources, "its input comes from this `{name}`"), *construction)


def places_of(graph: ProjectGraph, nodes: Iterable[Node], words: str) -> tuple[Related, ...]:
    """The first few places of operations, each once; `{name}` in the words is the operation."""
    found: dict[Site, str] = {}
    for node in nodes:
        if (place := graph.misuses.place_of(node)) is not None:
            found.setdefault(place.site, words.format(name=layer_label(node)))
    return tuple(Related(site.path, graph.span(site), said) for site, said in list(found.items())[:_SHOWN])
