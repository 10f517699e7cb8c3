"""Runs models in threads, a few at a time: each waits for a process of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from nnlint.cli.output import Notes
from nnlint.deep.client import DeepRun
from nnlint.deep.worker.messages import Answer, Progress, Request

_CANCELLED = Answer(problem="cancelled")


def run_models(python: str, requests: Sequence[Request], at_once: int, notes: Notes) -> list[Answer]:
    """The answers in the order of the requests. An interrupt ends every run, and waits until all of them have ended."""
    if not requests:
        return []
    with notes.busy("running models") as show, ThreadPoolExecutor(min(at_once, len(requests))) as pool:
        runs = _Runs(python, len(requests), show)
        futures = [pool.submit(runs.run, number, request) for number, request in enumerate(requests, 1)]
        try:
            return [future.result() for future in futures]
        except BaseException:
            runs.cancel()
            raise


class _Runs:
    """The runs that are under way, each in a thread of its own."""

    def __init__(self, python: str, count: int, show: Callable[[str], None]) -> None:
        self._python, self._count, self._show = python, count, show
        self._active: set[DeepRun] = set()
        self._is_cancelled = False
        self._lock = threading.Lock()

    def run(self, number: int, request: Request) -> Answer:
        def told(progress: Progress) -> None:
            self._show(f"running {request.name} ({number} of {self._count}): {progress.text}")

        run = DeepRun(self._python, request, told)
        with self._lock:
            if self._is_cancelled:
                return _CANCELLED
            self._active.add(run)
        try:
            return run.answer()
        finally:
            with self._lock:
                self._active.discard(run)

    def cancel(self) -> None:
        with self._lock:
            self._is_cancelled = True
            for run in self._active:
                run.cancel()
