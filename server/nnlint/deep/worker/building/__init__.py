"""Builds the model that a request names, in the first of its ways that works, and calls it once."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn

from ..failures import first_line
from ..messages import Request, Way
from ..problems import NoAnswer
from ..running.calling import call_once, copied, dtype_of
from ..running.sites import recorded_modules
from .constructing import Blueprint, CannotConstruct, pragma
from .finding import Found, NothingFits, found_inputs
from .importing import imported, without_checkpoints
from .inputs import arguments

# Of the time that a run has: the rest is for what it is to find out.
_SHARE = 0.5
_MOST_SAID = 4  # ways


@dataclass
class Built:
    """A model that has been called once, so that lazy modules are materialized, in training mode, on the CPU, in its own dtype.

    `way` is the one that worked; its `origin` also says what of the module was not run. `args` and `kwargs` are what `forward()` was
    called with, and `described` says so in the words of the pragma's `input=`. `modules` is every module that was constructed, in order,
    whether the model still holds it or not; `namespace` is what the way's expressions are evaluated in.
    """

    model: nn.Module
    way: Way
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    described: str
    modules: list[nn.Module]
    namespace: dict[str, Any]


def build(request: Request, tell: Callable[[str, float | None], None]) -> Built:
    """The model in the first way that can be built and called; raises `NoAnswer` with what was tried and the pragma to write."""
    return next(models(request, tell))


def models(request: Request, tell: Callable[[str, float | None], None]) -> Iterator[Built]:
    """The models of all ways that can be built and called, each built when it is asked for; raises `NoAnswer` where there is none."""
    failures: list[tuple[Way, NoAnswer]] = []
    end = time.monotonic() + _SHARE * request.limits.seconds
    for number, way in enumerate(request.ways):
        tell(f"building {way.model}", None)
        try:
            with without_checkpoints():
                built = _built(way, request, (end - time.monotonic()) / (len(request.ways) - number))
        except NoAnswer as error:
            failures.append((way, error))
        else:
            yield built
    if len(failures) == len(request.ways):
        raise NoAnswer(_words(request, failures))


def _built(way: Way, request: Request, seconds: float) -> Built:
    with recorded_modules() as modules:
        module = imported(way, request.roots)
        before = len(modules)

        def fresh() -> nn.Module:
            del modules[before:]
            try:
                return blueprint.model()
            except CannotConstruct as error:
                raise CannotConstruct(f"{error} ({module.note})" if module.note else str(error), error.call) from error

        blueprint = Blueprint(way, module.names)
        found = _given(way, fresh, module.names) if way.inputs else found_inputs(fresh, request.hints, module.names, seconds)
    constructed_now = modules[before:] or modules
    origin = f"{way.origin} ({module.note})" if module.note else way.origin
    way = dataclasses.replace(way, origin=origin, model=blueprint.text)
    return Built(found.model, way, found.args, found.kwargs, found.described, constructed_now, module.names)


def _given(way: Way, fresh: Callable[[], nn.Module], names: dict[str, Any]) -> Found:
    """The model, called with the inputs that the way names."""
    model = fresh()
    args, kwargs = arguments(way.inputs, names, dtype_of(model))
    try:
        call_once(model, *copied((args, kwargs)))
    except (Exception, SystemExit) as error:
        raise NoAnswer(f"{way.model} cannot be called with input={way.inputs}: {first_line(error)}") from error
    return Found(model, args, kwargs, way.inputs)


def _words(request: Request, failures: list[tuple[Way, NoAnswer]]) -> str:
    """What was tried, and what to write so that it works."""
    example = next((str(hint.sizes) for hint in request.hints if hint.sizes and None not in hint.sizes), "(4, 3, 32, 32)")
    if not failures:
        return f"nothing says how to build {request.name}; write above it: {pragma(f'{request.name}(...)', example)}"
    tried = "; ".join(dict.fromkeys(f"{way.origin}: {error}" for way, error in failures[:_MOST_SAID]))
    for way, error in failures:
        if isinstance(error, NothingFits):
            cure = pragma(way.model, error.nearest)
            break
    else:
        call = next((error.call for _, error in failures if isinstance(error, CannotConstruct)), f"{request.name}(...)")
        cure = pragma(call, example)
    return f"{request.name} could not be run. {tried}. Write above it what it takes: {cure}"
