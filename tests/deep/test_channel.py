"""What the runner says to the supervisor."""

from __future__ import annotations

import os

import pytest

from nnlint.deep.worker.messages import Answer, Progress, decode
from nnlint.deep.worker.processes.channel import END, UNHEARD, Tell


@pytest.fixture
def pipe() -> tuple[int, int]:
    return os.pipe()


def lines_of(reading: int) -> list[bytes]:
    with os.fdopen(reading, "rb") as file:
        return file.read().splitlines()


def test_each_answer_replaces_the_one_before_and_the_end_is_said(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    tell = Tell(writing)
    tell.versions["torch"] = "2.13.0"
    tell("building Net()", 0.5)
    tell.partial(Answer(model="Net()"))
    tell.finish(Answer(model="Net(1)", versions={"python": "3.11"}))
    os.close(writing)
    *messages, end = lines_of(reading)
    assert [decode(line) for line in messages] == [
        Progress("building Net()", 0.5),
        Answer(model="Net()", versions={"torch": "2.13.0"}),
        Answer(model="Net(1)", versions={"torch": "2.13.0", "python": "3.11"}),
    ]
    assert end == END


def test_a_fork_of_the_runner_that_goes_on_says_nothing_and_ends(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    tell = Tell(writing)
    child = os.fork()
    if child == 0:
        tell("I am another")
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(writing)
    assert lines_of(reading) == []


def test_where_the_pipe_was_closed_the_process_ends_with_a_status_of_its_own(pipe: tuple[int, int]) -> None:
    child = os.fork()
    if child == 0:
        tell = Tell(pipe[1])
        os.close(pipe[1])
        tell("is anybody there?")
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == UNHEARD
