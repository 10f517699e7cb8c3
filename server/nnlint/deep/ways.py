"""The ways to build a model, best first: what people wrote (a comment, the config), then what the project itself shows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from nnlint.dataflow.model_calls import ModelCall, Source
from nnlint.dataflow.models import Models, Subject
from nnlint.dataflow.value_text import is_importable
from nnlint.deep.pragmas import Pragma, pragmas_in
from nnlint.deep.worker.messages import Hint, Way
from nnlint.semantics.definitions import ClassDefinition, Site
from nnlint.semantics.program import Module
from nnlint.workspace import DeepSettings

# How many ways of each kind are tried: the time of a run is shared among them.
_MAX_OWN, _MAX_OUTER, _MAX_GUESSES = 3, 2, 1
_SCRIPT = "it stands in no class, and in no function that returns a model; move the model to one"


@dataclass(frozen=True, slots=True)
class FoundWays:
    """Ways in the order in which they are tried, and what is known of the inputs of what the first one builds.

    `problem` says why there are none, and what would help.
    """

    ways: tuple[Way, ...]
    hints: tuple[Hint, ...] = ()
    problem: str = ""


class Ways:
    """Finds the ways for the classes and functions of one project."""

    def __init__(self, models: Models, settings: DeepSettings) -> None:
        self._models = models
        self._settings = settings
        self._pragmas: dict[str, list[tuple[Pragma, str]]] = {}

    def holding(self, subject: Subject, besides: frozenset[Site]) -> FoundWays:
        """The ways to build a model that holds the subject, and as many as possible of the layers `besides`."""
        return self._found(subject, self._models.serving(subject, besides))

    def own(self, subject: Subject) -> FoundWays:
        """The ways to build the subject itself."""
        return self._found(subject, self._models.own(subject))

    def _found(self, subject: Subject, calls: list[ModelCall]) -> FoundWays:
        known = [call for call in calls if call.source < Source.GUESS]
        own = [call for call in known if self._models.is_own(call, subject)]
        if own:  # what a class does with a part of itself, only the class shows
            known = [call for call in known if call.source is not Source.WRITTEN]
        outer = self._holders([call for call in known if not self._models.is_own(call, subject)])
        guesses = [call for call in calls if call.source is Source.GUESS]
        chosen = [*own[:_MAX_OWN], *outer, *guesses[:_MAX_GUESSES]]
        holders = {(c.module.path, c.name): None for c in calls if not self._models.is_own(c, subject)}
        mine = [*self._written(subject.path, subject.name, own + guesses), *map(self._way, own[:_MAX_OWN])]
        others = [way for path, name in holders for way in self._written(path, name, [])]
        ways = dict.fromkeys([*mine, *others, *map(self._way, chosen)])
        if not ways:
            return FoundWays((), problem=self._problem(subject))
        first = next(iter(own or chosen), None)
        built = first.definition if first is not None else self._class(subject.path, subject.name)
        return FoundWays(tuple(ways), () if built is None else self._hints(built))

    def _holders(self, calls: list[ModelCall]) -> list[ModelCall]:
        """The first models that hold the subject, one of them such that no other one holds it: what a part returns, that one may drop."""
        distinct = list(_one_a_class(calls))
        whole = [call for call in distinct[_MAX_OUTER - 1 :] if not self._models.is_part(call)]
        return [*distinct[: _MAX_OUTER - 1], *(whole or distinct[_MAX_OUTER - 1 :])[:1]]

    def _hints(self, definition: ClassDefinition) -> tuple[Hint, ...]:
        return tuple(Hint(found.name, found.sizes, found.layer, found.is_integer) for found in self._models.inputs(definition))

    def _class(self, path: str, name: str) -> ClassDefinition | None:
        module = self._models.program.module(path)
        found = None if module is None else self._models.program.lookup(module, name)
        return found if isinstance(found, ClassDefinition) else None

    # --- what people wrote ---

    def _written(self, path: str, name: str, calls: list[ModelCall]) -> Iterator[Way]:
        """The ways that comments and the config give for a class; one that names inputs alone gives them to each of the `calls`."""
        module = self._models.program.module(path)
        if module is None or not name:
            return
        for pragma, served in self._pragmas_of(path):
            if pragma.problem or served not in ("", name):
                continue
            given = Way(
                f"the comment in {_place(path, pragma.row)}",
                _importable(module),
                path,
                pragma.model,
                pragma.input,
                pragma.target,
                pragma.loss,
            )
            yield from self._completed(given, name, calls)
        for model in self._settings.models:
            if (model.path, model.class_name) == (path, name):
                origin = f"[tool.nnlint.deep] in {os.path.basename(self._settings.origin)}"
                given = Way(origin, _importable(module), path, model.call, model.input, model.target, model.loss)
                yield from self._completed(given, name, calls)

    def _completed(self, given: Way, name: str, calls: list[ModelCall]) -> Iterator[Way]:
        if given.model:
            yield given
        elif not calls:
            yield replace(given, model=f"{name}()")
        for call in calls[:_MAX_OWN] if not given.model else ():
            way = self._way(call)
            yield replace(way, origin=f"{given.origin}, {way.origin}", inputs=given.inputs, target=given.target, loss=given.loss)

    def _pragmas_of(self, path: str) -> list[tuple[Pragma, str]]:
        """The comments of a file, each with the name of the class that it serves, empty where it may serve any."""
        if path not in self._pragmas:
            module = self._models.program.module(path)
            self._pragmas[path] = [] if module is None else [(p, self._served(module, p)) for p in pragmas_in(module.parsed)]
        return self._pragmas[path]

    def _served(self, module: Module, pragma: Pragma) -> str:
        """The class that a comment's call names, else the class that the comment stands in or right above."""
        if pragma.called and self._class(module.path, pragma.called) is not None:
            return pragma.called
        beside = self._models.beside(module, pragma.offset)
        return "" if beside is None else beside.name

    # --- what the project shows ---

    def _way(self, call: ModelCall) -> Way:
        is_part = self._models.is_part(call)
        return Way(self._origin(call), _importable(call.module), call.module.path, call.text, is_part=is_part)

    def _origin(self, call: ModelCall) -> str:
        where = "" if call.site is None else _place(call.site.path, self._models.row(call.site))
        match call.source:
            case Source.DEFAULTS:
                return "constructor defaults"
            case Source.SEEN:
                return f"constructed so in {where}" if where else "constructed so"
            case Source.FUNCTION:
                return f"returned by a function, as in {where}" if where else "returned by a function"
            case Source.WRITTEN:
                return f"written so in {where}"
            case _:
                return f"guessed arguments, the others as in {where}" if where else "guessed arguments"

    # --- what is missing ---

    def _problem(self, subject: Subject) -> str:
        broken = next((p for p, _ in self._pragmas_of(subject.path) if p.problem), None)
        if broken is not None:
            return f"the comment in {_place(subject.path, broken.row)} cannot be used: {broken.problem}"
        if not subject.name:
            return _SCRIPT
        missing = self._models.missing(subject)
        if not self._models.is_builder(subject):
            return f"it stands in `{subject.name}`, which is part of no model that is known; only what a model runs can be checked"
        call = f"{subject.name}({', '.join(f'{parameter}=…' for parameter in missing)})"
        why = f"nothing says what {_listed(missing)}" if missing else "nothing that is understood builds a model that holds it"
        return f"no way to build `{subject.name}` is known: {why}; write `# nnlint: deep {call}` above it"


def _one_a_class(calls: Iterable[ModelCall]) -> Iterator[ModelCall]:
    """The first call of each class or function, so that what is tried next is something else."""
    seen: set[object] = set()
    for call in calls:
        key = call.definition or (call.module.path, call.name)
        if key not in seen:
            seen.add(key)
            yield call


def _importable(module: Module) -> str:
    """The dotted name under which a module can be imported; empty where none can be written."""
    return module.name if is_importable(module.name) else ""


def _listed(names: list[str]) -> str:
    words = [f"`{name}`" for name in names]
    return f"{words[0]} is" if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]} are"


def _place(path: str, row: int) -> str:
    return f"{os.path.basename(path)}:{row}"
