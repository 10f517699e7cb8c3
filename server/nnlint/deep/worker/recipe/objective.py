"""Which loss the model is trained with here, and against which target."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..building.inputs import arguments
from ..failures import first_line
from ..problems import NoAnswer
from .bounds import Bounds, bounds_of, within
from .losses import Objective, binary, cross_entropy, form_of, regression
from .returned import own_loss, result_of
from .subject import Subject
from .targets import class_targets, number_targets, yes_or_no_targets

_CROSS_ENTROPY = (nn.CrossEntropyLoss, nn.NLLLoss)


def choose(returned: Any, subject: Subject) -> Objective:
    """The loss and target of the way, where it names them; else those that fit what `forward()` returned. Raises `NoAnswer`."""
    if subject.way.loss:
        return _named_loss(returned, subject)
    own = own_loss(returned, subject.has_targets)
    if own is not None:
        return _own(own[0], subject)
    found = result_of(returned)
    if found is None:
        raise NoAnswer("forward() returns no floating tensor to compute a loss from")
    label, result = found
    what = f"{label} of what forward() returns" if label else "what forward() returns"
    if subject.way.target:
        target = _target(subject)
        return _for_target(
            result, target, subject, f"the target of the pragma or the config is {tuple(target.shape)}, {_dtype_words(target)}"
        )
    return _for_shape(result, subject, f"{what} is {tuple(result.shape)}")


def _own(label: str, subject: Subject) -> Objective:
    def loss(returned: Any) -> Tensor:
        found = own_loss(returned, subject.has_targets)
        if found is None:
            raise NoAnswer("forward() returned its own loss in one call and not in another")
        return found[1]

    return Objective("the model's own loss", f"forward() returns it{f' as {label}' if label else ''}", loss, has_known_floor=False)


def _named_loss(returned: Any, subject: Subject) -> Objective:
    text = subject.way.loss
    try:
        named = eval(compile(text.strip(), "<loss>", "eval"), {"torch": torch, "nn": nn, "F": F, **subject.namespace})
        named = named() if isinstance(named, type) else named
        target = _target(subject) if subject.way.target else None
        if target is None:
            found = result_of(returned)
            target = None if found is None else _fitting_target(named, found[1], subject)
        named(returned, target)
    except NoAnswer:
        raise
    except (Exception, SystemExit) as error:
        raise NoAnswer(
            f"loss={text} cannot be computed: {first_line(error)}; write loss= as a function of what forward() returns and target="
        ) from error
    is_known = isinstance(named, _CROSS_ENTROPY) or named in (F.cross_entropy, F.nll_loss)
    expected = cross_entropy(returned, 1, target, "").expected if is_known and isinstance(returned, Tensor) else None
    return Objective(text, "the pragma or the config names it", lambda value: named(value, target), expected, has_known_floor=is_known)


def _fitting_target(loss: Any, result: Tensor, subject: Subject) -> Tensor:
    if isinstance(loss, _CROSS_ENTROPY) or loss in (F.cross_entropy, F.nll_loss):
        return class_targets(result, subject)
    if isinstance(loss, (nn.BCELoss, nn.BCEWithLogitsLoss)) or loss in (F.binary_cross_entropy, F.binary_cross_entropy_with_logits):
        return yes_or_no_targets(result, subject)
    return number_targets(result, subject)


def _target(subject: Subject) -> Tensor:
    args, _ = arguments(subject.way.target, subject.namespace, torch.float32)
    if len(args) != 1 or not isinstance(args[0], Tensor):
        raise NoAnswer(f"target={subject.way.target} is no tensor; write sizes, tokens(4, below=10) or an expression that gives a tensor")
    return args[0].to(next(iter(subject.inputs), args[0]).device)


def _dtype_words(target: Tensor) -> str:
    return "numbers" if target.is_floating_point() else "classes"


def _for_target(result: Tensor, target: Tensor, subject: Subject, reason: str) -> Objective:
    if not target.is_floating_point():
        for axis in (1, -1):
            if result.ndim > 1 and result.movedim(axis, 1)[:, 0].shape == target.shape:
                return cross_entropy(result, axis, target.long(), reason)
        raise NoAnswer(
            f"target {tuple(target.shape)} does not fit the result {tuple(result.shape)}: write target= with a class for each position"
        )
    if result.shape != target.shape:
        raise NoAnswer(
            f"target {tuple(target.shape)} has other sizes than the result {tuple(result.shape)}: write target= with the result's"
        )
    if bounds_of(result, subject) is Bounds.SHARES:
        return binary(target, True, reason)
    return regression(target, reason)


def _for_shape(result: Tensor, subject: Subject, reason: str) -> Objective:
    axis = _axis_of_probabilities(result)
    if axis is not None:
        return _classes(result, axis, subject, reason)
    bounds = bounds_of(result, subject)
    if bounds is Bounds.SHARES:
        return binary(yes_or_no_targets(result, subject), True, f"{reason}, {bounds.value} whatever the weights")
    if bounds is not Bounds.NONE:
        return regression(within(bounds, number_targets(result, subject)), f"{reason}, {bounds.value} whatever the weights")
    axis = _axis_of_classes(result, subject)
    if axis is not None:
        return _classes(result, axis, subject, reason)
    if result.ndim > 3 and result.shape[1] == 1 and not _has_shape_of_input(result, subject):
        return binary(yes_or_no_targets(result, subject), False, f"{reason}, taken for a score of yes or no at each position")
    return regression(number_targets(result, subject), f"{reason}, taken for numbers")


def _axis_of_probabilities(result: Tensor) -> int | None:
    """The axis along which the result is a probability, or the logarithm of one."""
    values = result.detach()
    for axis in (axis for axis in (1, result.ndim - 1) if 0 < axis < result.ndim and result.shape[axis] > 1):
        if form_of(values, axis) != "scores":
            return axis
    return None


def _axis_of_classes(result: Tensor, subject: Subject) -> int | None:
    """The axis of the classes; `None` where the result is rather an image, a sequence or numbers."""
    inputs = subject.inputs
    if result.ndim < 2 or _has_shape_of_input(result, subject):
        return None
    axis = 1
    if result.ndim == 2:
        axis = 1 - subject.batch.axis if subject.batch is not None else 1
    elif result.ndim == 3 and any(v.shape[:2] == result.shape[:2] and v.ndim <= 3 for v in inputs):
        axis = 2
    channels = result.shape[axis]
    is_image = result.ndim > 3 and any(v.ndim == result.ndim and v.is_floating_point() and v.shape[1] == channels for v in inputs)
    return None if channels < 2 or is_image else axis


def _has_shape_of_input(result: Tensor, subject: Subject) -> bool:
    return result.ndim > 2 and any(v.shape == result.shape for v in subject.inputs)


def _classes(result: Tensor, axis: int, subject: Subject, reason: str) -> Objective:
    target = class_targets(result.detach().movedim(axis, 1), subject)
    form = form_of(result.detach(), axis)
    return cross_entropy(result, axis, target, f"{reason}, taken for {form} of {result.shape[axis]:,} classes")
