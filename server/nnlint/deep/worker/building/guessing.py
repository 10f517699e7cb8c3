"""First guesses at what `forward()` takes: by what is known of its parameters, by their names, and by the layers that the model has."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any

from torch import nn

from ..messages import Hint
from .layer_shapes import BATCH, SIDE, STEPS, fitting, state_of
from .naming import by_name, is_state, named_part
from .reading import Usage, usages
from .specimens import FLOATS, TOKENS, Given, Leaf, Several, Specimen

_MOST_LAYERS = 4
_MOST_STEPS = 8  # from module to module, on the way to the layer that takes a parameter
_PICTURES = 2  # in a list of them, each with what is on it

_USUAL = (
    Leaf(FLOATS, (BATCH, 3, SIDE, SIDE)),
    Leaf(FLOATS, (BATCH, STEPS, SIDE)),
    Leaf(FLOATS, (BATCH, STEPS)),
    Leaf(TOKENS, (BATCH, STEPS), 10),
    Leaf(FLOATS, (BATCH, 3, 224, 224)),
    Leaf(FLOATS, (BATCH, 1, 28, 28)),
    Leaf(FLOATS, (BATCH, 3, 8, SIDE, SIDE)),
    Leaf(FLOATS, (BATCH,)),
)
_SIDE_NAMES = r"(img|image|input)_?(size|shape|resolution|res)|resolution|sample_size"


def guesses(model: nn.Module, hints: Iterable[Hint]) -> Iterator[Given]:
    """What might be given to the model, the likeliest first."""
    subject = _Subject(model, hints)
    parameters = subject.required()
    if parameters is None:
        yield from (Given(("",), (leaf,), by_name=False) for leaf in subject.mains(""))
    elif not parameters:
        yield Given((), ())
    else:
        main = next((p for p in parameters if subject.by_name(p) is None), parameters[0])
        named = all(p.kind is not p.POSITIONAL_ONLY for p in parameters)
        names = tuple(p.name for p in parameters)
        for leaf in subject.mains(main.name):
            specimens = tuple(leaf if p is main else subject.other(p, leaf) for p in parameters)
            contained = tuple(subject.contained(name, specimen) for name, specimen in zip(names, specimens))
            for chosen in dict.fromkeys([contained, specimens]):
                yield Given(names, chosen, named, by_position=all(p.kind is not p.KEYWORD_ONLY for p in parameters))


def optional_parameters(model: nn.Module) -> dict[str, Specimen]:
    """The parameters that are `None` unless given, with what fits their names."""
    subject = _Subject(model, ())
    main = next(subject.mains(""))
    absent = [p for p in subject.parameters if p.default is None and p.kind is not p.POSITIONAL_ONLY]
    return {p.name: subject.contained(p.name, subject.other(p, main)) for p in absent}


class _Subject:
    """A model, and what is known of the parameters of its `forward()` by name."""

    def __init__(self, model: nn.Module, hints: Iterable[Hint]) -> None:
        self.model = model
        self.parameters = _parameters(model)
        self._usages = _usages_of(model)
        self._hints = {hint.name: hint for hint in hints}
        self._below = min((m.num_embeddings for m in model.modules() if isinstance(m, nn.Embedding)), default=0)

    def required(self) -> list[inspect.Parameter] | None:
        """The parameters without a default, or the first one; `None` where `forward()` takes anything."""
        named = [p for p in self.parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        if not named and self.parameters:
            return None
        return [p for p in named if p.default is p.empty] or named[:1]

    def by_name(self, parameter: inspect.Parameter) -> Leaf | None:
        """What the name and annotation of a parameter say."""
        return by_name(parameter.name, str(parameter.annotation), self._below)

    def other(self, parameter: inspect.Parameter, main: Leaf) -> Specimen:
        """A guess at a parameter that is not the main one: like that, if nothing better is known."""
        usage = self._usages.get(parameter.name, Usage())
        return self._state(parameter.name, usage) or next(self._told(parameter.name), None) or self.by_name(parameter) or main

    def _state(self, name: str, usage: Usage) -> Specimen | None:
        """The state that a recurrent layer begins with, where the parameter goes into one or is called like it."""
        layer = _at(self.model, usage.layer) if usage.layer and usage.position else None
        layers = [layer] if layer is not None else list(self.model.modules()) if is_state(name) else []
        return next((state for state in map(state_of, layers) if state is not None), None)

    def contained(self, name: str, specimen: Specimen) -> Specimen:
        """The same in a dict where the parameter is asked for keys, in a list where it is gone through."""
        usage = self._usages.get(name)
        if usage is None or not isinstance(specimen, Leaf) or not specimen.is_tensor:
            return specimen
        if usage.item_keys:
            return Several((_dict(usage.item_keys, specimen),) * _PICTURES)
        if usage.keys:
            return _dict(usage.keys, specimen)
        if not usage.items or named_part(name) is not None:
            return specimen
        if any(other.item_keys for other in self._usages.values()):  # a list of pictures, and a list of what is on each
            return Several((specimen.of(*specimen.sizes[1:]),) * _PICTURES)
        return Several((specimen,) * usage.items)

    def mains(self, name: str) -> Iterator[Leaf]:
        """Guesses at the main parameter, each once."""
        yield from dict.fromkeys(self._mains(name))

    def _mains(self, name: str) -> Iterator[Leaf]:
        yield from self._told(name)
        axes = self._usages.get(name, Usage()).axes
        side = _attribute(self.model, _SIDE_NAMES)
        of_layers = list(_of_layers(self.model))
        for leaf in of_layers:
            if axes is None or len(leaf.sizes) == axes:
                if side is not None and len(leaf.sizes) == 4:
                    yield leaf.of(*leaf.sizes[:2], side, side)
                yield leaf
        yield from (leaf for leaf in _USUAL if len(leaf.sizes) == axes)
        yield from of_layers
        yield from _USUAL

    def _told(self, name: str) -> Iterator[Leaf]:
        """What is known of a parameter: its sizes, the layer that it goes into first."""
        hint, usage = self._hints.get(name), self._usages.get(name, Usage())
        path = (hint.layer if hint is not None else "") or (usage.layer if not usage.position else "")
        fits = list(_taken_first(_at(self.model, path))) if path else []
        if hint is not None and hint.sizes is not None:
            like = next((leaf.sizes for leaf in (*fits, *_USUAL) if len(leaf.sizes) == len(hint.sizes)), (BATCH,) * len(hint.sizes))
            filled = tuple(other if size is None else size for size, other in zip(hint.sizes, like))
            below = next((leaf.below for leaf in fits if leaf.kind == TOKENS), 2)
            yield Leaf(TOKENS, filled, below) if hint.is_integer else Leaf(FLOATS, filled)
        elif hint is not None and hint.is_integer:
            yield next((leaf for leaf in fits if leaf.kind == TOKENS), Leaf(TOKENS, (BATCH, STEPS), 2))
        yield from fits


def _usages_of(model: nn.Module) -> dict[str, Usage]:
    """The use of each parameter; what parts of the model ask the items of one of the same name for, it has too."""
    found = usages(model)
    for cls, part in {type(part): part for part in model.modules()}.items():
        if not cls.__module__.startswith("torch.nn."):
            for name, usage in usages(part).items():
                if name in found:
                    found[name].item_keys += [key for key in usage.item_keys if key not in found[name].item_keys]
    return found


def _parameters(model: nn.Module) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(model.forward).parameters.values())
    except (TypeError, ValueError):
        return []


def _dict(keys: list[str], value: Leaf) -> Several:
    return Several(tuple(named_part(key) or value for key in keys), tuple(keys))


def _taken_first(module: nn.Module | None, depth: int = 0) -> Iterator[Leaf]:
    """What a module takes: a layer of torch, or one that hands its first argument on to such a layer as it is."""
    if module is None or depth > _MOST_STEPS:
        return
    own = list(fitting(module, ()))
    if own:
        yield from own
    elif isinstance(module, nn.Sequential):
        yield from _taken_first(next(iter(module), None), depth + 1)
    else:
        first = next(iter(usages(module).values()), Usage())
        if first.layer and not first.position:
            yield from _taken_first(_at(module, first.layer), depth + 1)


def _of_layers(model: nn.Module) -> Iterator[Leaf]:
    """What the first layers take, in the order in which they were registered."""
    layers = [m for m in model.modules() if any(True for _ in fitting(m, ()))]
    for layer in layers[:_MOST_LAYERS]:
        yield from fitting(layer, ())


def _at(model: nn.Module, path: str) -> nn.Module | None:
    """The module at an attribute path, if there is one."""
    value: Any = model
    for part in path.split("."):
        value = value[int(part)] if part.isdigit() and isinstance(value, nn.Sequential) else getattr(value, part, None)
    return value if isinstance(value, nn.Module) else None


def _attribute(model: nn.Module, pattern: str) -> int | None:
    """A size that the model, or one of its first modules, keeps under such a name."""
    for module in list(model.modules())[:_MOST_LAYERS]:
        for name, value in vars(module).items():
            if re.fullmatch(pattern, name):
                last = value[-1] if isinstance(value, (tuple, list)) and value else value
                if isinstance(last, int) and not isinstance(last, bool) and last > 1:
                    return last
    return None
