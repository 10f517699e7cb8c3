"""The ways to build a model, best first: what people wrote (a comment, the config), then what the project itself shows."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from nnlint.dataflow.model_calls import ModelCall, ModelCalls, Source, Subject, importable_name
from nnlint.deep.pragmas import Pragma, pragmas_in
from nnlint.deep.worker.messages import Way
from nnlint.semantics.definitions import ClassDefinition
from nnlint.semantics.program import Module
from nnlint.text import LineIndex
from nnlint.workspace import DeepSettings

_MAX_WAYS = 8


@dataclass(frozen=True, slots=True)
class FoundWays:
    """Ways in the order in which they are tried; `problem` says why there are none, and what would help."""

    found: tuple[Way, ...]
    problem: str = ""


class Ways:
    """Finds the ways for the classes and functions of one project."""

    def __init__(self, calls: ModelCalls, settings: DeepSettings) -> None:
        self._calls = calls
        self._settings = settings
        self._pragmas: dict[str, list[tuple[Pragma, str]]] = {}

    def of(self, subject: Subject) -> FoundWays:
        """The ways to build a model that holds the subject."""
        return self._found(subject, self._calls.serving(subject))

    def own(self, subject: Subject) -> FoundWays:
        """The ways to build the subject's class itself, or one that extends it."""
        own = (subject.path, subject.name)
        serving = [
            call for call in self._calls.serving(subject) if call.definition is not None and own in self._calls.names(call.definition)
        ]
        return self._found(subject, serving)

    def _found(self, subject: Subject, calls: list[ModelCall]) -> FoundWays:
        written = [*self._from_pragmas(subject), *self._from_settings(subject)]
        ways = [*written, *(self._way(call) for call in calls)][:_MAX_WAYS]
        return FoundWays(tuple(dict.fromkeys(ways)), "" if ways else self._problem(subject))

    # --- what people wrote ---

    def _from_pragmas(self, subject: Subject) -> Iterator[Way]:
        for pragma, name in self._pragmas_of(subject.path):
            if not pragma.problem and name in ("", subject.name):
                yield self._written_way(
                    subject, f"the comment in {_place(subject.path, pragma.row)}", pragma.model or f"{subject.name}()", pragma
                )

    def _written_way(self, subject: Subject, origin: str, model: str, given: Pragma) -> Way:
        module = self._calls.program.module(subject.path)
        name = "" if module is None else importable_name(module)
        return Way(origin, name, subject.path, model, given.input, given.target, given.loss)

    def _pragmas_of(self, path: str) -> list[tuple[Pragma, str]]:
        """The comments of a file, each with the name of the class that it serves, empty where it may serve any."""
        if path not in self._pragmas:
            module = self._calls.program.module(path)
            self._pragmas[path] = [] if module is None else [(p, self._served(module, p)) for p in pragmas_in(module.parsed)]
        return self._pragmas[path]

    def _served(self, module: Module, pragma: Pragma) -> str:
        """The class that a comment's call names, else the class that the comment stands in or right above."""
        if isinstance(self._calls.program.lookup(module, pragma.called), ClassDefinition):
            return pragma.called
        beside = self._calls.beside(module, pragma.offset)
        return "" if beside is None else beside.name

    def _from_settings(self, subject: Subject) -> Iterator[Way]:
        module = self._calls.program.module(subject.path)
        name = "" if module is None else importable_name(module)
        for model in self._settings.models:
            if (model.path, model.class_name) == (subject.path, subject.name):
                call = model.call or f"{subject.name}()"
                origin = f"[tool.nnlint.deep] in {os.path.basename(self._settings.origin)}"
                yield Way(origin, name, subject.path, call, model.input, model.target, model.loss)

    # --- what the project shows ---

    def _way(self, call: ModelCall) -> Way:
        return Way(self._origin(call), importable_name(call.module), call.module.path, call.text)

    def _origin(self, call: ModelCall) -> str:
        where = "" if call.site is None else f", as in {self._where(call)}"
        match call.source:
            case Source.DEFAULTS:
                return "constructor defaults"
            case Source.SEEN:
                return f"constructed so in {self._where(call)}" if call.site is not None else "constructed so"
            case Source.FUNCTION:
                return f"returned by a function{where}"
            case Source.GUESS:
                return f"guessed arguments{where}"

    def _where(self, call: ModelCall) -> str:
        assert call.site is not None
        module = self._calls.program.module(call.site.path)
        offset = self._calls.span(call.site).start
        return _place(call.site.path, LineIndex("" if module is None else module.parsed.text).position(offset).line + 1)

    # --- what is missing ---

    def _problem(self, subject: Subject) -> str:
        broken = next((p for p, _ in self._pragmas_of(subject.path) if p.problem), None)
        if broken is not None:
            return f"the comment in {_place(subject.path, broken.row)} {broken.problem}"
        name = subject.name
        if not name:
            return "it stands in a script outside of any class or function; put the model into a class or a function that returns it"
        missing = self._calls.missing(subject)
        call = f"{name}({', '.join(f'{parameter}=…' for parameter in missing)})"
        why = f"nothing says what {' and '.join(f'`{m}`' for m in missing)} is" if missing else "nothing is known to build it"
        return f"no way to build `{name}` is known: {why}; write `# nnlint: deep {call}` above it, or a call of a function that returns it"


def _place(path: str, row: int) -> str:
    return f"{posixpath.basename(path)}:{row}"
