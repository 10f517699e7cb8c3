"""One try at calling a model and, where it fails, what can be learned from that."""

from __future__ import annotations

import contextlib
import linecache
import math
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as hooks

from ..failures import first_line
from ..running.calling import call_once, copied
from .layer_shapes import fitting

_LARGEST = 65536
_TORCH = os.path.dirname(torch.__file__) + os.sep
_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_NUMBER = re.compile(r"(?<![A-Za-z_.\d])\d+(?![A-Za-z_.\d])|(?<=\()\d+(?=x)|(?<=x)\d+")
_COMPARED = re.compile(r"(?:[=!<>]=|[<>%])\s*(\d+)\b")
_ATTRIBUTE_PATH = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*")


@dataclass(frozen=True)
class Failure:
    """Why a call failed.

    `progress` grows with how far it came. `layer` is the innermost module that was running, `received` the tensor it got. `source`
    is the leaf, by number, that the innermost module or line saw as it is. `numbers` are those in sight where it failed: in the message,
    and in the names and attributes on that line of the model's code.
    """

    error: BaseException
    progress: tuple[int, int]
    layer: nn.Module | None
    received: Tensor | None
    source: int | None
    numbers: frozenset[int]

    @property
    def message(self) -> str:
        return str(self.error)

    def is_hopeless(self, model: nn.Module) -> bool:
        """Whether no other input can help: the model's code is not complete, or lacks something that it names."""
        if isinstance(self.error, NotImplementedError):
            return "not implemented for" not in self.message  # what torch says of dtypes
        if isinstance(self.error, AttributeError):
            owner = re.match(r"'(\w+)' object has no attribute|module '", self.message)
            return owner is not None and (owner.group(1) is None or any(type(m).__name__ == owner.group(1) for m in model.modules()))
        return isinstance(self.error, (NameError, ImportError))

    @property
    def words(self) -> str:
        """The error for people."""
        return first_line(self.error)


class TookTooLong(Exception):
    """Raised in a call that went on after its time."""


@dataclass
class _Watch:
    """The modules that ran to their end in a call, and those that are running with what they got. After `end` no further one begins."""

    end: float
    finished: set[int] = field(default_factory=set)
    running: list[tuple[nn.Module, Tensor | None]] = field(default_factory=list)

    def enter(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        if time.monotonic() > self.end:
            raise TookTooLong("the call took too long")
        self.running.append((module, next((a for a in args if isinstance(a, Tensor)), None)))

    def leave(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        self.finished.add(id(module))
        while self.running and self.running.pop()[0] is not module:
            pass


def attempt(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], end: float = math.inf) -> Failure | None:
    """Calls the model with copies of the arguments, until a moment of the monotonic clock; `None` where that works."""
    args, kwargs = copied(args), copied(kwargs)
    with _watching(end) as watch:
        try:
            call_once(model, args, kwargs)
            return None
        except (Exception, SystemExit) as error:
            failure = _failure(error, watch, tensors_of(args, kwargs))
            error.__traceback__ = None  # it would keep the tensors of the whole run
            return failure


def _failure(error: BaseException, watch: _Watch, leaves: list[Any]) -> Failure:
    layer, received = watch.running[-1] if watch.running else (None, None)
    frames = [(tb.tb_frame, tb.tb_lineno) for tb in _chain(error.__traceback__) if not _is_foreign(tb.tb_frame.f_code.co_filename)]
    row = frames[0][1] if frames else 0
    line = linecache.getline(frames[-1][0].f_code.co_filename, frames[-1][1]) if frames else ""
    values = [_looked_up(name, frames[-1][0].f_locals) for name in _ATTRIBUTE_PATH.findall(line)] if frames else []
    met = [tensor for module, tensor in reversed(watch.running[1:]) if not _takes(module, tensor)] + values
    source = next((number for tensor in met for number in _source(leaves, tensor)), None)
    said = [*_NUMBER.findall(str(error)), *_COMPARED.findall(line)]
    numbers = {int(n) for n in said if len(n) < 6}.union(*map(_numbers, values))
    seen = frozenset(n for n in numbers if 0 < n < _LARGEST)
    return Failure(error, (len(watch.finished), row), layer, received, source, seen)


def _takes(layer: nn.Module, received: Tensor | None) -> bool:
    """Whether a layer of torch got what it takes, so that something else is at fault."""
    if received is None or isinstance(layer, nn.Embedding):  # which takes any sizes
        return False
    return any(leaf.sizes == tuple(received.shape) for leaf in fitting(layer, tuple(received.shape)))


def tensors_of(args: Any, kwargs: Any) -> list[Any]:
    """The values that stand for the leaves of a `Given`, in order."""
    return [leaf for part in (*args, *kwargs.values()) for leaf in _flat(part)]


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _flat(item)
    else:
        yield value


def _source(leaves: list[Any], value: Any) -> Iterator[int]:
    """The leaf whose memory a tensor is, changed in shape alone."""
    if isinstance(value, Tensor):
        for number, leaf in enumerate(leaves):
            if isinstance(leaf, Tensor) and leaf.numel() == value.numel() and (leaf is value or _memory(leaf) == _memory(value) != 0):
                yield number


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr() if tensor.layout is torch.strided else 0


@contextlib.contextmanager
def _watching(end: float) -> Iterator[_Watch]:
    watch = _Watch(end)
    handles = [hooks.register_module_forward_pre_hook(watch.enter), hooks.register_module_forward_hook(watch.leave)]
    try:
        yield watch
    finally:
        for handle in handles:
            handle.remove()


def _chain(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _is_foreign(path: str) -> bool:
    """Whether a file is torch's or the worker's own."""
    return path.startswith((_TORCH, _HERE, "<"))


def _looked_up(name: str, names: dict[str, Any]) -> Any:
    first, *rest = name.split(".")
    value = names.get(first)
    with contextlib.suppress(Exception):
        for attribute in rest:
            value = getattr(value, attribute)
        return value
    return None


def _numbers(value: Any) -> Iterator[int]:
    for item in value if isinstance(value, (tuple, list)) else [value]:
        if isinstance(item, int) and not isinstance(item, bool):
            yield item
