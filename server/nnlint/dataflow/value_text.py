"""Values written as Python expressions, in the names that a module of the project binds: how to build again what was seen to be built."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from nnlint.dataflow import values as val
from nnlint.dataflow.arguments import Arguments
from nnlint.dataflow.inheritance import constructor_of
from nnlint.dataflow.spelling import spelling
from nnlint.dataflow.values import Const, Value
from nnlint.semantics.definitions import ClassDefinition, FunctionDefinition
from nnlint.semantics.program import Module, Program
from nnlint.syntax import lowered as low

_MAX_DEPTH = 8
_BRACKETS = {"list": "[{}]", "tuple": "({})", "set": "{{{}}}"}


class NotExpressible(Exception):
    """A value that no expression is known for."""


class ValueText:
    """Writes values in the namespace of one module.

    `guess` gives the text of a required argument of which nothing is known; with it, others that are not known are left to their defaults.
    """

    def __init__(self, program: Program, module: Module, guess: Callable[[low.Parameter], str | None] | None = None) -> None:
        self._program = program
        self._module = module
        self._guess = guess

    def call(self, function: Value, parameters: low.Parameters | None, arguments: Arguments) -> str:
        """The call of a function or class with these arguments, `parameters` being its own; raises `NotExpressible`."""
        return self._call(self._of(function, _MAX_DEPTH), parameters, arguments, _MAX_DEPTH)

    def _call(self, function: str, parameters: low.Parameters | None, arguments: Arguments, depth: int) -> str:
        if (arguments.is_open or arguments.splats) and self._guess is None:
            raise NotExpressible
        return f"{function}({', '.join(self._arguments(parameters, arguments, depth))})"

    def _arguments(self, parameters: low.Parameters | None, arguments: Arguments, depth: int) -> Iterator[str]:
        named = () if parameters is None else (*parameters.positional_only, *parameters.positional)
        is_positional = True  # until one is left out
        for at, value in enumerate(arguments.positional):
            parameter = named[at] if at < len(named) else None
            text = self._argument(value, parameter, depth)
            if text is not None and not is_positional and parameter is None:
                raise NotExpressible
            if text is not None:
                yield text if is_positional or parameter is None else f"{parameter.name}={text}"
            is_positional = is_positional and text is not None
        by_name = {} if parameters is None else {p.name: p for p in (*named, *parameters.keyword_only)}
        for name, value in arguments.keywords.items():
            text = self._argument(value, by_name.get(name), depth)
            if text is not None:
                yield f"{name}={text}"

    def _argument(self, value: Value, parameter: low.Parameter | None, depth: int) -> str | None:
        """One argument; `None` where its default will do."""
        try:
            return self._of(value, depth)
        except NotExpressible:
            if self._guess is None or parameter is None:
                raise
            if parameter.default is not None:
                return None
            guessed = self._guess(parameter)
            if guessed is None:
                raise
            return guessed

    def _of(self, value: Value, depth: int) -> str:
        if not depth:
            raise NotExpressible
        match value:
            case Const(value=float() as number) if not math.isfinite(number):
                return f"float('{number}')"
            case Const(value=constant):
                return "..." if constant is ... else repr(constant)
            case val.Choice(options=options):
                return self._any_of(options, depth)
            case val.Sequence() if value.is_exact:
                return self._sequence(value, depth)
            case val.Mapping_(kind="dict") if not value.is_open:
                items = (f"{key!r}: {self._of(item, depth - 1)}" for key, item in value.entries.items())
                return f"{{{', '.join(items)}}}"
            case val.External(name=name):
                return self._external(name)
            case val.Class(definition=definition, closure=None) | val.Function(definition=definition, closure=None, receiver=None):
                return self._definition(definition)
            case val.Function(definition=definition, receiver=val.Class() as owner):
                return f"{self._of(owner, depth - 1)}.{definition.name}"
            case val.Partial(function=function, positional=positional, keywords=keywords):
                inner = Arguments([function, *positional], dict(keywords))
                return self._call(self._external("functools.partial"), None, inner, depth - 1)
            case val.Layer(target=target, arguments=arguments) if not value.has_open_keywords:
                return self._call(self._external(target), None, Arguments(keywords=dict(arguments)), depth - 1)
            case val.Instance(given=Arguments() as given):
                parameters = constructor_of(self._program, value.definition)
                return self._call(self._of(val.Class(value.definition, value.closure), depth), parameters, given, depth - 1)
            case _:
                raise NotExpressible

    def _any_of(self, options: tuple[Value, ...], depth: int) -> str:
        """One of several values will do: each is a way in which the program itself may run."""
        for option in options:
            try:
                return self._of(option, depth)
            except NotExpressible:
                continue
        raise NotExpressible

    def _sequence(self, value: val.Sequence, depth: int) -> str:
        items = [self._of(item, depth - 1) for item in value.items]
        if value.kind == "Sequential" and value.names is None:
            return f"{self._external('torch.nn.Sequential')}({', '.join(items)})"
        if value.kind == "ModuleList":
            return f"{self._external('torch.nn.ModuleList')}([{', '.join(items)}])"
        if value.kind not in _BRACKETS or (value.kind == "set" and not items):
            raise NotExpressible
        comma = "," if value.kind == "tuple" and len(items) == 1 else ""
        return _BRACKETS[value.kind].format(f"{', '.join(items)}{comma}")

    def _external(self, name: str) -> str:
        if name.startswith("builtins."):
            return name.removeprefix("builtins.")
        written = spelling(self._program, self._module, None, name)
        if written is not None:
            return written
        module, _, attribute = name.rpartition(".")
        return f"{_imported(module)}.{attribute}" if module else _imported(name)

    def _definition(self, definition: ClassDefinition | FunctionDefinition) -> str:
        """A class or function by the name that the module has for it, else through an import of its own module."""
        name, own = definition.name, definition.module
        if self._program.lookup(self._module, name) is definition:
            return name
        if self._program.lookup(own, name) is not definition or not is_importable(own.name):
            raise NotExpressible
        return f"{_imported(own.name)}.{name}"


def _imported(module: str) -> str:
    """An expression for a module by its dotted name."""
    return f"__import__({module!r})" if "." not in module else f"__import__({module!r}, fromlist=['*'])"


def is_importable(name: str) -> bool:
    """Whether an import statement can name a module."""
    return bool(name) and all(part.isidentifier() for part in name.split("."))
