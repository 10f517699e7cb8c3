"""The task "check": a model is built and run, and every question about it gets a verdict.

A question that the model of one way leaves open (it never constructs that layer) is put to the models of the further ways.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from .building import Built, models
from .failures import first_line
from .messages import CONFIRMED, NO_ANSWER, REFUTED, Answer, Question, Request, Verdict
from .problems import NoAnswer
from .proofs import cancelled_biases, proof_of
from .running.precision import one_process
from .running.sites import construction_of
from .running.tracing import RefusedViews
from .running.trial import Trial

_MOST_MODELS = 8
_DECIDED = (CONFIRMED, REFUTED)
_SHARE_OF_TIME = 0.5  # after which no further model is begun


def run(request: Request, tell: Any) -> Answer:
    """The verdicts on all questions; raises `NoAnswer` where no way gives a model that runs, and runs alike twice."""
    started = time.monotonic()
    answer: Answer | None = None
    problem = ""
    refused = RefusedViews() if any(q.code == "NN602" for q in request.questions) else None
    with one_process(), refused or contextlib.nullcontext():
        for built in islice(models(request, tell), _MOST_MODELS):
            try:
                answer = _asked(built, request, answer, refused, tell)
            except NoAnswer as error:
                problem = problem or str(error)
            is_late = time.monotonic() - started > _SHARE_OF_TIME * request.limits.seconds
            if is_late or (answer is not None and not _open(request.questions, answer)):
                break
    if answer is None:
        raise NoAnswer(problem)
    return answer


def _asked(built: Built, request: Request, before: Answer | None, refused: RefusedViews | None, tell: Any) -> Answer:
    """The answer with what one model says of the questions that those before it have left open."""
    answer = Answer(
        origin=built.way.origin,
        model=built.way.model,
        inputs=built.described,
        parameters=sum(p.numel() for p in built.model.parameters()),
    )
    tell(f"running {built.way.model}", None)
    trial = Trial(built, refused)
    questions = request.questions if before is None else _open(request.questions, before)
    for at, question in enumerate(questions):
        tell(f"proving {question.code}", at / len(questions))
        answer = replace(answer, verdicts=(*answer.verdicts, _verdict(question, trial)))
        tell.partial(_together(before, answer))
    asked = [question.place for question in request.questions]
    found = cancelled_biases.discoveries(trial, asked, request.roots)
    return _together(before, replace(answer, discoveries=tuple(found), details={"order": call_order(trial)}))


def _verdict(question: Question, trial: Trial) -> Verdict:
    prove = proof_of(question.code)
    if prove is None:
        return Verdict(question.id, NO_ANSWER, f"no run can prove {question.code}")
    try:
        return prove(question, trial)
    except Exception as error:
        return Verdict(question.id, NO_ANSWER, f"the model does not survive the proof: {first_line(error)}")


def call_order(trial: Trial) -> list[dict[str, Any]]:
    """The layers in the order in which the run calls them: the path of attributes, the class, and where it was constructed."""
    order: list[dict[str, Any]] = []
    for event in trial.trace.events:
        layer = event.layer
        if layer is None or (order and order[-1]["layer"] == trial.name_of(layer)):
            continue
        made = construction_of(layer)
        place = made.places[0] if made is not None else None
        order.append(
            {"layer": trial.name_of(layer), "class": type(layer).__name__, "file": place and place.path, "row": place and place.row}
        )
    return order


def _open(questions: Sequence[Question], answer: Answer) -> tuple[Question, ...]:
    decided = {verdict.id for verdict in answer.verdicts if verdict.kind in _DECIDED}
    return tuple(question for question in questions if question.id not in decided)


def _together(answer: Answer | None, further: Answer) -> Answer:
    """An answer with what another model decided of what it left open; that model is named where it did."""
    if answer is None:
        return further
    news = {v.id: replace(v, message=f"{v.message} (in {further.model})") for v in further.verdicts if v.kind in _DECIDED}
    known = {d.place for d in answer.discoveries}
    return replace(
        answer,
        verdicts=tuple(news.get(v.id, v) for v in answer.verdicts),
        discoveries=(*answer.discoveries, *(d for d in further.discoveries if d.place not in known)),
    )
