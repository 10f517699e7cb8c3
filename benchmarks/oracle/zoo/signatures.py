"""Constructing a class by the names of its parameters, for packages that give the same thing the same name everywhere."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from torch import nn


def module_classes(package: str) -> dict[str, type[nn.Module]]:
    """`module:Class` to class, of each module class that a direct submodule defines and that needs no further import."""
    found = {}
    for info in iter_modules(import_module(package).__path__, f"{package}."):
        try:
            module = import_module(info.name)
        except Exception:
            continue
        for name, cls in inspect.getmembers(module, inspect.isclass):
            if issubclass(cls, nn.Module) and cls.__module__ == info.name:
                found[f"{info.name.rpartition('.')[2]}:{name}"] = cls
    return found


def known_arguments(cls: type[Any], usual: Mapping[str, Any]) -> dict[str, Any] | None:
    """The usual values of the parameters that the class has; `None` where it requires one that has none."""
    arguments = {}
    for parameter in list(inspect.signature(cls.__init__).parameters.values())[1:]:
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        if parameter.name in usual:
            arguments[parameter.name] = usual[parameter.name]
        elif parameter.default is parameter.empty:
            return None
    return arguments
