"""Runs one request: starts the worker under another Python, passes its progress on, and returns its answer."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from nnlint.deep.stragglers import MARK, kill_marked
from nnlint.deep.worker.messages import NO_ANSWER, Answer, BadMessage, Lines, Message, Progress, Request, Verdict, decode, encode

_WORKER = Path(__file__).with_name("worker")
_TICK = 0.1  # seconds between two looks at whether the run was cancelled
_GRACE = 5.0  # seconds in which the supervisor has killed what it owns
_CHUNK = 2**16
_LAST_ERRORS = 4096  # bytes


class _Failed(Exception):
    """There will be no answer; the text says why."""


class DeepRun:
    """One run of the worker under `python`. `told` hears how it gets on, in the thread that waits for the answer."""

    def __init__(self, python: str, request: Request, told: Callable[[Progress], None] | None = None) -> None:
        self._python, self._request, self._told = python, request, told
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Ends the run, from any thread, at any time, any number of times."""
        self._cancelled.set()

    def answer(self) -> Answer:
        """Runs the worker once, waits for it, and gives every question a verdict. Why there is none is the answer's `problem`."""
        started = time.monotonic()
        try:
            answer = self._heard()
        except _Failed as failed:
            answer = Answer(problem=str(failed), seconds=round(time.monotonic() - started, 3))
        return _complete(answer, self._request)

    def _heard(self) -> Answer:
        if os.name != "posix":
            raise _Failed("the deep check does not run on this system yet; on Windows it does within WSL")
        self._raise_if_cancelled()
        supervisor = _Supervisor(self._python, self._request)
        try:
            return self._wait(supervisor)
        finally:
            supervisor.close()

    def _wait(self, supervisor: _Supervisor) -> Answer:
        seconds = self._request.limits.seconds
        is_started, deadline = False, time.monotonic() + seconds
        while True:
            for message in supervisor.listen(_TICK):
                if isinstance(message, Answer):
                    return message
                if isinstance(message, Progress) and self._told:
                    self._told(message)
                if not is_started:
                    is_started, deadline = True, time.monotonic() + seconds + _GRACE
            self._raise_if_cancelled()
            if supervisor.has_hung_up:
                raise _Failed(_no_python(self._python, supervisor.last_words()) if not is_started else _lost(supervisor.last_words()))
            if time.monotonic() > deadline:
                reason = f"it said nothing within {seconds:g} s"
                raise _Failed(_lost("it did not answer in time") if is_started else _no_python(self._python, reason))

    def _raise_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise _Failed("cancelled")


def _no_python(python: str, reason: str) -> str:
    return f"{python} is no Python that can run models ({reason}); name another interpreter"


def _lost(reason: str) -> str:
    return f"the process that watches over the model was lost ({reason})"


def _complete(answer: Answer, request: Request) -> Answer:
    """The answer, with a verdict on every question."""
    judged = {verdict.id for verdict in answer.verdicts}
    reason = answer.problem or "the run came to no verdict on this"
    missing = [Verdict(question.id, NO_ANSWER, reason) for question in request.questions if question.id not in judged]
    return dataclasses.replace(answer, verdicts=(*answer.verdicts, *missing))


class _Supervisor:
    """The process that owns the model's, and the pipes to it. Raises `_Failed` where it cannot be started."""

    def __init__(self, python: str, request: Request) -> None:
        self._lines = Lines()
        self._unsent = memoryview(encode(request))
        self.has_hung_up = False
        self._last_errors = b""
        for_supervisor, self._requests = os.pipe()
        self._answers, from_supervisor = os.pipe()
        errors, its_errors = os.pipe()
        self._mark = uuid.uuid4().hex
        self._folder = tempfile.mkdtemp(prefix="nnlint-deep-")  # in which the model runs; whoever lives longer removes it
        # Isolated and without `site`: nothing of the environment or the project runs in this process.
        command = [python, "-I", "-S", "-B", "-X", "utf8", str(_WORKER), str(for_supervisor), str(from_supervisor)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=its_errors,
                pass_fds=(for_supervisor, from_supervisor),
                cwd=self._folder,
                env={**os.environ, MARK: self._mark},
                start_new_session=True,  # what interrupts nnlint in a terminal leaves it to nnlint to end the run
            )
        except OSError as error:
            for descriptor in (self._requests, self._answers, errors):
                os.close(descriptor)
            os.rmdir(self._folder)
            raise _Failed(_no_python(python, error.strerror or str(error))) from None
        finally:
            for descriptor in (for_supervisor, from_supervisor, its_errors):
                os.close(descriptor)
        self._errors = errors
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._requests, selectors.EVENT_WRITE)
        self._selector.register(self._answers, selectors.EVENT_READ)
        self._selector.register(errors, selectors.EVENT_READ)
        os.set_blocking(self._requests, False)
        os.set_blocking(errors, False)

    def listen(self, seconds: float) -> list[Message]:
        """What the supervisor has said within so many seconds; sends it the rest of the request meanwhile."""
        messages: list[Message] = []
        for key, _ in self._selector.select(seconds):
            if key.fd == self._requests:
                self._send()
                continue
            data = os.read(key.fd, _CHUNK)
            if not data:
                self._selector.unregister(key.fd)
            if key.fd == self._errors:
                self._last_errors = (self._last_errors + data)[-_LAST_ERRORS:]
                continue
            self.has_hung_up = not data
            try:
                messages.extend(decode(line) for line in self._lines.feed(data))
            except BadMessage as error:
                raise _Failed(_lost(f"what it said was {error}")) from None
        return messages

    def _send(self) -> None:
        try:
            self._unsent = self._unsent[os.write(self._requests, self._unsent) :]
        except BrokenPipeError:  # it has ended; what it says last tells why
            self._unsent = self._unsent[:0]
        if not self._unsent:  # the pipe stays open: its end tells the supervisor that nobody waits any more
            self._selector.unregister(self._requests)

    def last_words(self) -> str:
        """How it ended, once it has hung up."""
        self._wait_or_kill()
        with contextlib.suppress(BlockingIOError):  # what it has started may live on, and write more
            self._last_errors = (self._last_errors + os.read(self._errors, _CHUNK))[-_LAST_ERRORS:]
        lines = self._last_errors.decode("utf-8", "replace").strip().splitlines()
        code = self._process.returncode
        ending = f"ended by a signal: {signal.strsignal(-code)}" if code < 0 else f"exit status {code}"
        return f"{ending}: {lines[-1].strip()}" if lines else ending

    def close(self) -> None:
        """Ends it, and with it all that it started."""
        self._selector.close()
        for descriptor in (self._requests, self._answers, self._errors):
            os.close(descriptor)
        self._wait_or_kill()
        if self._process.returncode != 0:  # it may not have cleaned up
            kill_marked(self._mark)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait_or_kill(self) -> None:
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
