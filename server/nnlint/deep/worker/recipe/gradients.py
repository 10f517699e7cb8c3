"""Does a gradient reach every parameter that is to be trained?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .losses import Objective
from .outcome import FAIL, PASS, WARN, Bars, Outcome
from .returned import floats
from .subject import Subject
from .watching import ParameterReads
from .weights import stir_zeros, without_dropout

TITLE = "Gradients"


def check(subject: Subject, objective: Objective) -> Outcome:
    """One backward pass from the loss, and from whatever else `forward()` returns.

    Parameters that no operation reads are the concern of `unused_layers`. Where a gradient is zero, it is asked again with random numbers
    in place of parameters that are zero throughout: behind a head that starts at zero, everything has to wait for the first step.
    """
    names = {id(p): name for name, p in subject.model.named_parameters()}
    with subject.borrowed() as model, without_dropout(model):
        read = _backward(subject, objective)
        bars = _norms(model)
        trained = [p for p in model.parameters() if p.requires_grad]
        if not any(p.grad is not None for p in trained):
            return _without_any(bool(trained))
        broken = [p for p in trained if p.grad is not None and not bool(p.grad.isfinite().all())]
        cut = [p for p in trained if p.grad is None and id(p) in read]
        zero = [p for p in trained if p.grad is not None and p.numel() and not bool(p.grad.any())]
        count = sum(p.grad is not None for p in trained)
        waiting = []
        if zero:
            stir_zeros(model)
            model.zero_grad(set_to_none=True)
            _backward(subject, objective)
            waiting = [p for p in zero if p.grad is not None and bool(p.grad.any())]
    named = {
        "not finite": _names(broken, names),
        "read, but without a gradient": _names(cut, names),
        "zero": _names([p for p in zero if all(p is not w for w in waiting)], names),
        "zero until the first step": _names(waiting, names),
        "frozen": tuple(name for name, p in subject.model.named_parameters() if not p.requires_grad),
    }
    return _judged({title: found for title, found in named.items() if found}, count, bars)


def _backward(subject: Subject, objective: Objective) -> set[int]:
    """Gradients of the loss, plus a random combination of the other results; the parameters that were read on the way."""
    with ParameterReads() as reads:
        returned = subject.call()
        total = objective.loss(returned)
    generator = torch.Generator().manual_seed(4)
    others = [t for _, t in floats(returned) if t.requires_grad and t.numel()]
    for tensor in others if len(others) > 1 else []:
        weights = torch.randn(tensor.shape, generator=generator).to(tensor) / tensor.numel()
        total = total + (tensor * weights).sum()
    if total.requires_grad:
        total.backward()
    return reads.read


def _norms(model: nn.Module) -> Bars:
    """The length of the gradient of each layer's own parameters."""
    values = []
    for name, module in model.named_modules():
        grads = [p.grad for p in module.parameters(recurse=False) if p.grad is not None]
        if grads:
            values.append((name or type(module).__name__, float(_norm(grads))))
    return Bars("Length of the gradient, by layer", "norm", tuple(values))


def _norm(grads: list[Tensor]) -> Tensor:
    return torch.stack([g.double().norm() for g in grads]).norm()


def _names(parameters: list[nn.Parameter], names: dict[int, str]) -> tuple[str, ...]:
    return tuple(names[id(p)] for p in parameters)


def _without_any(has_trained: bool) -> Outcome:
    if not has_trained:
        return Outcome(WARN, "No parameter is to be trained: requires_grad is False everywhere.", "unfreeze what is to learn")
    cure = "look for detach(), .data, torch.no_grad(), argmax or numpy between the layers and what forward() returns"
    return Outcome(FAIL, "No gradient reaches any parameter.", cure)


def _judged(named: dict[str, tuple[str, ...]], count: int, bars: Bars) -> Outcome:
    numbers = {"parameter tensors with a gradient": float(count), **{title: float(len(found)) for title, found in named.items()}}
    if "not finite" in named:
        cure = "look for square roots and norms at zero, divisions and logarithms; their gradient is infinite there"
        return Outcome(FAIL, f"{_count(named['not finite'])} a gradient that is not finite.", cure, numbers, named, bars)
    if "read, but without a gradient" in named:
        cure = "look for detach(), .data, torch.no_grad(), argmax or rounding behind them; freeze what is not to learn"
        sentence = f"{_count(named['read, but without a gradient'])} no gradient, though forward() uses them."
        return Outcome(FAIL, sentence, cure, numbers, named, bars)
    if "zero" in named:
        cure = "look for activations that are zero for every input, factors of zero, and a softmax over a single element"
        return Outcome(WARN, f"{_count(named['zero'])} a gradient of exactly zero.", cure, numbers, named, bars)
    tail = ""
    if "zero until the first step" in named:
        tail = f" {_count(named['zero until the first step'])} one only once parameters that start at zero have moved."
    return Outcome(PASS, f"A gradient reaches all {count} parameter tensors that forward() uses.{tail}", "", numbers, named, bars)


def _count(names: tuple[str, ...]) -> str:
    return f"{names[0]} has" if len(names) == 1 else f"{len(names)} parameter tensors have"
