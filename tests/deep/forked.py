"""Runs a request in a fork of the test's process: torch is imported already, and what the model does to the process is gone with it."""

from __future__ import annotations

import os
import signal
import sys

import torch

from nnlint.deep.worker import checking
from nnlint.deep.worker.messages import Answer, Request, decode, encode
from nnlint.deep.worker.problems import NoAnswer
from tests.deep.asking import Told

_SECONDS = 60


def forked_answer(request: Request) -> Answer:
    """The answer of the task "check"; where there is none, `problem` says why."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(_SECONDS)
            # The threads of the parent do not exist here, and whoever waited for them would wait for good.
            torch.set_num_threads(1)
            sys.path[:0] = request.roots
            with os.fdopen(sender, "wb") as pipe:
                pipe.write(encode(_answer(request)))
        finally:
            os._exit(0)
    os.close(sender)
    with os.fdopen(receiver, "rb") as pipe:
        line = pipe.read()
    os.waitpid(child, 0)
    answer = decode(line) if line else Answer(problem="the process ended")
    assert isinstance(answer, Answer)
    return answer


def _answer(request: Request) -> Answer:
    try:
        return checking.run(request, Told())
    except NoAnswer as error:
        return Answer(problem=str(error))
