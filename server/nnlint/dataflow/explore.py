"""Finds the entries of a project (what nobody in it calls), runs them, and gathers what they built into a `ProjectGraph`."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from nnlint.dataflow import values as val
from nnlint.dataflow.arguments import Arguments
from nnlint.dataflow.classes import ITEMS, MODULE_METHODS, decorator_name
from nnlint.dataflow.default_objects import DefaultObjects
from nnlint.dataflow.dimensions import DIMENSIONS, Undecided
from nnlint.dataflow.effects import returns_value
from nnlint.dataflow.entries import LAYER_WORDS, Entries, Entry, entries_of
from nnlint.dataflow.frames import Frame, OutOfFuel
from nnlint.dataflow.graph import CALL, INPUT, JOIN, Graph, Node, ProjectGraph
from nnlint.dataflow.interpreter import Interpreter
from nnlint.dataflow.progress import TOO_LARGE
from nnlint.dataflow.torch_calls import BIAS_USED, ESCAPED, is_bias
from nnlint.dataflow.values import NONE, Const, Symbol, Tensor, Unknown, Value, choice, flattened
from nnlint.semantics.definitions import AssignedDefinition, ClassDefinition, FunctionDefinition, Site
from nnlint.semantics.program import Module, Program
from nnlint.syntax import lowered as low
from nnlint.syntax.parser import TopLevel, deep_recursion, sparing_collection

FUEL = 200_000  # steps of one entry, or of one method of a module
CLASS_FUEL = 400_000  # steps of the methods of all objects of one class
# Steps of one whole check, some 6 µs each; the largest package of models that is wholly analyzed takes 10 million.
PROJECT_FUEL = 15_000_000
_COLLECTED = 500_000  # steps after which garbage is collected
_RESERVE = 3  # the last third is for the methods of what the entries construct
_DULL_ENTRIES = 2
_DULL_METHODS = 3
_SCALAR_ANNOTATIONS = frozenset({"int", "str", "float", "bool"})
_ANYTHING = frozenset({"Any", "object", "tuple", "list", "dict", "Tuple", "List", "Dict", "Sequence", "Iterable", "Mapping", "TypeVar"})
_NOTHING = frozenset({"None", "Optional", "Union", "typing", "t"})


class Cancelled(Exception):
    """Nobody wants the answer any more."""


def explore(
    program: Program,
    paths: Sequence[str],
    wanted: Collection[str],
    is_cancelled: Callable[[], bool] | None = None,
    fuel: int = PROJECT_FUEL,
    runs_examples: bool = False,
) -> ProjectGraph:
    """Analyses what the `wanted` files define, from those entries of all `paths` that reach it, in about `fuel` steps.

    With `runs_examples` what stands under `if __name__ == "__main__":` is run too, as an example of how models are built and called.
    Entries that are left without fuel are not run, and nothing that they could reach is judged. Raises `Cancelled` soon after
    `is_cancelled` says so.
    """
    from nnlint.dataflow.programs.entries import run_programs

    explorer = _Explorer(program, wanted, is_cancelled, fuel)
    modules = [module for path in paths if runs_examples and (module := program.module(path)) is not None]
    project = explorer.run(entries_of(program, paths, wanted), modules)
    project.wanted = frozenset(wanted)
    project.make_programs = lambda: run_programs(program, paths, wanted, is_cancelled)
    return project


def explore_alone(program: Program, module: Module, tops: Sequence[TopLevel]) -> ProjectGraph:
    """Analyses single statements of a module as if nobody in the project used them: classes and functions take their defaults."""
    names = {id(top): name for name, found in module.names.items() for top in found}
    entries = [Entry(module, top, names.get(id(top)), ()) for top in tops]
    from nnlint.dataflow.programs.entries import run_alone

    project = _Explorer(program, {module.path}).run(Entries(entries, entries, entries))
    project.wanted = frozenset((module.path,))
    project.make_programs = lambda: run_alone(program, module, tops)
    return project


@dataclass(slots=True)
class _Alike:
    """Entries that mention the same: `dull` counts those in a row that constructed nothing new."""

    dull: int = 0
    words: set[str] = field(default_factory=set)
    sites: set[Site] = field(default_factory=set)


class _Explorer:
    def __init__(
        self, program: Program, wanted: Collection[str], is_cancelled: Callable[[], bool] | None = None, fuel: int = PROJECT_FUEL
    ) -> None:
        self.program = program
        self.fuel = fuel
        self.reserve = fuel // _RESERVE
        self._collected = fuel
        self._collect: Callable[[], None] = lambda: None
        self.wanted = wanted
        self.is_cancelled = is_cancelled
        self.interpreter = Interpreter(program, FUEL)
        self.contexts = self.interpreter.caller.contexts
        self._ran: set[int] = set()
        self._spent: Counter[ClassDefinition] = Counter()
        self._constructed: set[object] = set()
        self._looked_at = 0
        self._attributes: dict[FunctionDefinition, frozenset[str]] = {}
        self._queued = 0
        self._dull: Counter[FunctionDefinition] = Counter()  # runs of a method in a row that touched no layer
        self._unrun: list[val.Instance] = []  # for which no fuel was left
        self._parts_waiting: deque[val.Instance] = deque()
        self._built_by: set[FunctionDefinition] = set()  # the idle methods that were run for what they construct
        self._sampled: set[Site] = set()  # construction calls in entries of which some were left out

    def run(self, entries: Entries, exemplary: Iterable[Module] = ()) -> ProjectGraph:
        with deep_recursion(), sparing_collection() as self._collect:
            left_out = self._run_roots(entries.roots)
            for entry in entries.relevant:
                if entry.name is not None and not self._guarded(partial(self._run_if_new, entry, left_out)):
                    left_out += [entry] if self.fuel <= self.reserve else []
            while (instance := self._next_instance()) is not None:
                self._run_instance(instance)
            for module in exemplary:
                self._run_examples(module)
        for definition in self.contexts.overflowed:
            self._distrust(definition)
        self._distrust_unrun()
        if left_out:
            self._distrust_within_reach(entries, left_out)
        return self._gather()

    def _run_instance(self, instance: val.Instance) -> None:
        """Runs an object's methods. Where that takes too long, nothing that it holds is judged."""
        if self.fuel <= 0:
            self._unrun.append(instance)
            return
        spent = self._spent[instance.definition]
        finished = spent < CLASS_FUEL and self._guarded(lambda: self._run_methods(instance))
        self._spent[instance.definition] += FUEL - self.interpreter.fuel
        if not finished:
            for layer in _layers(instance):
                layer.mark(ESCAPED, "the analysis of its model took too long")
        self._guarded(lambda: self._run_builders(instance))

    def _run_roots(self, roots: Sequence[Entry]) -> list[Entry]:
        """Runs the entries, and returns those for which no fuel was left.

        Of those in one file that mention the same definitions (a model zoo has hundreds), one that says nothing in other words is
        passed over once several in a row have constructed nothing in a way that was not seen before.
        """
        kinds: dict[tuple[str, tuple[tuple[str, str], ...]], _Alike] = {}
        seen: set[tuple[Site, str, Value | None]] = set()
        for at, entry in enumerate(roots):
            if self.fuel <= self.reserve:
                return list(roots[at:])
            alike = kinds.setdefault((entry.module.path, entry.mentions), _Alike())
            words = entry.words - {entry.name}
            if alike.dull >= _DULL_ENTRIES and words <= alike.words:
                self._sampled |= alike.sites
                continue
            alike.words |= words
            first = len(self.contexts.layers)
            self._guarded(partial(self._run_entry, entry))
            built = {(layer.site, layer.target, layer.arguments.get("bias")) for layer in self.contexts.layers[first:]}
            alike.sites |= {site for site, _, _ in built}
            alike.dull = 0 if built - seen else alike.dull + 1
            seen |= built
        return []

    def _next_instance(self) -> val.Instance | None:
        """The next module to run: first those that no other module contains, since running them runs their parts as well."""
        instances, parts = self.contexts.instances, self.contexts.parts
        while self._queued < len(instances):
            instance = instances[self._queued]
            self._queued += 1
            if instance.definition in parts:
                self._parts_waiting.append(instance)
            elif self._is_first_run(instance):
                return instance
        while self._parts_waiting:
            instance = self._parts_waiting.popleft()
            if self._is_first_run(instance):
                return instance
        return None

    def _is_first_run(self, instance: val.Instance) -> bool:
        is_first = id(instance) not in self._ran
        self._ran.add(id(instance))
        return is_first

    def _guarded(self, run: Callable[[], None]) -> bool:
        """Runs one entry within its fuel, and says whether it was enough. What was left unfinished is not judged."""
        if self.is_cancelled is not None and self.is_cancelled():
            raise Cancelled
        first = len(self.contexts.layers)
        if self._collected - self.fuel >= _COLLECTED:
            self._collected = self.fuel
            self._collect()
        self.interpreter.fuel = FUEL
        try:
            run()
            return True
        except (OutOfFuel, RecursionError):
            for layer in self.contexts.layers[first:]:
                layer.mark(ESCAPED, "the analysis took too long")
            self._drop_unfinished()
            for graph in self.contexts.graphs:
                if not graph.callers:
                    graph.is_root = True
            self.interpreter.abandon()
            return False
        finally:
            self.fuel -= FUEL - self.interpreter.fuel

    def _drop_unfinished(self) -> None:
        for key, context in list(self.contexts.known.items()):
            if context is None:
                del self.contexts.known[key]
        for key, summary in list(self.contexts.summaries.items()):
            if summary is None:
                del self.contexts.summaries[key]

    # --- entries ---

    def _run_entry(self, entry: Entry) -> None:
        definition = None if entry.name is None else self.program.lookup(entry.module, entry.name)
        if isinstance(definition, ClassDefinition):
            if self._is_relevant_class(definition):
                self._construct(definition)
        elif isinstance(definition, FunctionDefinition):
            if definition.module is entry.module:
                self._call_function(definition)
        elif entry.name is None or isinstance(definition, AssignedDefinition):
            self._run_script(entry)

    def _run_if_new(self, entry: Entry, left_out: list[Entry]) -> None:
        """Classes that no entry was seen to construct take their defaults, as entries do. Without fuel they are left out."""
        assert entry.name is not None
        definition = self.program.lookup(entry.module, entry.name)
        is_new_class = (
            isinstance(definition, ClassDefinition) and self._is_relevant_class(definition) and not self._is_constructed(definition)
        )
        if not is_new_class and not isinstance(definition, AssignedDefinition):
            return
        if self.fuel <= self.reserve:
            left_out.append(entry)
        elif isinstance(definition, AssignedDefinition):
            self._run_script(entry)
        elif isinstance(definition, ClassDefinition):
            # Somebody mentions it, and how it is used there was not understood: nothing says that it is a whole model.
            self.contexts.parts.add(definition)
            self._construct(definition)

    def _is_constructed(self, definition: ClassDefinition) -> bool:
        """Whether an object of the class, or of one that extends it, was seen."""
        for instance in self.contexts.instances[self._looked_at :]:
            self._constructed |= {base for base, _ in self.interpreter.classes.order(instance.definition, instance.closure)}
        self._looked_at = len(self.contexts.instances)
        return definition in self._constructed

    def _is_relevant_class(self, definition: ClassDefinition) -> bool:
        return self.interpreter.classes.is_module(definition)

    def _by_dimensions(self, definition: FunctionDefinition, run: Callable[[dict[str, Value]], None]) -> None:
        """Runs an entry; where one of its parameters decides between layers for one, two and three dimensions, once for each."""
        parameters = definition.node.parameters
        names = [p.name for p in (*parameters.positional_only, *parameters.positional, *parameters.keyword_only) if p.default is None]
        dimensions = self.interpreter.caller.dimensions
        dimensions.selectors.clear()
        dimensions.compared.clear()
        dimensions.open = frozenset(_parameter(definition, name).key for name in names)
        try:
            run({})
            return
        except Undecided as undecided:
            parameter = undecided.parameter
        finally:
            dimensions.open = frozenset()
        self._drop_unfinished()
        for number in DIMENSIONS:
            run({parameter: Const(number)})

    def _construct(self, definition: ClassDefinition) -> None:
        for method in definition.methods.values():
            if _belongs_to_class(method) and returns_value(method.node) and "classmethod" in map(decorator_name, method.node.decorators):
                self._call_function(method, val.Class(definition))
        found = self.interpreter.classes.find_method(definition, None, "__init__")
        if found is None:
            self.contexts.construct(val.Class(definition), Arguments(), None, None)
            return
        method, _ = found

        def run(known: dict[str, Value]) -> None:
            self.contexts.construct(val.Class(definition), self._entry_arguments(method, True, known), None, None)

        self._by_dimensions(method, run)

    def _call_function(self, definition: FunctionDefinition, receiver: val.Class | None = None) -> None:
        self._by_dimensions(definition, lambda known: self._call_knowing(definition, receiver, known))

    def _call_knowing(self, definition: FunctionDefinition, receiver: val.Class | None, known: dict[str, Value]) -> None:
        graph, self.interpreter.graph = self.interpreter.graph, Graph(definition.name, is_root=True)
        try:
            arguments = self._entry_arguments(definition, receiver is not None, known)
            result = self.interpreter.caller.inline(definition, None, receiver, arguments, None, None)
            for tensor in val.tensors_in(result):
                self.interpreter.graph.results.append(tensor.node)
            self.contexts.graphs.append(self.interpreter.graph)
        finally:
            self.interpreter.graph = graph
        self._run_container(result)

    def _run_container(self, value: Value, is_model: bool = True) -> None:
        """Runs a Sequential that stands on its own, as whoever gets it will."""
        if isinstance(value, val.Choice) or (isinstance(value, val.Sequence) and value.kind in ("tuple", "list")):
            for part in flattened(val.parts_of(value)):
                self._run_container(part, is_model)
        if isinstance(value, val.Sequence) and value.kind == "Sequential":
            graph, self.interpreter.graph = self.interpreter.graph, Graph("Sequential", is_root=True, is_model=is_model)
            try:
                result = self.interpreter.caller.call_simply(value, Tensor(self.interpreter.graph.add(INPUT)))
                self.interpreter.graph.results += [t.node for t in val.tensors_in(result)]
                self.contexts.graphs.append(self.interpreter.graph)
            finally:
                self.interpreter.graph = graph

    def _run_script(self, entry: Entry) -> None:
        graph, self.interpreter.graph = self.interpreter.graph, Graph("script", is_root=True)
        frame = Frame(entry.module, entry.top.block.name, {})
        try:
            if entry.name is not None:
                self._run_container(self.interpreter.global_value(entry.module, entry.name))
            else:
                self.interpreter.block(frame, entry.top.block.block.body)
            self.contexts.graphs.append(self.interpreter.graph)
        finally:
            self.interpreter.graph = graph

    def _run_examples(self, module: Module) -> None:
        """Runs what a module does where it is itself the program."""
        for top in module.parsed.top_level:
            if "__main__" in top.block.block.text and self.fuel > 0:
                self._guarded(partial(self._run_as_program, module, top))

    def _run_as_program(self, module: Module, top: TopLevel) -> None:
        graph, self.interpreter.graph = self.interpreter.graph, Graph("script", is_root=True)
        try:
            self.interpreter.block(Frame(module, top.block.name, {"__name__": Const("__main__")}), top.block.block.body)
            self.contexts.graphs.append(self.interpreter.graph)
        finally:
            self.interpreter.graph = graph

    def _entry_arguments(self, definition: FunctionDefinition, skip_self: bool, known: dict[str, Value]) -> Arguments:
        """An entry takes its defaults and empty star arguments; parameters without a default are symbols, if they are not `known`."""
        arguments = Arguments(has_entry_keywords=definition.node.parameters.double_star is not None)
        parameters = definition.node.parameters
        positional = (*parameters.positional_only, *parameters.positional)[1 if skip_self else 0 :]
        for parameter in (*positional, *parameters.keyword_only):
            if parameter.name in known:
                arguments.keywords[parameter.name] = known[parameter.name]
            elif parameter.default is None:
                symbol = _parameter(definition, parameter.name)
                arguments.keywords[parameter.name] = self._default_configuration(definition, parameter.annotation) or symbol
        return arguments

    def _default_configuration(self, definition: FunctionDefinition, annotation: low.Node | None) -> Value | None:
        """What a parameter that is annotated with a class of settings takes where nobody gives it: the settings' own defaults."""
        if isinstance(annotation, low.Constant) and isinstance(annotation.value, str) and annotation.value.isidentifier():
            annotation = low.Name(annotation.value)  # a forward reference
        if not isinstance(annotation, (low.Name, low.Attribute)):
            return None
        cls = self.interpreter.evaluate(Frame(definition.module, definition.block, {}), annotation)
        if not isinstance(cls, val.Class) or self.interpreter.classes.is_module(cls.definition):
            return None
        found = self.interpreter.classes.find_method(cls.definition, None, "__init__")
        if not (self.contexts.has_fields(cls) if found is None else _has_defaults_alone(found[0])):
            return None
        made = self.contexts.construct(cls, Arguments(has_entry_keywords=found is not None), None, None)
        return made if isinstance(made, val.Instance) else None

    # --- methods ---

    def _run_methods(self, instance: val.Instance) -> None:
        """Runs, as anybody might, the methods of a module that no other method calls."""
        if ITEMS in instance.state and not self.interpreter.classes.has_method(instance.definition, "forward"):
            self._run_container(instance.state[ITEMS], instance.definition not in self.contexts.parts)
        if not any(layer.site.path in self.wanted for layer in _layers(instance)):
            return
        for name in self._public_methods(instance):
            found = self.interpreter.classes.find_method(instance.definition, instance.closure, name)
            if found is None or self._is_covered(instance, found[0], name) or self._is_idle(found[0]) or _belongs_to_class(found[0]):
                continue
            if self._is_dull(instance, found[0]):
                continue
            first = len(self.contexts.graphs)
            marks = _count_marks(instance)
            self._run_method(instance, *found, name)
            touches = _count_marks(instance) != marks or any(_touches_layers(g) for g in self.contexts.graphs[first:])
            self._dull[found[0]] = 0 if touches else self._dull[found[0]] + 1

    def _run_builders(self, instance: val.Instance) -> None:
        """Runs, for what they construct alone, the idle methods that build layers: a new head for other classes, one layer for several.

        What they do to the model is undone, and is no use of its layers: nobody is known to call them.
        """
        for name in self._methods(instance):
            found = self.interpreter.classes.find_method(instance.definition, instance.closure, name)
            if found is None or found[0] in self._built_by or not self._is_idle(found[0]) or not _constructs(found[0].node):
                continue
            self._built_by.add(found[0])
            marks = [(layer.origin, dict(layer.origin.marks)) for layer in _layers(instance)]
            try:
                self._run_method(instance, *found, name)
            finally:
                for layer, before in marks:
                    layer.marks.clear()
                    layer.marks.update(before)

    def _run_method(self, instance: val.Instance, method: FunctionDefinition, closure: Frame | None, name: str) -> None:
        """Runs a method as anybody might. What it stores is not there when another one is called on a fresh model."""
        graph = Graph(name)
        outer, self.interpreter.graph = self.interpreter.graph, graph
        try:
            arguments = self._method_arguments(method, graph)
            _, changes = self.interpreter.journal.record(partial(self.contexts.run_root, instance, method, closure, arguments))
            self.interpreter.journal.undo(changes)
        finally:
            self.interpreter.graph = outer

    def _is_dull(self, instance: val.Instance, method: FunctionDefinition) -> bool:
        """Whether the method is inherited, had nothing to do with the layers of other models, and names none of this one's.

        Such methods save, count and upload; a base class has dozens of them, and a library thousands of models.
        """
        if self._dull[method] < _DULL_METHODS or method.owner is instance.definition:
            return False
        return not any(_holds_layers(instance.state.get(name)) for name in self._attributes_of(method))

    def _is_covered(self, instance: val.Instance, method: FunctionDefinition, name: str) -> bool:
        """`forward` needs no root run where callers were seen: then they decide what is done with its results."""
        if name != "forward":
            return False
        return bool(self.contexts.runs_of(instance, method))

    def _is_idle(self, method: FunctionDefinition) -> bool:
        """A method that returns nothing shows nobody a tensor: as a rule it initialises, loads weights or switches modes.

        `train` and what is called like freezing are run all the same: they say which norms stand still.
        """
        return method.name not in ("forward", "train") and "freeze" not in method.name and not returns_value(method.node)

    def _methods(self, instance: val.Instance) -> dict[str, FunctionDefinition]:
        """The methods that a module has beyond those of `nn.Module`."""
        own: dict[str, FunctionDefinition] = {}
        for base, _ in reversed(self.interpreter.classes.order(instance.definition, instance.closure)):
            if isinstance(base, ClassDefinition):
                own |= base.methods
        skipped = MODULE_METHODS - {"forward", "train"} | {"__init__"}
        return {name: method for name, method in own.items() if name not in skipped and not name.startswith("__")}

    def _public_methods(self, instance: val.Instance) -> list[str]:
        mentioned: set[str] = set()
        for base, _ in self.interpreter.classes.order(instance.definition, instance.closure):
            if isinstance(base, ClassDefinition):
                mentioned |= {word for method in base.methods.values() for word in self._attributes_of(method) if word != method.name}
        return [name for name in self._methods(instance) if name == "forward" or name not in mentioned]

    def _attributes_of(self, method: FunctionDefinition) -> frozenset[str]:
        """The names that a method's body takes from `self`; most methods are asked for once for each subclass."""
        known = self._attributes.get(method)
        if known is None:
            known = self._attributes[method] = frozenset(self_attributes(method.node))
        return known

    def _method_arguments(self, method: FunctionDefinition, graph: Graph) -> Arguments:
        """Tensors where none of the annotations says otherwise; flags and optional tensors may be anything."""
        parameters = method.node.parameters
        arguments = Arguments()
        positional = (*parameters.positional_only, *parameters.positional)[1:]
        for parameter in positional:
            arguments.positional.append(self._input(parameter, method, graph))
        for parameter in parameters.keyword_only:
            arguments.keywords[parameter.name] = self._input(parameter, method, graph)
        if parameters.star is not None:
            arguments.positional.append(Tensor(graph.add(INPUT)))
        return arguments

    def _input(self, parameter: low.Parameter, method: FunctionDefinition, graph: Graph) -> Value:
        annotation = parameter.annotation
        if isinstance(annotation, low.Name) and annotation.id in _SCALAR_ANNOTATIONS:
            return Symbol(("argument", method.module.path, method.block.key, parameter.name))
        if parameter.default is None:
            return Tensor(graph.add(INPUT))
        if isinstance(parameter.default, low.Constant):
            default = parameter.default.value
            if default is None:
                return NONE if _is_object(annotation) else choice([NONE, Tensor(graph.add(INPUT))])
            if isinstance(default, bool):
                return Symbol(("argument", method.module.path, method.block.key, parameter.name))
            return Const(default)
        return Unknown(f"argument `{parameter.name}`")

    # --- results ---

    def _distrust(self, definition: ClassDefinition) -> None:
        for instance in self.contexts.instances:
            if instance.definition is definition:
                for layer in _layers(instance):
                    layer.mark(ESCAPED, "its class is constructed in too many ways")

    def _distrust_unrun(self) -> None:
        """What the methods of an object do with its layers is not known where they were not run."""
        self.contexts.progress.left_out += len({instance.definition for instance in self._unrun})
        seen: set[int] = set()
        stack: list[Value] = list(self._unrun)
        while stack:
            value = stack.pop()
            if isinstance(value, val.Layer):
                value.mark(ESCAPED, TOO_LARGE)
            elif id(value) not in seen:
                seen.add(id(value))
                stack += val.parts_of(value)

    def _distrust_within_reach(self, entries: Entries, left_out: list[Entry]) -> None:
        """What was not run may construct, call or change whatever it mentions."""
        progress = self.contexts.progress
        progress.left_out += len(left_out)
        for entry in entries.within_reach(self.program, left_out):
            for placed in (entry.top.block, *entry.top.members):
                progress.beyond.add((entry.module.path, placed.name))
        for layer in self.contexts.layers:
            if (layer.site.path, layer.site.block) in progress.beyond:
                layer.mark(ESCAPED, TOO_LARGE)

    def _gather(self) -> ProjectGraph:
        for instance in self.contexts.instances:
            # Of a project that was not run whole nobody knows what contains what.
            if instance.definition not in self.contexts.parts and not self.contexts.progress.left_out:
                found = self.interpreter.classes.find_method(instance.definition, instance.closure, "forward")
                for summary in self.contexts.runs_of(instance, found[0]) if found is not None else []:
                    summary.graph.is_model = True
        for instance in self.contexts.instances:
            if instance.definition in self.contexts.sampled:
                self._sampled |= {layer.site for layer in _layers(instance)}
        project = ProjectGraph(
            self.contexts.graphs,
            program=self.program,
            instances=self.contexts.instances,
            progress=self.contexts.progress,
            made=self.contexts.made,
            default_object=DefaultObjects(self.interpreter).of,
            sampled=frozenset(self._sampled),
        )
        for layer in self.contexts.layers:
            project.layers.setdefault(layer.site, []).append(layer)
        for graph in self.contexts.graphs:
            for node in graph.nodes:
                if node.layer is not None and is_bias(node):
                    _note_lost_bias(graph, node, node.layer)
                if node.layer is not None and node.operation == node.layer.target:
                    project.calls.setdefault(id(node.layer.origin), []).append(node)
        return project


def _note_lost_bias(graph: Graph, node: Node, layer: val.Layer) -> None:
    """A bias that goes on as a value, to where it is not told apart from others or out of `forward()`, may be used there."""
    is_result = node in graph.results and graph.name.endswith("forward")
    if is_result or any(use.operation in (CALL, JOIN) for use in node.uses):
        layer.mark(BIAS_USED, "its bias is read")


def _touches_layers(graph: Graph) -> bool:
    return any(node.layer is not None or node.operation == CALL for node in graph.nodes)


def _count_marks(instance: val.Instance) -> int:
    return sum(len(layer.origin.marks) for layer in _layers(instance))


def _holds_layers(value: Value | None) -> bool:
    return value is not None and any(True for _ in _layers(value))


def _is_object(annotation: low.Node | None) -> bool:
    """Whether an annotation names a class of objects that are neither tensors nor plain data: where none is given there is none."""
    names = (
        {n.id if isinstance(n, low.Name) else n.name for n in low.nodes_in((annotation,)) if isinstance(n, (low.Name, low.Attribute))}
        if annotation
        else set()
    )
    named = names - _NOTHING
    return bool(named) and all(n[:1].isupper() and "Tensor" not in n for n in named) and not named & (_ANYTHING | _SCALAR_ANNOTATIONS)


def _layers(value: Value, depth: int = 12) -> Iterable[val.Layer]:
    if isinstance(value, val.Layer):
        yield value
    elif depth:
        for part in val.parts_of(value):
            yield from _layers(part, depth - 1)


def _parameter(definition: FunctionDefinition, name: str) -> Symbol:
    return Symbol(("parameter", definition.module.path, definition.block.key, name))


def _belongs_to_class(method: FunctionDefinition) -> bool:
    return any(decorator_name(d) in ("classmethod", "staticmethod") for d in method.node.decorators)


def _has_defaults_alone(method: FunctionDefinition) -> bool:
    """Whether a method can be called with nothing but its object."""
    parameters = method.node.parameters
    positional = (*parameters.positional_only, *parameters.positional)[1:]
    return bool(positional or parameters.keyword_only) and all(p.default is not None for p in (*positional, *parameters.keyword_only))


def _constructs(function: low.FunctionDef) -> bool:
    """Whether a function calls something by the name of one of torch's layers."""
    return any(isinstance(n, low.Call) and decorator_name(n.function) in LAYER_WORDS for n in low.nodes_in(function.body))


def self_attributes(node: low.FunctionDef) -> set[str]:
    """The names that a method's body takes from `self`."""
    positional = (*node.parameters.positional_only, *node.parameters.positional)
    receiver = positional[0].name if positional else ""
    found: set[str] = set()
    stack: list[object] = list(node.body)
    while stack:
        item = stack.pop()
        if isinstance(item, low.Attribute) and isinstance(item.value, low.Name) and item.value.id == receiver:
            found.add(item.name)
        elif isinstance(item, low.Node):
            stack += item.fields()
        elif isinstance(item, tuple):
            stack += item
    return found
