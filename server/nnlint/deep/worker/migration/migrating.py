"""The copies of a model's weights on their way into the same model without some biases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..problems import NoAnswer
from ..running.outputs import relative_change
from .copies import Copy
from .folding import Evaluation, exactly
from .removal import Removal

AGREEMENT = 1e-6  # relative, of all outputs in evaluation mode: what is promised
_FULL = torch.finfo(torch.float32).eps  # what keeps the promise when it is stored; coarser numbers may lose more, in proportion


@dataclass(frozen=True)
class _Folded:
    """What the old model makes of one copy, and the running means that the new one needs for the same, by their keys."""

    copy: Copy
    outputs: list[Tensor]
    means: dict[str, Tensor]
    exact: float


class Migration:
    """Folds the biases of a model in double precision, which `call` runs, for each copy of its weights."""

    def __init__(self, model: nn.Module, call: Callable[[], Any], removal: Removal) -> None:
        self._model = model
        self._removal = removal
        self._evaluation = Evaluation(model, call)
        self._folded: list[_Folded] = []

    @property
    def keys(self) -> list[str]:
        """The keys that the new model has."""
        return [key for key in self._model.state_dict() if key not in self._removal.keys]

    def fold(self, copies: Sequence[Copy]) -> None:
        """Measures what becomes of each copy; raises `NoAnswer` where the new model would be another one."""
        self._folded = [self._fold(copy) for copy in copies]

    def _fold(self, copy: Copy) -> _Folded:
        self._load(copy, without=self._removal.keys)
        self._removal.give({name: copy.holder[copy.keys[f"{name}.bias"]] for name in self._removal.layers})
        reference = self._evaluation.reference()
        biases = self._removal.take()
        stored = dict(self._model.named_buffers())
        means: dict[str, Tensor] = {}
        for norm, shift in self._evaluation.shifts(reference).items():
            key = f"{norm}.running_mean"
            means[key] = stored[key] - exactly(shift, biases.values())
            stored[key].copy_(means[key])
        exact = relative_change(reference[0], self._evaluation.outputs())
        self._removal.give(biases)
        if not exact <= AGREEMENT:
            raise NoAnswer(f"{copy}: without the biases, the outputs would differ by {exact:.1e} relative in evaluation mode")
        return _Folded(copy, reference[0], means, exact)

    def write_into_copies(self) -> None:
        """Takes the biases out of the checkpoint's mappings, and puts the new running means in."""
        aliases = _aliases(self._model)
        for folded in self._folded:
            holder, keys = folded.copy.holder, folded.copy.keys
            for key in self._removal.keys:
                del holder[keys[key]]
            for key, mean in folded.means.items():
                new = mean.to(holder[keys[key]].dtype)
                holder.update({keys[alias]: new for alias in aliases[key]})

    def compare(self, copies: Sequence[Copy]) -> float:
        """How far the outputs of the new model, with copies that were read again, lie from the old one's; raises `NoAnswer` if too far."""
        by_place = {(copy.where, copy.prefix): copy for copy in copies}
        differences = [self._compare(by_place[folded.copy.where, folded.copy.prefix], folded) for folded in self._folded]
        return max(differences)

    def _compare(self, copy: Copy, folded: _Folded) -> float:
        self._load(copy)
        biases = self._removal.take()
        difference = relative_change(folded.outputs, self._evaluation.outputs())
        self._removal.give(biases)
        allowed = AGREEMENT * max([1.0, *(torch.finfo(dtype).eps / _FULL for dtype in self._dtypes())])
        if not difference <= allowed:
            raise NoAnswer(f"{copy}: rounded as the file stores them, the new running means move the outputs by {difference:.1e} relative")
        return difference

    def details(self) -> dict[str, Any]:
        """What was done, as plain data."""
        return {
            "copies": [str(folded.copy) for folded in self._folded],
            "means": list({key: None for folded in self._folded for key in folded.means}),
            "dtypes": sorted({str(dtype).rpartition(".")[2] for dtype in self._dtypes()}),
            "exact": max(folded.exact for folded in self._folded),
        }

    def _dtypes(self) -> list[Any]:
        """Those of the running means that were changed, as they are stored."""
        return [folded.copy.holder[folded.copy.keys[key]].dtype for folded in self._folded for key in folded.means]

    def _load(self, copy: Copy, without: Sequence[str] = ()) -> None:
        """Loads a copy into the model without the biases, strictly."""
        biases = self._removal.take()
        try:
            self._model.load_state_dict({key: copy.holder[own] for key, own in copy.keys.items() if key not in without})
        except Exception as error:
            raise NoAnswer(f"{copy}: the model does not load it: {' '.join(str(error).split())[:300]}") from None
        self._removal.give(biases)


def _aliases(model: nn.Module) -> dict[str, list[str]]:
    """All keys of each buffer, by its first: a module that is held twice has keys under both names."""
    found: dict[int, list[str]] = {}
    for name, buffer in model.named_buffers(remove_duplicate=False):
        found.setdefault(id(buffer), []).append(name)
    return {names[0]: names for names in found.values()}
