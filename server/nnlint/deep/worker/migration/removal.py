"""Which layers of a model lose their bias, and the model with and without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..messages import Question
from ..problems import NoAnswer
from ..proofs.cancelled_biases import is_redundant, matters
from ..running.sites import BIASED_LAYERS, constructed_at, construction_of
from ..running.trial import Trial
from .copies import Copy, listed

_CODE = "NN501"


@dataclass(frozen=True)
class Removal:
    """The layers whose bias goes, by name; one that the model holds twice, once. `keys` are those of their biases in its state."""

    layers: dict[str, Any]
    keys: tuple[str, ...]

    def give(self, biases: Mapping[str, Tensor]) -> None:
        """Gives each layer its bias."""
        for name, layer in self.layers.items():
            layer.bias = nn.Parameter(biases[name].to(layer.weight.dtype, copy=True))

    def take(self) -> dict[str, Tensor]:
        """Takes the biases away, and returns them."""
        biases = {name: layer.bias.detach() for name, layer in self.layers.items()}
        for layer in self.layers.values():
            layer.bias = None
        return biases


def removal_of(model: nn.Module, questions: Sequence[Question], copies: Sequence[Copy]) -> Removal:
    """The layers without a bias for which the checkpoint has one; where it fits the model as it is, those that are asked about.

    They have a bias afterwards. Raises `NoAnswer` where there are none.
    """
    known = model.state_dict().keys()
    surplus = {key: copy.holder[copy.keys[key]] for copy in copies for key in copy.unexpected(known)}
    places = [question.place for question in questions if question.code == _CODE]

    def is_fixed(layer: Any, names: Sequence[str]) -> bool:
        return layer.bias is None and any(f"{name}.bias" in surplus for name in names)

    def is_found(layer: Any, _: Sequence[str]) -> bool:
        return layer.bias is not None and any(constructed_at(construction_of(layer), place) for place in places)

    chosen = _layers(model, is_fixed if surplus else is_found)
    if not chosen and surplus:
        raise NoAnswer(f"{copies[0]} has {listed(list(surplus))}, which the model does not")
    if not chosen:
        raise NoAnswer("the checkpoint fits it as it is, and it has no bias that the fix of NN501 would remove")
    removal = Removal({names[0]: layer for layer, names in chosen}, tuple(f"{name}.bias" for _, names in chosen for name in names))
    if surplus:
        removal.give({names[0]: torch.zeros_like(surplus[f"{names[0]}.bias"]) for _, names in chosen})
    return removal


def _layers(model: nn.Module, is_chosen: Callable[[Any, Sequence[str]], bool]) -> list[tuple[Any, list[str]]]:
    """The layers that are chosen, with all of their names."""
    found: dict[int, tuple[Any, list[str]]] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        if isinstance(module, BIASED_LAYERS):
            found.setdefault(id(module), (module, []))[1].append(name)
    return [(layer, names) for layer, names in found.values() if is_chosen(layer, names)]


def prove(removal: Removal, trial: Trial) -> None:
    """Raises `NoAnswer` unless no output moves when the biases do, in both modes, with parameters at random."""
    idle = [name for name, layer in removal.layers.items() if not matters(layer, trial)]
    if idle:
        raise NoAnswer(f"nothing that {listed(idle)} computes reaches an output on this input; name another one with --input")
    if not is_redundant(list(removal.layers.values()), trial):
        needed = [name for name, layer in removal.layers.items() if not is_redundant([layer], trial)]
        raise NoAnswer(f"the bias of {listed(needed or list(removal.layers))} is not cancelled: the model without it is another one")
