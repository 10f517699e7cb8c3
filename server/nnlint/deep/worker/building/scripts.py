"""Tells what a script defines from what it does."""

from __future__ import annotations

import ast
from collections.abc import Iterator

# Whoever calls one of these trains.
_TRAINING = frozenset(["backward", "zero_grad", "fit", "fit_one_cycle"])
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)
_DEFINITIONS = (ast.Import, ast.ImportFrom, *_FUNCTIONS, ast.ClassDef, *_ASSIGNMENTS, ast.If, ast.Try)


def may_train(source: bytes) -> bool:
    """Whether the words of training occur in a file at all."""
    return any(word.encode() in source for word in _TRAINING)


def does_train(tree: ast.Module) -> bool:
    """Whether importing the module would train something, as far as its own file shows."""
    trainers = _trainers(tree)
    return any(_trains(statement, trainers) for statement in tree.body)


def definitions(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements of a script that define something and train nothing."""
    trainers = _trainers(tree)
    for number, statement in enumerate(tree.body):
        is_docstring = number == 0 and isinstance(statement, ast.Expr)
        if is_docstring or _is_path_change(statement) or (isinstance(statement, _DEFINITIONS) and not _trains(statement, trainers)):
            yield statement


def _is_path_change(statement: ast.stmt) -> bool:
    """`sys.path.append("..")`, which later imports need."""
    return isinstance(statement, ast.Expr) and ast.unparse(statement).startswith("sys.path.")


def _trainers(tree: ast.Module) -> set[str]:
    """The functions of the file that train, by themselves or through another one."""
    calls = {f.name: set(_called(f.body)) for f in tree.body if isinstance(f, _FUNCTIONS)}
    found = {name for name, called in calls.items() if called & _TRAINING}
    while True:
        more = {name for name, called in calls.items() if called & found} | found
        if more == found:
            return found
        found = more


def _trains(statement: ast.stmt, trainers: set[str]) -> bool:
    """Whether running the statement, not what it defines, trains."""
    if isinstance(statement, (*_FUNCTIONS, ast.ClassDef)) or _is_main_guard(statement):
        return False
    return not trainers.union(_TRAINING).isdisjoint(_called([statement]))


def _is_main_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test)


def _called(statements: list[ast.stmt]) -> Iterator[str]:
    """The last names of what the statements call."""
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call):
                if isinstance(node.func, ast.Attribute):
                    yield node.func.attr
                elif isinstance(node.func, ast.Name):
                    yield node.func.id
