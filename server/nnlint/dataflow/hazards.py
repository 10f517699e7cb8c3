"""Code that would crash, or no longer do what it does, once a layer has no bias: `.bias` read without a look whether it is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from nnlint.semantics.definitions import Site
from nnlint.semantics.program import Module, Program
from nnlint.syntax import lowered as low
from nnlint.syntax.parser import PlacedBlock


@dataclass(frozen=True, slots=True)
class BiasRead:
    """An unguarded `X.bias`. `place` is `X` as written; `kinds` are the layer classes that `X` is tested to be, by their last
    names, empty where it is not tested.

    `statement` is the statement that reads it, where running that only if there is a bias does all that is needed;
    `function` the name of the function around it, empty at the top level.
    """

    path: str
    place: str
    owner: str
    kinds: frozenset[str]
    statement: Site | None = None
    function: str = ""

    def may_be(self, target: str, names: frozenset[str], path: str) -> bool:
        """Whether `X` may be a layer of class `target` that is kept under one of `names`, constructed in the file `path`.

        A class test decides where there is one. A place with a name of its own (`self.conv`) is a layer of that name; a
        plain variable of unknown class may be any layer of its own file.
        """
        if self.kinds and not self._is_kind(target.rpartition(".")[2]):
            return False
        if "." in self.place or self.place.endswith("[]"):
            return bool(names & set(self.place.replace("[]", "").split(".")[-1:]))
        return bool(self.kinds) or self.path == path

    def _is_kind(self, short: str) -> bool:
        family = "_ConvNd" if "Conv" in short else short
        return any(
            kind in (short, family, "Module") or (kind[0] == "*" and kind.strip("*").lower() in short.lower()) for kind in self.kinds
        )


def unguarded_bias_reads(program: Program) -> list[BiasRead]:
    """Every unguarded read in the project's files."""
    found: list[BiasRead] = []
    for path in sorted(program.paths):
        if not program.mentions(path, ".bias"):
            continue
        module = program.module(path)
        if module is not None:
            found += _in_module(module)
    return found


@lru_cache(maxsize=4_096)
def _in_module(module: Module) -> tuple[BiasRead, ...]:
    """The reads in one file; the module of an unchanged file is the same object from check to check."""
    return tuple(_search(module))


def _search(module: Module) -> Iterator[BiasRead]:
    owner = ""
    for placed in module.parsed.blocks:
        text = placed.block.text
        if placed.block.kind.value == "class head":
            owner = text.split("class ", 1)[-1].split("(")[0].split(":")[0].strip()
        elif placed.block.kind.value == "statement":
            owner = ""
        if ".bias" in text:
            yield from _Search(module, placed, owner).run()


@dataclass(frozen=True, slots=True)
class _Scope:
    """What holds where the search is: the places whose `.bias` is known to be there (`*` for all), the classes that are tested for,
    the statement and the function around."""

    guarded: frozenset[str] = frozenset()
    kinds: frozenset[tuple[str, str]] = frozenset()  # (place, class); a place of "" where the test names no place
    statement: low.Node | None = None
    function: str = ""

    def after(self, test: low.Node) -> _Scope:
        """Where a test came out true."""
        return replace(self, guarded=self.guarded | _guards(test), kinds=self.kinds | _kinds(test))

    def is_guarded(self, place: str) -> bool:
        return place in self.guarded or "*" in self.guarded


class _Search:
    def __init__(self, module: Module, placed: PlacedBlock, owner: str) -> None:
        self.module = module
        self.placed = placed
        self.owner = owner
        self.found: list[BiasRead] = []

    def run(self) -> list[BiasRead]:
        self._statements(self.placed.block.body, _Scope())
        return self.found

    def _statements(self, body: Sequence[object], scope: _Scope) -> None:
        """Statements in order: what one of them leaves early for holds in those behind it."""
        for item in body:
            self._visit(item, replace(scope, statement=item) if isinstance(item, _GUARDABLE) else scope)
            if isinstance(item, low.If) and not item.orelse and item.body and isinstance(item.body[-1], _LEAVING):
                scope = _after_leaving(item.test, scope)

    def _visit(self, item: object, scope: _Scope) -> None:
        match item:
            case low.If(test=test, body=body, orelse=orelse):
                self._visit(test, scope.after(test))
                self._statements(body, scope.after(test))
                self._statements(orelse, replace(scope, guarded=scope.guarded | _guards(test)))
            case low.Conditional(test=test, body=value, orelse=other):
                self._visit(test, scope.after(test))
                self._visit(value, scope.after(test))
                self._visit(other, replace(scope, guarded=scope.guarded | _guards(test)))
            case low.Boolean(left=left, right=right):
                self._visit(left, scope.after(left))
                self._visit(right, scope.after(left))
            case low.Comprehension(generators=generators):
                for generator in generators:
                    for condition in generator.conditions:
                        scope = scope.after(condition)
                for part in item.fields():
                    self._visit(part, scope)
            case low.Try(body=body, handlers=handlers) if any(map(_catches_missing, handlers)):
                self._statements(body, replace(scope, guarded=scope.guarded | {"*"}))
                self._visit((handlers, item.orelse, item.finalbody), scope)
            case low.Assert(
                test=low.Compare(left=low.Attribute(name="bias", value=place), comparisons=(("is not", low.Constant(value=None)),))
            ):
                self._read(place, scope)
            case low.Assign(targets=(low.Attribute(name="bias") as target,), value=value):
                self._visit(target.value, scope)
                self._visit(value, scope)
            case low.Attribute(name="bias", value=place):
                self._read(place, scope)
                self._visit(place, scope)
            case low.Compare(left=low.Attribute(name="bias"), comparisons=((("is" | "is not"), _),)):
                return
            case low.Argument(keyword="bias", value=low.Attribute(name="bias", value=place)):
                self._visit(place, scope)  # where a bias may be given, none may be given too
            case low.Call(function=low.Name(id="hasattr" | "getattr")):
                return
            case low.FunctionDef(name=name):
                inner = replace(scope, function=name, statement=None)
                self._visit((item.parameters, item.decorators), scope)
                self._statements(item.body, inner)
            case low.Node():
                for part in item.fields():
                    self._visit(part, scope)
            case tuple() if any(isinstance(part, _STATEMENTS) for part in item):
                self._statements(item, scope)
            case tuple():
                for part in item:
                    self._visit(part, scope)

    def _read(self, place: low.Node, scope: _Scope) -> None:
        written = _written(place)
        if written is None or written in ("self", "cls") or scope.is_guarded(written):
            return
        statement = None if scope.statement is None else _index_of_guardable(scope.statement, written)
        site = None if statement is None else Site(self.module.path, self.placed.name, statement)
        kinds = frozenset(kind for tested, kind in scope.kinds if tested in ("", written))
        self.found.append(BiasRead(self.module.path, written, self.owner, kinds, site, scope.function))


_GUARDABLE = (low.ExpressionStatement, low.Assign, low.AugmentedAssign)
_LEAVING = (low.Continue, low.Return, low.Raise, low.Break)
_STATEMENTS = (*_GUARDABLE, *_LEAVING, low.If, low.For, low.While, low.With, low.Try, low.FunctionDef, low.ClassDef)


def _index_of_guardable(statement: low.Node, place: str) -> int | None:
    """The index of a statement that does nothing but something to the bias of the variable `place`, such as `zeros_(m.bias)`."""
    match statement:
        case low.ExpressionStatement(value=low.Call(index=index)):
            pass
        case low.Assign(targets=targets, index=index) if all(_is_within_bias(target, place) for target in targets):
            pass
        case low.AugmentedAssign(target=target, index=index) if _is_within_bias(target, place):
            pass
        case _:
            return None
    names = [node for node in low.nodes_in(statement) if isinstance(node, low.Name) and node.id == place]
    biases = [node for node in low.nodes_in(statement) if isinstance(node, low.Attribute) and node.name == "bias" and node.value in names]
    return index if names and len(names) == len(biases) else None


def _is_within_bias(target: low.Node, place: str) -> bool:
    """Whether a target is an attribute or a part of `place.bias`."""
    while isinstance(target, (low.Attribute, low.Subscript)):
        target = target.value
        if isinstance(target, low.Attribute) and target.name == "bias":
            return isinstance(target.value, low.Name) and target.value.id == place
    return False


def _after_leaving(test: low.Node, scope: _Scope) -> _Scope:
    """Where a branch that leaves was not taken: `if m.bias is None: continue`, `if not isinstance(m, nn.Conv2d): return`."""
    match test:
        case low.Unary(operator="not", operand=operand):
            return scope.after(operand)
        case low.Boolean(operator="or", left=left, right=right):
            return _after_leaving(right, _after_leaving(left, scope))
        case low.Compare(left=low.Attribute(name="bias"), comparisons=(("is", _),)):
            return scope.after(test)
        case _:
            return scope


def _catches_missing(handler: low.Handler) -> bool:
    """Whether a handler catches what `None.data` raises."""
    return handler.type is None or bool({"AttributeError", "Exception", "BaseException"} & set(_last_names(handler.type)))


def _guards(test: low.Node) -> frozenset[str]:
    """The places whose `.bias` a test looks at: `m.bias is not None`, `hasattr(m, "bias") and …`, `m.bias`, `isinstance(m.bias, …)`."""
    match test:
        case low.Attribute(name="bias", value=place):
            written = _written(place)
            return frozenset() if written is None else frozenset({written})
        case low.Compare(left=left):
            return _guards(left)
        case low.Boolean(left=left, right=right):
            return _guards(left) | _guards(right)
        case low.Unary(operand=operand):
            return _guards(operand)
        case low.Call(function=low.Name(id="getattr"), arguments=(first, *_)):
            written = _written(first.value)
            return frozenset() if written is None else frozenset({written})
        case low.Call(function=low.Name(id="isinstance"), arguments=(first, *_)):
            return _guards(first.value)
        case _:
            return frozenset()


def _kinds(test: low.Node) -> frozenset[tuple[str, str]]:
    """The last names of the classes that a test asks for, each with the place that is tested."""
    match test:
        case low.Call(function=low.Name(id="isinstance" | "issubclass"), arguments=(tested, low.Argument(value=classes))):
            return frozenset((_written(tested.value) or "", name) for name in _last_names(classes))
        case low.Compare(
            left=low.Call(function=low.Name(id="type"), arguments=(tested, *_)), comparisons=((("is" | "==" | "in"), classes),)
        ):
            return frozenset((_written(tested.value) or "", name) for name in _last_names(classes))
        case low.Boolean(left=left, right=right):
            return _kinds(left) | _kinds(right)
        case low.Compare(
            left=low.Call(function=low.Attribute(name="find"), arguments=(low.Argument(value=low.Constant(value=str() as part)), *_))
        ):
            return frozenset({("", f"*{part}*")})  # `classname.find("Conv") != -1`
        case low.Compare(left=low.Constant(value=str() as part), comparisons=(("in", _),)):
            return frozenset({("", f"*{part}*")})
        case _:
            return frozenset()


def _last_names(node: low.Node) -> Iterator[str]:
    match node:
        case low.Name(id=name) | low.Attribute(name=name):
            yield name
        case low.Display(items=items):
            for item in items:
                yield from _last_names(item)
        case low.Binary(operator="|", left=left, right=right):
            yield from _last_names(left)
            yield from _last_names(right)


def _written(place: low.Node) -> str | None:
    match place:
        case low.Name(id=name):
            return name
        case low.Attribute(value=inner, name=name):
            before = _written(inner)
            return None if before is None else f"{before}.{name}"
        case low.Subscript(value=inner):
            before = _written(inner)
            return None if before is None else f"{before}[]"
        case _:
            return "?"
