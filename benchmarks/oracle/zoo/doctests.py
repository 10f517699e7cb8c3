"""The models of a package whose docstrings show how each is constructed and called: the examples are run, statement by statement."""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from types import CodeType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook


def shown_models(package: str) -> list[str]:
    """`module:Class` of each module class that has examples, of all modules that can be imported."""
    found = []
    for info in walk_packages(import_module(package).__path__, f"{package}.", onerror=lambda _: None):
        try:
            module = import_module(info.name)
        except Exception:
            continue  # what it wants beside torch is not there
        classes = inspect.getmembers(module, inspect.isclass)
        found += [f"{info.name}:{name}" for name, cls in classes if cls.__module__ == info.name and _is_shown(cls)]
    return sorted(found)


def _is_shown(cls: type) -> bool:
    return issubclass(cls, nn.Module) and ">>> " in (cls.__doc__ or "")


class Example(nn.Module):
    """A docstring's example: what it sets up, and the statements that run a module. Calling it runs those again."""

    def __init__(self, recipe: str) -> None:
        super().__init__()
        where, _, name = recipe.partition(":")
        module = import_module(where)
        self._names: dict[str, Any] = {**vars(module), "torch": torch}
        self._runs: list[CodeType] = []
        for number, example in enumerate(doctest.DocTestParser().get_examples(getattr(module, name).__doc__)):
            self._set_up(compile(example.source, f"<example {number}>", "single"))
        for key, value in list(self._names.items()):
            if isinstance(value, nn.Module):
                self.add_module(key.replace(".", "_"), value)
        if not self._modules:
            raise ValueError("the example constructs no module")

    def _set_up(self, statement: CodeType) -> None:
        called: list[nn.Module] = []
        handle = register_module_forward_pre_hook(lambda module, _: called.append(module))
        before = {id(v) for v in self._names.values() if isinstance(v, nn.Module)}
        try:
            exec(statement, self._names)
        except Exception:
            if not before:
                raise
            called.append(self)  # it may run with numbers; here there may be shapes only
        finally:
            handle.remove()
        constructs = any(isinstance(v, nn.Module) and id(v) not in before for v in self._names.values())
        if called and not constructs:
            self._runs.append(statement)

    def forward(self) -> list[Any]:
        names = dict(self._names)
        for statement in self._runs:
            exec(statement, names)
        known = {id(v) for v in self._names.values()}
        results = [v for k, v in names.items() if k != "__builtins__" and (id(v) not in known or isinstance(v, Tensor))]
        if not self._runs:
            raise ValueError("the example runs no module")
        return results


def inputs() -> Iterator[tuple[Any, ...]]:
    """An example holds its inputs itself."""
    yield ()
