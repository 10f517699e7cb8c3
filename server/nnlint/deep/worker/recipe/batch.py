"""Do the samples of a batch stay apart?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from .losses import Objective
from .outcome import FAIL, PASS, WARN, Outcome, not_applicable
from .returned import result_of
from .subject import Batch, Subject
from .weights import stir_zeros, without_dropout

TITLE = "Independent samples"

_EFFECT = 1e-5  # relative; below it lies rounding
_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.uint8, torch.int8)


def check(subject: Subject, objective: Objective) -> Outcome:
    """Changes one sample of the batch and looks at the results of the others, in eval mode and in train mode with norms in eval mode."""
    batch = subject.batch
    if batch is None:
        return not_applicable("Inputs and result share no axis that could count samples.")
    if any(v.dtype in _INTEGERS and v.ndim and not batch.is_in(v) for v in subject.inputs):
        return not_applicable("An input of integers has no axis for samples: it may say which of them belong together.")
    own = other = 0.0
    modes = []
    for training in (False, True):
        with subject.borrowed(training) as model, torch.no_grad(), without_dropout(model):
            stir_zeros(model)
            _norms_to_eval(model)
            here = [_effects(subject, batch, sample) for sample in (0, batch.size - 1)]
        own, leaked = max(own, *(pair[0] for pair in here)), max(pair[1] for pair in here)
        other = max(other, leaked)
        modes += ["train" if training else "eval"] if leaked > _EFFECT else []
    numbers = {"effect on the sample itself": own, "effect on other samples": other}
    if other > _EFFECT:
        cure = "look for view and reshape with the batch in another place (NN603), for norms, softmax, mean or flatten over the batch axis"
        return Outcome(FAIL, f"In {' and '.join(modes)} mode a sample changes the results of others, by {other:.2g}.", cure, numbers)
    if own <= _EFFECT:
        return Outcome(WARN, "The result does not depend on the input.", "look for what throws the input away", numbers)
    return Outcome(PASS, "No sample changes the result of another, batch statistics of norms aside.", "", numbers)


def _effects(subject: Subject, batch: Batch, sample: int) -> tuple[float, float]:
    """How much a change of one sample changes its own result, and how much the results of the others, relative to the largest number."""
    before = _result(subject.call())
    args, kwargs = tree_map(lambda v: _changed(v, batch, sample), (subject.args, subject.kwargs))
    after = _result(subject.call(args, kwargs))
    if before.shape != after.shape or not batch.is_in(before):
        return 0.0, 0.0
    size = float(before.abs().max()) or 1.0
    change = (after - before).abs().movedim(batch.axis, 0).flatten(1).amax(1) if before.ndim > 1 else (after - before).abs()
    others = torch.arange(batch.size, device=change.device) != sample
    return float(change[sample]) / size, float(change[others].max()) / size


def _changed(value: Any, batch: Batch, sample: int) -> Any:
    """The input with one sample replaced by another one: whatever that is, the model takes it."""
    if not isinstance(value, Tensor) or not batch.is_in(value):
        return value
    value = value.clone()
    value.select(batch.axis, sample).copy_(value.select(batch.axis, (sample + 1) % batch.size))
    return value


def _norms_to_eval(model: nn.Module) -> None:
    for module in _norms(model):
        module.eval()


def _norms(model: nn.Module) -> Iterator[nn.Module]:
    return (m for m in model.modules() if isinstance(m, nn.modules.batchnorm._NormBase) or "norm" in type(m).__name__.lower())


def _result(returned: Any) -> Tensor:
    found = result_of(returned)
    return torch.zeros(()) if found is None else found[1]
