"""One try at calling a model and, where it fails, what can be learned from that."""

from __future__ import annotations

import contextlib
import linecache
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as hooks

from .calling import call_once, copied, first_line
from .specimens import Given

_LARGEST = 65536
_NUMBER = re.compile(r"\d+")
_ATTRIBUTE_PATH = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*")


@dataclass(frozen=True)
class Failure:
    """Why a call failed.

    `progress` grows with how far it came. `layer` is the innermost module that was running, `received` the tensor it got, and `source`
    the number of the leaf whose memory that tensor is. `numbers` are those in sight where it failed: in the message, and in the names
    and attributes on that line of the model's code.
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

    @property
    def words(self) -> str:
        """The error for people."""
        return first_line(self.error)


@dataclass
class _Watch:
    """The modules that ran to their end in a call, and those that are running with what they got."""

    finished: set[int] = field(default_factory=set)
    running: list[tuple[nn.Module, Tensor | None]] = field(default_factory=list)

    def enter(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        self.running.append((module, next((a for a in args if isinstance(a, Tensor)), None)))

    def leave(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        self.finished.add(id(module))
        while self.running and self.running.pop()[0] is not module:
            pass


def attempt(model: nn.Module, given: Given, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Failure | None:
    """Calls the model with what `given` describes; `None` where that works."""
    args, kwargs = copied(args), copied(kwargs)
    leaves = tensors_of(args, kwargs)
    with _watching() as watch:
        try:
            call_once(model, args, kwargs)
            return None
        except (Exception, SystemExit) as error:
            layer, received = watch.running[-1] if watch.running else (None, None)
            source = next((n for n, leaf in enumerate(leaves) if received is not None and _share_memory(leaf, received)), None)
            row, numbers = _in_sight(error.__traceback__)
            said = {int(n) for n in _NUMBER.findall(str(error)) if len(n) < 6}
            error.__traceback__ = None  # it would keep the tensors of the whole run
            return Failure(
                error, (len(watch.finished), row), layer, received, source, frozenset(n for n in said | numbers if 0 < n < _LARGEST)
            )


def tensors_of(args: Any, kwargs: Any) -> list[Any]:
    """The values that stand for the leaves of a `Given`, in order."""
    return [leaf for part in (*args, *kwargs.values()) for leaf in _flat(part)]


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _flat(item)
    else:
        yield value


def _share_memory(leaf: Any, received: Tensor) -> bool:
    if not isinstance(leaf, Tensor) or leaf.numel() == 0 or leaf.numel() != received.numel():
        return False
    return leaf is received or leaf.untyped_storage().data_ptr() == received.untyped_storage().data_ptr()


@contextlib.contextmanager
def _watching() -> Iterator[_Watch]:
    watch = _Watch()
    handles = [hooks.register_module_forward_pre_hook(watch.enter), hooks.register_module_forward_hook(watch.leave)]
    try:
        yield watch
    finally:
        for handle in handles:
            handle.remove()


def _in_sight(traceback: TracebackType | None) -> tuple[int, set[int]]:
    """The row at which the model's own `forward()` failed, and the numbers in the names on the lines of the innermost code outside torch."""
    row = 0
    numbers: set[int] = set()
    while traceback is not None:
        frame = traceback.tb_frame
        path = frame.f_code.co_filename
        if f"{torch.__name__}/" not in path.replace("\\", "/") and "nnlint" not in path:
            row = row or traceback.tb_lineno
            line = linecache.getline(path, traceback.tb_lineno)
            numbers = {n for name in _ATTRIBUTE_PATH.findall(line) for n in _numbers(_looked_up(name, frame.f_locals))}
        traceback = traceback.tb_next
    return row, numbers


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
