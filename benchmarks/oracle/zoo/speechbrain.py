"""speechbrain: what the examples of its docstrings construct and run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.oracle.zoo import doctests


def recipes() -> list[str]:
    return doctests.shown_models("speechbrain.nnet") + doctests.shown_models("speechbrain.lobes.models")


def build(recipe: str) -> Any:
    return doctests.Example(recipe)


def inputs(model: Any, recipe: str) -> Iterator[tuple[Any, ...]]:
    return doctests.inputs()
