"""What of the text was run, as the interpreter notes it: where something was not, this says why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnlint.semantics.definitions import Site
    from nnlint.syntax.parser import BlockName

TOO_LARGE = "the project is too large to be analyzed in one check"


@dataclass(slots=True)
class Progress:
    """Functions and lambdas are named by the id of their node. `refused` are constructions whose arguments could not be bound.

    Of a project that is too large, `left_out` counts the entries, and the classes of objects, that were not run, and `beyond` are the
    blocks, each with its file, of everything that those entries could reach.
    """

    ran: set[int] = field(default_factory=set)
    cut_short: set[int] = field(default_factory=set)
    refused: dict[Site, str] = field(default_factory=dict)
    left_out: int = 0
    beyond: set[tuple[str, BlockName]] = field(default_factory=set)
