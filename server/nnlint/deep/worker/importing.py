"""Imports the module that a model is defined in, as a module of its package, without running a training script."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from .messages import Way
from .problems import NoAnswer

_AT_HAND: dict[str, Any] = {"torch": torch, "nn": nn, "F": nn.functional}


def namespace_of(way: Way, roots: Iterable[str]) -> dict[str, Any]:
    """The names of the way's module, and `torch`, `nn` and `F` where it has none of these; raises `NoAnswer` if it cannot be imported."""
    for root in reversed(list(roots)):
        if root not in sys.path:
            sys.path.insert(0, root)
    try:
        module = importlib.import_module(way.module) if way.module else _of_path(way.path)
    except (Exception, SystemExit) as error:
        raise NoAnswer(f"{way.module or way.path} cannot be imported: {type(error).__name__}: {error}") from error
    return {**_AT_HAND, **vars(module)}


def _of_path(path: str) -> Any:
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
