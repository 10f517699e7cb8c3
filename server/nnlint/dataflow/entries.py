"""Which top-level statements matter for the modules of a project, who mentions whom, and what could be reached from where."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from nnlint.dataflow.registrations import MAX_STATEMENTS, may_fill, registrars
from nnlint.semantics.program import Module, Program, is_import
from nnlint.semantics.signatures import layer_signatures
from nnlint.syntax.parser import TopLevel

Target = tuple[str, str]  # path and name of a definition
TORCH = "torch"  # stands for a path in what entries mention
LAYER_WORDS = frozenset(name.rpartition(".")[2] for name in layer_signatures()) - {"Module"}
_INNER_IMPORT = re.compile(r"(?m)^[ \t]+(?:from[ \t]+(\.*)[ \t]*([\w.]*)[ \t]+import[ \t]*(\([^)]*\)|[^\n#;]*)|import[ \t]+([\w.]+))")
_DEFINING = ("@", "def ", "class ", "async ")


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A top-level statement that builds or defines modules, with the project definitions that it mentions, and all words in it."""

    module: Module
    top: TopLevel
    name: str | None
    mentions: tuple[Target, ...]
    words: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Entries:
    """`relevant` are the statements that matter, `roots` those among them that no other one mentions, `known` all of the project's."""

    roots: list[Entry]
    relevant: list[Entry]
    known: list[Entry]

    def within_reach(self, program: Program, starts: Iterable[Entry]) -> list[Entry]:
        """The statements that running `starts` could run, by what they mention: nothing else is constructed, called or changed there.

        Who reaches a registry reaches what is registered in it, as far as registrations are followed at all.
        """
        return _Reach(program, self.known).of(starts)


class _Reach:
    """Follows mentions, through files that say nothing of torch too."""

    def __init__(self, program: Program, entries: Iterable[Entry]) -> None:
        self.program = program
        self.by_statement: dict[int, Entry] = {}
        self.mentioned_by: dict[Target, list[Entry]] = {}
        self.paths: set[str] = set()
        self._add(entries)

    def of(self, starts: Iterable[Entry]) -> list[Entry]:
        reached: dict[int, Entry] = {}
        followed: set[Target] = set()
        stack = list(starts)
        while stack:
            entry = stack.pop()
            if id(entry) in reached:
                continue
            reached[id(entry)] = entry
            own = {(entry.module.path, entry.name)} if entry.name is not None else set()
            for target in {*entry.mentions, *own, *_imported_within(self.program, entry)} - followed:
                followed.add(target)
                stack += self._behind(target)
        return list(reached.values())

    def _behind(self, target: Target) -> list[Entry]:
        """The statements that bind a name, and those that fill the registry that it may stand for (see `registrations`)."""
        path, name = target
        module = None if path == TORCH else self.program.module(path)
        if module is None or name not in module.names:
            return []
        if path not in self.paths:
            self._add(entries_in(self.program, module))
        binding = [entry for top in module.names[name] if (entry := self.by_statement.get(id(top))) is not None]
        if all(entry.top.block.block.text.lstrip().startswith(_DEFINING) for entry in binding):
            return binding
        names = {name, *registrars(module, name)}
        filling = [entry for one in names for entry in self.mentioned_by.get((path, one), ()) if may_fill(entry.top)]
        return binding + filling if len(filling) <= MAX_STATEMENTS else binding

    def _add(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.paths.add(entry.module.path)
            self.by_statement[id(entry.top)] = entry
            for target in entry.mentions:
                self.mentioned_by.setdefault(target, []).append(entry)


def entries_of(program: Program, paths: Sequence[str], wanted: Collection[str]) -> Entries:
    """The statements that matter for modules in the `wanted` files. Roots in these files come first."""
    found: list[Entry] = []
    for path in paths:
        module = program.module(path)
        if module is not None:
            found += entries_in(program, module)
    relevant = reaching(_relevant(found), wanted)
    mentioned = {target for entry in relevant for target in entry.mentions if target != (entry.module.path, entry.name)}
    roots = [e for e in relevant if e.name is None or (e.module.path, e.name) not in mentioned]
    roots.sort(key=lambda entry: entry.module.path not in wanted)
    return Entries(roots, relevant, found)


def entries_in(program: Program, module: Module) -> list[Entry]:
    names_of = {id(top): name for name, tops in module.names.items() for top in tops}
    out = []
    for top, words in module.top_level_words:
        if not is_import(top):
            name = names_of.get(id(top))
            candidates = words if module.stars else words & module.names.keys()
            mentions = {target for word in candidates if word != name for target in _targets(program, module, word, words)}
            out.append(Entry(module, top, name, tuple(sorted(mentions)), words))
    return out


def _imported_within(program: Program, entry: Entry) -> Iterator[Target]:
    """What a statement mentions of modules that are imported in the midst of it."""
    for placed in (entry.top.block, *entry.top.members):
        for dots, module, names, other in _INNER_IMPORT.findall(placed.block.text) if "import" in placed.block.text else ():
            for name in re.findall(r"\w+", names) or (None,):
                origin = program.imported_origin(entry.module, other or module, len(dots), name)
                if origin is not None and origin.path is not None:
                    yield from _within(program, origin.path, origin.name, entry.words)


def _within(program: Program, path: str, name: str | None, words: frozenset[str]) -> Iterator[Target]:
    """A definition, or those definitions of a module whose names stand among the words."""
    if name is not None:
        yield path, name
        return
    inner = program.module(path)
    for other in words & inner.names.keys() if inner is not None else ():
        assert inner is not None
        found = program.origin(inner, other)
        if found is not None and found.path is not None and found.name is not None:
            yield found.path, found.name


def _targets(program: Program, module: Module, word: str, words: frozenset[str]) -> Iterable[Target]:
    """The definitions that a word in a statement may mean; those of an imported module, for each of its names that stands there too."""
    if word not in module.names and not module.stars:
        return
    origin = program.origin(module, word)
    if origin is None:
        return
    if origin.path is None:
        if (
            words & LAYER_WORDS
            or "getattr" in words
            or (origin.name == "torch" and "nn" in words)
            or (origin.name or "").rpartition(".")[2] in LAYER_WORDS
        ):
            yield TORCH, origin.name or ""
    else:
        yield from _within(program, origin.path, origin.name, words)


def reaching(entries: list[Entry], wanted: Collection[str]) -> list[Entry]:
    """The entries in wanted files, and those that mention one of them, directly or through others."""
    mentioned_by: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        for target in entry.mentions:
            mentioned_by.setdefault(target, []).append(entry)
    stack = [entry for entry in entries if entry.module.path in wanted]
    reached = {id(entry) for entry in stack}
    while stack:
        entry = stack.pop()
        for user in mentioned_by.get((entry.module.path, entry.name), []) if entry.name is not None else []:
            if id(user) not in reached:
                reached.add(id(user))
                stack.append(user)
    return [entry for entry in entries if id(entry) in reached]


def _relevant(entries: list[Entry]) -> list[Entry]:
    """Entries that mention torch's layers, directly or through others."""
    mentioned_by: dict[tuple[str, str], list[tuple[str, str | None]]] = {}
    for entry in entries:
        for target in entry.mentions:
            mentioned_by.setdefault(target, []).append((entry.module.path, entry.name))
    reached: set[tuple[str, str | None]] = set()
    stack = [source for target, sources in mentioned_by.items() if target[0] == TORCH for source in sources]
    while stack:
        key = stack.pop()
        if key not in reached:
            reached.add(key)
            if key[1] is not None:
                stack += mentioned_by.get((key[0], key[1]), [])
    return [e for e in entries if (e.module.path, e.name) in reached and not is_import(e.top)]
