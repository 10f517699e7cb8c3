"""Where in the source each module was constructed: every call on the way, with its place.

Python before 3.11 knows the row of a call alone; `UNKNOWN` columns match any.
"""

from __future__ import annotations

import functools
import linecache
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import torch
from torch import nn

from ..messages import Place

UNKNOWN = 0  # the column of a place of which only the row is known
_TORCH = os.path.dirname(os.path.realpath(torch.__file__)) + os.sep
_HERE = os.path.dirname(os.path.dirname(os.path.realpath(__file__))) + os.sep
_ATTRIBUTE = "_nnlint_construction"
_MAX_CALLERS = 32

BIASED_LAYERS: tuple[type[nn.Module], ...] = (nn.modules.conv._ConvNd, nn.Linear, nn.Bilinear)


@dataclass(frozen=True)
class Construction:
    """The call that constructed a module, then the calls that led there, innermost first; those in torch's own files are left out.

    `by_torch`: the innermost of all calls stands in torch, as those of the layers of `nn.TransformerEncoderLayer` do.
    """

    places: tuple[Place, ...]
    by_torch: bool = False

    def __deepcopy__(self, memo: dict[int, Any]) -> Construction:
        return self


def construction_of(layer: nn.Module) -> Construction | None:
    """Where the layer, or the one that it is a deep copy of, was constructed; `None` if that was not recorded or is in no file."""
    return layer.__dict__.get(_ATTRIBUTE)


def constructed_at(construction: Construction | None, place: Place) -> bool:
    """Whether the place is the call that constructed a module, or one of the calls that led there."""
    return construction is not None and any(_coincide(made, place) for made in construction.places)


def constructed_around(construction: Construction | None, place: Place) -> bool:
    """Whether the place lies within such a call, as an argument does."""
    return construction is not None and any(_holds(made, place) for made in construction.places)


def calling_place(frame: FrameType | None) -> Place | None:
    """The innermost call on a stack that stands in a file of neither torch nor the worker."""
    while frame is not None:
        if not _is_below(_HERE, frame.f_code.co_filename) and (place := _place(frame)) is not None:
            return place
        frame = frame.f_back
    return None


@contextmanager
def recorded_modules() -> Iterator[list[nn.Module]]:
    """Collects every module constructed inside, in order, and notes on each where it was constructed."""
    modules: list[nn.Module] = []
    original = nn.Module.__init__

    @functools.wraps(original)
    def init(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        modules.append(self)
        self.__dict__[_ATTRIBUTE] = _traced(sys._getframe(1), self)

    nn.Module.__init__ = init
    try:
        yield modules
    finally:
        nn.Module.__init__ = original


def _traced(frame: FrameType | None, instance: nn.Module) -> Construction | None:
    """The calls of a stack whose innermost frame is in a constructor of the instance: its class's own, or one of a base class."""
    while frame is not None and _constructs(frame, instance):
        frame = frame.f_back
    by_torch = frame is not None and _is_below(_TORCH, frame.f_code.co_filename)
    places: list[Place] = []
    while frame is not None and len(places) < _MAX_CALLERS and not _is_below(_HERE, frame.f_code.co_filename):
        place = _place(frame)
        if place is not None:
            places.append(place)
        frame = frame.f_back
    return Construction(tuple(places), by_torch) if places else None


def _constructs(frame: FrameType, instance: nn.Module) -> bool:
    """Whether the frame is a constructor of this very instance."""
    names = frame.f_code.co_varnames
    return frame.f_code.co_argcount > 0 and frame.f_locals.get(names[0]) is instance


def _place(frame: FrameType) -> Place | None:
    """The call that a frame is in; `None` in code that is in no file, and in torch's."""
    path = frame.f_code.co_filename
    if path.startswith("<") or _is_below(_TORCH, path):
        return None
    row, end_row, start, end = _position(frame.f_code, frame.f_lasti)
    if row is None or end_row is None or start is None or end is None:
        return Place(_real(path), frame.f_lineno, UNKNOWN, frame.f_lineno, UNKNOWN)
    return Place(_real(path), row, _column(path, row, start), end_row, _column(path, end_row, end))


def _position(code: CodeType, instruction: int) -> tuple[int | None, int | None, int | None, int | None]:
    positions = _positions(code)
    return positions[instruction // 2] if positions else (None, None, None, None)


@functools.lru_cache(maxsize=4096)
def _positions(code: CodeType) -> list[tuple[int | None, int | None, int | None, int | None]]:
    return list(code.co_positions()) if sys.version_info >= (3, 11) else []


def _column(path: str, row: int, utf8_offset: int) -> int:
    line = linecache.getline(path, row)
    return utf8_offset + 1 if line.isascii() else len(line.encode()[:utf8_offset].decode(errors="replace")) + 1


@functools.lru_cache(maxsize=4096)
def _real(path: str) -> str:
    return os.path.realpath(path)


def _is_below(folder: str, path: str) -> bool:
    return _real(path).startswith(folder)


def _coincide(made: Place, place: Place) -> bool:
    if made.path != _real(place.path):
        return False
    if made.column == UNKNOWN:
        return place.row <= made.row <= place.end_row
    return (made.row, made.column, made.end_row, made.end_column) == (place.row, place.column, place.end_row, place.end_column)


def _holds(made: Place, place: Place) -> bool:
    if made.path != _real(place.path) or made.column == UNKNOWN:
        return False
    return (made.row, made.column) <= (place.row, place.column) and (place.end_row, place.end_column) <= (made.end_row, made.end_column)
