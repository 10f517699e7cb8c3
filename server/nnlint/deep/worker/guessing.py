"""First guesses at what `forward()` takes: by what is known of its parameters, by their names, and by the layers that the model has."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import nn

from .layer_shapes import BATCH, SIDE, STEPS, fitting
from .messages import Hint
from .reading import Usage, usages
from .specimens import FLOATS, LENGTHS, ONES, TOKENS, WRITTEN, Given, Leaf, Several, Specimen

_MOST_LAYERS = 4

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

_SEQUENCES = (
    r"(input_?)?ids|idx|idxs|indices|tokens?|words?|sent(ence)?s?|text|captions?|seqs?|src|tgt|trg|source|target_?tokens|codes|bytes"
)
_CLASSES = r"labels?|y|cls|class(es)?(_labels?)?|targets?|users?(_ids?)?|items?(_ids?)?|index"
_STEPS = r"t|ts|time|times|timesteps?|time_steps?|step|steps|noise_level|sigmas?|noise_labels?"
_NUMBERS = {
    r"h|height": str(SIDE),
    r"w|width": str(SIDE),
    r"temperature|tau|temp|scale|alpha|beta|gamma|lam|eps": "1.0",
    r"(return|use|is|with|do|apply|need)_\w+|training|train|deterministic|inference|causal|verbose": "False",
}


def guesses(model: nn.Module, hints: Iterable[Hint]) -> Iterator[Given]:
    """What might be given to the model, the likeliest first."""
    parameters = _required(model)
    if parameters is None:
        for leaf in _mains(model, None, None):
            yield Given(("",), (leaf,), by_name=False)
        return
    by_name = all(p.kind is not p.POSITIONAL_ONLY for p in parameters)
    names = tuple(p.name for p in parameters)
    used = usages(model)
    known = {hint.name: hint for hint in hints}
    if not parameters:
        yield Given((), ())
        return
    first = next((p for p in parameters if _by_name(p, model) is None), parameters[0])
    for main in _mains(model, known.get(first.name), used.get(first.name)):
        specimens = tuple(main if p is first else _other(p, main, model, known, used) for p in parameters)
        yield Given(names, tuple(_shaped(s, used.get(n)) for s, n in zip(specimens, names)), by_name)


def optional_parameters(model: nn.Module) -> list[tuple[str, Leaf]]:
    """The parameters that are `None` unless given, with what fits their names."""
    parameters = _parameters(model)
    main = next(_mains(model, None, None))
    return [(p.name, _by_name(p, model) or main) for p in parameters if p.default is None and p.kind is not p.POSITIONAL_ONLY]


def _parameters(model: nn.Module) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(model.forward).parameters.values())
    except (TypeError, ValueError):
        return []


def _required(model: nn.Module) -> list[inspect.Parameter] | None:
    """The parameters without a default; `None` where `forward()` takes anything."""
    parameters = _parameters(model)
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if not named and parameters:
        return None
    required = [p for p in named if p.default is p.empty]
    return required or named[:1]


def _other(parameter: inspect.Parameter, main: Leaf, model: nn.Module, known: Mapping[str, Hint], used: Mapping[str, Usage]) -> Specimen:
    """A guess at a parameter that is not the main one: alike, if nothing better is known."""
    hint, usage = known.get(parameter.name), used.get(parameter.name)
    told = next(_told(model, hint, usage), None)
    return told or _by_name(parameter, model) or main


def _shaped(specimen: Specimen, usage: Usage | None) -> Specimen:
    """A dict where the parameter is asked for keys, a list where it is gone through."""
    if usage is not None and isinstance(specimen, Leaf):
        if usage.keys:
            return Several(tuple(specimen for _ in usage.keys), tuple(usage.keys))
        if usage.items:
            return Several((specimen,) * usage.items)
    return specimen


# --- the main parameter ---


def _mains(model: nn.Module, hint: Hint | None, usage: Usage | None) -> Iterator[Leaf]:
    """Guesses at the main parameter, each once."""
    seen: set[Leaf] = set()
    for leaf in _all_mains(model, hint, usage):
        if leaf not in seen:
            seen.add(leaf)
            yield leaf


def _all_mains(model: nn.Module, hint: Hint | None, usage: Usage | None) -> Iterator[Leaf]:
    yield from _told(model, hint, usage)
    axes = usage.axes if usage is not None else None
    side = _attribute(model, r"(img|image|input)_?(size|shape|resolution)|resolution|sample_size")
    of_layers = list(_of_layers(model))
    for leaf in of_layers:
        if axes is None or len(leaf.sizes) == axes:
            if side is not None and len(leaf.sizes) == 4:
                yield leaf.of(*leaf.sizes[:2], side, side)
            yield leaf
    if axes is not None:
        yield from (leaf for leaf in _USUAL if len(leaf.sizes) == axes)
    yield from of_layers
    yield from _USUAL


def _told(model: nn.Module, hint: Hint | None, usage: Usage | None) -> Iterator[Leaf]:
    """What is known of a parameter: its sizes, the layer that it goes into first."""
    path = hint.layer if hint is not None and hint.layer else usage.layer if usage is not None else ""
    layer = _at(model, path) if path else None
    sizes = hint.sizes if hint is not None else None
    fits = [leaf for part in ([*layer.modules()] if layer is not None else []) for leaf in fitting(part, ())]
    if sizes is not None:
        like = next((leaf.sizes for leaf in fits if len(leaf.sizes) == len(sizes)), None) or _usual_sizes(len(sizes))
        filled = tuple(other if size is None else size for size, other in zip(sizes, like))
        integer = next((leaf.below for leaf in fits if leaf.kind == TOKENS), 2) if hint is not None and hint.is_integer else None
        yield Leaf(FLOATS, filled) if integer is None else Leaf(TOKENS, filled, integer)
    elif hint is not None and hint.is_integer:
        yield next((leaf for leaf in fits if leaf.kind == TOKENS), Leaf(TOKENS, (BATCH, STEPS), 2))
    yield from fits[:2]


def _of_layers(model: nn.Module) -> Iterator[Leaf]:
    """What the first layers take, in the order in which they were registered."""
    layers = [m for m in model.modules() if any(True for _ in fitting(m, ()))]
    for layer in layers[:_MOST_LAYERS]:
        yield from fitting(layer, ())


def _usual_sizes(rank: int) -> tuple[int, ...]:
    return next((leaf.sizes for leaf in _USUAL if len(leaf.sizes) == rank), (BATCH, *[2] * (rank - 1)))


def _at(model: nn.Module, path: str) -> nn.Module | None:
    value: Any = model
    for part in path.split("."):
        value = getattr(value, part, None)
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


# --- by name ---


def _by_name(parameter: inspect.Parameter, model: nn.Module) -> Leaf | None:
    """What the parameter's annotation and name say; `None` if that is nothing."""
    annotation = str(parameter.annotation)
    name = parameter.name.lower()
    for kind, text in (("int", "1"), ("float", "1.0"), ("bool", "False"), ("str", '""')):
        if annotation in (kind, f"<class '{kind}'>", f"typing.Optional[{kind}]"):
            known = next((written for pattern, written in _NUMBERS.items() if re.fullmatch(pattern, name)), text)
            return Leaf(WRITTEN, written=known if kind == "int" or text == known else text)
    below = min((m.num_embeddings for m in model.modules() if isinstance(m, nn.Embedding)), default=0)
    if re.search(r"mask", name):
        return Leaf(ONES, (BATCH, STEPS))
    if re.fullmatch(r"\w*(_|^)(len|lens|length|lengths)|lengths?\w*|\w+_lens?", name):
        return Leaf(LENGTHS, (BATCH,), STEPS)
    if re.fullmatch(r"edge_index\w*", name):
        return Leaf(TOKENS, (2, STEPS), BATCH)
    if re.fullmatch(_STEPS, name):
        return Leaf(TOKENS, (BATCH,), below or 100)
    if below and re.fullmatch(rf"(\w+_)?({_SEQUENCES})", name):
        return Leaf(TOKENS, (BATCH, STEPS), below)
    if below and re.fullmatch(_CLASSES, name):
        return Leaf(TOKENS, (BATCH,), below)
    return next((Leaf(WRITTEN, written=text) for pattern, text in _NUMBERS.items() if re.fullmatch(pattern, name)), None)
