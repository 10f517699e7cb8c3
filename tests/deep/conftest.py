"""What importing a model does to the process of the tests is taken back after each of them: many models are called `net`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CACHE = Path(__file__).parents[2] / ".cache"


@pytest.fixture(autouse=True)
def forgotten_modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forgets modules of temporary folders and of packages that are only read, and gives back the names that they have taken."""
    before, path = dict(sys.modules), sys.path[:]
    yield
    sys.path[:] = path
    folders = (tmp_path_factory.getbasetemp().resolve(), CACHE)
    for name, module in list(sys.modules.items()):
        if name in before:
            sys.modules[name] = before[name]
        elif any(Path(place).is_relative_to(folder) for place in places_of(module) for folder in folders):
            del sys.modules[name]


def places_of(module: object) -> list[str]:
    """Where a module is: its file, or the folders of a package that has none."""
    return [place for place in (getattr(module, "__file__", None), *getattr(module, "__path__", ())) if place]
