"""What a call is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from nnlint.dataflow.values import NONE, Choice, Symbol, Unknown, Value, choice
from nnlint.syntax import lowered as low

_NUMBERS = frozenset({"int", "float"})
_OPTIONAL = frozenset({"Optional", "None"})
_PREFIXES = frozenset({"Union", "typing"})


@dataclass(slots=True)
class Arguments:
    """The arguments of a call. `has_open_positional` and `has_open_keywords` say that unknown ones may be given besides;
    `has_entry_keywords` that the `**kwargs` of an entry point, taken to be empty, are passed on."""

    positional: list[Value] = field(default_factory=list)
    keywords: dict[str, Value] = field(default_factory=dict)
    has_open_positional: bool = False
    has_open_keywords: bool = False
    has_entry_keywords: bool = False
    splats: list[Value] = field(default_factory=list)

    @property
    def all(self) -> list[Value]:
        return [*self.positional, *self.keywords.values(), *self.splats]

    @property
    def is_open(self) -> bool:
        return self.has_open_positional or self.has_open_keywords

    def get(self, position: int, name: str) -> Value | None:
        if name in self.keywords:
            return self.keywords[name]
        return self.positional[position] if position < len(self.positional) else None


def as_annotated(parameter: low.Parameter, value: Value, next_serial: Callable[[], int]) -> Value:
    """What is not known of an argument, but annotated as a number (or none): one number, wherever it is used."""
    if not isinstance(value, (Unknown, Choice)):
        return value
    options = value.options if isinstance(value, Choice) else (value,)
    if not any(isinstance(option, Unknown) for option in options):
        return value
    names = _annotated_names(parameter.annotation)
    if not names & _NUMBERS or names - _NUMBERS - _OPTIONAL - _PREFIXES:
        return value
    known = [option for option in options if not isinstance(option, Unknown)]
    return choice([*known, *([NONE] if names & _OPTIONAL else []), Symbol(("number", next_serial()))])


def _annotated_names(annotation: low.Node | None) -> set[str]:
    """The names in an annotation, and "None"."""
    names = set()
    for node in low.nodes_in((annotation,) if annotation is not None else ()):
        if isinstance(node, (low.Name, low.Attribute)):
            names.add(node.id if isinstance(node, low.Name) else node.name)
        elif isinstance(node, low.Constant):
            names.add(str(node.value))
    return names
