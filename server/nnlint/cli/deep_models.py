"""What `nnlint deep` runs: the models of a file, each with what was found in it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

import click

from nnlint.cli.errors import UsageMistake
from nnlint.cli.model_runs import run_models
from nnlint.cli.output import Notes
from nnlint.deep.interpreters import InterpreterError, choose
from nnlint.deep.plan import NoPlan, Plan, plan_for_class
from nnlint.deep.recipe import recipe_request
from nnlint.deep.verdicts import discovered, verdicts_of
from nnlint.deep.worker.messages import Answer, Request
from nnlint.engine import models_of
from nnlint.findings import Finding
from nnlint.workspace import ConfigError, DiskSources, Workspace, check_files, disk_sources


@dataclass(frozen=True)
class Asked:
    """Fields are called as the options on the command line are."""

    recipe: bool = False
    python: str | None = None
    timeout: float | None = None
    steps: int | None = None
    device: str = "cpu"

    def request(self, plan: Plan) -> Request:
        request = replace(plan.request, device=self.device)
        if self.recipe:
            return recipe_request(request, self.timeout, self.steps)
        return request if self.timeout is None else replace(request, limits=replace(request.limits, seconds=self.timeout))


@dataclass(frozen=True)
class ModelRun:
    """A class by its name, in a file by the name that it was given, and what running it said.

    `findings` carry verdicts; those that the run made itself stand behind the others. `text` is that of the file.
    """

    name: str
    file: str
    path: str
    text: str
    answer: Answer
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class _File:
    """The file that was named, in its project."""

    name: str
    path: str
    workspace: Workspace
    sources: DiskSources


def run(target: str, asked: Asked, notes: Notes) -> list[ModelRun]:
    """Runs what `FILE::CLASS` or `FILE` names. Raises `UsageMistake`."""
    name, separator, class_name = target.partition("::")
    if separator and not class_name:
        raise click.UsageError(f"{target}: write FILE::CLASS, such as models/net.py::Net")
    try:
        python = choose(asked.python)
        file = _file(name)
        findings = [] if asked.recipe else check_files(file.sources, [file.path], file.workspace.settings_for).findings
        plans = dict(_plans(file, [class_name] if class_name else _model_classes(file), findings))
        if class_name and isinstance(problem := plans[class_name], str):
            raise UsageMistake(problem)
    except InterpreterError as error:
        raise UsageMistake(f"--python: {error}" if asked.python else str(error)) from None
    except ConfigError as error:
        raise UsageMistake(str(error)) from None
    requests = [asked.request(plan) for plan in plans.values() if isinstance(plan, Plan)]
    answers = iter(run_models(python, requests, 1, notes))
    return [
        _judged(file, name, plan, next(answers), findings)
        if isinstance(plan, Plan)
        else ModelRun(name, file.name, file.path, "", Answer(problem=plan))
        for name, plan in plans.items()
    ]


def _file(name: str) -> _File:
    path = os.path.abspath(name)
    if not os.path.isfile(path):
        raise UsageMistake(f"{name}: there is no such file")
    workspace = Workspace()
    sources = disk_sources(workspace.project_of(path), [path])
    if problem := sources.problem(path):
        raise UsageMistake(f"{name}: {problem}")
    return _File(name, path, workspace, sources)


def _model_classes(file: _File) -> list[str]:
    names = models_of(file.sources, [file.path]).roots(file.path)
    if not names:
        raise UsageMistake(f"{file.name}: it defines no class with a forward() that can be constructed")
    return names


def _plans(file: _File, names: Iterable[str], findings: Iterable[Finding]) -> Iterable[tuple[str, Plan | str]]:
    """What to run for each class, or why nothing is known to run."""
    settings = file.workspace.config_in(file.workspace.project_of(file.path).folder).deep
    for name in names:
        try:
            yield name, plan_for_class(file.sources, file.path, name, findings, settings)
        except NoPlan as error:
            yield name, str(error.args[0])


def _judged(file: _File, name: str, plan: Plan, answer: Answer, known: list[Finding]) -> ModelRun:
    verdicts = verdicts_of(plan.findings, answer)
    asked = [replace(finding, verdict=verdicts[finding]) for finding in plan.findings]
    text = file.sources.text(file.path) or ""
    new = discovered(file.path, text, [answer], known, file.workspace.settings_for(file.path))
    return ModelRun(name, file.name, file.path, text, answer, (*asked, *new))
