"""What a model's import does to the process of the tests is taken back after each of them: many models are called `net`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def forgotten_modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forgets the modules that were imported from temporary folders, and the folders that they were looked for in."""
    temporary, path = tmp_path_factory.getbasetemp().resolve(), sys.path[:]
    yield
    sys.path[:] = path
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and Path(file).is_relative_to(temporary):
            del sys.modules[name]
