"""The task "recipe": first aid before any training, after Andrej Karpathy's "A Recipe for Training Neural Networks".

One file a check, each with a `TITLE` and `check(subject, objective) -> Outcome`. `Answer.details` is plain data:

    {"objective": {"name": "cross-entropy over 10 classes", "reason": "what forward() returns is (4, 10), …"},
     "checks": [{"id": "initial-loss", "title": "Initial loss", "status": "pass" | "warn" | "fail" | "not applicable",
                 "sentence": "…", "cure": "…", "numbers": {"initial loss": 2.41, …}, "names": {"frozen": ["stem.weight", …], …},
                 "bars": null | {"title": "…", "unit": "share" | "norm", "values": [["layer1.conv", 0.25], …]},
                 "curve": null | {"losses": [2.41, …], "goal": 0.0241}}, …]}

The checks stand in the order in which a person would go through them. Answers that are given on the way hold those that are done.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ..building import build
from ..failures import first_line
from ..messages import Answer, Request
from . import activations, batch, gradients, initial_loss, modes, overfit, unused_layers
from .losses import Objective
from .objective import choose
from .outcome import Outcome, not_applicable, plain
from .overfit import Budget
from .subject import Subject

_ORDER = (initial_loss, overfit, gradients, unused_layers, modes, batch, activations)
_STEPS = 300
_RESERVED = 0.1  # of the time limit, for starting and ending
_START = time.monotonic() - 4.0  # importing torch came before


def run(request: Request, tell: Any) -> Answer:
    """All checks of one model; raises `NoAnswer` where it cannot be run. What one check meets does not keep others from their work."""
    built = build(request, tell)
    subject = Subject(built, request.device)
    with subject.borrowed():
        objective = choose(subject.call(), subject)
    answer = Answer(
        origin=built.way.origin,
        model=built.way.model,
        inputs=built.described,
        parameters=sum(p.numel() for p in subject.model.parameters()),
    )
    budget = Budget(int(request.options.get("steps", _STEPS)), _START + (1 - _RESERVED) * request.limits.seconds)
    outcomes: dict[ModuleType, Outcome] = {}
    for module, check in _runs(subject, objective, budget, tell):
        tell(module.TITLE.lower(), None)
        outcomes[module] = _outcome(check)
        answer = dataclasses.replace(answer, details=_details(objective, outcomes))
        tell.partial(answer)
    return answer


def _runs(subject: Subject, objective: Objective, budget: Budget, tell: Any) -> list[tuple[ModuleType, Callable[[], Outcome]]]:
    """The checks, the long one last."""
    quick = [(module, lambda module=module: module.check(subject, objective)) for module in _ORDER if module is not overfit]
    return [*quick, (overfit, lambda: overfit.check(subject, objective, budget, tell))]


def _outcome(check: Callable[[], Outcome]) -> Outcome:
    try:
        return check()
    except Exception as error:
        return not_applicable(f"It could not be checked: {first_line(error)}")


def _details(objective: Objective, outcomes: dict[ModuleType, Outcome]) -> dict[str, Any]:
    checks = []
    for module in _ORDER:
        name = module.__name__.rpartition(".")[2]
        outcome = outcomes.get(module) or not_applicable("The run ended before this check.", "give it more time with --timeout")
        checks.append({"id": name.replace("_", "-"), "title": module.TITLE, **dataclasses.asdict(outcome)})
    return {"objective": {"name": objective.name, "reason": objective.reason}, "checks": plain(checks)}
