"""Code that would crash, or no longer do what it does, once a layer has no bias: `.bias` read without a look whether it is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from nnlint.semantics.program import Module, Program
from nnlint.syntax import lowered as low
from nnlint.syntax.parser import PlacedBlock


@dataclass(frozen=True, slots=True)
class BiasRead:
    """An unguarded `X.bias`. `place` is `X` as written; `kinds` are the layer classes that `X` is tested to be, by their last
    names, empty where it is not tested."""

    path: str
    place: str
    owner: str
    kinds: frozenset[str]

    def may_be(self, target: str, names: frozenset[str], path: str) -> bool:
        """Whether `X` may be a layer of class `target` that is kept under one of `names`, constructed in the file `path`.

        A class test decides where there is one. A place with a name of its own (`self.conv`) is a layer of that name; a
        plain variable of unknown class may be any layer of its own file.
        """
        if self.kinds:
            short = target.rpartition(".")[2]
            family = "_ConvNd" if "Conv" in short else short
            return any(
                kind in (short, family, "Module") or (kind[0] == "*" and kind.strip("*").lower() in short.lower()) for kind in self.kinds
            )
        if "." in self.place or self.place.endswith("[]"):
            return bool(names & set(self.place.replace("[]", "").split(".")[-1:]))
        return self.path == path


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


class _Search:
    def __init__(self, module: Module, placed: PlacedBlock, owner: str) -> None:
        self.module = module
        self.placed = placed
        self.owner = owner
        self.found: list[BiasRead] = []

    def run(self) -> list[BiasRead]:
        for statement in self.placed.block.body:
            self._visit(statement, frozenset(), frozenset())
        return self.found

    def _visit(self, item: object, guarded: frozenset[str], kinds: frozenset[str]) -> None:
        """Walks with the places whose `.bias` is known to be there, and the classes that are tested for."""
        match item:
            case low.If(test=test, body=body, orelse=orelse) | low.Conditional(test=test, body=body, orelse=orelse):
                self._visit(test, guarded | _guards(test), kinds)
                inner = guarded | _guards(test)
                self._visit(body, inner, kinds | _kinds(test))
                self._visit(orelse, inner, kinds)
            case low.Boolean(left=left, right=right):
                self._visit(left, guarded | _guards(left), kinds | _kinds(left))
                self._visit(right, guarded | _guards(left), kinds | _kinds(left))
            case low.Assign(targets=(low.Attribute(name="bias") as target,), value=value):
                self._visit(target.value, guarded, kinds)
                self._visit(value, guarded, kinds)
            case low.Attribute(name="bias", value=place):
                written = _written(place)
                if written is not None and written not in guarded and written not in ("self", "cls"):
                    self.found.append(BiasRead(self.module.path, written, self.owner, kinds))
                self._visit(place, guarded, kinds)
            case low.Compare(left=low.Attribute(name="bias"), comparisons=((("is" | "is not"), _),)):
                return
            case low.Call(function=low.Name(id="hasattr" | "getattr")):
                return
            case low.Node():
                for part in item.fields():
                    self._visit(part, guarded, kinds)
            case tuple():
                for part in item:
                    self._visit(part, guarded, kinds)


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


def _kinds(test: low.Node) -> frozenset[str]:
    """The last names of the classes that a test asks for."""
    match test:
        case low.Call(function=low.Name(id="isinstance" | "issubclass"), arguments=(_, low.Argument(value=classes))):
            return frozenset(_last_names(classes))
        case low.Compare(left=low.Call(function=low.Name(id="type")), comparisons=((("is" | "==" | "in"), classes),)):
            return frozenset(_last_names(classes))
        case low.Boolean(left=left, right=right):
            return _kinds(left) | _kinds(right)
        case low.Compare(
            left=low.Call(function=low.Attribute(name="find"), arguments=(low.Argument(value=low.Constant(value=str() as part)), *_))
        ):
            return frozenset({f"*{part}*"})  # `classname.find("Conv") != -1`
        case low.Compare(left=low.Constant(value=str() as part), comparisons=(("in", _),)):
            return frozenset({f"*{part}*"})
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
