"""The process in which torch and the user's model live. The supervisor starts it, and ends it whenever that is necessary."""

from __future__ import annotations

import dataclasses
import faulthandler
import gc
import importlib
import os
import platform
import signal
import sys
import threading
from typing import Any

from ..failures import first_line
from ..messages import CHECK, MIGRATE, RECIPE, Answer, Request, decode
from ..places import place_of
from ..problems import NoAnswer
from .channel import WHERE_ARE_YOU, Tell
from .network import forbid_network

_TASKS = {CHECK: "checking", RECIPE: "recipe", MIGRATE: "migration"}
_MOST_THREADS = 4  # more of them seldom help with the small models and batches of a check


def main(request_descriptor: int, answer_descriptor: int, lifeline: int) -> None:
    """Answers one request, and ends this process without asking the user's code for leave."""
    with os.fdopen(request_descriptor, "rb") as spool:
        request = decode(spool.read())
    assert isinstance(request, Request)
    threading.Thread(target=_follow, args=(lifeline,), daemon=True).start()
    faulthandler.enable(all_threads=False)
    faulthandler.register(WHERE_ARE_YOU, all_threads=False)
    tell = Tell(answer_descriptor)
    tell.versions["python"] = platform.python_version()
    tell.finish(_answered(request, tell))
    os._exit(0)


def _follow(lifeline: int) -> None:
    """Ends this process and its group when the supervisor has ended, however it did."""
    try:
        while os.read(lifeline, 1):
            pass
    except OSError:  # the user's code has closed it
        return
    os.killpg(0, signal.SIGKILL)


def _answered(request: Request, tell: Tell) -> Answer:
    """What the task comes to, whatever the user's code raises."""
    swallowed: list[str] = []
    sys.unraisablehook = lambda raised: swallowed.append(_unraisable(raised))
    sys.path[:0] = request.roots
    sys.argv[:] = [request.ways[0].path if request.ways else ""]
    forbid_network()
    try:
        answer = _run(request, tell)
        gc.collect()
    except NoAnswer as error:
        answer = dataclasses.replace(tell.answer, problem=str(error))
    except BaseException as error:
        answer = dataclasses.replace(tell.answer, problem=first_line(error) + place_of(error, request.roots))
    if swallowed:
        reason = f"an exception was raised where no code can handle it, so nothing that was computed can be trusted: {swallowed[0]}"
        return Answer(problem=reason)
    return answer


def _run(request: Request, tell: Tell) -> Answer:
    name = _TASKS.get(request.task)
    if name is None:
        raise NoAnswer(f"this version of nnlint's worker knows no task {request.task!r}")
    tell("importing torch")
    _import_torch(tell)
    answer = importlib.import_module(f"..{name}", __package__).run(request, tell)
    assert isinstance(answer, Answer)
    return answer


def _import_torch(tell: Tell) -> None:
    try:
        import torch
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise NoAnswer(f"torch is not installed in {sys.executable}; install it there, or name an interpreter that has it") from None
    torch.set_num_threads(min(torch.get_num_threads(), _MOST_THREADS))
    tell.versions["torch"] = torch.__version__
    tell.partial(tell.answer)  # whatever becomes of the model, it is known from here on that torch was found


def _unraisable(raised: Any) -> str:
    """An exception that Python could only print, such as one from `__del__`."""
    where = getattr(raised.object, "__qualname__", None) or type(raised.object).__name__
    return f"{first_line(raised.exc_value) if raised.exc_value is not None else raised.exc_type.__name__} in {where}"
