"""Threads for what takes a while, the engine above all, so that the event loop stays free to read what the client says next."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")

# Parsing recurses in native code, and some systems give a second thread half a megabyte of stack. Memory backs only what is used.
_STACK_BYTES = 64 * 1024 * 1024


class Worker:
    """Runs jobs one after another. A daemon thread, unlike an executor's: leaving the process does not wait for a job."""

    def __init__(self, name: str = "nnlint-engine") -> None:
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        before = threading.stack_size(_STACK_BYTES)
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()
        threading.stack_size(before)

    def run(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """Queue a job; to be called from the event loop, where its result arrives."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def settle(result: T | None, error: BaseException | None) -> None:
            if future.cancelled():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]

        def task() -> None:
            try:
                outcome: tuple[T | None, BaseException | None] = (job(), None)
            except BaseException as error:
                outcome = (None, error)
            with suppress(RuntimeError):  # the loop is closed: the server has left, and nobody waits
                loop.call_soon_threadsafe(settle, *outcome)

        self._jobs.put(task)
        return future

    def _work(self) -> None:
        while True:
            self._jobs.get()()
