"""NN601, NN602, NN603: what a view does to the elements of its tensor, and whether torch lets it at all.

A view keeps the order of elements in memory. An axis of the old shape is still an axis of the new one where the size is the same and as
many elements lie between two neighbors along it. A new axis that has the size of an old one, but not its elements, is the mark of a view
that was meant to swap axes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ..messages import CONFIRMED, NO_ANSWER, REFUTED, Question, Verdict
from ..running.outputs import tensors_in
from ..running.tracing import Event
from ..running.trial import Trial, is_floating, running

_VIEWS = frozenset({"view", "reshape", "view_as", "reshape_as"})


def prove(question: Question, trial: Trial) -> Verdict:
    """The verdict on what the call is given in the run."""
    events = [event for event in trial.trace.at(question.place) if event.name in _VIEWS and event.inputs and event.outputs]
    if not events:
        return Verdict(question.id, NO_ANSWER, "the view does not run in this model")
    if question.code == "NN602":
        return _strides(question, trial)
    verdict = _elements(question, events[-1], trial)
    return verdict if verdict.kind != NO_ANSWER else next(_of_other_sizes(question, trial), verdict)


def _of_other_sizes(question: Question, trial: Trial) -> Iterator[Verdict]:
    """Verdicts on inputs of other sizes, of which the model takes some: with a sample more, or with fewer elements along the last axis."""
    for change in (_one_more, _shorter, lambda value: _shorter(_one_more(value))):
        try:
            events = [event for event in trial.traced(change).at(question.place) if event.name in _VIEWS]
        except Exception:  # a model of fixed sizes
            continue
        verdict = _elements(question, events[-1], trial) if events else None
        if verdict is not None and verdict.kind != NO_ANSWER:
            yield verdict


def _one_more(value: Tensor) -> Tensor:
    return torch.cat([value, value[:1]]) if value.dim() else value


def _shorter(value: Tensor) -> Tensor:
    return value[..., : max(1, value.shape[-1] * 3 // 4)] if value.dim() > 2 else value


def _strides(question: Question, trial: Trial) -> Verdict:
    raised = "" if trial.refused is None else trial.refused.at(question.place)
    message = "the view runs: what it is given lies in memory as it needs to"
    return Verdict(question.id, CONFIRMED, raised) if raised else Verdict(question.id, REFUTED, message)


def _elements(question: Question, event: Event, trial: Trial) -> Verdict:
    before, after = tuple(event.inputs[0].shape), tuple(event.outputs[0].shape)
    axis = displaced_axis(before, after)
    mixes = question.code == "NN603" and (axis is not None or not keeps_samples(before, after))
    if axis is not None or mixes:
        mixed = mixed_samples(trial) if mixes else None
        message = f"{before} becomes {after}: {_example(before, after, axis)}{_mixing_words(mixed)}"
        return Verdict(question.id, CONFIRMED, message, {} if mixed is None else {"samples that reach others": float(mixed)})
    sizes = [size for size in before if size > 1]
    if before == after or len(set(sizes)) < len(sizes):
        message = f"in this run the sizes of {before} are too much alike to tell axes apart; give an input whose sizes differ"
        return Verdict(question.id, NO_ANSWER, message)
    if not {step for _, step in _extents(after)} <= {step for _, step in _extents(before)}:
        return Verdict(question.id, NO_ANSWER, f"{before} becomes {after}: whether an axis is split in the right order, sizes do not tell")
    return Verdict(question.id, REFUTED, f"{before} becomes {after} by merging axes in their order: nothing is scrambled")


def displaced_axis(before: Sequence[int], after: Sequence[int]) -> int | None:
    """An axis of the old shape whose size comes back as that of a new axis which holds other elements; `None` where there is none."""
    old, new = _extents(before), _extents(after)
    strangers = {size for size, step in new if (size, step) not in old}
    return next((axis for axis, (size, step) in enumerate(old) if size > 1 and (size, step) not in new and size in strangers), None)


def _extents(shape: Sequence[int]) -> list[tuple[int, int]]:
    """Of each axis its size, and the number of elements from one index to the next."""
    found: list[tuple[int, int]] = []
    step = 1
    for size in reversed(shape):
        found.insert(0, (size, step))
        step *= size
    return found


def keeps_samples(before: Sequence[int], after: Sequence[int]) -> bool:
    """Whether each row of the new first axis is a sample, or one element of it along its first axes."""
    return bool(before) and bool(after) and after[0] in (math.prod(before[:axes]) for axes in range(1, len(before) + 1))


def _example(before: Sequence[int], after: Sequence[int], axis: int | None) -> str:
    """The second element along a new axis, and where it was: positions are tagged and looked up after the view."""
    size = before[axis] if axis is not None else after[0]
    new = next(a for a, other in enumerate(after) if other == size)
    index = tuple(int(a == new and size > 1) for a in range(len(after)))
    tags = torch.arange(math.prod(before)).reshape(after)
    at = _unraveled(int(tags[index]), before)
    expected = "" if axis is None else f", not one that is 1 along axis {axis}"
    return f"element {index} of the result is element {at} of the input{expected}"


def _unraveled(flat: int, shape: Sequence[int]) -> tuple[int, ...]:
    found: list[int] = []
    for size in reversed(shape):
        flat, rest = divmod(flat, size)
        found.insert(0, rest)
    return tuple(found)


def mixed_samples(trial: Trial) -> int | None:
    """How many samples of the batch reach the output of another one in evaluation mode; `None` where that cannot be asked.

    By gradients: the output of sample i, summed, is differentiated by the inputs (Karpathy's recipe: "use backprop to chart
    dependencies").
    """
    given: list[Tensor] = []

    def record(value: Tensor) -> Tensor:
        given.append(value.clone().requires_grad_(True))
        return given[-1]

    with trial.evaluating(), running(), torch.enable_grad():
        outputs = [o for o in tensors_in(trial.call_on(record)) if is_floating(o) and o.requires_grad and o.dim()]
        batch = given[0].shape[0] if given and given[0].dim() else 0
        if batch < 2 or not outputs or outputs[0].shape[0] < 1:
            return None
        rows = outputs[0].shape[0]
        reached = [_samples_reaching(outputs[0][row], given) for row in range(rows)]
    if rows == batch:
        return sum(bool(samples - {row}) for row, samples in enumerate(reached))
    return len({sample for samples in reached if len(samples) > 1 for sample in samples}) or None


def _samples_reaching(output: Tensor, given: list[Tensor]) -> set[int]:
    gradients = torch.autograd.grad(output.sum(), given, retain_graph=True, allow_unused=True)
    return {i for g in gradients if g is not None and g.dim() for i in range(g.shape[0]) if bool(g[i].any())}


def _mixing_words(mixed: int | None) -> str:
    return "" if not mixed else f"; in evaluation mode {mixed} samples of the batch reach the output of another one"
