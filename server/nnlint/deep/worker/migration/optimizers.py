"""The states of optimizers in a checkpoint: what belongs to a parameter that goes is taken out, and the rest renumbered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..problems import NoAnswer
from .copies import mappings_in

_NAMES = "param_names"  # in the groups of an optimizer that was given named parameters
_CURE = "leave the optimizer's state out of the file, and start it anew"


@dataclass(frozen=True)
class Parameter:
    """A parameter of the model as it was when the checkpoint was written."""

    name: str
    shape: tuple[int, ...]
    goes: bool


def drop_from_optimizers(content: Any, parameters: Sequence[Parameter]) -> list[str]:
    """Takes the parameters that go out of every optimizer's state; returns where such states stand. Raises `NoAnswer` where it cannot
    be told which entries are theirs."""
    found = [(where, holder) for where, holder in mappings_in(content) if _is_optimizer(holder)]
    for where, holder in found:
        _drop(holder, _entries(where, holder, parameters))
    return [where or "the file itself" for where, _ in found]


def _is_optimizer(holder: Any) -> bool:
    groups = holder.get("param_groups")
    return isinstance(holder.get("state"), dict) and isinstance(groups, list) and all(isinstance(g, dict) and "params" in g for g in groups)


def _entries(where: str, optimizer: Any, parameters: Sequence[Parameter]) -> set[Any]:
    """The ids that the optimizer has for the parameters that go.

    It knows them by number, in the order in which they were given to it. That is the model's own order within a group wherever a loop
    over `parameters()` made the group; what the states' shapes say must agree.
    """
    groups = optimizer["param_groups"]
    if all(len(group.get(_NAMES, ())) == len(group["params"]) for group in groups):
        return _by_name(where, [pair for group in groups for pair in zip(group[_NAMES], group["params"])], parameters)
    if all(isinstance(one, str) for group in groups for one in group["params"]):
        return _by_name(where, [(one, one) for group in groups for one in group["params"]], parameters)
    shapes = {one: _shape(state) for one, state in optimizer["state"].items()}
    ids = [one for group in groups for one in group["params"]]
    if len(groups) == 1 and len(ids) == len(parameters) and all(shapes.get(one) in (None, p.shape) for one, p in zip(ids, parameters)):
        return {one for one, p in zip(ids, parameters) if p.goes}
    return {one for shape in {p.shape for p in parameters if p.goes} for one in _by_shape(where, groups, shapes, shape, parameters)}


def _by_name(where: str, named: list[tuple[str, Any]], parameters: Sequence[Parameter]) -> set[Any]:
    found = set()
    for parameter in parameters:
        if parameter.goes:
            ids = [one for name, one in named if name == parameter.name or name.endswith(f".{parameter.name}")]
            if len(ids) > 1:
                raise NoAnswer(f"{where}: its optimizer has {len(ids)} parameters called {parameter.name}; {_CURE}")
            found.update(ids)
    return found


def _by_shape(
    where: str, groups: list[dict[str, Any]], shapes: dict[Any, Any], shape: tuple[int, ...], parameters: Sequence[Parameter]
) -> set[Any]:
    """The ids of those parameters of one shape that go. All of that shape must be in one group: within it they have the model's order."""
    alike = [p for p in parameters if p.shape == shape]
    of_groups = [found for group in groups if (found := [one for one in group["params"] if shapes.get(one) == shape])]
    if len(of_groups) != 1 or len(of_groups[0]) != len(alike):
        name = next(p.name for p in alike if p.goes)
        raise NoAnswer(f"{where}: nothing says which of its {sum(len(g['params']) for g in groups)} parameters is `{name}`; {_CURE}")
    return {one for one, p in zip(of_groups[0], alike) if p.goes}


def _shape(state: Any) -> tuple[int, ...] | None:
    """The shape of the parameter that a state is of; `None` where it does not say."""
    values = state.values() if isinstance(state, dict) else ()
    shapes = {tuple(value.shape) for value in values if isinstance(value, Tensor) and value.dim()}
    return shapes.pop() if len(shapes) == 1 else None


def _drop(optimizer: Any, gone: set[Any]) -> None:
    groups, state = optimizer["param_groups"], optimizer["state"]
    before = [one for group in groups for one in group["params"]]
    kept = [one for one in before if one not in gone]
    numbers = {one: number for number, one in enumerate(kept)} if before == list(range(len(before))) else {one: one for one in kept}
    for group in groups:
        stays = [one not in gone for one in group["params"]]
        if len(group.get(_NAMES, ())) == len(stays):
            group[_NAMES] = [name for name, keep in zip(group[_NAMES], stays) if keep]
        group["params"] = [numbers[one] for one, keep in zip(group["params"], stays) if keep]
    renumbered = {numbers.get(one, one): value for one, value in state.items() if one not in gone}
    state.clear()
    state.update(renumbered)
