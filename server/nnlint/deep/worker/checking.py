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
    check = _Check(request, tell)
    problem = ""
    with one_process(), check.refused_views or contextlib.nullcontext():
        for built in islice(models(request, tell), _MOST_MODELS):
            try:
                check.ask(built)
            except NoAnswer as error:
                problem = problem or str(error)
            if check.is_done or time.monotonic() - started > _SHARE_OF_TIME * request.limits.seconds:
                break
    if check.answer is None:
        raise NoAnswer(problem)
    return check.answer


class _Check:
    """What the models that were asked so far have said together.

    A part may return more than its holder reads, and is then refuted by what it returns alone. So the word of a part against a finding
    is no answer, until a model that is no part agrees; what a part confirms holds wherever it is built like that.
    """

    def __init__(self, request: Request, tell: Any) -> None:
        self._request, self._tell = request, tell
        self.refused_views = RefusedViews() if any(q.code == "NN602" for q in request.questions) else None
        self.answer: Answer | None = None

    @property
    def is_done(self) -> bool:
        return self.answer is not None and not self._open_questions()

    def ask(self, built: Built) -> None:
        """Puts the open questions to one model; raises `NoAnswer` where nothing that it does can be told apart."""
        answer = Answer(
            origin=built.way.origin,
            model=built.way.model,
            inputs=built.described,
            parameters=sum(p.numel() for p in built.model.parameters()),
        )
        self._tell(f"running {built.way.model}", None)
        trial = Trial(built, self.refused_views)
        questions = self._open_questions()
        for at, question in enumerate(questions):
            self._tell(f"proving {question.code}", at / len(questions))
            verdict = _verdict(question, trial)
            if verdict.kind == REFUTED and built.way.is_part:
                message = f"refuted where a part of other models is run alone, and none of those was run: {verdict.message}"
                verdict = replace(verdict, kind=NO_ANSWER, message=message)
            answer = replace(answer, verdicts=(*answer.verdicts, verdict))
            self._tell.partial(_together(self.answer, answer))
        asked = [question.place for question in self._request.questions]
        found = cancelled_biases.discoveries(trial, asked, self._request.roots)
        self.answer = _together(self.answer, replace(answer, discoveries=tuple(found), details={"order": call_order(trial)}))

    def _open_questions(self) -> Sequence[Question]:
        decided = {v.id for v in self.answer.verdicts if v.kind in _DECIDED} if self.answer is not None else set()
        return [question for question in self._request.questions if question.id not in decided]


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
