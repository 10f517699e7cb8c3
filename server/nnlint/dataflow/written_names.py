"""The names in statements that a check or a test is made of, on Python's own tree of them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

_BODIES = ("body", "orelse", "finalbody")


def names_bound(statements: Iterable[ast.AST]) -> frozenset[str]:
    """The names that statements bind where they stand: not those inside functions, classes and comprehensions."""
    found: set[str] = set()
    waiting: list[ast.AST] = [*statements]
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                found |= {alias.asname or alias.name.partition(".")[0] for alias in aliases}
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
                continue
            case ast.ExceptHandler(name=str(name)):
                found.add(name)
            case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                continue
        waiting += ast.iter_child_nodes(node)
    return frozenset(found)


def names_read(node: ast.AST) -> frozenset[str]:
    """The names that code takes from outside: not parameters, nor targets of comprehensions."""
    read = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    read |= {n.target.id for n in ast.walk(node) if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)}
    inner = {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
    for comprehension in (n for n in ast.walk(node) if isinstance(n, ast.comprehension)):
        inner |= {n.id for n in ast.walk(comprehension.target) if isinstance(n, ast.Name)}
    return frozenset(read - inner)


def names_open(statements: Iterable[ast.stmt], bound: frozenset[str] = frozenset()) -> frozenset[str]:
    """The names that statements read before they bind them, but those in `bound`; each branch is taken to run."""
    found: frozenset[str] = frozenset()
    for statement in statements:
        inner = [] if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) else [*bodies(statement)]
        own = [n for n in ast.iter_child_nodes(statement) if not any(n in body for body in inner)] if inner else [statement]
        found |= frozenset().union(*map(names_read, own)) - bound
        bound |= names_bound(own)
        for body in inner:
            found |= names_open(body, bound)
            bound |= names_bound(body)
    return found


def bodies(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The runs of statements inside a statement."""
    for name in _BODIES:
        found = getattr(node, name, None)
        if isinstance(found, list):
            yield found
