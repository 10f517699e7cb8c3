"""Owns the processes of one run: starts the runner, holds it to its limits, and leaves nothing behind.

It never imports torch nor anything of the user's, and ends when nnlint does: the pipe that the request came through is then closed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from ..messages import Answer, BadMessage, Lines, Progress, Request, decode, encode
from .channel import END, WHERE_ARE_YOU
from .endings import ending
from .environment import environment
from .limits import Watch, confine, size
from .printed import Printed
from .process_tree import adopt_orphans, die_with_parent, kill_all, reap, running

_TICK = 0.1  # seconds between two looks at the tree
_GRACE = 1.0  # seconds in which what is on its way out may end by itself
_CHUNK = 2**20
_LONGEST_PROGRESS = 300  # characters: with all of them escaped, less than what a pipe takes at once or not at all


class Ended(Exception):
    """The run is over before it is done; the text says why."""


class Untrusted(Ended):
    """As `Ended`; and what the run had come to before cannot be trusted."""


class Cancelled(BaseException):
    """Nobody waits for the answer any more."""


def main(request_descriptor: int, answer_descriptor: int) -> None:
    """Answers the one request that comes in."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _cancel)
    adopt_orphans()
    try:
        _say(answer_descriptor, Progress(f"starting {sys.executable}"))
        answer = _answered(request_descriptor, answer_descriptor)
        os.set_blocking(answer_descriptor, True)
        with os.fdopen(answer_descriptor, "wb") as pipe:
            pipe.write(encode(answer))
    except (Cancelled, BrokenPipeError):
        os._exit(1)


def _cancel(*_: object) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # what follows is the cleaning up
    raise Cancelled


def _say(descriptor: int, progress: Progress) -> None:
    """Passes a message on, unless the reader is behind."""
    os.set_blocking(descriptor, False)
    try:
        os.write(descriptor, encode(dataclasses.replace(progress, text=progress.text[:_LONGEST_PROGRESS])))
    except BlockingIOError:
        return


def _answered(request_descriptor: int, answer_descriptor: int) -> Answer:
    line = _first_line(request_descriptor)
    request = decode(line)
    assert isinstance(request, Request)
    started = time.monotonic()
    given = os.getcwd()
    folder = tempfile.mkdtemp(dir=given)
    try:
        answer = Run(request, line, folder, request_descriptor, lambda progress: _say(answer_descriptor, progress)).answer()
    finally:
        kill_all()
        _remove(folder)
        with contextlib.suppress(OSError):  # there is something else in it
            os.rmdir(given)
    return dataclasses.replace(answer, seconds=round(time.monotonic() - started, 3))


def _first_line(descriptor: int) -> bytes:
    lines = Lines()
    whole: list[bytes] = []
    while not whole:
        data = os.read(descriptor, _CHUNK)
        if not data:
            raise Cancelled
        whole = lines.feed(data)
    return whole[0]


def _remove(folder: str) -> None:
    """Removes a folder, and what its owner has made it hard to remove."""

    def retry(remove: Callable[[str], object], path: str, _: object) -> None:
        try:
            os.chmod(os.path.dirname(path), 0o700)
            os.chmod(path, 0o700)
            remove(path)
        except OSError:
            return

    shutil.rmtree(folder, onerror=retry)


class Run:
    """The runner, and what is heard from it."""

    def __init__(self, request: Request, line: bytes, folder: str, owner: int, told: Callable[[Progress], None]) -> None:
        self._limits, self._roots, self._owner, self._told = request.limits, request.roots, owner, told
        self._deadline = time.monotonic() + request.limits.seconds
        self._parent = os.getppid()
        self._answer = Answer()
        self._finished = False
        self._next_look = 0.0
        self._watch = Watch(request.limits, folder)
        self._lines = Lines()
        self._printed = Printed()
        self._selector = selectors.DefaultSelector()
        self._start(request, line, folder)

    def _start(self, request: Request, line: bytes, folder: str) -> None:
        heard, answers = os.pipe()
        output, printing = os.pipe()
        lifeline, self._lifeline = os.pipe()  # nothing is written to it: its end is what the runner waits for
        supervisor = os.getpid()

        def confined() -> None:
            die_with_parent()
            if os.getppid() != supervisor:
                os._exit(1)
            confine(request.limits)

        with tempfile.TemporaryFile(dir=folder) as spool:
            spool.write(line)
            spool.seek(0)
            worker = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
            descriptors = (spool.fileno(), answers, lifeline)
            self._runner = subprocess.Popen(
                [sys.executable, "-B", "-X", "utf8", worker, *map(str, descriptors)],
                stdin=subprocess.DEVNULL,
                stdout=printing,
                stderr=printing,
                cwd=folder,
                env=environment(os.environ, folder, request.device),
                pass_fds=descriptors,
                preexec_fn=confined,
                start_new_session=True,
            )
        for descriptor in (answers, printing, lifeline):
            os.close(descriptor)
        self._listen(self._owner, self._hear_owner)
        self._listen(heard, self._hear_runner)
        self._listen(output, self._hear_output)

    def _listen(self, descriptor: int, hear: Callable[[bytes], None]) -> None:
        os.set_blocking(descriptor, False)
        self._selector.register(descriptor, selectors.EVENT_READ, hear)

    def answer(self) -> Answer:
        """Waits for the end of the run, and says what it came to."""
        try:
            self._wait()
            self._check_that_nothing_is_left()
        except Untrusted as end:
            return Answer(problem=str(end), versions=self._answer.versions)
        except Ended as end:
            return dataclasses.replace(self._answer, problem=str(end))
        finally:
            with contextlib.suppress(OSError):  # the group is empty
                os.killpg(self._runner.pid, signal.SIGKILL)  # where orphans are not adopted, those of the group are found so alone
        return self._answer

    def _wait(self) -> None:
        while True:
            self._hear(_TICK)
            status = reap().get(self._runner.pid)
            if status is not None:
                while self._hear(0):
                    pass
                if not self._finished:
                    raise Ended(ending(status, self._limits) + self._last_words())
                return
            self._check_limits()

    def _hear(self, seconds: float) -> bool:
        """Takes in what has been said; false where nothing was within so many seconds."""
        events = self._selector.select(seconds)
        for key, _ in events:
            data = os.read(key.fd, _CHUNK)
            if not data:
                self._selector.unregister(key.fd)
            key.data(data)
        return bool(events)

    def _check_limits(self) -> None:
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _TICK
        if os.getppid() != self._parent:
            raise Cancelled
        if time.monotonic() > self._deadline:
            raise Ended(f"it was not done after {self._limits.seconds:g} s{self._whereabouts()}")
        too_much = self._watch.excess()
        if too_much:
            raise Ended(too_much)

    def _hear_owner(self, data: bytes) -> None:
        if not data:
            raise Cancelled

    def _hear_runner(self, data: bytes) -> None:
        try:
            for line in self._lines.feed(data):
                self._take(line)
        except BadMessage:
            raise Untrusted("something else than nnlint wrote into the pipe that the answer comes through") from None

    def _take(self, line: bytes) -> None:
        if line == END:
            self._finished = True
            return
        message = decode(line)
        if isinstance(message, Progress):
            self._told(message)
        elif isinstance(message, Answer):
            self._answer = message
        else:
            raise BadMessage("a request")

    def _hear_output(self, data: bytes) -> None:
        self._printed.add(data)
        if self._printed.count > self._limits.output:
            raise Ended(f"it printed more than {size(self._limits.output)}")

    def _last_words(self) -> str:
        """Where the runner crashed, or else the last line that it printed, where there is one."""
        line = self._printed.last_line()
        return self._printed.place(self._roots) or (f"; the last that it printed was: {line}" if line else "")

    def _whereabouts(self) -> str:
        """Where the runner is just now, if it can still say so."""
        os.kill(self._runner.pid, WHERE_ARE_YOU)
        until = time.monotonic() + 2 * _TICK
        while time.monotonic() < until:
            self._hear(_TICK)
        return self._printed.place(self._roots)

    def _check_that_nothing_is_left(self) -> None:
        deadline = time.monotonic() + _GRACE
        while running():
            if time.monotonic() > deadline:
                count = len(running())
                raise Untrusted(f"it left {count} process{'es' if count > 1 else ''} running")
            reap()
            time.sleep(_TICK / 10)
