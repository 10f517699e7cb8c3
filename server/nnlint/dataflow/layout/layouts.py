"""The layouts of a project's tensors, worked out on demand, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from nnlint.dataflow.graph import CALL, INPUT, JOIN, NARROWED, Graph, Node
from nnlint.dataflow.layout.atoms import (
    ONE,
    Atom,
    Axis,
    Layout,
    axis_of_size,
    axis_size,
    contiguous,
    scattered,
    symbol_of,
    symbols_of,
)
from nnlint.dataflow.ranks import settle_ranks
from nnlint.dataflow.transfer import find_row
from nnlint.dataflow.transfer.products import Monomial, monomial, symbol
from nnlint.dataflow.transfer.sizes import declared_size
from nnlint.dataflow.values import Const, Symbol, Value

_MAX_STEPS = 60
LayoutRule = Callable[["Layouts", Node], Layout | None]


class Layouts:
    """`of` gives the layout of a node, `None` where not even its number of axes is known.

    `memory` holds the operations whose result is contiguous: always (true), or where all their inputs are (false).
    A size that nothing is known of is a symbol of its own. `batches` are the symbols of those axes that some layer takes for the
    batch, `extents` those of axes along which some layer looks at several places at once, as far as layouts were asked for.
    """

    def __init__(self, rules: dict[str, LayoutRule], memory: dict[str, bool]) -> None:
        self._rules = rules
        self._memory = memory
        self._known: dict[Node, Layout | None] = {}
        self.batches: set[object] = set()
        self.extents: set[object] = set()

    def of(self, node: Node) -> Layout | None:
        if node not in self._known:
            settle_ranks(node.graph)
            self._known[node] = None  # while it is worked out
            self._known[node] = self._derived(node)
        return self._known[node]

    def prepare(self, graph: Graph, wanted: Iterable[Node]) -> None:
        """Works out what some nodes rest on, in the order of the graph: asked for one by one, long graphs would nest deeply."""
        stack, needed = list(wanted), set[Node]()
        while stack:
            node = stack.pop()
            if node not in needed and node.graph is graph:
                needed.add(node)
                stack += node.inputs
        for node in sorted(needed, key=lambda n: n.number):
            if node.operation not in (CALL, JOIN):
                self.of(node)

    def size(self, node: Node, axis: int) -> Value:
        """The number of elements along an axis, which counts from either side."""
        for _ in range(_MAX_STEPS):
            layout = self.of(node)
            if layout is not None:
                return axis_size(layout.axes[axis]).value if -layout.rank <= axis < layout.rank else Symbol(("size", node, axis))
            row = find_row(node.operation)
            found = None if row is None or row.size is None else row.size(node, axis)
            if isinstance(found, (Const, Symbol)):
                return found
            if not isinstance(found, tuple):
                break
            node, axis = found
        return declared_size(node, axis) or Symbol(("size", node, axis))

    def measure(self, value: Value) -> Monomial | None:
        """A number as a product of the sizes that layouts speak of."""
        return monomial(value, self.size)

    def axis(self, value: Value) -> Axis | None:
        size = self.measure(value)
        return None if size is None else axis_of_size(size)

    def own_axis(self, node: Node, axis: int, rank: int) -> Axis:
        """An axis of which nothing is known but what layers that read it ask for."""
        names = [node, *(use for use in node.uses if use.operation == NARROWED)]
        asked = next((size for name in names for at in (axis, axis - rank) if (size := declared_size(name, at)) is not None), None)
        return (asked is not None and self.axis(asked)) or (Atom(symbol(("size", node, axis))),)

    def own_axes(self, node: Node, rank: int) -> list[Axis]:
        return [self.own_axis(node, axis, rank) for axis in range(rank)]

    def note_batch(self, layout: Layout | None, axis: int) -> None:
        """A layer takes this axis for the batch."""
        if layout is not None and layout.rank > axis and (key := symbol_of(axis_size(layout.axes[axis]))) is not None:
            self.batches.add(key)

    def note_extent(self, layout: Layout, axes: Iterable[int]) -> None:
        """A layer looks at several places along these axes at once."""
        for axis in axes:
            self.extents |= symbols_of(axis_size(layout.axes[axis]))

    # --- graphs ---

    def _derived(self, node: Node) -> Layout | None:
        match node.operation:
            case "input":
                return self._input(node)
            case "output":
                return self._output(node)
            case "join":
                return self._joined(node)
        rule = self._rules.get(node.operation)
        found = None if rule is None else rule(self, node)
        if found is None:
            found = self._by_sizes(node)
        return found if found is None or node.rank is None or found.rank == node.rank else None

    def _by_sizes(self, node: Node) -> Layout | None:
        """What the transfer row says of the sizes; nothing of memory."""
        if node.rank is None:
            return None
        row = find_row(node.operation)
        axes: list[Axis] = []
        for at in range(node.rank):
            found = None if row is None or row.size is None else row.size(node, at)
            if isinstance(found, tuple):
                source = self.of(found[0])
                axes.append(
                    source.axes[found[1]] if source is not None and 0 <= found[1] < source.rank else self.own_axis(node, at, node.rank)
                )
            else:
                given = self.axis(found) if isinstance(found, (Const, Symbol)) else None
                axes.append(given if given is not None else self.own_axis(node, at, node.rank))
        return scattered(axes)

    def _input(self, node: Node) -> Layout | None:
        if node.rank is None:
            return None
        fresh = contiguous(self.own_axes(node, node.rank))
        if not node.graph.callers or node not in node.graph.inputs:
            return fresh
        return fresh if self._is_given_packed(node) else scattered(fresh.axes)

    def _is_given_packed(self, node: Node) -> bool:
        """Whether all callers hand in what is contiguous, as what comes in from outside is taken to be.

        Callers are asked for the order of memory alone: whole layouts of all that leads here would cost far more.
        """
        stack, seen = [node], set[Node]()
        while stack:
            at = stack.pop()
            if at in seen:
                continue
            seen.add(at)
            match at.operation:
                case "input":
                    if at in at.graph.inputs:
                        position = at.graph.inputs.index(at)
                        stack += [caller.inputs[position] for caller in at.graph.callers]
                case "output":
                    callee = at.inputs[0].callee
                    if callee is None:
                        return False
                    stack.append(callee.results[at.output])
                case "join":
                    stack += at.inputs
                case operation if operation in self._memory:
                    stack += () if self._memory[operation] else at.inputs
                case _:
                    return False
        return True

    def _holds(self, node: Node, assumed: Layout, check: Callable[[], bool]) -> bool:
        """Whether something holds if a node has a layout. What was worked out under a wrong assumption is forgotten."""
        before = len(self._known)
        self._known[node] = assumed
        if check():
            return True
        for other in list(islice(self._known, before, None)):
            del self._known[other]
        self._known[node] = None
        return False

    def _joined(self, node: Node) -> Layout | None:
        """One of several values: what they have in common; what comes round a loop has to agree with what goes in."""
        early = [self.of(read) for read in node.inputs if read.number < node.number]
        late = [read for read in node.inputs if read.number >= node.number]
        found = _agreed(early)
        if found is not None and late:
            agreed = found
            if not self._holds(node, agreed, lambda: _is_kept(agreed, _agreed([agreed, *map(self.of, late)]))):
                found = None
        return found if found is not None or node.rank is None else scattered(self.own_axes(node, node.rank))

    def _output(self, node: Node) -> Layout | None:
        call = node.inputs[0]
        callee = call.callee
        if callee is None or (call.module is not None and call.module.is_stand_in):
            return None if node.rank is None else scattered(self.own_axes(node, node.rank))
        inside = self.of(callee.results[node.output])
        if inside is None:
            return None if node.rank is None else scattered(self.own_axes(node, node.rank))
        return self._brought_out(inside, call, callee)

    def _brought_out(self, inside: Layout, call: Node, callee: Graph) -> Layout:
        """The layout of a result of a graph in the sizes of its caller."""
        names = {key for atom in inside.atoms for size in (atom.size, atom.stride) if size is not None for key, _ in size.powers}
        table = {key: self._outside(key, call, callee) for key in names}
        for known in (self.batches, self.extents):
            known |= {outer for key in names & known if (outer := symbol_of(table[key])) is not None}

        def translated(size: Monomial) -> Monomial:
            out = Monomial(size.number)
            for key, power in size.powers:
                for _ in range(abs(power)):
                    out = out * table[key] if power > 0 else out / table[key]
            return out

        def atom(one: Atom) -> Atom:
            return Atom(translated(one.size), None if one.stride is None else translated(one.stride))

        axes = tuple(tuple(made for one in axis if (made := atom(one)).size != ONE) for axis in inside.axes)
        return Layout(axes, None)

    def _outside(self, key: object, call: Node, callee: Graph) -> Monomial:
        match key:
            case ("size", Node() as node, int() as axis) if node.operation == INPUT and node in callee.inputs:
                size = self.measure(self.size(call.inputs[callee.inputs.index(node)], axis))
                if size is not None:
                    return size
        belongs = _mentions(key, callee)
        return symbol(("within", call, key) if belongs else key)


def _mentions(key: object, graph: Graph) -> bool:
    if isinstance(key, Node):
        return key.graph is graph
    return isinstance(key, (tuple, frozenset)) and any(_mentions(part, graph) for part in key)


def _is_kept(layout: Layout, joined: Layout | None) -> bool:
    return joined is not None and joined.axes == layout.axes


def _agreed(layouts: list[Layout | None]) -> Layout | None:
    """What all layouts have in common: the axes, and where they lie in memory."""
    first = layouts[0] if layouts else None
    if first is None or any(other is None or other.sizes != first.sizes for other in layouts):
        return None
    if all(other is not None and other.axes == first.axes for other in layouts):
        return first
    return scattered([axis_of_size(size) for size in first.sizes])
