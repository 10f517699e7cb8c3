"""Losses that are added up, or collected, with the graphs they were computed by (the questions of NN304)."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from nnlint.dataflow import values as val
from nnlint.dataflow.graph import JOIN, ProjectGraph
from nnlint.dataflow.programs.flows import sources
from nnlint.dataflow.programs.objects import Thing, identity
from nnlint.dataflow.programs.trace import Branch, Event, Item, Kind, Leave, Loop, Recording, Run
from nnlint.dataflow.values import Tensor, Value
from nnlint.semantics.binding import target_names
from nnlint.semantics.definitions import Site
from nnlint.semantics.program import Module, Program
from nnlint.syntax import lowered as low
from nnlint.syntax.expressions import Part

# What a loss is computed from other losses by: whatever is done to it, the result holds its graph.
_ARITHMETIC = {
    JOIN,
    "add",
    "sub",
    "mul",
    "div",
    "true_divide",
    "neg",
    "mean",
    "sum",
    "clone",
    "to",
    "cpu",
    "cuda",
    "float",
    "double",
    "half",
}
_ARITHMETIC |= {"squeeze", "view", "reshape"}
_SEVERAL = "one of several"
_SCALERS = frozenset({"scale", "scale_loss"})  # mixed precision: the loss comes out, scaled
_CUTS = frozenset({"item", "detach", "detach_", "numpy", "tolist", "data"})
_NUMBERS = frozenset({"float", "int", "str", "repr", "round", "len"})
_DRAINS = frozenset({"clear", "pop", "popleft"})
_BACKWARD = frozenset({"backward", "manual_backward", "grad"})
_MAX_STEPS = 500


@dataclass(frozen=True, slots=True, eq=False)
class KeptGraph:
    """A statement that adds a loss to what outlives the iteration. `part` is the place of the loss in it, at `addend`; `backward` is
    where the loss, or the sum it is a term of, is backpropagated. `is_collected`: it is appended to a list."""

    site: Site
    addend: Site
    part: Part | int
    backward: Site
    place: str
    is_collected: bool


def kept_graphs(graph: ProjectGraph) -> Iterator[KeptGraph]:
    """Every one in the files that are reported on, in the order of the programs."""
    program = graph.program
    assert program is not None
    tales = [_Tale(run) for run in graph.programs.runs]
    done = {site for tale in tales for site in tale.backpropagated_sums()}
    for tale in tales:
        for event, is_looped in tale.sums:
            backward = None if event.site in done or event.site.path not in graph.wanted else tale.backward_of(event.value)
            found = None if backward is None else _judge(program, event, is_looped, backward)
            if found is not None:
                done.add(event.site)
                yield found


class _Tale:
    """What one run adds up while gradients are recorded, and what it backpropagates."""

    def __init__(self, run: Run) -> None:
        self.sums: list[tuple[Event, bool]] = []
        self._losses: list[Event] = []
        self._results: set[Hashable] = set()  # what models, and unknown things, gave
        for event, is_looped, is_recording in _events(run.trace, False, True):
            if event.kind is Kind.ACCUMULATE and is_recording is True:
                self.sums.append((event, is_looped))
            elif event.kind is Kind.BACKWARD:
                self._losses.append(event)
            elif event.kind is Kind.CALL:
                self._results.add(identity(event.value))
        self._terms: dict[Hashable, Site] = {}  # of what is backpropagated, by identity
        for event in self._losses:
            for term in _terms(event.subject):
                if term is event.subject or self._is_computed(term):
                    self._terms.setdefault(identity(term), event.site)

    def backpropagated_sums(self) -> Iterator[Site]:
        """The accumulations whose result is, wherever that happens, backpropagated."""
        sums: dict[frozenset[Hashable], Site] = {}
        for event, _ in self.sums:
            for total, added in product(_options(event.subject), _options(event.value)):
                sums[frozenset((identity(total), identity(added)))] = event.site
        for event in self._losses if sums else ():
            for source in sources(event.subject):
                operands = _inputs(source) if isinstance(source, (Thing, Tensor)) else ()
                if len(operands) == 2 and (site := sums.get(frozenset(map(identity, operands)))) is not None:
                    yield site

    def backward_of(self, added: Value, depth: int = 12) -> Site | None:
        """Where a value, or a term of it, is backpropagated, as itself or as a term of another; so must be all that it may be."""
        if identity(added) in self._terms:
            return self._terms[identity(added)]
        found = [self.backward_of(v, depth - 1) for v in _operands(added)] if depth else []
        if _is_join(added):
            return None if None in found else next(iter(found), None)
        return next((site for site in found if site is not None), None)

    def _is_computed(self, term: Value) -> bool:
        """Whether a model had a part in a value: data that a loss is computed from hold no graph."""
        return any(_is_layer(v) or identity(v) in self._results for v in sources(term))


def _events(trace: Sequence[Item], is_looped: bool, is_recording: bool | None) -> Iterator[tuple[Event, bool, bool | None]]:
    """Every event, whether a loop is around it, and whether gradients are recorded (`None`: not known)."""
    for item in trace:
        match item:
            case Event():
                yield item, is_looped, is_recording
            case Leave():
                pass
            case Branch(arms=arms):
                for arm in arms:
                    yield from _events(arm, is_looped, is_recording)
            case Loop(body=body):
                yield from _events(body, True, is_recording)
            case Recording(is_on=is_on, body=body):
                yield from _events(body, is_looped, is_on)
            case _:
                yield from _events(item.body, is_looped, is_recording)


def _is_layer(value: Value) -> bool:
    return isinstance(value, Tensor) and (value.node.layer is not None or value.node.module is not None)


def _terms(value: Value) -> Iterator[Value]:
    """A value and, through sums and factors, what it is a sum of."""
    stack, seen = [value], set[Hashable]()
    while stack and len(seen) < _MAX_STEPS:
        at = stack.pop()
        if identity(at) not in seen:
            seen.add(identity(at))
            yield at
            stack += _operands(at)


def _operands(value: Value) -> Sequence[Value]:
    """What a sum, a factor, or a choice is made of; nothing for all else."""
    match value:
        case val.Choice(options=options):
            return options
        case Tensor(node=node):
            return _inputs(value) if node.operation.rpartition(".")[2] in _ARITHMETIC else ()
        case Thing(made_by=None, receiver=None, reason=reason):
            return value.of if reason.startswith(("operator ", _SEVERAL)) else ()
        case Thing(made_by=made_by):
            name = str(getattr(made_by, "name", "")).rpartition(".")[2]
            if name in _ARITHMETIC:
                receiver = getattr(made_by, "receiver", None)
                return (receiver,) if isinstance(receiver, (Thing, Tensor)) else ()
            return value.of if name in _SCALERS else ()
        case _:
            return ()


def _inputs(value: Thing | Tensor) -> Sequence[Value]:
    """All that an operation is given, numbers included."""
    if isinstance(value, Thing):
        return value.of
    tensors: list[Value] = [Tensor(node) for node in value.node.inputs]
    return [*tensors, *(v for v in value.node.arguments.values() if not isinstance(v, Tensor))]


def _options(value: Value) -> Sequence[Value]:
    """What a value may be: an operator is applied to each of a choice."""
    return value.options if isinstance(value, val.Choice) else (value,)


def _is_join(value: Value) -> bool:
    if isinstance(value, Tensor):
        return value.node.operation == JOIN
    return isinstance(value, val.Choice) or (isinstance(value, Thing) and value.reason.startswith(_SEVERAL))


# --- what the text says of the accumulator ---


def _judge(program: Program, event: Event, is_looped: bool, backward: Site) -> KeptGraph | None:
    module = program.module(event.site.path)
    text = None if module is None else _Text.around(module, event.site)
    if module is None or text is None:
        return None
    found = text.accumulation(event.site.index)
    if found is None or not text.outlives(found, is_looped) or text.is_backpropagated(found.place):
        return None
    addend = Site(event.site.path, event.site.block, found.addend)
    return KeptGraph(event.site, addend, found.part, backward, _written(found.place), found.is_collected)


@dataclass(frozen=True, slots=True, eq=False)
class _Accumulation:
    """A statement `place += added`, `place = place + added`, or `place.append(added)`."""

    statement: low.Node
    place: low.Node
    addend: int
    part: Part | int
    is_collected: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Text:
    """The code around an accumulation: the function, or the script, and all methods of the class."""

    body: tuple[low.Node, ...]
    function: low.FunctionDef | None
    everything: tuple[low.Node, ...]

    @classmethod
    def around(cls, module: Module, site: Site) -> _Text | None:
        top = next((t for t in module.parsed.top_level if site.block in (t.block.name, *(m.name for m in t.members))), None)
        placed = module.placed(site.block)
        if top is None or placed is None:
            return None
        everything = tuple(s for p in (top.block, *top.members) for s in p.block.body)
        function = _innermost_function(placed.block.body, site.index)
        if function is not None:
            return cls(function.body, function, everything)
        script = tuple(s for t in module.parsed.top_level for s in t.block.block.body)
        return cls(placed.block.body, None, script)

    def accumulation(self, index: int) -> _Accumulation | None:
        """The accumulation whose statement, or call, has this index."""
        for node in low.nodes_in(self.body):
            match node:
                case low.AugmentedAssign(target=place, index=at) if at == index:
                    return _Accumulation(node, place, index, Part.VALUE)
                case low.Assign(targets=(place,), value=low.Binary(left=left, index=inner), index=at) if at == index:
                    return _Accumulation(node, place, inner, Part.RIGHT if _written(left) == _written(place) else Part.LEFT)
                case low.ExpressionStatement(value=low.Call(function=low.Attribute(value=place, name="append"), index=at)) if at == index:
                    return _Accumulation(node, place, index, 0, is_collected=True)
        return None

    def outlives(self, found: _Accumulation, is_looped: bool) -> bool:
        """Whether the accumulator lives on when the iteration, or the call that makes it, is over."""
        loops = _loops_around(self.body, found.statement)
        if loops:
            return not self._is_reset(found, _training_loop(loops))
        if isinstance(found.place, low.Name) and not (found.is_collected and self._is_given(found.place.id)):
            return self.function is None and is_looped
        return is_looped and not self._is_reset(found, self.body)

    def _is_given(self, name: str) -> bool:
        parameters = None if self.function is None else self.function.parameters
        return parameters is not None and any(p.name == name for p in (*parameters.positional_only, *parameters.positional))

    def _is_reset(self, found: _Accumulation, code: object) -> bool:
        """Whether code sets the accumulator anew, or what it is a part of, or empties it."""
        place = found.place
        names = {_written(place), _written(place.value) if isinstance(place, low.Subscript) else _written(place)}
        for node in low.nodes_in(code):
            match node:
                case low.Assign(targets=targets) if node is not found.statement:
                    if any(_written(t) in names or _names_among(t, names) for t in targets):
                        return True
                case low.For(target=target) if _names_among(target, names):
                    return True
                case low.Call(function=low.Attribute(value=holder, name=name)) if name in _DRAINS and _written(holder) in names:
                    return True
                case low.Delete(targets=targets) if any(_written(t) in names for t in targets):
                    return True
        return False

    def is_backpropagated(self, place: low.Node) -> bool:
        """Whether the accumulator, or what is computed from it, may be given to `backward()`, or to code that might call it."""
        holder = place
        while isinstance(holder, low.Subscript):
            holder = holder.value
        is_own = isinstance(holder, low.Attribute)
        code = self.everything if is_own or self.function is None else self.body
        known = {_written(holder)}
        for _ in range(4):
            known |= {name for node in low.nodes_in(code) for name in _made_from(node, known)}
        return any(_backpropagates(node, known) for node in low.nodes_in(code))


def _made_from(node: low.Node, known: set[str]) -> Iterator[str]:
    """The names that a statement gives to what it computes from known ones."""
    match node:
        case low.Assign(targets=targets, value=low.Node() as value) if _mentions(value, known):
            for target in targets:
                yield from (_written(target), *target_names(target))
        case low.AugmentedAssign(target=target, value=value) if _mentions(value, known):
            yield _written(target)
        case low.Call(function=low.Attribute(value=holder, name="append" | "extend"), arguments=arguments) if _mentions(arguments, known):
            yield _written(holder)


def _backpropagates(node: low.Node, known: set[str]) -> bool:
    match node:
        case low.Call(function=low.Attribute(value=value, name=name), arguments=arguments) if name in _BACKWARD:
            return _mentions(value, known) or _mentions(arguments, known)
        case low.Call(function=low.Name(id=name), arguments=arguments):
            return name in _BACKWARD and _mentions(arguments, known)
        case _:
            return False


def _mentions(item: object, known: set[str]) -> bool:
    """Whether an expression is computed from a known name by what keeps the graph."""
    match item:
        case low.Call(function=low.Attribute(name=name)) if name in _CUTS:
            return False
        case low.Call(function=low.Name(id=name)) if name in _NUMBERS:
            return False
        case low.Attribute(name="data") | low.FormattedString():
            return False
        case low.Name() | low.Attribute() if _written(item) in known:
            return True
        case low.Node():
            return any(_mentions(part, known) for part in item.fields())
        case tuple():
            return any(_mentions(part, known) for part in item)
        case _:
            return False


def _innermost_function(body: tuple[low.Node, ...], index: int) -> low.FunctionDef | None:
    found = None
    for node in low.nodes_in(body):
        if isinstance(node, low.FunctionDef) and any(getattr(n, "index", None) == index for n in low.nodes_in(node.body)):
            if found is None or any(n is node for n in low.nodes_in(found.body)):
                found = node
    return found


def _loops_around(body: object, statement: low.Node) -> list[low.Node]:
    """The loops around a statement, innermost first."""
    loops = [n for n in low.nodes_in(body) if isinstance(n, (low.For, low.While)) and any(m is statement for m in low.nodes_in(n.body))]
    return sorted(loops, key=lambda loop: sum(1 for _ in low.nodes_in(loop)))


def _training_loop(loops: list[low.Node]) -> low.Node:
    """The innermost loop whose rounds are whole updates; where none is, the innermost that backpropagates, or the innermost."""
    for wanted in ({"backward", "step"}, {"backward"}):
        for loop in loops:
            names = {n.name.removeprefix("manual_") for n in low.nodes_in(loop) if isinstance(n, low.Attribute)}
            if wanted <= names:
                return loop
    return loops[0]


def _names_among(target: low.Node, names: set[str]) -> bool:
    return any(name in names for name in target_names(target))


def _written(node: low.Node) -> str:
    """A place as text, equal for equal places."""
    match node:
        case low.Name(id=name):
            return name
        case low.Attribute(value=inner, name=name):
            return f"{_written(inner)}.{name}"
        case low.Subscript(value=inner, item=low.Constant(value=key)):
            return f"{_written(inner)}[{key!r}]"
        case low.Subscript(value=inner):
            return f"{_written(inner)}[…]"
        case _:
            return f"<{id(node)}>"
