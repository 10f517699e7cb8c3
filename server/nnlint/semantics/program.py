"""The project's modules: which file a module name means, and what a name in a module is bound to."""

from __future__ import annotations

import builtins
import posixpath
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from nnlint.semantics.binding import target_names
from nnlint.semantics.definitions import (
    AssignedDefinition,
    ClassDefinition,
    Definition,
    ExternalDefinition,
    FunctionDefinition,
    ModuleDefinition,
)
from nnlint.semantics.torch_names import USUAL_NAMES, canonical_name, is_exported
from nnlint.syntax import lowered as low
from nnlint.syntax.parser import BlockName, ParsedFile, Parser, PlacedBlock, TopLevel

_DEFINITION = re.compile(r"[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)")
_SIMPLE_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)[ \t]*(?::[^=\r\n]+)?=(?!=)")
_WORD = re.compile(r"[A-Za-z_]\w*")
# Strings and comments; an f-string's expressions go with it, which loses a mention and no more.
_NO_CODE = re.compile(r"\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|#[^\n]*")
_BUILTINS = frozenset(dir(builtins)) | {"__file__", "__name__", "__doc__"}


@dataclass(frozen=True, slots=True)
class _Import:
    """A name that an import binds: `module` alone, or `attribute` of it."""

    module: str
    level: int
    attribute: str | None


class Module:
    """One file of the project and the names that its top level binds."""

    def __init__(self, path: str, name: str, is_package: bool, parsed: ParsedFile) -> None:
        self.path = path
        self.name = name
        self.is_package = is_package
        self.parsed = parsed

    @property
    def package(self) -> str:
        """The package against which relative imports count."""
        return self.name if self.is_package else self.name.rpartition(".")[0]

    @cached_property
    def top_level_words(self) -> list[tuple[TopLevel, frozenset[str]]]:
        """Each top-level statement with every word in its text: a cheap superset of the names that it uses."""
        out = []
        for top in self.parsed.top_level:
            code = _NO_CODE.sub(" ", "\n".join(b.block.text for b in (top.block, *top.members)))
            out.append((top, frozenset(map(sys.intern, _WORD.findall(code)))))
        return out

    @cached_property
    def _table(self) -> tuple[dict[str, list[TopLevel]], list[TopLevel]]:
        """Statements by the name that they bind, and the statements with star imports."""
        names: dict[str, list[TopLevel]] = {}
        stars: list[TopLevel] = []
        for top in self.parsed.top_level:
            quick = _quick_name(top)
            bound = [quick] if quick is not None else list(_bound_names(top.block.block.body))
            for name in bound:
                if name == "*":
                    stars.append(top)
                else:
                    names.setdefault(name, []).append(top)
        return names, stars

    @property
    def names(self) -> dict[str, list[TopLevel]]:
        return self._table[0]

    @property
    def stars(self) -> list[TopLevel]:
        return self._table[1]

    def fingerprint(self, name: str) -> tuple[str, ...]:
        """Changes exactly when a statement that binds `name` here changes."""
        tops = self.names.get(name)
        if tops is None:
            return tuple(top.block.block.key for top in self.stars)
        return tuple(b.block.key for top in tops for b in (top.block, *top.members))

    def placed(self, block: BlockName) -> PlacedBlock | None:
        return self._placed.get(block)

    @cached_property
    def _placed(self) -> dict[BlockName, PlacedBlock]:
        return {placed.name: placed for placed in self.parsed.blocks}

    @cached_property
    def exported(self) -> frozenset[str] | None:
        """The names in a literal `__all__`, or `None` where there is none that can be read."""
        for top in self.names.get("__all__", ()):
            for statement in top.block.block.body:
                if isinstance(statement, low.Assign) and isinstance(statement.value, low.Display):
                    return frozenset(str(i.value) for i in statement.value.items if isinstance(i, low.Constant))
        return None


def _quick_name(top: TopLevel) -> str | None:
    """The one name that a statement binds, where its text shows it without parsing."""
    text = top.block.block.text
    if text.lstrip()[:1] == "@":
        for line in text.splitlines():
            match = _DEFINITION.match(line)
            if match is not None:
                return match[1]
        return None
    match = _DEFINITION.match(text) or _SIMPLE_ASSIGNMENT.match(text)
    # `a = b = c` binds two names; its text is parsed to see them.
    return None if match is None or re.match(r"[^\r\n(\[{\"'#]*=[^=\r\n(\[{\"'#]*[^=!<>]=[^=]", text) else match[1]


def _bound_names(body: Sequence[low.Node]) -> Iterator[str]:
    """The names that statements bind at their level and inside compound statements; "*" for a star import."""
    for statement in body:
        match statement:
            case low.ImportModule(name=name, alias=alias):
                yield alias or name.partition(".")[0]
            case low.ImportFrom(names=None):
                yield "*"
            case low.ImportFrom(names=names) if names is not None:
                yield from (alias or name for name, alias in names)
            case low.FunctionDef(name=name) | low.ClassDef(name=name):
                yield name
            case low.Assign(targets=targets):
                for target in targets:
                    yield from target_names(target)
            case low.AugmentedAssign(target=target):
                yield from target_names(target)
            case low.If() | low.While():
                yield from _bound_names((*statement.body, *statement.orelse))
            case low.For(target=target):
                yield from target_names(target)
                yield from _bound_names((*statement.body, *statement.orelse))
            case low.With(items=items):
                for _, bound in items:
                    if bound is not None:
                        yield from target_names(bound)
                yield from _bound_names(statement.body)
            case low.Try():
                yield from _bound_names((*statement.body, *statement.orelse, *statement.finalbody))
                for handler in statement.handlers:
                    yield from _bound_names(handler.body)


class Program:
    """One immutable snapshot of a project. Modules are parsed when first asked for.

    Every question asked about a name or a module is told to `on_read`, so that a summary can record what it rests on.
    """

    def __init__(
        self,
        text: Callable[[str], str | None],
        paths: Sequence[str],
        import_roots: Sequence[str],
        parser: Parser,
        modules: dict[str, Module] | None = None,
    ) -> None:
        self._text = text
        self.paths = frozenset(paths)
        self._roots = tuple(import_roots)
        self._parser = parser
        self._modules: dict[str, Module | None] = {}
        self._earlier = {} if modules is None else modules  # of earlier snapshots; those of unchanged files serve again
        self._found: dict[tuple[str, str], str | None] = {}
        self._classes: dict[tuple[str, BlockName], ClassDefinition | FunctionDefinition | None] = {}
        self._lookups: dict[tuple[str, str], Definition | None] = {}
        self._origins: dict[tuple[str, str], Origin | None] = {}
        self.on_read: Callable[[Read], None] = lambda read: None

    # --- modules ---

    def mentions(self, path: str, words: str) -> bool:
        """Whether the file's text contains `words`; nothing is parsed."""
        text = self._text(path)
        return text is not None and words in text

    def module(self, path: str) -> Module | None:
        if path not in self._modules:
            text = self._text(path)
            self._modules[path] = None if text is None else self._make_module(path, text)
        return self._modules[path]

    def _make_module(self, path: str, text: str) -> Module:
        root = max((r for r in self._roots if path.startswith(r.rstrip("/") + "/")), key=len, default=posixpath.dirname(path))
        parts = path[len(root.rstrip("/")) + 1 :].removesuffix(".py").removesuffix(".pyi").split("/")
        is_package = parts[-1] == "__init__"
        parsed = self._parser.parse(text)
        module = self._earlier.get(path)
        if module is None or module.parsed is not parsed:
            module = self._earlier[path] = Module(path, ".".join(parts[:-1] if is_package else parts), is_package, parsed)
        return module

    def find_module(self, dotted: str, importer: Module) -> str | None:
        """The project's file for an absolute module name: from an import root, or beside the importing script."""
        folder = posixpath.dirname(importer.path)
        key = (dotted, folder)
        if key not in self._found:
            self._found[key] = next(self._candidates(dotted, folder), None)
        self.on_read(Read("module", folder, dotted))
        return self._found[key]

    def _candidates(self, dotted: str, folder: str) -> Iterator[str]:
        tail = dotted.replace(".", "/")
        for root in (*self._roots, folder):
            for path in (f"{root.rstrip('/')}/{tail}.py", f"{root.rstrip('/')}/{tail}/__init__.py"):
                if path in self.paths:
                    yield path

    def _absolute(self, module: Module, item: _Import) -> str | None:
        """The absolute name of an imported module; `None` where a relative import leaves the project."""
        if not item.level:
            return item.module
        package = module.package.split(".") if module.package else []
        if item.level - 1 > len(package):
            return None
        base = package[: len(package) - (item.level - 1)]
        return ".".join([*base, *([item.module] if item.module else [])])

    def _import_target(self, module: Module, item: _Import) -> Definition | None:
        dotted = self._absolute(module, item)
        if dotted is None:
            return None
        return self.import_name(module, dotted, item.attribute, item.level > 0)

    def import_from(self, importer: Module, module: str, level: int, name: str) -> Definition | None:
        """What `from module import name` binds in `importer`; `level` counts the leading dots."""
        return self._import_target(importer, _Import(module, level, name))

    def import_name(self, importer: Module, dotted: str, attribute: str | None, is_relative: bool = False) -> Definition | None:
        """What `import dotted` or `from dotted import attribute` binds in `importer`."""
        if dotted.split(".")[0] == "torch" and not is_relative:
            return ExternalDefinition(canonical_name(dotted if attribute is None else f"{dotted}.{attribute}"))
        path = self.find_module(dotted, importer) if dotted else None
        found = None if path is None else self.module(path)
        if found is None:
            if not is_relative:
                return ExternalDefinition(dotted if attribute is None else f"{dotted}.{attribute}")
            if attribute is None:
                return None
            submodule = self.find_module(f"{dotted}.{attribute}" if dotted else attribute, importer)
            inner = None if submodule is None else self.module(submodule)
            return None if inner is None else ModuleDefinition(inner)
        if attribute is None:
            return ModuleDefinition(found)
        return self.attribute(found, attribute)

    def attribute(self, module: Module, name: str) -> Definition | None:
        """What `module.name` means: a name bound there, else a submodule."""
        definition = self.lookup(module, name)
        if definition is None and module.is_package:
            path = self.find_module(f"{module.name}.{name}" if module.name else name, module)
            inner = None if path is None else self.module(path)
            return None if inner is None else ModuleDefinition(inner)
        return definition

    # --- names ---

    def resolve(self, module: Module, name: str) -> Definition | None:
        """What a global name means in `module`, builtins included; `None` where nothing known binds it."""
        definition = self.lookup(module, name)
        if definition is None and name in _BUILTINS:
            return ExternalDefinition(f"builtins.{name}")
        return definition

    def lookup(self, module: Module, name: str) -> Definition | None:
        """What the top level of `module` binds `name` to, through re-exports and star imports."""
        self.on_read(Read("name", module.path, name))
        key = (module.path, name)
        if key not in self._lookups:
            self._lookups[key] = None  # a cycle of re-exports binds nothing
            self._lookups[key] = self._bind(module, name)
        return self._lookups[key]

    def origin(self, module: Module, name: str) -> Origin | None:
        """Where a global name comes from, through re-exports and star imports, without parsing what it is."""
        key = (module.path, name)
        if key not in self._origins:
            self._origins[key] = None  # a cycle of re-exports comes from nowhere
            self._origins[key] = self._find_origin(module, name)
        return self._origins[key]

    def _find_origin(self, module: Module, name: str) -> Origin | None:
        tops = module.names.get(name)
        if tops is not None and not is_import(tops[-1]):
            return Origin(module.path, name)
        if tops is not None:
            item = next((i for s in reversed(tops[-1].block.block.body) if (i := _imported(s, name)) is not None), None)
            return None if item is None else self._imported_origin(module, item)
        usual: Origin | None = None
        for top in module.stars:
            for statement in top.block.block.body:
                if isinstance(statement, low.ImportFrom) and statement.names is None:
                    found = self._imported_origin(module, _Import(statement.module, statement.level, name))
                    if found is not None and (not _is_torch(statement) or is_exported((found.name or "").rpartition(".")[0], name)):
                        return found
                    if name in USUAL_NAMES and not statement.level and self._absolute_path(module, statement) is None:
                        usual = Origin(None, USUAL_NAMES[name])
        return usual

    def _absolute_path(self, module: Module, statement: low.ImportFrom) -> str | None:
        return self.find_module(statement.module, module) if statement.module else None

    def imported_origin(self, importer: Module, module: str, level: int, name: str | None) -> Origin | None:
        """Where `from module import name` finds it, or `import module` where there is no name; `level` counts the leading dots."""
        return self._imported_origin(importer, _Import(module, level, name))

    def _imported_origin(self, module: Module, item: _Import) -> Origin | None:
        dotted = self._absolute(module, item)
        if dotted is None:
            return None
        if dotted.split(".")[0] == "torch" and not item.level:
            return Origin(None, dotted if item.attribute is None else f"{dotted}.{item.attribute}")
        path = self.find_module(dotted, module) if dotted else None
        if item.attribute is None:
            return None if path is None else Origin(path, None)
        found = None if path is None else self.module(path)
        inner = None if found is None else self.origin(found, item.attribute)
        if inner is not None:
            return inner
        submodule = self.find_module(f"{dotted}.{item.attribute}" if dotted else item.attribute, module)
        return None if submodule is None else Origin(submodule, None)

    def _bind(self, module: Module, name: str) -> Definition | None:
        tops = module.names.get(name)
        if tops is None:
            return self._from_stars(module, name)
        return self._definition(module, tops[-1], name)

    def _from_stars(self, module: Module, name: str) -> Definition | None:
        usual: Definition | None = None
        for top in module.stars:
            for statement in top.block.block.body:
                if not isinstance(statement, low.ImportFrom) or statement.names is not None:
                    continue
                target = self._import_target(module, _Import(statement.module, statement.level, None))
                if isinstance(target, ModuleDefinition) and target.module is not module:
                    found = self.lookup(target.module, name)
                    visible = target.module.exported
                    if found is not None and (name in visible if visible is not None else not name.startswith("_")):
                        return found
                elif isinstance(target, ExternalDefinition) and is_exported(target.name, name):
                    return ExternalDefinition(canonical_name(f"{target.name}.{name}"))
                elif isinstance(target, ExternalDefinition) and name in USUAL_NAMES:
                    usual = usual or ExternalDefinition(USUAL_NAMES[name])
        return usual

    def _definition(self, module: Module, top: TopLevel, name: str) -> Definition | None:
        block = top.block
        if top.members:
            return self.class_at(module, top)
        for statement in reversed(block.block.body):
            match statement:
                case low.FunctionDef(name=bound) if bound == name:
                    return self._once(module, block.name, partial(FunctionDefinition, module, block.name, statement))
                case low.ClassDef(name=bound) if bound == name:
                    return self.class_at(module, top)
                case low.ImportModule() | low.ImportFrom():
                    item = _imported(statement, name)
                    if item is not None:
                        return self._import_target(module, item)
                case _:
                    if name in _bound_names((statement,)):
                        return AssignedDefinition(module, block.name, statement, name)
        return None

    def class_at(self, module: Module, top: TopLevel) -> ClassDefinition | None:
        """The class that a top-level statement defines, put together from its blocks."""
        found = self._once(module, top.block.name, lambda: _make_class(module, top))
        return found if isinstance(found, ClassDefinition) else None

    def _once(
        self, module: Module, block: BlockName, make: Callable[[], ClassDefinition | FunctionDefinition | None]
    ) -> ClassDefinition | FunctionDefinition | None:
        key = (module.path, block)
        if key not in self._classes:
            self._classes[key] = make()
        return self._classes[key]

    # --- what summaries rest on ---

    def fingerprint(self, read: Read) -> object:
        """The present answer to a recorded question, in a form that can be compared with an earlier one."""
        if read.kind == "module":
            key = (read.name, read.place)
            if key not in self._found:
                self._found[key] = next(self._candidates(read.name, read.place), None)
            return self._found[key]
        module = self.module(read.place)
        return None if module is None else module.fingerprint(read.name)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a name comes from: `name` of the project's file `path`, the file itself (`name` is `None`), or torch (`path` is `None`)."""

    path: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Read:
    """A question to the program: what `name` is bound to in the file `place`, or which file a script in the folder `place` imports."""

    kind: str  # "name" or "module"
    place: str
    name: str


def _is_torch(statement: low.ImportFrom) -> bool:
    return not statement.level and statement.module.split(".")[0] == "torch"


def is_import(top: TopLevel) -> bool:
    return top.block.block.text.lstrip().startswith(("import ", "from "))


def _imported(statement: low.Node, name: str) -> _Import | None:
    if not isinstance(statement, (low.ImportModule, low.ImportFrom)):
        return None
    if isinstance(statement, low.ImportModule):
        if statement.alias == name:
            return _Import(statement.name, 0, None)
        return _Import(name, 0, None) if statement.alias is None and statement.name.partition(".")[0] == name else None
    for original, alias in statement.names or ():
        if (alias or original) == name:
            return _Import(statement.module, statement.level, original)
    return None


def _make_class(module: Module, top: TopLevel) -> ClassDefinition | None:
    head = next((s for s in top.block.block.body if isinstance(s, low.ClassDef)), None)
    if head is None:
        return None
    members = [(top.block.name, s) for s in head.body if not isinstance(s, low.Pass)]
    for member in top.members:
        if member.block.problem is not None:
            members.append((member.name, low.Opaque("broken")))
        members += [(member.name, s) for s in member.block.body]
    return ClassDefinition(module, top.block.name, head.name, head.arguments, head.decorators, tuple(members))
