"""Builds the model that a request names, in the first of its ways that works, and calls it once."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch import nn

from .calling import call_once, dtype_of, first_line, seed
from .finding import found_inputs
from .importing import namespace_of
from .inputs import arguments
from .messages import Request, Way
from .problems import NoAnswer
from .sites import recorded_modules


@dataclass
class Built:
    """A model that has been called once, so that lazy modules are materialized, in training mode, on the CPU, in its own dtype.

    `args` and `kwargs` are what `forward()` was called with, and `described` says so in the words of the pragma's `input=`. `modules` is
    every module that was constructed, in order, whether the model still holds it or not; `namespace` is what the way's expressions are
    evaluated in.
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
    failures: list[tuple[Way, str]] = []
    for way in request.ways:
        tell(f"building {way.model}", None)
        try:
            return _built(way, request)
        except NoAnswer as error:
            failures.append((way, str(error)))
    raise NoAnswer(_failed(request, failures))


def _built(way: Way, request: Request) -> Built:
    with recorded_modules() as modules:
        namespace = namespace_of(way, request.roots)
        at_import = len(modules)
        model = constructed(way, namespace)
        del modules[: at_import if modules[at_import:] else 0]
        if not way.inputs:
            found = found_inputs(model, request.hints, namespace)
            return Built(model, way, found.args, found.kwargs, found.described, modules, namespace)
        args, kwargs = arguments(way.inputs, namespace, dtype_of(model))
        try:
            call_once(model, args, kwargs)
        except (Exception, SystemExit) as error:
            raise NoAnswer(f"input={way.inputs}: {first_line(error)}") from error
    return Built(model, way, args, kwargs, way.inputs, modules, namespace)


def constructed(way: Way, namespace: dict[str, Any]) -> nn.Module:
    """The model of a way: what its expression gives, called once more where that is a class or a factory."""
    seed()
    try:
        value = eval(_code_of(way), dict(namespace))
        if not isinstance(value, nn.Module) and callable(value):
            value = value()
    except (Exception, SystemExit) as error:
        raise NoAnswer(f"{way.model}: {first_line(error)}") from error
    held = [value] if isinstance(value, nn.Module) else [v for v in _held(value) if isinstance(v, nn.Module)]
    if len(held) != 1:
        raise NoAnswer(f"{way.model} gives a {type(value).__name__}" + (f" with {len(held)} modules in it" if held else ", no nn.Module"))
    return held[0].train()


def _held(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()


def _code_of(way: Way) -> Any:
    """The expression, compiled where it stands in the way's file if that holds it: what it constructs is found there again."""
    try:
        written = ast.parse(way.model.strip(), mode="eval").body
    except SyntaxError as error:
        raise NoAnswer(f"{way.model} is no Python expression: {error.msg}") from None
    return compile(ast.Expression(written), "<way>", "eval")


def _failed(request: Request, failures: list[tuple[Way, str]]) -> str:
    tried = "; ".join(f"{way.origin}: {reason}" for way, reason in failures) or "there is no way to build it"
    return f"{request.name} could not be run: {tried}. Write above it: # nnlint: deep {request.name}(…), input=(4, 3, 32, 32)"
