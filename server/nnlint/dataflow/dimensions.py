"""Code for one, two or three spatial dimensions, as the caller says: `(nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1]`.

Where nobody says it, every layer would be any one of three and every norm too, in all combinations. Instead an entry is run once
for each number of dimensions: it is stopped (`Undecided`) where it first calls a layer class of unknown dimension, and started
again with the parameter known.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nnlint.dataflow.values import Const, External, Symbol, Value, is_layer_class

DIMENSIONS = (1, 2, 3)


class Undecided(Exception):
    """A layer class of unknown dimension is called, and `parameter` of the entry decides which one it is."""

    def __init__(self, parameter: str) -> None:
        super().__init__(parameter)
        self.parameter = parameter


@dataclass(slots=True, eq=False)
class Dimensions:
    """The parameters of the present entry that choose among things (`selectors`), as far as they are `open`."""

    open: frozenset[object] = frozenset()  # keys of symbols
    selectors: set[object] = field(default_factory=set)
    compared: dict[object, set[int]] = field(default_factory=dict)  # which numbers of dimensions a parameter is compared with

    def note_selector(self, value: Value) -> None:
        """Something is chosen by the value: by comparing it, or as an index or part of a name."""
        if self.open and isinstance(value, Symbol):
            self.selectors |= self.open & _parts(value.key)

    def note_comparison(self, one: Value, other: Value) -> None:
        for value, constant in ((one, other), (other, one)):
            if self.open and isinstance(value, Symbol) and isinstance(constant, Const) and constant.value in DIMENSIONS:
                for key in self.open & _parts(value.key):
                    self.compared.setdefault(key, set()).add(constant.value)

    def _deciding(self) -> object:
        """The one parameter that chooses; where none is an index or part of a name, the one that is compared with several numbers."""
        compared = {key for key, numbers in self.compared.items() if len(numbers) > 1}
        found = self.selectors or compared
        return next(iter(found)) if len(found) == 1 else None

    def decide(self, options: tuple[Value, ...]) -> None:
        """Raises `Undecided` where one parameter chooses among forms of a layer for several dimensions."""
        if self.open and _are_forms_of_one_layer(options) and isinstance(key := self._deciding(), tuple):
            raise Undecided(key[-1])


def _parts(key: object) -> frozenset[object]:
    """The keys of the parameters that a symbol is computed from."""
    if not isinstance(key, tuple):
        return frozenset()
    if key[:1] == ("parameter",):
        return frozenset({key})
    return frozenset().union(*(_parts(k) for k in key))


def _are_forms_of_one_layer(options: tuple[Value, ...]) -> bool:
    names = [o.name for o in options if isinstance(o, External) and is_layer_class(o)]
    stems = {name[:-2] for name in names if name[-2:] in ("1d", "2d", "3d")}
    return len(names) > 1 and len(stems) == 1 and all(name[-2:] in ("1d", "2d", "3d") for name in names)
