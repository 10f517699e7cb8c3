"""Runs lowered code on abstract values: statements and expressions. Calls are in `calls`, torch's own code in `transfer`.

Nothing here raises on user code: what is not understood becomes `Unknown`, and every tensor and layer that goes into it
is marked as escaping.
"""

from __future__ import annotations

from nnlint.dataflow.calls import Caller
from nnlint.dataflow.classes import Classes
from nnlint.dataflow.effects import Effects
from nnlint.dataflow.statements import Statements
from nnlint.semantics.program import Program


class Interpreter(Statements):
    """Abstract execution within one program snapshot. `graph` is where tensor operations are being recorded."""

    def __init__(self, program: Program, fuel: int) -> None:
        super().__init__(program, fuel)
        self.caller = Caller(self)
        self.classes = Classes(self)
        self.effects = Effects(self)

    def abandon(self) -> None:
        """Leaves the calls that were under way when an entry took too long."""
        self.caller.leave()
        self.journal.forget()
