"""What happens in one run: every operation of torch in the order in which it is called, which module calls it, and from which line.

The real run is watched, not a symbolic one: `torch.fx` and `torch.export` give up where `forward()` branches on values, and what they
trace is not what these inputs ran through.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten

from ..messages import Place
from .outputs import tensors_in
from .sites import UNKNOWN, calling_place, constructed_at, construction_of, recorded_modules


@dataclass
class Event:
    """One operation: its name as torch spells it, the tensors that it read and made, the modules inside which it was called, and where.

    `modules` begins with the innermost one. The tensors are kept, so that no other tensor can take their identity during the run.
    `given` holds what was in the first of them before, where dropout may have written into it.
    """

    name: str
    inputs: list[Tensor]
    outputs: list[Tensor]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    modules: tuple[nn.Module, ...]
    place: Place | None
    given: Tensor | None = None

    @property
    def module(self) -> nn.Module | None:
        """The innermost module that is being called."""
        return self.modules[0] if self.modules else None

    @property
    def layer(self) -> nn.Module | None:
        """The layer of torch's own that the operation is the work of; `None` where `forward()` of the user's code calls it."""
        return self.module if self.module is not None and type(self.module).__module__.startswith("torch.") else None

    @property
    def words(self) -> str:
        """`BatchNorm2d` (net.py:14), or `relu` (net.py:20)."""
        name = self.name if self.layer is None else type(self.layer).__name__
        return f"`{name}`" + ("" if self.place is None else f" ({os.path.basename(self.place.path)}:{self.place.row})")

    def is_at(self, place: Place) -> bool:
        """Whether it is called at a place, or is the work of a layer that was constructed there."""
        if self.place is not None and is_within(self.place, place):
            return True
        return any((made := construction_of(m)) is not None and constructed_at(made, place) for m in self.modules)


@dataclass
class Trace:
    """The events of one run in order, and what the model returned."""

    events: list[Event] = field(default_factory=list)
    result: Any = None

    def at(self, place: Place) -> list[Event]:
        """The events called at a place, innermost operation first where one line calls several."""
        return [event for event in self.events if event.is_at(place)]

    @property
    def outputs(self) -> list[Tensor]:
        return list(tensors_in(self.result))


def trace(call: Callable[[], Any]) -> Trace:
    """Runs a model once and writes down what it does."""
    found = Trace()
    with _watched_modules() as stack, _Watch(found.events, stack):
        found.result = call()
    return found


class _Watch(TorchFunctionMode):
    def __init__(self, events: list[Event], stack: list[nn.Module]) -> None:
        super().__init__()
        self._events = events
        self._stack = stack

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        inputs = _leaves((args, kwargs))
        given = inputs[0].clone() if inputs and "dropout" in name else None
        result = func(*args, **kwargs)
        outputs = _leaves(result)
        if outputs:
            place = calling_place(sys._getframe(1))
            self._events.append(Event(name, inputs, outputs, args, kwargs, tuple(reversed(self._stack)), place, given))
        return result


def _leaves(value: Any) -> list[Tensor]:
    return [leaf for leaf in tree_flatten(value)[0] if isinstance(leaf, Tensor)]


@contextlib.contextmanager
def _watched_modules() -> Iterator[list[nn.Module]]:
    """The stack of modules that are being called, the outermost first; modules that `forward()` constructs are among them."""
    stack: list[nn.Module] = []

    def enter(module: nn.Module, *_: Any) -> None:
        stack.append(module)

    def leave(module: nn.Module, *_: Any) -> None:
        while stack and stack.pop() is not module:
            pass

    handles = [register_module_forward_pre_hook(enter), register_module_forward_hook(leave)]
    try:
        with recorded_modules():
            yield stack
    finally:
        for handle in handles:
            handle.remove()


def is_within(one: Place, other: Place) -> bool:
    """Whether a called expression is the other one or stands in it.

    The other one may begin at the name of a method (`view(2, -1)` of `x.view(2, -1)`), or be what is called (`nn.Dropout(0.5)` of
    `nn.Dropout(0.5)(x)`). Where columns are not known (before Python 3.11), whether it stands in one of its rows.
    """
    if one.path != other.path:
        return False
    if one.column == UNKNOWN:
        return other.row <= one.row <= other.end_row
    start, end = (one.row, one.column), (one.end_row, one.end_column)
    other_start, other_end = (other.row, other.column), (other.end_row, other.end_column)
    return other_start == start or other_end == end or (other_start <= start and end <= other_end)


class RefusedViews(TorchFunctionMode):
    """While active, a `view` that torch refuses for its strides is made by `reshape`, and written down with what torch said."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[Place, str] = {}

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        try:
            return func(*args, **kwargs)
        except RuntimeError as error:
            if func is not Tensor.view or "view size is not compatible" not in str(error):
                raise
            place = calling_place(sys._getframe(1))
            if place is not None:
                self.refused[place] = str(error).splitlines()[0]
            return Tensor.reshape(*args, **kwargs)

    def at(self, place: Place) -> str:
        """What torch said of the views at a place; empty where it refused none."""
        return next((said for refused, said in self.refused.items() if is_within(refused, place)), "")
