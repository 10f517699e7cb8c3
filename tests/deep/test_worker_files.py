"""The worker runs on the user's Python: 3.9 and newer, with the standard library and torch, and nothing else."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import nnlint.deep.worker

WORKER = Path(nnlint.deep.worker.__file__).parent
FILES = sorted(WORKER.rglob("*.py"))
NEWER_MODULES = {"tomllib", "compression", "annotationlib"}  # of the standard library, than 3.9
TYPES = {"int", "float", "str", "bytes", "bool", "list", "tuple", "dict", "set", "frozenset", "object", "type"}


@pytest.fixture(params=FILES, ids=lambda path: path.relative_to(WORKER).as_posix())
def tree(request: pytest.FixtureRequest) -> ast.Module:
    """The tree of a file of the worker, as Python 3.9 parses it."""
    return ast.parse(request.param.read_text("utf-8"), str(request.param), feature_version=(3, 9))


def test_it_imports_the_standard_library_torch_and_itself_alone(tree: ast.Module) -> None:
    imported = {name.partition(".")[0] for name in absolute_imports(tree)}
    assert imported - {"torch"} <= set(sys.stdlib_module_names) - NEWER_MODULES


def absolute_imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def test_nothing_in_it_that_runs_is_newer_than_python_3_9(tree: ast.Module) -> None:
    assert [f"{ast.unparse(node)}: row {node.lineno}" for node in run_nodes(tree) if is_new(node)] == []


def run_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that are evaluated when the file runs: annotations are not."""
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield child
                    yield from run_nodes(child)


def is_new(node: ast.AST) -> bool:
    """Whether a node is a union of types, or an argument that functions and decorators of 3.9 do not take."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return names_a_type(node.left) or names_a_type(node.right)
    return isinstance(node, ast.Call) and any(
        (isinstance(node.func, ast.Name) and node.func.id, keyword.arg)
        in {("zip", "strict"), ("dataclass", "slots"), ("dataclass", "kw_only")}
        for keyword in node.keywords
    )


def names_a_type(node: ast.AST) -> bool:
    node = node.value if isinstance(node, ast.Subscript) else node
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return (isinstance(node, ast.Constant) and node.value is None) or name in TYPES or (name[:1].isupper() and not name.isupper())


@pytest.mark.parametrize(
    "text", ["x = isinstance(y, int | None)", "A = Tensor | list", "zip(a, b, strict=True)", "@dataclass(slots=True)\nclass A: ..."]
)
def test_what_is_newer_would_be_noticed(text: str) -> None:
    assert any(map(is_new, run_nodes(ast.parse(text))))


@pytest.mark.parametrize("text", ["def f(x: int | None) -> str | None: ...", "x: int | None = None", "a = b | {1}", "flags = A | B"])
def test_what_is_not_newer_is_left_alone(text: str) -> None:
    assert not any(map(is_new, run_nodes(ast.parse(text))))


def test_its_start_can_be_read_by_every_python_that_may_be_named() -> None:
    ast.parse((WORKER / "__main__.py").read_text("utf-8"), feature_version=(3, 4))


@pytest.mark.parametrize("side", ["supervisor", "client"])
def test_only_the_runner_imports_torch(side: str) -> None:
    start = {
        "supervisor": f"import sys; sys.path.insert(0, {str(WORKER.parent)!r}); import worker.processes.supervisor",
        "client": "import sys, nnlint.deep.client",
    }
    loaded = subprocess.run([sys.executable, "-c", f"{start[side]}\nprint('torch' in sys.modules)"], capture_output=True, text=True)
    assert loaded.stdout.strip() == "False", loaded.stderr
