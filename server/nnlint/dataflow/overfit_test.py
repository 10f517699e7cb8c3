"""A test that overfits one batch: what a script does up to its training loop, in a function of its own, with the script's names.

The statements that the updates rest on are followed backward from the loop to the start of its function and on, where that is called
with arguments, to the caller. What the top level of the script defines is imported from it, so a script that trains when it is
imported has no test; neither has one whose loop rests on what nobody outside can know.
"""

from __future__ import annotations

import ast
import builtins
import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise

from nnlint.dataflow.source_text import SourceText
from nnlint.dataflow.training_loops import ROUNDS, TrainingLoop, repeated_updates
from nnlint.dataflow.written_names import bodies, names_bound, names_open, names_read
from nnlint.semantics.program import Module, Program
from nnlint.text import Encoding, LineIndex

_BUILTINS = frozenset(dir(builtins))
_FUNCTION = "test_overfits_one_batch"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.ClassDef, ast.Lambda)
_LEAVING = (ast.Return, ast.Yield, ast.YieldFrom, ast.Await, ast.Global, ast.Nonlocal)
_COMMAND_LINE = ("parse_args", "parse_known_args", "argv")
_MAX_CALLERS = 3


@dataclass(frozen=True, slots=True)
class OverfitTest:
    """A new file: its absolute path, its name for people, its text."""

    path: str
    name: str
    text: str


def overfit_test(source: SourceText, loop: TrainingLoop) -> OverfitTest | None:
    """The test for a training loop; `None` where it could not be run."""
    assert source.program is not None
    module = source.program.module(loop.update.path)
    repeated = repeated_updates(source, loop)
    place = None if module is None else _place(source.program, module)
    if module is None or repeated is None or place is None or loop.loss is None:
        return None
    path, importable = place
    try:
        tree = ast.parse(module.parsed.text)
        updates = ast.parse(repeated).body[0]
    except (SyntaxError, ValueError, RecursionError):
        return None
    position = LineIndex(module.parsed.text).position(source.span(loop.update).start, Encoding.UTF8)
    way = _without_epochs(_way_to(tree, position.line + 1, position.column), loop)
    script = _Script(tree)
    if not isinstance(updates, ast.For) or not way or not script.is_importable:
        return None
    setup = _Setup(script, names_open([updates]))
    if not setup.follow(way, updates):
        return None
    head = _imports(script, setup.globals, importable)
    text = "" if head is None else _text(posixpath.basename(module.path), importable, head, setup, updates, loop.loss)
    return None if head is None else OverfitTest(path, posixpath.basename(path), text)


# --- where ---


def _place(program: Program, module: Module) -> tuple[str, str] | None:
    """The path of a new test, and the name under which it can import the module."""
    folder, file = posixpath.split(module.path)
    if module.path not in program.paths or not file.endswith(".py") or file == "__init__.py":
        return None
    is_in_root = "." not in module.name or f"{folder}/__init__.py" in program.paths
    name = module.name if is_in_root else file.removesuffix(".py")
    if not all(part.isidentifier() for part in name.split(".")):
        return None
    root = module.path.removesuffix(module.name.replace(".", "/") + ".py").rstrip("/")
    tests = f"{root}/tests" if is_in_root and any(path.startswith(f"{root}/tests/") for path in program.paths) else folder
    names = (f"{tests}/test_overfit_one_batch{'' if n == 1 else f'_{n}'}.py" for n in count(1))
    return next(path for path in names if path not in program.paths), name


# --- the script ---


@dataclass(slots=True, eq=False)
class _Script:
    """The top level of a script: what importing it runs and binds."""

    tree: ast.Module
    at_import: list[ast.stmt] = field(init=False)
    definitions: dict[str, ast.stmt] = field(init=False)

    def __post_init__(self) -> None:
        self.at_import = [s for s in self.tree.body if not _is_guard(s)]
        self.definitions = {s.name: s for s in self.tree.body if isinstance(s, (*_FUNCTIONS, ast.ClassDef))}

    @property
    def is_importable(self) -> bool:
        """Whether importing it neither trains, nor calls its functions, nor reads the command line."""
        for node in (n for s in self.at_import for n in _outside_functions(s)):
            called = [_root(node.func)] if isinstance(node, ast.Call) else []
            if any(_mentions(n, ("backward", *_COMMAND_LINE)) for n in (node, *(m for s in self.reached(called) for m in ast.walk(s)))):
                return False
        return True

    @property
    def names(self) -> frozenset[str]:
        return names_bound(self.at_import)

    def reached(self, names: Iterable[str]) -> Iterator[ast.stmt]:
        """The definitions that names mean, and those that these mention."""
        seen: set[str] = set()
        waiting = [*names]
        while waiting:
            name = waiting.pop()
            definition = self.definitions.get(name)
            if name not in seen and definition is not None:
                seen.add(name)
                waiting += names_read(definition)
                yield definition

    def calls_of(self, function: str) -> list[list[ast.AST]]:
        """The ways to the calls of a function by its name."""
        return [way for way in _ways(self.tree) if isinstance(way[-1], ast.Call) and _is_name(way[-1].func, function)]


def _is_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "__name__" in names_read(statement.test)


# --- what the updates rest on ---


@dataclass(slots=True, eq=False)
class _Setup:
    """The statements before the updates, followed backward. `needed` are the local names that nothing kept binds yet."""

    script: _Script
    needed: frozenset[str]
    statements: list[ast.stmt] = field(default_factory=list)
    globals: frozenset[str] = frozenset()

    def follow(self, way: Sequence[ast.AST], updates: ast.For) -> bool:
        """Collects what is needed on the way from the top level to the loop; whether that is all that there is to it."""
        for _ in range(_MAX_CALLERS):
            top = next((n for n in way if isinstance(n, ast.stmt)), None)
            function = next((n for n in way if isinstance(n, _SCOPES)), None)
            bound = self._keep_before(way)
            if function is None and top is not None and _is_guard(top):
                self.globals |= self.needed - bound
                return self._is_whole(updates)
            if not isinstance(function, ast.FunctionDef) or function is not top or function.decorator_list:
                return False
            call = self._enter(function, bound)
            if not call:
                return call is not None and self._is_whole(updates)
            way = call
        return False

    def _keep_before(self, way: Sequence[ast.AST]) -> frozenset[str]:
        """Keeps what stands before the way in the bodies that it leads through, the last first. The names that this binds."""
        kept: list[ast.stmt] = []
        for outer, inner in reversed([*pairwise(way)]):
            body = next((b for b in bodies(outer) if inner in b), [])
            before = body[: body.index(inner)] if isinstance(inner, ast.stmt) and body and not isinstance(outer, ast.Module) else []
            for statement in reversed(before):
                if _makes(statement, self.needed):
                    kept.insert(0, statement)
                    self.needed |= names_read(statement)
        self.statements[:0] = kept
        return names_bound(kept)

    def _enter(self, function: ast.FunctionDef, bound: frozenset[str]) -> list[ast.AST] | None:
        """Gives the parameters their values. The way to the only call, where these rest on it, else empty; `None` where there is no
        such call, or where the function's own names are needed that it binds elsewhere."""
        arguments = function.args
        positional = [p.arg for p in (*arguments.posonlyargs, *arguments.args)]
        names = {*positional, *(p.arg for p in arguments.kwonlyargs)}
        if (self.needed - bound) & names_bound(function.body) - names:
            return None
        # A parameter that a kept statement binds anew may be read by it.
        wanted = sorted(self.needed & names)
        self.globals |= self.needed - bound - names
        calls = self.script.calls_of(function.name)
        given = _given(calls[0][-1], positional) if len(calls) == 1 else {}
        values = None if given is None else _defaults(arguments) | given
        if given is None or values is None or not all(name in values for name in wanted):
            return None
        self._assign({name: values[name] for name in wanted})
        self.globals |= frozenset().union(*(names_read(values[name]) for name in wanted if name not in given))
        # What only running the script binds is bound where the function is called.
        late = self.globals - self.script.names - _BUILTINS
        self.globals -= late
        self.needed = late.union(*(names_read(given[name]) for name in wanted if name in given))
        return (calls[0] if len(calls) == 1 else None) if self.needed else []

    def _assign(self, values: dict[str, ast.expr]) -> None:
        new = {name: value for name, value in values.items() if not _is_name(value, name)}
        if not new:
            return
        targets = [ast.Name(name, ast.Store()) for name in new]
        if any(name in names_read(value) for name in new for value in new.values()):
            pair = ast.Assign([ast.Tuple([*targets], ast.Store())], ast.Tuple([*new.values()], ast.Load()))
            self.statements.insert(0, pair)
        else:
            self.statements[:0] = [ast.Assign([target], value) for target, value in zip(targets, new.values(), strict=True)]

    def _is_whole(self, updates: ast.For) -> bool:
        """Whether each name means in the test what it meant in the script, and nothing kept leaves, trains or lacks an argument."""
        self.globals -= _BUILTINS - self.script.names
        here = [*self.statements, updates]
        if self.globals & names_bound(here) or any(isinstance(n, _LEAVING) for s in self.statements for n in _outside_functions(s)):
            return False
        if not self.globals <= self.script.names:
            return False
        reached = [*self.script.reached(self.globals), *self.statements]
        only_when_run = names_bound([s for s in self.script.tree.body if _is_guard(s)]) - self.script.names
        if any(names_read(s) & only_when_run for s in self.script.reached(self.globals)):
            return False
        if any(_mentions(n, ("backward",)) for s in self.statements for n in ast.walk(s)):
            return False
        return not (self.reads_command_line and any(_is_required(n) for s in reached for n in ast.walk(s)))

    @property
    def reads_command_line(self) -> bool:
        """Whether it would take pytest's arguments for the script's."""
        code = [*self.statements, *self.script.reached(self.globals)]
        return any(_mentions(n, _COMMAND_LINE) for s in code for n in ast.walk(s))


def _defaults(arguments: ast.arguments) -> dict[str, ast.expr]:
    positional = [p.arg for p in (*arguments.posonlyargs, *arguments.args)]
    found = dict(zip(reversed(positional), reversed(arguments.defaults), strict=False))
    return found | {p.arg: d for p, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None}


def _given(call: ast.AST, positional: list[str]) -> dict[str, ast.expr] | None:
    """The arguments of a call by parameter; `None` where stars hide them."""
    if not isinstance(call, ast.Call) or any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
        return None
    return {**dict(zip(positional, call.args, strict=False)), **{k.arg: k.value for k in call.keywords if k.arg is not None}}


def _makes(statement: ast.stmt, names: frozenset[str]) -> bool:
    """Whether a statement binds one of some names, or changes what is behind it by assignment or a method that it calls for that."""
    if names_bound([statement]) & names:
        return True
    for node in _outside_functions(statement):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store) and _root(node) in names:
            return True
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called = node.value.func
            if isinstance(called, ast.Attribute) and _root(called) in names:
                return True
    return False


def _is_required(node: ast.AST) -> bool:
    """Whether a command line needs an argument."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument"):
        return False
    flags = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    is_optional = any(flag.startswith("-") for flag in flags) or any(k.arg == "nargs" for k in node.keywords)
    return not is_optional or any(k.arg == "required" for k in node.keywords)


# --- the text ---


def _imports(script: _Script, names: frozenset[str], importable: str) -> list[ast.stmt] | None:
    """What brings the global names into the test: the script's own absolute imports, and the rest from the script."""
    found: list[ast.stmt] = []
    rest = set(names)
    for statement in script.at_import:
        if isinstance(statement, (ast.Import, ast.ImportFrom)) and not getattr(statement, "level", 0):
            for alias in statement.names:
                bound = alias.asname or alias.name.partition(".")[0]
                if bound in names and getattr(statement, "module", "") != "__future__":
                    own = ast.Import([alias]) if isinstance(statement, ast.Import) else ast.ImportFrom(statement.module, [alias], 0)
                    found.append(own)
                    rest.discard(bound)
    if "torch" not in names_bound(found):
        if "torch" in rest:
            return None
        found.insert(0, ast.Import([ast.alias("torch")]))
    return [*found, *([ast.ImportFrom(importable, [ast.alias(name) for name in sorted(rest)], 0)] if rest else [])]


def _text(script: str, importable: str, head: list[ast.stmt], setup: _Setup, updates: ast.For, loss: str) -> str:
    taken = names_bound([*setup.statements, updates, *head]) | setup.globals
    losses = next(name for name in ("losses", "losses_of_one_batch", "_losses") if name not in taken or name == "_losses")
    body = [f"monkeypatch.setattr('sys.argv', [{script!r}])"] if setup.reads_command_line else []
    body += ["torch.manual_seed(0)", *map(_unparsed, setup.statements), f"{losses} = []", _unparsed(updates)]
    body += [f"    {losses}.append({loss}.item())"]
    said = f"{ROUNDS} updates on one batch took the loss from {{{losses}[0]:.4f}} to {{{losses}[-1]:.4f}} only"
    body += [f'assert {losses}[-1] < 0.1 * {losses}[0], f"{said}"']
    lines = [f"    {line}" if line else "" for part in body for line in part.split("\n")]
    start = (
        f'"""Trains on one batch in the words of {script}: what cannot learn a single batch by heart has a mistake in it.\n\n'
        f'Run it with `python -m pytest` where {importable} can be imported.\n"""\n'
    )
    imports = "\n".join(map(_unparsed, head))
    parameters = "monkeypatch" if setup.reads_command_line else ""
    return f"{start}\n{imports}\n\n\ndef {_FUNCTION}({parameters}):\n" + "\n".join(lines) + "\n"


def _unparsed(statement: ast.stmt) -> str:
    return ast.unparse(ast.fix_missing_locations(statement))


# --- trees ---


def _ways(tree: ast.AST, line: int | None = None) -> Iterator[list[ast.AST]]:
    """The way from the root to each node, or to each that has a part on a line, both included."""
    waiting = [[tree]]
    while waiting:
        way = waiting.pop()
        yield way
        waiting += [[*way, child] for child in ast.iter_child_nodes(way[-1]) if line is None or _is_on(child, line)]


def _is_on(node: ast.AST, line: int) -> bool:
    return getattr(node, "lineno", line) <= line <= getattr(node, "end_lineno", line)


def _way_to(tree: ast.Module, line: int, column: int) -> list[ast.AST]:
    """The way to the call of `backward()` that starts at a place."""
    for way in _ways(tree, line):
        node = way[-1]
        is_update = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "backward"
        if is_update and (getattr(node, "lineno", 0), getattr(node, "col_offset", -1)) == (line, column):
            return way
    return []


def _without_epochs(way: list[ast.AST], loop: TrainingLoop) -> list[ast.AST]:
    """The way as far as the loop that the check stands before."""
    loops = [at for at, node in enumerate(way) if isinstance(node, (ast.For, ast.While))]
    return way[: loops[-1 - loop.depth] + 1] if len(loops) > loop.depth else []


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when a statement does."""
    yield node
    if not isinstance(node, _FUNCTIONS):
        for child in ast.iter_child_nodes(node):
            yield from _outside_functions(child)


def _root(node: ast.AST) -> str:
    """The name at the start of a chain of attributes, items and calls."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _mentions(node: ast.AST, attributes: Sequence[str]) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in attributes


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
