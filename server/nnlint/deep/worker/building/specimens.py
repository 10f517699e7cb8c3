"""What a model may be given: values of each argument by kind and sizes, written in the words of the pragma's `input=`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Union

FLOATS, TOKENS, ONES, TRUE, FALSE, LENGTHS, WRITTEN = "floats", "tokens", "ones", "true", "false", "lengths", "written"

MASKS = (ONES, TRUE, FALSE)


@dataclass(frozen=True)
class Leaf:
    """One value. `below` bounds tokens, and is the largest of lengths; `written` is any expression, of which no more is known."""

    kind: str
    sizes: tuple[int, ...] = ()
    below: int = 2
    written: str = ""

    @property
    def text(self) -> str:
        """The value in the pragma's words."""
        sizes = ", ".join(map(str, self.sizes))
        if self.kind == FLOATS:
            return f"({sizes},)" if len(self.sizes) == 1 else f"({sizes})"
        if self.kind == TOKENS:
            return f"tokens({sizes}, below={self.below})" if sizes else f"tokens(below={self.below})"
        if self.kind == ONES:
            return f"torch.ones({sizes})"
        if self.kind in (TRUE, FALSE):
            return f"torch.{'ones' if self.kind == TRUE else 'zeros'}({sizes}, dtype=torch.bool)"
        if self.kind == LENGTHS:
            return f"torch.arange({self.below}, {self.below - self.sizes[0]}, -1)"
        return self.written

    @property
    def is_tensor(self) -> bool:
        return self.kind != WRITTEN

    def of(self, *sizes: int) -> Leaf:
        """The same kind of value in other sizes."""
        return dataclasses.replace(self, sizes=sizes)


@dataclass(frozen=True)
class Several:
    """A list of values, a tuple of them or, where they have names, a dict."""

    items: tuple[Specimen, ...]
    names: tuple[str, ...] = ()
    is_tuple: bool = False

    @property
    def text(self) -> str:
        """The values in the pragma's words."""
        if not self.names:
            items = ", ".join(item.text for item in self.items)
            return f"({items},)" if self.is_tuple else f"[{items}]"
        return "{" + ", ".join(f'"{name}": {item.text}' for name, item in zip(self.names, self.items)) + "}"


Specimen = Union[Leaf, Several]


@dataclass(frozen=True)
class Given:
    """What `forward()` is given: a specimen for each of some of its parameters.

    They are given by position where names cannot be (`by_name`), and by name where positions cannot be (`by_position`).
    """

    names: tuple[str, ...]
    specimens: tuple[Specimen, ...]
    by_name: bool = True
    by_position: bool = True

    @property
    def text(self) -> str:
        """All of it in the pragma's words: alone where there is one tensor, else with the names of the parameters."""
        if len(self.specimens) == 1 and isinstance(self.specimens[0], Leaf) and self.by_position:
            return self.specimens[0].text
        plain = (len(self.specimens) < 2 and self.by_position) or not self.by_name
        return Several(self.specimens, () if plain else self.names).text

    def leaves(self) -> list[Leaf]:
        """Every value, in order."""
        return [leaf for specimen in self.specimens for leaf in _leaves(specimen)]

    def siblings(self, number: int) -> list[int]:
        """The leaves of the same argument that are equal to one, that one too, by number."""
        leaves = self.leaves()
        start = 0
        for specimen in self.specimens:
            end = start + len(list(_leaves(specimen)))
            if number < end:
                return [n for n in range(start, end) if leaves[n] == leaves[number]]
            start = end
        return []

    def with_leaf(self, number: int, leaf: Leaf) -> Given:
        """The same but for one value, by its number in `leaves()`."""
        leaves = self.leaves()
        leaves[number] = leaf
        return self.with_leaves(leaves)

    def with_leaves(self, leaves: Iterable[Leaf]) -> Given:
        """The same with every value replaced, in order."""
        remaining = iter(leaves)
        return dataclasses.replace(self, specimens=tuple(_filled(specimen, remaining) for specimen in self.specimens))

    def with_specimen(self, number: int, specimen: Specimen) -> Given:
        """The same but for one argument, by its number."""
        return dataclasses.replace(self, specimens=(*self.specimens[:number], specimen, *self.specimens[number + 1 :]))

    def with_all(self, more: Iterable[tuple[str, Specimen]]) -> Given:
        """The same and more arguments."""
        given = self
        for name, specimen in more:
            given = given.and_also(name, specimen)
        return given

    def and_also(self, name: str, specimen: Specimen) -> Given:
        """The same and one more argument."""
        return dataclasses.replace(self, names=(*self.names, name), specimens=(*self.specimens, specimen))


def _leaves(specimen: Specimen) -> Iterator[Leaf]:
    if isinstance(specimen, Leaf):
        yield specimen
    else:
        for item in specimen.items:
            yield from _leaves(item)


def _filled(specimen: Specimen, leaves: Iterator[Leaf]) -> Specimen:
    if isinstance(specimen, Leaf):
        return next(leaves)
    return dataclasses.replace(specimen, items=tuple(_filled(item, leaves) for item in specimen.items))
