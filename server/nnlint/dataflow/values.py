"""Abstract values: what the interpreter knows of a Python value. Immutable ones compare by content, heap objects by identity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nnlint.semantics.definitions import ClassDefinition, FunctionDefinition, Site
from nnlint.semantics.program import Module
from nnlint.syntax import lowered as low

if TYPE_CHECKING:
    from nnlint.dataflow.arguments import Arguments
    from nnlint.dataflow.frames import Frame
    from nnlint.dataflow.graph import Node

MAX_ALTERNATIVES = 8


class Value:
    """Base of all abstract values. Those that compare by content are never changed; `frozen=True` would make each of the
    millions that a run makes cost three times as much."""

    __slots__ = ()


@dataclass(slots=True, eq=False)
class Unknown(Value):
    """Anything at all. `reason` says, for people, where knowledge ended; it takes no part in comparisons."""

    reason: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unknown)

    def __hash__(self) -> int:
        return hash(Unknown)


UNKNOWN = Unknown()


@dataclass(slots=True, eq=False)
class Const(Value):
    """A Python constant: None, bool, int, float, str, bytes or Ellipsis."""

    value: Any

    def __eq__(self, other: object) -> bool:
        # 1, 1.0 and True are equal in Python but are different constants here.
        return isinstance(other, Const) and type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


NONE, TRUE, FALSE = Const(None), Const(True), Const(False)


@dataclass(slots=True, unsafe_hash=True)
class Symbol(Value):
    """An unknown scalar with an identity: equal keys mean equal numbers. `key` is a nested tuple of strings and numbers."""

    key: object


@dataclass(slots=True, unsafe_hash=True)
class Tensor(Value):
    """The tensor that a graph node computes."""

    node: Node


@dataclass(slots=True, unsafe_hash=True)
class Function(Value):
    """A function of the project with the frame that it closes over; bound to `receiver` where it is a method."""

    definition: FunctionDefinition
    closure: Frame | None = None
    receiver: Value | None = None


@dataclass(slots=True, unsafe_hash=True)
class Lambda(Value):
    node: low.LambdaExpr
    frame: Frame


@dataclass(slots=True, unsafe_hash=True)
class Class(Value):
    """A class of the project; `closure` is the frame of the function that defines it, if one does."""

    definition: ClassDefinition
    closure: Frame | None = None


@dataclass(slots=True, unsafe_hash=True)
class External(Value):
    """Something from outside the project, by dotted name: `torch.nn.Conv2d`, `builtins.len`, `einops.rearrange`."""

    name: str


@dataclass(slots=True, unsafe_hash=True)
class Method(Value):
    """An attribute of a value that is no project code: `x.view`, `layers.append`, `conv.to`."""

    receiver: Value
    name: str


@dataclass(slots=True, unsafe_hash=True)
class ModuleValue(Value):
    module: Module


@dataclass(slots=True, unsafe_hash=True)
class Super(Value):
    """`super()` inside a method of `owner`, on `receiver`."""

    owner: ClassDefinition
    receiver: Value


@dataclass(slots=True, unsafe_hash=True)
class Partial(Value):
    function: Value
    positional: tuple[Value, ...]
    keywords: tuple[tuple[str, Value], ...]


@dataclass(slots=True, unsafe_hash=True)
class SliceValue(Value):
    lower: Value
    upper: Value
    step: Value


@dataclass(slots=True, unsafe_hash=True)
class Choice(Value):
    """One of several values, which one is not known."""

    options: tuple[Value, ...]


# --- parts of sequences whose number is not known ---


@dataclass(slots=True, unsafe_hash=True)
class Alternatives(Value):
    """In a sequence: one of several runs of items stands here."""

    runs: tuple[tuple[Value, ...], ...]


@dataclass(slots=True, unsafe_hash=True)
class Repeated(Value):
    """In a sequence: the run of items stands here any number of times, none included."""

    run: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class AxisRun(Value):
    """In a `Repeated`: the sizes of all axes of a tensor of unknown rank but the first `front` and the last `back` ones."""

    node: Node
    front: int = 0
    back: int = 0


def axis_run_of(item: Value) -> AxisRun | None:
    return item.run[0] if isinstance(item, Repeated) and len(item.run) == 1 and isinstance(item.run[0], AxisRun) else None


# --- heap objects: compared by identity, their `state` changed only through the interpreter's `Heap` ---


@dataclass(slots=True, eq=False)
class Heap(Value):
    """Base of mutable objects. `serial` orders them by creation; `owner` is the object that first came to hold this one."""

    state: dict[Any, Any]
    serial: int = field(default=0, kw_only=True)
    owner: Heap | None = field(default=None, kw_only=True)


@dataclass(slots=True, eq=False)
class Sequence(Heap):
    """A list, tuple, set, `nn.Sequential` or `nn.ModuleList`. State: `items`, a tuple that may hold `Alternatives` and `Repeated`."""

    kind: str
    names: tuple[str, ...] | None = None  # of an `nn.Sequential` made from an OrderedDict

    @property
    def items(self) -> tuple[Value, ...]:
        return self.state["items"]  # type: ignore[no-any-return]

    @property
    def is_exact(self) -> bool:
        """Whether number and order of the items are known."""
        return not any(isinstance(item, (Alternatives, Repeated)) for item in self.items)

    @property
    def is_module(self) -> bool:
        return self.kind in ("Sequential", "ModuleList")


@dataclass(slots=True, eq=False)
class Mapping_(Heap):
    """A dict, an `nn.ModuleDict`, a "namespace" (whose entries are attributes as well) or the "attributes" of an object (which
    writing into it changes; the object is `of` in the state).

    State: `entries` by key (constants); `open` where there may be others; `entry` where
    it is (made from) the `**kwargs` of a function without visible callers, taken to be empty."""

    kind: str

    @property
    def entries(self) -> Mapping[Any, Value]:
        return self.state["entries"]  # type: ignore[no-any-return]

    @property
    def is_open(self) -> bool:
        return self.state["open"]  # type: ignore[no-any-return]

    @property
    def is_entry(self) -> bool:
        return self.state.get("entry", False)  # type: ignore[no-any-return]

    @property
    def is_module(self) -> bool:
        return self.kind == "ModuleDict"


@dataclass(slots=True, eq=False)
class Instance(Heap):
    """An object of a project class. State: its attributes. `context` names the construction that made it (see `contexts`).

    `is_stand_in` says that it stands for one that differs in numbers alone: its sizes are another's. `layer_site` is the construction
    call of an object whose class extends one of torch's layers. `given` is what its class was called with, at `made_at` (nowhere where
    an entry was run).
    """

    definition: ClassDefinition
    closure: Frame | None
    is_module: bool
    context: Any = None
    is_stand_in: bool = False
    layer_site: Site | None = None
    given: Arguments | None = None
    made_at: Site | None = None


@dataclass(slots=True, eq=False)
class Layer(Heap):
    """An object of one of torch's layer classes.

    `arguments` are bound by parameter name; `site` is the construction call; `origin` is the layer of which this one is
    a copy, itself where it is none: copies stem from one construction in one context and are judged together.
    """

    target: str
    arguments: Mapping[str, Value]
    site: Site
    has_open_keywords: bool = False
    built_by: tuple[Site, ...] = ()  # the calls, innermost first, of the functions in which it is constructed
    origin_layer: Layer | None = None
    constructor: FunctionDefinition | None = None  # what takes the arguments of the call, where a class of the project extends the layer
    marks: dict[str, str] = field(default_factory=dict)  # of the origin: what happened to it besides being called, with the reason
    members: tuple[Layer, ...] = ()  # where this stands for all layers of one class in a module, as `modules()` gives them

    @property
    def origin(self) -> Layer:
        return self.origin_layer or self

    def mark(self, what: str, reason: str) -> None:
        """Notes that something other than a plain call happens to the layer (to every member of a group)."""
        for layer in self.members or (self,):
            layer.origin.marks.setdefault(what, reason)


def tensors_in(value: Value, depth: int = 6) -> Iterator[Tensor]:
    """Every tensor that a value holds, containers and objects included. What modules keep escaped when it was stored there."""
    if isinstance(value, Tensor):
        yield value
    elif depth and not (isinstance(value, (Sequence, Mapping_, Instance)) and value.is_module):
        for part in parts_of(value):
            yield from tensors_in(part, depth - 1)


def parts_of(value: Value) -> Iterator[Value]:
    """The values directly inside a value."""
    match value:
        case Choice(options=options):
            yield from options
        case Alternatives(runs=runs):
            for run in runs:
                yield from run
        case Repeated(run=run):
            yield from run
        case Sequence():
            yield from value.items
        case Mapping_():
            yield from value.entries.values()
        case Instance():
            yield from value.state.values()
        case Partial(function=function, positional=positional, keywords=keywords):
            yield function
            yield from positional
            for _, keyword in keywords:
                yield keyword
        case Function(receiver=Value() as receiver) | Method(receiver=receiver):
            yield receiver


def parameter_of(value: Value) -> str | None:
    """The name of the entry's parameter that a symbol stands for."""
    is_parameter = isinstance(value, Symbol) and isinstance(value.key, tuple) and value.key[0] == "parameter"
    return str(value.key[-1]) if is_parameter else None  # type: ignore[attr-defined]


def pattern_of(key: Value) -> str | None:
    """`conv{}` for a name that is put together from known text and an unknown number: it stands for all names of that form."""
    return key.key[1] if isinstance(key, Symbol) and isinstance(key.key, tuple) and key.key[0] == "pattern" else None


def is_layer_class(value: Value) -> bool:
    return isinstance(value, External) and value.name.startswith("torch.nn.") and value.name.count(".") == 2 and value.name[9:10].isupper()


def choice(values: list[Value]) -> Value:
    """The union of values: one of them, or `UNKNOWN` where there are too many."""
    options: list[Value] = []
    for value in values:
        for option in value.options if isinstance(value, Choice) else (value,):
            if option not in options:
                options.append(option)
    if len(options) == 1:
        return options[0]
    return Choice(tuple(options)) if len(options) <= MAX_ALTERNATIVES else Unknown("too many alternatives")


def flattened(items: Iterable[Value]) -> Iterable[Value]:
    """Every value that stands somewhere in a run of items."""
    for item in items:
        if isinstance(item, Alternatives):
            for run in item.runs:
                yield from flattened(run)
        elif isinstance(item, Repeated):
            yield from flattened(item.run)
        else:
            yield item


def layers_in(value: Value) -> list[Layer]:
    """The torch layers that a value directly is, or holds in plain containers (not those inside modules of the project)."""
    match value:
        case Layer():
            return [value]
        case Choice() | Sequence() | Mapping_() | Alternatives() | Repeated() | Partial() | Method():
            if isinstance(value, Method) and value.name not in ("__call__", "forward"):
                return []
            return [layer for part in parts_of(value) for layer in layers_in(part)]
        case _:
            return []


def common_prefix(one: tuple[Any, ...], other: tuple[Any, ...]) -> tuple[Any, ...]:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a is not b and a != b:
            break
        count += 1
    return one[:count]


def join_runs(runs: list[tuple[Value, ...]]) -> tuple[Value, ...]:
    """Several possible contents of one sequence: what they share, then alternatives."""
    distinct = list(dict.fromkeys(runs))
    if len(distinct) == 1:
        return distinct[0]
    prefix = distinct[0]
    for run in distinct[1:]:
        prefix = common_prefix(prefix, run)
    return (*prefix, Alternatives(tuple(run[len(prefix) :] for run in distinct)))


def own(value: object, owner: Heap) -> None:
    if isinstance(value, Heap) and value.owner is None and value is not owner:
        value.owner = owner
