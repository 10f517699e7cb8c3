"""One run of a model that a person has asked for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from nnlint.deep.worker.messages import RECIPE
from nnlint.lsp.deep.progress import WorkDone
from nnlint.lsp.documents import Document

WAITING, RUNNING = "waiting", "running"


class Refused(Exception):
    """Nothing is run. The text says why, and what would help."""


@dataclass
class Run:
    """A run from the command to its end. `document` is the class's file, as it is on the disk."""

    task: str
    document: Document
    class_name: str
    work: WorkDone
    python: str | None
    """The interpreter that the person has selected in the editor; one in their settings goes over it."""
    state: str = WAITING
    job: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def kind(self) -> str:
        return "recipe" if self.task == RECIPE else "deep check"

    @property
    def title(self) -> str:
        return f"{self.kind.capitalize()} of {self.class_name}"

    def cancel(self) -> None:
        if self.job is not None:
            self.job.cancel()
