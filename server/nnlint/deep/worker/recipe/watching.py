"""What a run touches: which modules are called, and which parameters are read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten


class ParameterReads(TorchFunctionMode):
    """While active, writes down which parameters go into operations of torch. Asking for a shape or a device reads nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.read: set[int] = set()

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        if getattr(func, "__name__", "") != "__get__":
            self.read.update(id(v) for v in tree_flatten((args, kwargs))[0] if isinstance(v, nn.Parameter))
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def calls_of(model: nn.Module) -> Iterator[set[nn.Module]]:
    """The modules that are called while this is active."""
    called: set[nn.Module] = set()
    hooks = [m.register_forward_pre_hook(lambda module, _: called.add(module)) for m in model.modules()]
    try:
        yield called
    finally:
        for hook in hooks:
            hook.remove()


@contextlib.contextmanager
def module_stack(model: nn.Module) -> Iterator[list[str]]:
    """The names of the modules that are being called, the outermost first."""
    stack: list[str] = []

    def leave(*_: Any) -> None:
        stack.pop()

    hooks = []
    for name, module in model.named_modules():
        hooks.append(module.register_forward_pre_hook(lambda _, __, name=name: stack.append(name)))
        hooks.append(module.register_forward_hook(leave, always_call=True))
    try:
        yield stack
    finally:
        for hook in hooks:
            hook.remove()
