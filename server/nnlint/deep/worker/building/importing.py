"""Imports the module that a model is defined in, as a module of its package, without training anything or loading a checkpoint."""

from __future__ import annotations
import __future__

import ast
import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

import torch
from torch import nn

from ..failures import first_line
from ..messages import Way
from ..problems import NoAnswer
from .scripts import definitions, does_train, may_train

_AT_HAND: dict[str, Any] = {"torch": torch, "nn": nn, "F": nn.functional}
_INSTALLED = ("site-packages", "dist-packages")


class Trains(BaseException):
    """Raised in place of training: no `except Exception` of a script may hide it."""


class CheckpointRefused(RuntimeError):
    """Raised in place of loading a checkpoint."""


@dataclass(frozen=True)
class Imported:
    """The names of a module, and what is not as it is in a plain import, in words."""

    names: dict[str, Any]
    note: str


def imported(way: Way, roots: Iterable[str]) -> Imported:
    """The names of the way's module, besides `torch`, `nn` and `F` where it has none of these; raises `NoAnswer` if it has no Python.

    What fails to import as it is, is imported again with each statement that fails left out: a class needs little of what a module does.
    """
    if way.path.endswith(".ipynb"):
        raise NoAnswer(f"{way.path} is a notebook, and only what stands in a Python file can be run; move the class to one")
    project = _Project(tuple(os.path.realpath(root) for root in (*roots, os.path.dirname(way.path)) if root))
    with project, _without_training():
        try:
            module = project.module(way)
        except (Exception, SystemExit, Trains) as error:
            project.forget()
            project.is_lenient = True
            try:
                module = project.module(way)
            except (Exception, SystemExit, Trains):
                raise NoAnswer(f"{way.module or way.path} cannot be imported: {first_line(error)}") from error
    return Imported({**_AT_HAND, **vars(module)}, project.note())


@contextlib.contextmanager
def without_checkpoints() -> Iterator[None]:
    """While a model is being built no checkpoint is loaded: that is for `nnlint migrate` alone."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise CheckpointRefused("the deep check loads no checkpoint")

    kept, torch.load = torch.load, refuse
    try:
        yield
    finally:
        torch.load = kept


@contextlib.contextmanager
def _without_training() -> Iterator[None]:
    """While a module is being imported nothing is trained."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise Trains

    kept, torch.autograd.backward = torch.autograd.backward, refuse
    try:
        yield
    finally:
        torch.autograd.backward = kept


@dataclass
class _Project(MetaPathFinder):
    """Finds the modules below the roots, and has each loaded by `_Loader`."""

    roots: tuple[str, ...]
    is_lenient: bool = False
    left_out: dict[str, str] = field(default_factory=dict)  # by path: why statements were
    loaded: list[str] = field(default_factory=list)

    def __enter__(self) -> _Project:
        self._kept = sys.path[:], sys.argv[:]
        *roots, folder = self.roots
        sys.path[:0] = [root for root in roots if root not in sys.path]
        sys.path.append(folder)  # scripts import what lies beside them
        sys.argv[:] = sys.argv[:1]
        sys.meta_path.insert(0, self)
        return self

    def __exit__(self, *_: object) -> None:
        sys.meta_path.remove(self)
        sys.argv[:] = self._kept[1]

    def module(self, way: Way) -> ModuleType:
        """The way's module by its dotted name or, where that is another file's, by its path."""
        path = os.path.realpath(way.path)
        if way.module:
            module = importlib.import_module(way.module)
            if not way.path or os.path.realpath(getattr(module, "__file__", None) or path) == path:
                return module
        name = os.path.splitext(os.path.basename(path))[0]
        spec = importlib.util.spec_from_file_location(name, path, loader=_Loader(name, path, self))
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        _Loader(name, path, self).exec_module(module)
        return module

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The specification of a module of the project; `None` for all others."""
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or not isinstance(spec.loader, SourceFileLoader) or not self._holds(spec.loader.path):
            return None
        spec.loader = _Loader(name, spec.loader.path, self)
        return spec

    def _holds(self, path: str) -> bool:
        real = os.path.realpath(path)
        return any(
            real.startswith(root + os.sep) and not any(part in _INSTALLED for part in real[len(root) :].split(os.sep))
            for root in self.roots
        )

    def forget(self) -> None:
        """Takes back what was imported of the project."""
        for name in self.loaded:
            sys.modules.pop(name, None)

    def note(self) -> str:
        """What was left out, for people."""
        said = [f"only the definitions of {os.path.basename(path)} were run, {why}" for path, why in self.left_out.items()]
        return "; ".join(said[:2])


class _Loader(SourceFileLoader):
    """Runs a module as it is, but a script without what it does; and, where the project is lenient, without what fails."""

    def __init__(self, name: str, path: str, project: _Project) -> None:
        super().__init__(name, path)
        self._project = project

    def exec_module(self, module: ModuleType) -> None:
        self._project.loaded.append(module.__name__)
        source = self.get_data(self.path)
        if may_train(source) and does_train(ast.parse(source, self.path)):
            self._define(module, source)
        elif self._project.is_lenient:
            tree = ast.parse(source, self.path)
            self._run(module, tree.body, tree)
        else:
            try:
                super().exec_module(module)
            except Trains:
                self._define(module, source)

    def _define(self, module: ModuleType, source: bytes) -> None:
        self._project.left_out[self.path] = "because it trains when it is imported"
        tree = ast.parse(source, self.path)
        self._run(module, definitions(tree), tree)

    def _run(self, module: ModuleType, statements: Iterable[ast.stmt], tree: ast.Module) -> None:
        """Runs statements one by one; those that fail are left out."""
        flags = _future_flags(tree)
        for statement in statements:
            code = compile(ast.Module([statement], []), self.path, "exec", flags, dont_inherit=True)
            try:
                exec(code, vars(module))
            except (Exception, SystemExit, Trains) as error:
                self._project.left_out.setdefault(self.path, f"where {_named(statement)} failed with {first_line(error)}")


def _named(statement: ast.stmt) -> str:
    return f"line {statement.lineno}"


def _future_flags(tree: ast.Module) -> int:
    """What `from __future__ import …` switches on, which each statement is to be compiled with."""
    names = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__" for alias in node.names]
    flags = 0
    for name in names:
        flags |= getattr(__future__, name).compiler_flag
    return flags
