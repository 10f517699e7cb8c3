"""The output formats, one file each: a module `json_lines` with `render(report) -> str` is the format `json-lines`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import cast

from nnlint.cli.report import Report


def format_names() -> list[str]:
    """The names that `--output-format` takes; no reporter is imported for it."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))


def renderer(name: str) -> Callable[[Report], str]:
    """The function that writes a report in one format; what it returns is all that goes out."""
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return cast(Callable[[Report], str], module.render)
