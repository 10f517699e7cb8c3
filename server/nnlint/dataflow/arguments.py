"""What a call is given."""

from __future__ import annotations

from dataclasses import dataclass, field

from nnlint.dataflow.values import Value


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
