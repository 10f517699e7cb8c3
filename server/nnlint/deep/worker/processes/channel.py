"""The pipe from the runner to the supervisor: messages a line each, and a last line that says that all is said."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
from typing import Optional

from ..messages import Answer, Message, Progress, encode

END = b"end"  # a process that ends before it has said this did not finish
UNHEARD = os.EX_PROTOCOL  # the exit status where it could not be said
WHERE_ARE_YOU = signal.SIGUSR1  # makes the runner print where it is, whatever it is doing


class Tell:
    """Says how a run is getting on, and what it has come to so far. An answer replaces the one before."""

    def __init__(self, descriptor: int) -> None:
        self.answer = Answer()
        self.versions: dict[str, str] = {}
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._process = os.getpid()

    def __call__(self, text: str, share: Optional[float] = None) -> None:
        self._send(Progress(text, share))

    def partial(self, answer: Answer) -> None:
        """Keeps the answer, for the case that the run ends here."""
        self.answer = dataclasses.replace(answer, versions={**self.versions, **answer.versions})
        self._send(self.answer)

    def finish(self, answer: Answer) -> None:
        """Gives the last answer."""
        self.partial(answer)
        self._write(END + b"\n")

    def _send(self, message: Message) -> None:
        self._write(encode(message))

    def _write(self, line: bytes) -> None:
        if os.getpid() != self._process:  # the model has forked, and goes on in both: one answer is enough
            os._exit(0)
        with self._lock:
            rest = memoryview(line)
            while rest:
                try:
                    rest = rest[os.write(self._descriptor, rest) :]
                except OSError:  # the user's code has closed it, and nobody can be told in another way
                    os._exit(UNHEARD)
