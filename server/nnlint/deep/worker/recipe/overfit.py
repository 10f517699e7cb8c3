"""Can the model learn one batch by heart? If it cannot, no amount of data will help."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from .losses import Objective
from .outcome import FAIL, PASS, WARN, Curve, Outcome, not_applicable
from .subject import Subject
from .weights import without_dropout

TITLE = "Overfitting one batch"

_GOAL = 0.01  # of the first loss
_RATES = (1e-2, 2e-3, 4e-4)
_TRIAL = 8  # steps with each rate
_AS_GOOD = 0.1  # of the first loss: so much above the lowest one, the larger rate is still the better one in the long run
_CONVINCING = 0.2  # of the first loss: no other rate needs to be tried
_PATIENCE, _SLOWER = 20, 0.5  # steps without progress, and what the rate is then multiplied with
_STILL_FALLING = 0.95  # the last quarter's best loss, relative to what was best before
_NEAR, _HALF = 0.1, 0.5

Tell = Callable[[str, "float | None"], None]


@dataclass(frozen=True)
class Budget:
    """How far the training may go: a number of steps, and a time on the monotonic clock."""

    steps: int
    deadline: float

    def seconds_left(self) -> float:
        return self.deadline - time.monotonic()


@dataclass
class Descent:
    """The losses of one training, from the initial weights, and the rate that it began with."""

    rate: float
    losses: list[float]

    @property
    def goal(self) -> float:
        return _GOAL * self.losses[0]

    @property
    def best(self) -> float:
        return min((loss for loss in self.losses if math.isfinite(loss)), default=math.inf)

    @property
    def is_sound(self) -> bool:
        return all(map(math.isfinite, self.losses))

    @property
    def has_arrived(self) -> bool:
        return self.losses[-1] <= self.goal

    @property
    def is_still_falling(self) -> bool:
        cut = max(1, len(self.losses) * 3 // 4)
        return len(self.losses) > 3 and min(self.losses[cut:]) < _STILL_FALLING * min(self.losses[:cut])


def check(subject: Subject, objective: Objective, budget: Budget, tell: Tell) -> Outcome:
    """Trains on the batch with AdamW until the loss is 1 % of the first one, at the best of three learning rates."""
    if not any(p.requires_grad for p in subject.model.parameters()):
        return not_applicable("The model has no parameter that could be trained.")
    trials = []
    for number, rate in enumerate(_RATES):
        tell(f"overfitting one batch: trying a learning rate of {rate:g}", number / 20)
        share = (len(_RATES) + 3 - number) ** -1  # of what is left: the training itself gets half of it all
        brief = Budget(_TRIAL, time.monotonic() + share * budget.seconds_left())
        trials.append(_descent(subject, objective, rate, brief))
        if trials[-1].has_arrived:
            return _outcome(trials[-1], objective, False)
        if trials[-1].losses[-1] < _CONVINCING * trials[-1].losses[0]:
            break
    lowest = min((trial.losses[-1] for trial in trials if trial.is_sound), default=math.inf)
    ranked = sorted(trials, key=lambda trial: not (trial.is_sound and trial.losses[-1] <= lowest + _AS_GOOD * trial.losses[0]))
    for trial in ranked[:2]:
        descent = _descent(subject, objective, trial.rate, budget, lambda text, share: tell(text, 0.2 + 0.8 * (share or 0)))
        if descent.is_sound:
            break
    return _outcome(descent, objective, len(descent.losses) <= budget.steps and not descent.has_arrived)


def _descent(subject: Subject, objective: Objective, rate: float, budget: Budget, tell: Tell | None = None) -> Descent:
    """One training. The random state is the same at each step, so that what is random in the model beside dropout is the same too."""
    losses: list[float] = []
    with subject.borrowed() as model, without_dropout(model):
        optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=rate, weight_decay=0.0)
        best, since = math.inf, 0
        for step in range(budget.steps + 1):
            loss = objective.loss(subject.call())
            losses.append(float(loss.detach()))
            best, since = (losses[-1], 0) if losses[-1] < 0.99 * best else (best, since + 1)
            if not math.isfinite(losses[-1]) or Descent(rate, losses).has_arrived or (step >= 3 and budget.seconds_left() < 0):
                break
            if since == _PATIENCE:
                since = 0
                for group in optimizer.param_groups:
                    group["lr"] *= _SLOWER
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            if tell is not None and step % 5 == 0:
                tell(f"overfitting one batch: step {step}, loss {losses[-1]:.3g}", step / budget.steps)
    return Descent(rate, losses)


def _outcome(descent: Descent, objective: Objective, ran_out_of_time: bool) -> Outcome:
    first, best, steps = descent.losses[0], descent.best, len(descent.losses) - 1
    numbers = {"first loss": first, "lowest loss": best, "steps": float(steps), "learning rate": descent.rate}
    curve = Curve(tuple(descent.losses), descent.goal)

    def outcome(status: str, sentence: str, cure: str = "") -> Outcome:
        return Outcome(status, sentence, cure, numbers, curve=curve)

    fell = f"from {first:.4g} to {best:.3g} in {steps} steps (AdamW, learning rate {descent.rate:g}, dropout off)"
    if not descent.is_sound:
        return outcome(
            FAIL,
            f"The loss became {descent.losses[-1]} after {steps} steps.",
            "look for overflows, divisions by zero and logarithms of zero",
        )
    if first <= 0:
        status = PASS if best < first - 0.5 * abs(first) else WARN
        return outcome(status, f"The loss, which may be below zero, fell {fell}.")
    if descent.has_arrived:
        numbers["steps to 1 %"] = numbers.pop("steps")
        return outcome(PASS, f"The loss fell {fell}: the model can learn a batch by heart.")
    if ran_out_of_time:
        return outcome(WARN, f"Time ran out: the loss fell {fell}, not yet to 1 %.", "give it more time with --timeout")
    if best <= _NEAR * first or (descent.is_still_falling and best <= _HALF * first):
        return outcome(WARN, f"The loss fell {fell}, not to 1 %.", "give it more steps with --steps, or look for what slows it down")
    if not objective.has_known_floor and best <= _HALF * first:
        return outcome(WARN, f"The loss fell {fell}; whether it can come to zero is not known of {objective.name}.")
    return outcome(FAIL, f"The loss got stuck: it fell {fell}, and should come to 1 % of the first one.", _CURE)


_CURE = (
    "look for activations that cut off the gradient, detach() or argmax on the way, samples that are mixed or dropped, and a last layer "
    "that cannot give what the target asks for; if this target makes no sense for the model, name one with target= and loss= in its pragma"
)
