"""What of the text was run, as the interpreter notes it: where something was not, this says why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnlint.semantics.definitions import Site


@dataclass(slots=True)
class Progress:
    """Functions and lambdas are named by the id of their node. `refused` are constructions whose arguments could not be bound."""

    ran: set[int] = field(default_factory=set)
    cut_short: set[int] = field(default_factory=set)
    refused: dict[Site, str] = field(default_factory=dict)
