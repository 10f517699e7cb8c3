"""Are there layers that are constructed, and trained in vain, because `forward()` never comes by?"""

from __future__ import annotations

import torch
from torch import nn

from .losses import Objective
from .outcome import PASS, WARN, Outcome
from .subject import Subject
from .watching import ParameterReads, calls_of

TITLE = "Unused layers"

_RUNS = 4

_CURE = "call them in forward(), or take them out: they cost memory, and DistributedDataParallel refuses parameters without a gradient"


def check(subject: Subject, objective: Objective) -> Outcome:
    """Runs the model in both modes, several times, as it may drop layers, and looks for modules that are not called and whose
    parameters nothing reads.

    Layers without parameters are only told of: dropout whose rate `forward()` hands on to another function need not be called.
    """
    called: set[nn.Module] = set()
    read: set[int] = set()
    for training in (True, False):
        with subject.borrowed(training) as model, torch.no_grad(), calls_of(model) as now, ParameterReads() as reads:
            for number in range(_RUNS):
                subject.call(number=number)
        called |= now
        read |= reads.read
    model = subject.model
    unused = {m for m in model.modules() if _is_unused(m, called, read)}
    idle = [f"{name} ({type(m).__name__})" for name, m in model.named_modules() if _is_idle(m, called, unused)]
    lonely = [name for name, p in model.named_parameters() if id(p) not in read and not _lies_in(name, model, unused)]
    layers = [_described(name, m) for name, m in model.named_modules() if m in unused and not _lies_in(name, model, unused)]
    names = {"layers": tuple(layers), "parameters": tuple(lonely), "not called, without parameters": tuple(idle)}
    names = {title: found for title, found in names.items() if found}
    wasted = sum(p.numel() for p in model.parameters() if id(p) not in read)
    numbers = {"unused layers": float(len(layers)), "unused parameters": float(wasted)}
    if not wasted:
        return Outcome(PASS, "forward() uses every layer that has parameters.", "", numbers, names)
    what = " and ".join(_several(n, word) for n, word in ((len(layers), "layer"), (len(lonely), "parameter")) if n)
    verb = "is" if len(layers) + len(lonely) == 1 else "are"
    return Outcome(WARN, f"{what} {verb} defined and never used: {wasted:,} numbers that nothing reads.", _CURE, numbers, names)


def _is_unused(module: nn.Module, called: set[nn.Module], read: set[int]) -> bool:
    """Whether nothing of it takes part, though it has parameters."""
    parameters = list(module.parameters())
    return bool(parameters) and not any(m in called for m in module.modules()) and not any(id(p) in read for p in parameters)


def _is_idle(module: nn.Module, called: set[nn.Module], unused: set[nn.Module]) -> bool:
    is_layer = (
        not list(module.children())
        and not list(module.parameters())
        and not isinstance(module, (nn.Identity, nn.ModuleList, nn.ModuleDict))
    )
    is_loss = isinstance(module, nn.modules.loss._Loss)
    return is_layer and not is_loss and module not in called and module not in unused


def _lies_in(name: str, model: nn.Module, unused: set[nn.Module]) -> bool:
    """Whether a module around it is unused as a whole."""
    parts = name.split(".")
    return any(model.get_submodule(".".join(parts[:length])) in unused for length in range(1, len(parts)))


def _described(name: str, module: nn.Module) -> str:
    return f"{name} ({type(module).__name__}, {sum(p.numel() for p in module.parameters()):,} parameters)"


def _several(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
