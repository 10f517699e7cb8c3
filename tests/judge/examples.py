"""Runs literate cases with the real torch: code in, a verdict for every construction place out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module, invalidate_caches
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.oracle.judge import Trial, Verdict
from benchmarks.oracle.sites import Construction, Place, construction_of, recorded_modules


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one trial said of one layer."""

    construction: Construction
    verdict: Verdict


def _imported(files: dict[str, str], folder: Path) -> dict[str, Any]:
    """The names of a case's modules, each module imported from a real file; the last file's names win.

    The modules are forgotten again, so that another case (or the same one, fixed) may use their names.
    """
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    before = set(sys.modules)
    invalidate_caches()
    sys.path.insert(0, str(folder))
    try:
        names: dict[str, Any] = {"torch": torch, "nn": nn, "F": F}
        for name in files:
            module = import_module(name.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
            names.update(vars(module))
        return names
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if _is_below(sys.modules[name], folder):
                del sys.modules[name]


def _is_below(module: Any, folder: Path) -> bool:
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", [])]
    return any(Path(place).is_relative_to(folder) for place in places if place)


def _inputs() -> dict[str, Any]:
    """The makers of inputs that a judge's line may call; the same numbers at every call of `run_trials`."""
    generator = torch.Generator().manual_seed(7)

    def randint(high: int, shape: tuple[int, ...]) -> torch.Tensor:
        return torch.randint(high, shape, generator=generator)

    def randn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    return {"randn": randn, "randint": randint}


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(n, int) for n in value)


def _runner(spec: str, names: dict[str, Any]) -> Callable[[], Any]:
    makers = _inputs()
    values = eval(f"({spec},)", {**names, **makers})
    call, *inputs = values
    return partial(call, *[makers["randn"](*value) if _is_shape(value) else value for value in inputs])


@contextmanager
def trials(files: dict[str, str], specs: tuple[str, ...], folder: Path) -> Iterator[list[Trial]]:
    """A trial for each judge's line of a case, its code imported from `folder`."""
    folder = folder.resolve()
    made = []
    with recorded_modules() as modules:
        names = _imported(files, folder)
        at_import = list(modules)
        for spec in specs:
            del modules[:]
            torch.manual_seed(3)
            run = _runner(spec, names)
            made.append(Trial([*at_import, *modules], run))
        yield made


def bias_verdicts(files: dict[str, str], specs: tuple[str, ...], folder: Path) -> list[Judgement]:
    """What torch says of the bias of every layer that has one and was constructed in the case's files."""
    with trials(files, specs, folder) as made:
        return [
            Judgement(_relative(construction, folder.resolve()), trial.verdict(layer))
            for trial in made
            for layer in trial.layers
            if layer.bias is not None and (construction := construction_of(layer)) is not None
        ]


def _relative(construction: Construction, folder: Path) -> Construction:
    """The places inside the folder, named as the case names its files."""
    return Construction(
        tuple(
            Place(str(Path(p.path).relative_to(folder)), p.row, p.column, p.end_row, p.end_column)
            for p in construction.places
            if Path(p.path).is_relative_to(folder)
        )
    )
