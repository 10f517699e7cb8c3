"""Where in the source a layer was constructed: every call on the way, with its exact place."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FrameType

import torch
from torch import nn

_TORCH = str(Path(torch.__file__).parent)
_ATTRIBUTE = "_construction"
_MAX_CALLERS = 24

LAYERS: tuple[type[nn.Module], ...] = (nn.modules.conv._ConvNd, nn.Linear, nn.Bilinear)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A call expression: its file, and its start and end as 1-based rows and 1-based columns of code points."""

    path: str
    row: int
    column: int
    end_row: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Construction:
    """The call that constructed a layer, then the calls that led there, innermost first."""

    places: tuple[Place, ...]

    @property
    def site(self) -> Place:
        return self.places[0]


@cache
def _positions(code: CodeType) -> list[tuple[int | None, int | None, int | None, int | None]]:
    return list(code.co_positions())


def _column(path: str, row: int, utf8_offset: int) -> int:
    line = linecache.getline(path, row)
    if line.isascii():
        return utf8_offset + 1
    return len(line.encode()[:utf8_offset].decode(errors="replace")) + 1


def _place(frame: FrameType) -> Place | None:
    path = frame.f_code.co_filename
    row, end_row, start, end = _positions(frame.f_code)[frame.f_lasti // 2]
    if row is None or end_row is None or start is None or end is None or path.startswith("<"):
        return None
    return Place(path, row, _column(path, row, start), end_row, _column(path, end_row, end))


def _constructs(frame: FrameType, instance: nn.Module) -> bool:
    """Whether the frame is an `__init__` of the instance's own class or of a base of it."""
    names = frame.f_code.co_varnames
    return bool(names) and frame.f_locals.get(names[0]) is instance


def _trace(instance: nn.Module) -> Construction | None:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and _constructs(frame, instance):
        frame = frame.f_back
    if frame is None or frame.f_code.co_filename.startswith(_TORCH):
        return None
    places: list[Place] = []
    while frame is not None and len(places) < _MAX_CALLERS:
        if (place := _place(frame)) is not None:
            places.append(place)
        frame = frame.f_back
    return Construction(tuple(places)) if places else None


def construction_of(layer: nn.Module) -> Construction | None:
    """Where the layer, or the one that it is a deep copy of, was constructed; `None` inside torch itself."""
    return layer.__dict__.get(_ATTRIBUTE)


@contextmanager
def recorded_modules() -> Iterator[list[nn.Module]]:
    """Collects every module constructed inside, and notes on every layer where it was constructed."""
    modules: list[nn.Module] = []
    recorded: list[type[nn.Module]] = [nn.Module, *LAYERS]
    originals: dict[type[nn.Module], Callable[..., None]] = {cls: vars(cls)["__init__"] for cls in recorded}

    def module_init(self: nn.Module, *args: object, **kwargs: object) -> None:
        modules.append(self)
        originals[nn.Module](self, *args, **kwargs)

    def layer_init(cls: type[nn.Module]) -> Callable[..., None]:
        def init(self: nn.Module, *args: object, **kwargs: object) -> None:
            originals[cls](self, *args, **kwargs)
            self.__dict__[_ATTRIBUTE] = _trace(self)

        return init

    setattr(nn.Module, "__init__", module_init)  # noqa: B010
    for cls in LAYERS:
        setattr(cls, "__init__", layer_init(cls))  # noqa: B010
    try:
        yield modules
    finally:
        for cls, original in originals.items():
            setattr(cls, "__init__", original)  # noqa: B010
