"""Objects of a class as they are built without arguments, apart from all that a project does with the class: every size is their own."""

from __future__ import annotations

from nnlint.dataflow import values as val
from nnlint.dataflow.arguments import Arguments
from nnlint.dataflow.frames import OutOfFuel
from nnlint.dataflow.interpreter import Interpreter
from nnlint.semantics.definitions import ClassDefinition
from nnlint.syntax.parser import deep_recursion

FUEL = 100_000  # steps of one construction


class DefaultObjects:
    """Builds them with the interpreter that ran the project, once it has run all."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter

    def of(self, definition: ClassDefinition) -> val.Instance | None:
        """The object; `None` where building it takes too long. What has no default is a number of which nothing is known."""
        interpreter = self._interpreter
        interpreter.fuel = FUEL
        contexts = interpreter.caller.contexts
        try:
            with deep_recursion(), contexts.apart():
                made = contexts.construct(val.Class(definition), Arguments(has_entry_keywords=True), None, None)
        except (OutOfFuel, RecursionError):
            interpreter.abandon()
            return None
        return made if isinstance(made, val.Instance) else None
