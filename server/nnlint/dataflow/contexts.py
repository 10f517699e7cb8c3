"""Contexts: a class is constructed once for each distinct set of abstract arguments, and `forward()` run once for each
distinct way of being called. Further constructions are copies, further calls are CALL nodes on the same graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nnlint.dataflow import values as val
from nnlint.dataflow.arguments import Arguments
from nnlint.dataflow.classes import ITEMS, LAYER
from nnlint.dataflow.frames import Frame
from nnlint.dataflow.graph import CALL, INPUT, OUTPUT, Graph, Node
from nnlint.dataflow.keys import Keys, form_of
from nnlint.dataflow.progress import Progress
from nnlint.dataflow.transfer.linear import BIASED_LAYERS
from nnlint.dataflow.values import Const, Symbol, Tensor, Unknown, Value
from nnlint.semantics.definitions import ClassDefinition, FunctionDefinition, Site
from nnlint.syntax import lowered as low

if TYPE_CHECKING:
    from nnlint.dataflow.interpreter import Interpreter

MAX_CONTEXTS = 64  # of one class; what would be the next one is unknown, and its class's layers are not judged
# Constructions of a class that differ from all others in numbers alone: after so many in a row the latest one stands for the rest.
_DULL_CONTEXTS = 3
_MAX_DULL_CONTEXTS = 24  # over all forms of a class's arguments; after so many the latest one stands for any
_MAX_MADE = 16  # modules that one function makes, which are remembered
_STRUCTURAL = ("bias", "padding", "padding_mode", "affine", "track_running_stats", "momentum")
_MAPPING_BASES = frozenset({"builtins.dict", "collections.OrderedDict", "collections.UserDict", "collections.defaultdict"})
_DATA_BASES = frozenset({"typing.NamedTuple", "builtins.tuple"})


@dataclass(slots=True, eq=False)
class Context:
    """One construction of a class: the finished object, copied for every use."""

    template: val.Instance
    first_serial: int
    is_shared: bool  # holds objects that came in as arguments, so it is one of a kind and never copied


@dataclass(slots=True, eq=False)
class Variety:
    """How the constructions of one class differ, by the form of their arguments, which is what these are but for numbers.

    `dull` counts, for each form, those in a row that showed nothing new; `latest` are the latest ones.
    """

    dull: Counter[Hashable] = field(default_factory=Counter)
    latest: dict[Hashable, Context] = field(default_factory=dict)
    seen: set[Hashable] = field(default_factory=set)

    def stand_in(self, form: Hashable) -> Context | None:
        """A construction that differs from one with arguments of this form in numbers alone, once several showed nothing new."""
        if self.dull[form] >= _DULL_CONTEXTS:
            return self.latest[form]
        is_full = self.dull.total() >= _MAX_DULL_CONTEXTS
        return next(reversed(self.latest.values())) if is_full else None

    def add(self, context: Context, form: Hashable, structure: set[Hashable]) -> None:
        self.latest.pop(form, None)
        self.latest[form] = context
        self.dull[form] = 0 if structure - self.seen else self.dull[form] + 1
        self.seen |= structure


@dataclass(slots=True, eq=False)
class Summary:
    """One way of running a method: its graph and what it returns, with tensors of that graph."""

    graph: Graph
    result: Value
    changes_arguments: bool


@dataclass(slots=True, eq=False)
class Made:
    """A module that a function returned, what the function was given, and the call (nowhere where an entry was run)."""

    function: val.Function
    arguments: Arguments
    site: Site | None
    value: Value


@dataclass(slots=True, eq=False)
class Contexts:
    interpreter: Interpreter
    known: dict[Hashable, Context | None] = field(default_factory=dict)
    summaries: dict[Hashable, Summary | None] = field(default_factory=dict)
    count: dict[ClassDefinition, int] = field(default_factory=dict)
    overflowed: set[ClassDefinition] = field(default_factory=set)
    instances: list[val.Instance] = field(default_factory=list)  # one of every context, in order of construction
    layers: list[val.Layer] = field(default_factory=list)  # every layer constructed, in order
    graphs: list[Graph] = field(default_factory=list)
    runs: dict[Hashable, list[Summary]] = field(default_factory=dict)  # (identity of an object, method) -> its summaries
    variety: dict[ClassDefinition, Variety] = field(default_factory=dict)
    sampled: set[ClassDefinition] = field(default_factory=set)  # of which one object stands for others of other sizes
    parts: set[ClassDefinition] = field(default_factory=set)  # of modules that other modules construct
    made: list[Made] = field(default_factory=list)
    takes_stand_ins: bool = True
    _changed: set[int] = field(default_factory=set)
    _makers: Counter[FunctionDefinition] = field(default_factory=Counter)
    progress: Progress = field(default_factory=Progress)
    depth: int = 0  # of modules being constructed
    keys: Keys = field(default_factory=Keys)

    def note_change(self, instance: val.Instance) -> None:
        """A finished module is changed from outside: it is a model of its own from now on."""
        if id(instance) not in self._changed:
            self._changed.add(id(instance))
            self.instances.append(instance)

    @contextmanager
    def apart(self) -> Iterator[None]:
        """What is constructed meanwhile is nobody's: no earlier construction stands for it, and it is not remembered."""
        kept = self.known, self.count, self.variety, self.instances, self.layers, self.made
        self.known, self.count, self.variety, self.instances, self.layers, self.made = {}, {}, {}, [], [], []
        self.takes_stand_ins = False
        try:
            yield
        finally:
            self.known, self.count, self.variety, self.instances, self.layers, self.made = kept
            self.takes_stand_ins = True

    def note_made(self, function: val.Function, arguments: Arguments, site: Site | None, value: Value) -> None:
        """A function returned something: of each function the first few modules are remembered."""
        if makes_module(value) and self._makers[function.definition] < _MAX_MADE:
            self._makers[function.definition] += 1
            self.made.append(Made(function, arguments, site, value))

    # --- construction ---

    def construct(self, cls: val.Class, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
        """An object of a project class."""
        interpreter = self.interpreter
        definition = cls.definition
        if self.depth:
            self.parts.add(definition)
        bases = interpreter.classes.bases(definition, cls.closure)
        if any(b is not None and (b.startswith("enum.") or b.endswith(("Error", "Exception")) or b == "builtins.type") for b in bases):
            return Unknown(f"an object of `{definition.name}`")
        layer_base = interpreter.classes.layer_base(definition, cls.closure)
        is_biased = layer_base in BIASED_LAYERS
        # A class that extends a layer is that layer, and constructed where its own call stands.
        site_key = site if is_biased or (layer_base is not None and not interpreter.classes.has_method(definition, "__init__")) else None
        key = (definition, cls.closure, self.keys.of_arguments(arguments), site_key)
        if key in self.known:
            context = self.known[key]
            if context is None:
                return Unknown(f"`{definition.name}` is constructed within itself")
            return context.template if context.is_shared else self._copy(context)
        variety = self.variety.setdefault(definition, Variety())
        form = form_of(key)
        if self.takes_stand_ins and (other := variety.stand_in(form)) is not None:
            self.sampled.add(definition)
            return self._stand_in(other)
        if self.count.get(definition, 0) >= MAX_CONTEXTS and not is_biased:
            self.overflowed.add(definition)
            return interpreter.unknown_operation(
                arguments.all, f"`{definition.name}` is constructed in more than {MAX_CONTEXTS} ways", site
            )
        self.count[definition] = self.count.get(definition, 0) + 1
        self.known[key] = None
        first_serial, first_layer = interpreter.next_serial(), len(self.layers)
        graph, interpreter.graph = interpreter.graph, Graph(f"{definition.name}.__init__")
        try:
            instance = self._initialized(cls, arguments, site, frame, site if is_biased else None)
            instance.given, instance.made_at = arguments, site
        finally:
            interpreter.graph = graph
        is_shared = any(_holds_modules(a) for a in arguments.all)
        context = self.known[key] = Context(instance, first_serial, is_shared)
        if instance.is_module:
            instance.context = interpreter.next_serial()
            self.instances.append(instance)
            if not is_shared:
                variety.add(context, form, self._structure(instance, self.layers[first_layer:]))
        return instance if is_shared else self._copy(context)

    def _initialized(
        self, cls: val.Class, arguments: Arguments, site: Site | None, frame: Frame | None, layer_site: Site | None
    ) -> val.Instance:
        interpreter = self.interpreter
        definition = cls.definition
        is_module = interpreter.classes.is_module(definition, cls.closure)
        instance = val.Instance({}, definition, cls.closure, is_module, layer_site=layer_site, serial=interpreter.next_serial())
        if not is_module and any(base in _MAPPING_BASES for base in interpreter.classes.bases(definition, cls.closure)):
            instance.state[ITEMS] = interpreter.mapping({})
        found = interpreter.classes.find_method(definition, cls.closure, "__init__")
        self.depth += is_module
        try:
            if found is not None:
                interpreter.caller.inline(found[0], found[1], instance, arguments, site, frame)
            elif self.has_fields(cls):
                self._set_fields(instance, cls, arguments)
            else:
                self.initialize_base(instance, arguments, site, frame)
        finally:
            self.depth -= is_module
        return instance

    def has_fields(self, cls: val.Class) -> bool:
        bases = self.interpreter.classes.bases(cls.definition, cls.closure)
        order = self.interpreter.classes.order(cls.definition, cls.closure)
        inherited = [d for base, _ in order if isinstance(base, ClassDefinition) for d in base.decorators]
        if any(_text(d).endswith("dataclass_transform") for d in inherited):
            return True  # its subclasses are dataclasses without a decorator
        decorated = any("dataclass" in _text(d) or "attr" in _text(d) for d in cls.definition.decorators)
        return decorated or any(b in _DATA_BASES or (b or "").endswith(("ModelOutput", "BaseModel")) for b in bases)

    def _set_fields(self, instance: val.Instance, cls: val.Class, arguments: Arguments) -> None:
        """The generated `__init__` of dataclasses and named tuples."""

        names: dict[str, tuple[Any, low.Assign, Frame | None]] = {}
        for base, closure in reversed(self.interpreter.classes.order(cls.definition, cls.closure)):
            if isinstance(base, ClassDefinition):
                for block, statement in base.members:
                    if (
                        isinstance(statement, low.Assign)
                        and statement.annotation is not None
                        and isinstance(statement.targets[0], low.Name)
                    ):
                        names[statement.targets[0].id] = ((base, block), statement, closure)
        for at, (name, ((base, block), statement, closure)) in enumerate(names.items()):
            value = arguments.get(at, name)
            if value is None:
                if arguments.is_open:
                    value = Unknown(f"field `{name}` may be given by a star argument")
                elif statement.value is None:
                    value = Symbol(("parameter", base.module.path, base.block.key, name))
                else:
                    frame = Frame(base.module, block, {}, closure)
                    value = _field_default(self.interpreter, frame, statement.value)
            instance.state[name] = value
        if any(b in _DATA_BASES for b in self.interpreter.classes.bases(cls.definition, cls.closure)):
            instance.state[ITEMS] = self.interpreter.sequence([instance.state[name] for name in names], "tuple")
        post = self.interpreter.classes.find_method(cls.definition, cls.closure, "__post_init__")
        if post is not None:
            self.interpreter.caller.inline(post[0], post[1], instance, Arguments(), None, None)

    def initialize_base(self, instance: val.Instance, arguments: Arguments, site: Site | None, frame: Frame | None) -> None:
        """What `super().__init__(…)` does where the base class is torch's."""
        classes = self.interpreter.classes
        caller = self.interpreter.caller
        layer_base = classes.layer_base(instance.definition, instance.closure)
        if layer_base is not None and site is not None and LAYER not in instance.state:
            layer = caller.construct_layer(layer_base, arguments, instance.layer_site or site, frame)
            if isinstance(layer, val.Layer):
                own = classes.find_method(instance.definition, instance.closure, "__init__")
                layer.constructor = None if own is None else own[0]
                self.interpreter.mutate(instance, LAYER, layer)
            return
        kind = classes.sequence_base(instance.definition, instance.closure)
        if kind is not None and ITEMS not in instance.state:
            items = caller.construct_container(kind, arguments)
            if isinstance(items, val.Sequence):
                self.interpreter.mutate(instance, ITEMS, items)
                for at, item in enumerate(items.items):
                    if items.is_exact:
                        instance.state[items.names[at] if items.names else str(at)] = item
        elif isinstance(instance.state.get(ITEMS), val.Mapping_) and arguments.all:
            self.interpreter.mutate(instance, ITEMS, caller.call(val.External("builtins.dict"), arguments, site, frame))

    def _structure(self, instance: val.Instance, layers: list[val.Layer]) -> set[Hashable]:
        """What of a construction can decide what a bias does: which layers, with which flags, and the module's own switches."""
        found: set[Hashable] = set()
        for layer in layers:
            structural = tuple(self.keys.of_value(layer.arguments[name]) if name in layer.arguments else None for name in _STRUCTURAL)
            same_groups = layer.arguments.get("num_groups") == layer.arguments.get("num_channels")
            found.add((layer.site, layer.target, structural, same_groups))
        for name, value in instance.state.items():
            if (isinstance(value, Const) and not isinstance(value.value, (int, float))) or (
                isinstance(value, Const) and isinstance(value.value, bool)
            ):
                found.add((name, value.value))
            elif not isinstance(value, (Const, Symbol)):
                found.add((name, type(value).__name__))
        return found

    # --- copies ---

    def _stand_in(self, context: Context) -> Value:
        copy = self._copy(context)
        if isinstance(copy, val.Instance):
            copy.is_stand_in = True
        return copy

    def _copy(self, context: Context) -> Value:
        copy: Value = _Copier(self.interpreter, context.first_serial).copy(context.template)
        return copy

    # --- forward ---

    def run_forward(self, instance: val.Instance, arguments: Arguments, site: Site | None) -> Value:
        """Calls a module: its `forward`, else what its torch base class does."""
        interpreter = self.interpreter
        own = instance.state.get("forward")
        if own is not None:
            return interpreter.caller.call(own, arguments, site)
        found = interpreter.classes.find_method(instance.definition, instance.closure, "forward")
        if found is None:
            if ITEMS in instance.state:
                return interpreter.caller.apply_items(instance.state[ITEMS].items, arguments, site)
            if LAYER in instance.state:
                return interpreter.caller.apply_layer(instance.state[LAYER], arguments, site)
            return interpreter.unknown_operation(arguments.all, f"`{instance.definition.name}` has no forward()", site)
        nodes: list[Node] = []
        inner = _Transplant(interpreter, lambda t: self._pass(t, nodes))
        key = (
            self._identity(instance),
            found[0],
            self.keys.of_arguments(arguments, by_rank=True),
        )
        if key in self.summaries:
            summary = self.summaries[key]
            if summary is None:
                return interpreter.unknown_operation(arguments.all, f"`{instance.definition.name}` calls itself", site)
            inner.arguments(arguments)
        else:
            self.summaries[key] = None
            summary = self.summaries[key] = self._summarize(instance, found, arguments, nodes)
            self.runs.setdefault(key[:2], []).append(summary)
        return self._call_node(instance, summary, arguments, nodes, site)

    def runs_of(self, instance: val.Instance, method: FunctionDefinition) -> list[Summary]:
        """How a method of an object was run so far."""
        return self.runs.get((self._identity(instance), method), [])

    def _identity(self, instance: val.Instance) -> Hashable:
        return ("context", instance.context) if instance.context is not None else ("object", instance.serial)

    def _pass(self, tensor: Tensor, nodes: list[Node]) -> Tensor:
        nodes.append(self.interpreter.here(tensor))
        return tensor

    def _summarize(
        self, instance: val.Instance, found: tuple[FunctionDefinition, Frame | None], arguments: Arguments, nodes: list[Node]
    ) -> Summary:
        interpreter = self.interpreter
        owner = instance.definition
        graph = Graph(f"{owner.name}.{found[0].name}", owner=(owner.module.path, owner.name))
        self.graphs.append(graph)

        def as_input(tensor: Tensor) -> Tensor:
            nodes.append(interpreter.here(tensor))
            node = graph.add(INPUT, rank=tensor.node.rank)
            graph.inputs.append(node)
            return Tensor(node)

        inner = _Transplant(interpreter, as_input).arguments(arguments)
        graph.input_names = _input_names(graph, found[0], inner)
        outer, interpreter.graph = interpreter.graph, graph
        first_serial = interpreter.next_serial()
        context = instance.context
        try:
            result, changes = interpreter.journal.record(lambda: interpreter.caller.inline(found[0], found[1], instance, inner, None, None))
        finally:
            interpreter.graph = outer
        changes_arguments = False
        own_cells = {id(cell) for cell in cells_of(inner.all)}
        for change in changes:
            if id(change.cell) in own_cells:
                changes_arguments = True
        del first_serial
        instance.context = context
        for tensor in val.tensors_in(result):
            if tensor.node.graph is graph and tensor.node not in graph.results:
                graph.results.append(tensor.node)
        interpreter.caller.escape_returned_layers(result)
        return Summary(graph, result, changes_arguments)

    def _call_node(self, instance: val.Instance, summary: Summary, arguments: Arguments, nodes: list[Node], site: Site | None) -> Value:
        interpreter = self.interpreter
        call = interpreter.graph.add(CALL, tuple(nodes), callee=summary.graph, module=instance, site=site)
        summary.graph.callers.append(call)
        outputs = [interpreter.graph.add(OUTPUT, (call,), output=i, rank=n.rank) for i, n in enumerate(summary.graph.results)]
        table = dict(zip(summary.graph.results, outputs, strict=True))

        def out(tensor: Tensor) -> Tensor:
            node = table.get(tensor.node)
            return Tensor(node) if node is not None else tensor

        if summary.changes_arguments:
            for value in arguments.all:
                interpreter.caller.forget(value, "changed by a module that it is passed to")
        return _Transplant(interpreter, out).value(summary.result)

    def run_root(self, instance: val.Instance, method: FunctionDefinition, closure: Frame | None, arguments: Arguments) -> Graph:
        """Runs a method as anybody might call it; its results are then used by anybody."""
        nodes: list[Node] = []
        key = (self._identity(instance), method, self.keys.of_arguments(arguments, by_rank=True))
        summary = self.summaries.get(key)
        if summary is None:
            summary = self.summaries[key] = self._summarize(instance, (method, closure), arguments, nodes)
            self.runs.setdefault(key[:2], []).append(summary)
        summary.graph.is_root = True
        return summary.graph


def _field_default(interpreter: Interpreter, frame: Frame, node: low.Node) -> Value:
    """The default of a dataclass field, `field(default_factory=…)` included."""
    value = interpreter.evaluate(frame, node)
    if isinstance(node, low.Call) and _text(node.function).endswith("field"):
        for argument in node.arguments:
            if argument.keyword == "default":
                return interpreter.evaluate(frame, argument.value)
            if argument.keyword == "default_factory":
                return interpreter.caller.call_simply(interpreter.evaluate(frame, argument.value))
        return Unknown("a field")
    return value


def _text(node: low.Node) -> str:
    match node:
        case low.Name(id=name):
            return name
        case low.Attribute(value=inner, name=name):
            return f"{_text(inner)}.{name}"
        case low.Call(function=function):
            return _text(function)
        case _:
            return ""


def _input_names(graph: Graph, method: FunctionDefinition, arguments: Arguments) -> tuple[str, ...]:
    """The names of the parameters of a method that the inputs of its graph are given to as they are."""
    parameters = method.node.parameters
    positional = [p.name for p in (*parameters.positional_only, *parameters.positional)][1:]
    names: dict[Node, str] = {}
    for name, value in (*zip(positional, arguments.positional, strict=False), *arguments.keywords.items()):
        for option in value.options if isinstance(value, val.Choice) else (value,):
            if isinstance(option, Tensor):
                names[option.node] = name
    return tuple(names.get(node, "") for node in graph.inputs)


def makes_module(value: Value) -> bool:
    """Whether a value is a module: an object, a Sequential or a layer, or one of several things of which one is."""
    match value:
        case val.Instance():
            return value.is_module
        case val.Sequence():
            return value.kind == "Sequential"
        case val.Choice(options=options):
            return any(makes_module(option) for option in options)
        case _:
            return False


def _holds_modules(value: Value, depth: int = 5) -> bool:
    if isinstance(value, val.Layer) or (isinstance(value, val.Instance) and value.is_module):
        return True
    if isinstance(value, (val.Sequence, val.Mapping_)) and value.is_module:
        return True
    return depth > 0 and any(_holds_modules(part, depth - 1) for part in val.parts_of(value))


def cells_of(values: list[Value], depth: int = 5) -> list[dict[Any, Any]]:
    out = []
    for value in values:
        if isinstance(value, (val.Sequence, val.Mapping_)):
            out.append(value.state)
        if depth:
            out += cells_of(list(val.parts_of(value)), depth - 1) if not isinstance(value, val.Instance) else []
    return out


# --- copies and transplants ---


def copy_of(interpreter: Interpreter, value: Value) -> Value:
    """A deep copy, as `copy.deepcopy` makes it: layers in it are judged together with their originals."""
    return _Copier(interpreter, 0).copy(value)  # type: ignore[no-any-return]


class _Copier:
    """Copies the objects that a construction made; what came from outside is shared."""

    def __init__(self, interpreter: Interpreter, first_serial: int) -> None:
        self.interpreter = interpreter
        self.first_serial = first_serial
        self.made: dict[int, val.Heap] = {}

    def copy(self, value: Any) -> Any:
        match value:
            case val.Heap():
                if value.serial < self.first_serial:
                    return value
                made = self.made.get(id(value))
                return made if made is not None else self._copy_heap(value)
            case val.Choice(options=options):
                return val.Choice(tuple(self.copy(o) for o in options))
            case val.Alternatives(runs=runs):
                return val.Alternatives(tuple(tuple(self.copy(i) for i in run) for run in runs))
            case val.Repeated(run=run):
                return val.Repeated(tuple(self.copy(i) for i in run))
            case val.Function(definition=definition, closure=closure, receiver=val.Heap() as receiver):
                return val.Function(definition, closure, self.copy(receiver))
            case val.Method(receiver=val.Heap() as receiver, name=name):
                return val.Method(self.copy(receiver), name)
            case val.Partial(function=function, positional=positional, keywords=keywords):
                return val.Partial(
                    self.copy(function), tuple(self.copy(p) for p in positional), tuple((n, self.copy(v)) for n, v in keywords)
                )
            case tuple():
                return tuple(self.copy(v) for v in value)
            case dict():
                return {k: self.copy(v) for k, v in value.items()}
            case _:
                return value

    def _copy_heap(self, value: val.Heap) -> val.Heap:
        serial = self.interpreter.next_serial()
        made: val.Heap
        match value:
            case val.Instance():
                made = val.Instance(
                    {},
                    value.definition,
                    value.closure,
                    value.is_module,
                    value.context,
                    value.is_stand_in,
                    given=value.given,
                    made_at=value.made_at,
                    serial=serial,
                )
            case val.Layer():
                made = val.Layer(
                    {},
                    value.target,
                    value.arguments,
                    value.site,
                    value.has_open_keywords,
                    value.built_by,
                    value.origin,
                    serial=serial,
                    marks=value.marks,
                )
            case val.Sequence():
                made = val.Sequence({}, value.kind, value.names, serial=serial)
            case val.Mapping_():
                made = val.Mapping_({}, value.kind, serial=serial)
            case _:
                return value
        self.made[id(value)] = made
        made.state.update({k: self.copy(v) for k, v in value.state.items()})
        for part in val.parts_of(made):
            if isinstance(part, val.Heap) and part.owner is None:
                part.owner = made
        return made


class _Transplant:
    """Rebuilds values with their tensors replaced; containers are copied, modules are left alone."""

    def __init__(self, interpreter: Interpreter, replace: Callable[[Tensor], Value]) -> None:
        self.interpreter = interpreter
        self.replace = replace
        self.made: dict[int, Value] = {}

    def arguments(self, arguments: Arguments) -> Arguments:
        return replace(
            arguments,
            positional=[self.value(v) for v in arguments.positional],
            keywords={k: self.value(arguments.keywords[k]) for k in sorted(arguments.keywords)},
            splats=[self.value(s) for s in arguments.splats],
        )

    def value(self, value: Value) -> Value:
        match value:
            case Tensor():
                return self.replace(value)
            case val.Choice(options=options):
                return val.Choice(tuple(self.value(o) for o in options))
            case val.Alternatives(runs=runs):
                return val.Alternatives(tuple(tuple(self.value(i) for i in run) for run in runs))
            case val.Repeated(run=run):
                return val.Repeated(tuple(self.value(i) for i in run))
            case val.Sequence() if not value.is_module:
                return self._once(value, lambda: self.interpreter.sequence([self.value(i) for i in value.items], value.kind))
            case val.Mapping_() if not value.is_module:
                return self._once(
                    value, lambda: self.interpreter.mapping({k: self.value(v) for k, v in value.entries.items()}, value.kind, value.is_open)
                )
            case val.Instance() if not value.is_module and any(True for _ in val.tensors_in(value)):
                return self._once(value, lambda: self._instance(value))
            case _:
                return value

    def _once(self, value: Value, make: Callable[[], Value]) -> Value:
        if id(value) not in self.made:
            self.made[id(value)] = value  # a container that holds itself
            self.made[id(value)] = make()
        return self.made[id(value)]

    def _instance(self, value: val.Instance) -> val.Instance:
        made = val.Instance({}, value.definition, value.closure, False, serial=self.interpreter.next_serial())
        made.state.update({k: self.value(v) for k, v in value.state.items()})
        return made
