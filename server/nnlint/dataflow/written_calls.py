"""The calls in a file as its text has them, with what stands around each: for mistakes that one call shows by itself.

A call is found in every function of the file, also in those that no analysed model runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

from nnlint.semantics.binding import names_assigned_in
from nnlint.semantics.definitions import (
    AssignedDefinition,
    ClassDefinition,
    Definition,
    ExternalDefinition,
    FunctionDefinition,
    ModuleDefinition,
    Site,
)
from nnlint.semantics.program import Module, Program, is_import
from nnlint.semantics.signatures import layer_signatures
from nnlint.semantics.torch_names import canonical_name
from nnlint.syntax import lowered as low
from nnlint.syntax.parser import BlockName, TopLevel

_NO_IMPORTS: Mapping[str, Definition | None] = MappingProxyType({})
_LEAVING = (low.Continue, low.Return, low.Raise, low.Break)


@dataclass(frozen=True, slots=True)
class Scope:
    """What stands around a call.

    `owner` is the innermost class and `functions` are the functions inside it, outermost first. `tests` decided whether the call is
    reached. `assigned` are the names that these functions bind, but those of `imports`.
    """

    owner: ClassDefinition | None = None
    functions: tuple[low.FunctionDef, ...] = ()
    tests: tuple[low.Node, ...] = ()
    assigned: frozenset[str] = frozenset()
    imports: Mapping[str, Definition | None] = field(default_factory=lambda: _NO_IMPORTS)

    @property
    def method(self) -> low.FunctionDef | None:
        """The method of `owner` in which the call stands."""
        return self.functions[0] if self.owner is not None and self.functions else None

    @property
    def instance(self) -> str | None:
        """What `self` is called where the call stands; `None` outside of methods, and where the name means something else."""
        method = self.method
        if method is None or any(isinstance(d, low.Name) and d.id in ("staticmethod", "classmethod") for d in method.decorators):
            return None
        parameters = (*method.parameters.positional_only, *method.parameters.positional)
        name = parameters[0].name if parameters else None
        rebound = names_assigned_in((method.body, tuple(f.parameters for f in self.functions[1:])))
        return None if name in rebound else name


@dataclass(frozen=True, slots=True, eq=False)
class WrittenCall:
    """One call. `is_called` says that its result is called at once: `Layer(…)(x)`."""

    module: Module
    site: Site
    node: low.Call
    scope: Scope
    is_called: bool

    def argument(self, name: str, position: int | None) -> low.Node | None:
        """The argument of this name, or at this position."""
        for at, argument in enumerate(self.node.arguments):
            if argument.keyword == name or (at == position and argument.keyword is None and not argument.star):
                return argument.value
        return None

    @property
    def has_star_arguments(self) -> bool:
        return any(argument.star for argument in self.node.arguments)


def written_calls(program: Program, module: Module, words: Sequence[str]) -> Iterator[WrittenCall]:
    """The calls in those top-level statements whose text holds one of the words, or another name that imports give to them."""
    words = (*words, *_aliases(module, words))
    for top in module.parsed.top_level:
        blocks = [placed.block for placed in (top.block, *top.members)]
        if any(word in block.text for block in blocks for word in words):
            yield from _Walk(program, module, top).calls()


def _aliases(module: Module, words: Sequence[str]) -> Iterator[str]:
    for top in module.parsed.top_level:
        text = top.block.block.text
        if is_import(top) and " as " in text and any(word in text for word in words):
            for statement in top.block.block.body:
                if isinstance(statement, low.ImportFrom):
                    yield from (alias for name, alias in statement.names or () if alias is not None and any(w in name for w in words))


class _Walk:
    """Goes through one top-level statement."""

    def __init__(self, program: Program, module: Module, top: TopLevel) -> None:
        self.program = program
        self.module = module
        self.top = top
        self.found: list[WrittenCall] = []
        self.block = top.block.name

    def calls(self) -> list[WrittenCall]:
        if not self.top.members:
            self._statements(self.top.block.block.body, Scope())
            return self.found
        owner = self.program.class_at(self.module, self.top)
        for placed in (self.top.block, *self.top.members):
            self.block = placed.name
            self._statements(placed.block.body, Scope(owner))
        return self.found

    def _statements(self, body: Sequence[object], scope: Scope) -> None:
        """Statements in order: what one of them leaves early for holds in those behind it."""
        for item in body:
            self._visit(item, scope)
            if isinstance(item, low.If) and not item.orelse and item.body and isinstance(item.body[-1], _LEAVING):
                scope = replace(scope, tests=(*scope.tests, item.test))

    def _visit(self, item: object, scope: Scope, is_called: bool = False) -> None:
        match item:
            case low.Call(function=function, arguments=arguments, index=index):
                self.found.append(WrittenCall(self.module, Site(self.module.path, self.block, index), item, scope, is_called))
                self._visit(function, scope, is_called=True)
                self._visit(arguments, scope)
            case low.If(test=test) | low.Conditional(test=test) | low.While(test=test):
                self._visit(test, scope)
                inner = replace(scope, tests=(*scope.tests, test))
                for part in item.fields():
                    if part is not test:
                        self._part(part, inner)
            case low.Boolean(left=left, right=right):
                self._visit(left, scope)
                self._visit(right, replace(scope, tests=(*scope.tests, left)))
            case low.FunctionDef():
                self._visit((item.decorators, item.parameters), scope)
                self._statements(item.body, self._inside(item, scope))
            case low.ClassDef():
                self._class(item, scope)
            case low.Node():
                for part in item.fields():
                    self._part(part, scope)
            case tuple():
                for part in item:
                    self._visit(part, scope)

    def _part(self, part: object, scope: Scope) -> None:
        """A field of a node; a tuple may be a body."""
        if isinstance(part, tuple):
            self._statements(part, scope)
        else:
            self._visit(part, scope)

    def _inside(self, function: low.FunctionDef, scope: Scope) -> Scope:
        imports = {**scope.imports, **_imports(self.program, self.module, function.body)}
        assigned = names_assigned_in((function.parameters, function.body))
        return replace(scope, functions=(*scope.functions, function), assigned=scope.assigned | assigned, imports=imports)

    def _class(self, item: low.ClassDef, scope: Scope) -> None:
        if self.top.members and self.block == self.top.block.name:
            return  # the head of a class that is cut into blocks: its members follow
        members = tuple((self.block, statement) for statement in item.body)
        owner = ClassDefinition(self.module, self.block, item.name, item.arguments, item.decorators, members)
        self._statements(item.body, replace(scope, owner=owner, functions=()))


def _imports(program: Program, module: Module, code: object) -> dict[str, Definition | None]:
    """What imports in a piece of code bind; `None` where two of them bind a name to different things."""
    found: dict[str, Definition | None] = {}
    for node in low.nodes_in(code):
        if isinstance(node, low.ImportModule):
            bound = node.alias or node.name.partition(".")[0]
            named = [(bound, program.import_name(module, node.name if node.alias else bound, None))]
        elif isinstance(node, low.ImportFrom):
            named = [(alias or name, program.import_from(module, node.module, node.level, name)) for name, alias in node.names or ()]
        else:
            continue
        for name, definition in named:
            found[name] = definition if found.setdefault(name, definition) == definition else None
    return found


def resolve(program: Program, module: Module, node: low.Node, scope: Scope) -> Definition | None:
    """What a dotted name means where it stands; `None` where a function around binds it, and where it is no dotted name."""
    if isinstance(node, low.Attribute):
        outer = resolve(program, module, node.value, scope)
        if isinstance(outer, ExternalDefinition):
            return ExternalDefinition(canonical_name(f"{outer.name}.{node.name}"))
        return program.attribute(outer.module, node.name) if isinstance(outer, ModuleDefinition) else None
    if not isinstance(node, low.Name) or node.id in scope.assigned:
        return None
    if node.id in scope.imports:
        return scope.imports[node.id]
    found = program.resolve(module, node.id)
    # `try: import torch` and `if is_available(): import torch` bind a name by what is no import itself.
    return _imports(program, module, found.statement).get(node.id) if isinstance(found, AssignedDefinition) else found


def target_of(program: Program, call: WrittenCall) -> str | None:
    """What is called, where it comes from outside the project, by its dotted name."""
    found = resolve(program, call.module, call.node.function, call.scope)
    return found.name if isinstance(found, ExternalDefinition) else None


@dataclass(frozen=True)
class ModuleClasses:
    """Says which classes are torch modules."""

    program: Program

    @cached_property
    def _known(self) -> dict[tuple[str, BlockName, str], bool | None]:
        return {}

    def is_module(self, definition: ClassDefinition) -> bool | None:
        """Whether a class extends `torch.nn.Module`; `None` where that is left to a base class that is not known."""
        key = (definition.module.path, definition.block, definition.name)
        if key not in self._known:
            self._known[key] = False  # a class that extends itself extends nothing
            bases = [self._base(definition, a.value) for a in definition.arguments if a.keyword is None]
            self._known[key] = True if True in bases else None if None in bases else False
        return self._known[key]

    def _base(self, definition: ClassDefinition, node: low.Node) -> bool | None:
        found = resolve(self.program, definition.module, node, Scope())
        match found:
            case ClassDefinition():
                return self.is_module(found)
            case ExternalDefinition(name=name):
                if name.partition(".")[0] in ("torch", "builtins", "abc", "typing"):
                    return name in layer_signatures() or name == "torch.nn.Module"
                return None
            case FunctionDefinition():
                return None
        return None
