"""Models that do what no model should: each ends in "no answer" with the reason in words, and nothing of it is left running."""

from __future__ import annotations

import dataclasses
import re
import shlex
import sys
import tempfile
import textwrap
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from nnlint.deep.client import DeepRun
from nnlint.deep.worker.messages import NO_ANSWER, Answer, Limits, Request
from tests.deep.asking import request_for
from tests.deep.leftovers import MARK, left_after_death

pytestmark = [
    pytest.mark.torch,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="what is left running is looked up in /proc"),
]

MODEL = """\
import ctypes, os, signal, sys, subprocess, threading, time

{at_import}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)  # ? NN501 nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x):
        {in_forward}
        return self.norm(self.first(x))
"""


def request(folder: Path, at_import: str, in_forward: str, **limits: float) -> Request:
    source = MODEL.format(at_import=textwrap.dedent(at_import), in_forward=textwrap.indent(textwrap.dedent(in_forward), " " * 8).strip())
    asked = request_for(folder, source, "Net()", inputs="(4, 4)")
    return dataclasses.replace(asked, limits=dataclasses.replace(Limits(seconds=60.0), **limits))


class Hostile(NamedTuple):
    """What a model does, and the reason that is given then. `limits` are those that the case needs tight."""

    reason: str
    in_forward: str = "pass"
    at_import: str = "pass"
    limits: dict[str, float] = {}  # noqa: RUF012


CASES = {
    "loops without end": Hostile(r"not done after 15 s \(in forward, .*net\.py:\d+\)", "while True: pass", limits={"seconds": 15.0}),
    "loops without end while it is imported": Hostile(
        r"not done after 15 s \(in <module>, .*net\.py:\d+\)", at_import="while True: time.sleep(0.01)", limits={"seconds": 15.0}
    ),
    "ignores every signal it can": Hostile(
        r"not done after 15 s",
        """
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        time.sleep(600)
        """,
        limits={"seconds": 15.0},
    ),
    "stops itself": Hostile(r"not done after 15 s", "os.kill(os.getpid(), signal.SIGSTOP)", limits={"seconds": 15.0}),
    "ends the process": Hostile(r"it ended itself with exit status 3", "os._exit(3)"),
    "ends the process as if all were well": Hostile(r"it ended itself with exit status 0", "os._exit(0)"),
    "calls sys.exit": Hostile(r"sys\.exit\(7\)", "sys.exit(7)"),
    "kills itself": Hostile(r"it was killed \(SIGKILL\)", "os.kill(os.getpid(), signal.SIGKILL)"),
    "reads where nothing is": Hostile(r"it crashed \(SIGSEGV\) \(in forward, .*net\.py:\d+\)", "ctypes.string_at(0)"),
    "is interrupted": Hostile(r"KeyboardInterrupt \(in forward", "raise KeyboardInterrupt"),
    "starts more and more processes": Hostile(r"more than 16 processes", "while True: os.fork()", limits={"processes": 16}),
    "starts more and more threads": Hostile(
        r"more than 256 threads",
        """
        while True:
            threading.Thread(target=time.sleep, args=(600,)).start()
        """,
        limits={"processes": 16},
    ),
    "asks for 50 GB": Hostile(r"it asked for more memory than 8 GB", "torch.zeros(50 * 2**30, dtype=torch.uint8)"),
    "asks for 50 GB of Python's memory": Hostile(r"it asked for more memory than 8 GB", "bytearray(50 * 2**30)"),
    "takes its memory in many processes": Hostile(
        r"it asked for more memory than 1 GB",
        """
        for _ in range(8):
            if os.fork() == 0:
                filled = b"x" * (300 * 2**20)
                time.sleep(600)
        time.sleep(600)
        """,
        limits={"memory": 2**30},
    ),
    "prints without end": Hostile(r"it printed more than 64 MB", 'while True: os.write(1, b"x" * 100_000)'),
    "raises in __del__": Hostile(
        r"nothing that was computed can be trusted: ValueError: boom in .*__del__",
        """
        class Mine:
            def __del__(self):
                raise ValueError("boom")
        Mine()
        """,
    ),
    "calls itself without end": Hostile(r"it called itself without end \(RecursionError\)", "return self.forward(x)"),
    "calls itself without end, and without the limit": Hostile(
        r"it crashed \(SIGSEGV\)|it asked for more memory than 1 GB|it called itself without end",
        """
        sys.setrecursionlimit(10**9)
        return self(x)
        """,
        limits={"memory": 2**30},
    ),
    "leaves processes behind": Hostile(
        r"it left 2 processes running",
        """
        if not hasattr(self, "started"):
            self.started = [subprocess.Popen(["sleep", "600"]), subprocess.Popen(["sleep", "600"], start_new_session=True)]
        """,
    ),
    "leaves a process behind that has hidden": Hostile(
        r"it left 1 process running",
        """
        if not hasattr(self, "started"):
            self.started = os.fork()
            if self.started == 0:
                os.setsid()
                if os.fork() == 0:
                    signal.signal(signal.SIGTERM, signal.SIG_IGN)
                    os.closerange(0, 1000)
                    time.sleep(600)
                os._exit(0)
            os.waitpid(self.started, 0)
        """,
    ),
    "writes a large file": Hostile(r"it wrote a file of more than 256 MB", 'open("large", "wb").truncate(300 * 2**20)'),
    "writes many files": Hostile(
        r"it wrote more than 64 MB of files",
        """
        for number in range(20):
            with open(f"file{number}", "wb") as file:
                file.write(b"x" * 10 * 2**20)
        time.sleep(600)
        """,
        limits={"file_size": 64 * 2**20},
    ),
    "writes into every pipe it finds": Hostile(
        r"something else than nnlint wrote into the pipe",
        """
        for descriptor in range(3, 100):
            try:
                os.write(descriptor, b"garbage\\n")
            except OSError:
                pass
        """,
    ),
    "closes every file": Hostile(r"it closed the pipe that its answer goes through", "os.closerange(0, 1000)"),
    "deletes the folder it runs in, and goes on": Hostile(
        r"FileNotFoundError",
        """
        os.rmdir(os.getcwd())
        os.getcwd()
        """,
    ),
    "asks the network": Hostile(
        r"without a network, and this one asked for download\.pytorch\.org",
        'torch.hub.load_state_dict_from_url("https://download.pytorch.org/models/resnet18-f37072fd.pth", model_dir="here")',
    ),
}


@pytest.fixture(scope="module")
def answers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Ended]]]:
    """The ends of the cases that were asked for, several at a time. After them, no file of any working directory is left."""
    temporary = tmp_path_factory.mktemp("temporary")
    names = [item.callspec.params["name"] for item in request.session.items if item.function is test_no_answer_where_the_model]
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(4) as pool:
        patch.setenv("TMPDIR", str(temporary))
        patch.setattr(tempfile, "tempdir", str(temporary))
        yield {name: pool.submit(end_of, CASES[name], tmp_path_factory.mktemp("case")) for name in names}
    assert list(temporary.iterdir()) == []


class Ended(NamedTuple):
    """What a run came to, and the processes that were left when they had had their time to die."""

    answer: Answer
    left: list[str]


def end_of(case: Hostile, folder: Path) -> Ended:
    """Runs a case, in a Python that marks what it starts."""
    asked = request(folder, case.at_import, case.in_forward, **case.limits)
    mark = uuid.uuid4().hex
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexport {MARK}={mark}\nexec {shlex.quote(sys.executable)} "$@"\n', "utf-8")
    python.chmod(0o755)
    return Ended(DeepRun(str(python), asked).answer(), left_after_death(mark))


@pytest.mark.parametrize("name", CASES)
def test_no_answer_where_the_model(name: str, answers: dict[str, Future[Ended]]) -> None:
    answer, left = answers[name].result()
    assert left == []
    (verdict,) = answer.verdicts
    assert verdict.kind == NO_ANSWER
    assert re.search(CASES[name].reason, answer.problem), answer.problem
    assert re.search(CASES[name].reason, verdict.message), verdict.message


def test_a_model_that_does_nothing_of_the_kind_is_answered(tmp_path: Path) -> None:
    answer = DeepRun(sys.executable, request(tmp_path, "pass", "pass")).answer()
    assert answer.problem == ""
    assert [verdict.kind for verdict in answer.verdicts] == ["confirmed"]
    assert answer.versions.keys() == {"python", "torch"}
