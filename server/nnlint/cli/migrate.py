"""`nnlint migrate`: makes a checkpoint fit a model after NN501's fix."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from nnlint.cli.errors import UsageMistake
from nnlint.cli.output import Notes, write_report

if TYPE_CHECKING:
    from nnlint.deep.migration import Files
    from nnlint.deep.worker.messages import Answer, Request


@click.command("migrate")
@click.argument("checkpoint")
@click.option(
    "--model", "target", metavar="FILE::CLASS", required=True, help="The model, its file as it was before the fix or as it is after."
)
@click.option("-o", "--output", metavar="OUT", required=True, help="Where the new checkpoint goes; its format is that of the old one.")
@click.option("--force", is_flag=True, help="Replace OUT where it exists.")
@click.option("--python", metavar="PATH", help="The Python to run the model with; torch must be installed for it.")
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Seconds that the run may take (300 if not given)."
)
@click.option("--call", default="", metavar="EXPR", help="An expression that builds the model, such as 'Net(num_classes=10)'.")
@click.option("--input", "inputs", default="", metavar="EXPR", help="What the model is called with, such as '(4, 3, 32, 32)'.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    checkpoint: str,
    target: str,
    output: str,
    force: bool,
    python: str | None,
    timeout: float | None,
    call: str,
    inputs: str,
    output_format: str,
) -> None:
    """Writes CHECKPOINT anew for a model whose biases before normalizations are gone.

    Runs the model to prove that these biases do nothing, drops them, subtracts them from the running means behind them, and compares the
    old model with the new one. All else in the file stays as it is. Exit status 2 where that cannot be done: then nothing is written.
    """
    from nnlint.deep.interpreters import InterpreterError, choose
    from nnlint.deep.migration import CannotMigrate, Files

    files = Files(os.path.abspath(checkpoint), os.path.abspath(output), force)
    try:
        with files.draft() as draft:
            answer = _answer(choose(python), _request(target, call, inputs), files, draft, timeout)
    except InterpreterError as error:
        raise UsageMistake(f"--python: {error}" if python else str(error)) from None
    except CannotMigrate as error:
        raise UsageMistake(str(error)) from None
    write_report(_as_json(answer, checkpoint, output) if output_format == "json" else _as_text(answer, checkpoint, output), None)


def _request(target: str, call: str, inputs: str) -> Request:
    """What to build, from the project that the model's file is in."""
    from nnlint.deep.migration import migration_request
    from nnlint.settings import Settings
    from nnlint.workspace import ConfigError, Workspace, check_files, disk_sources

    file, separator, class_name = target.rpartition("::")
    if not (separator and file and class_name):
        raise click.UsageError(f"{target}: write FILE::CLASS, such as models/net.py::Net")
    path = os.path.abspath(file)
    if not os.path.isfile(path):
        raise UsageMistake(f"{file}: there is no such file")
    try:
        workspace = Workspace()
        project = workspace.project_of(path)
        sources = disk_sources(project, [path])
        paths = sorted({path, *project.files})
        with Notes().busy(f"checking {len(paths)} files"):
            found = check_files(sources, paths, lambda _: Settings(frozenset({"NN501"}))).findings
        return migration_request(sources, path, class_name, found, workspace.config_in(project.folder).deep, call, inputs)
    except ConfigError as error:
        raise UsageMistake(str(error)) from None
    except LookupError as error:
        raise UsageMistake(f"{file}: {error.args[0]}") from None


def _answer(python: str, request: Request, files: Files, draft: str, seconds: float | None) -> Answer:
    """What the worker did; raises `CannotMigrate` where it wrote nothing that may be kept."""
    from nnlint.cli.model_runs import run_models
    from nnlint.deep.migration import CannotMigrate, on_files

    [answer] = run_models(python, [on_files(request, files, draft, seconds)], 1, Notes())
    if answer.problem:
        raise CannotMigrate(f"{files.checkpoint} was not migrated: {answer.problem}")
    return answer


def _as_json(answer: Answer, checkpoint: str, output: str) -> str:
    report = {
        "checkpoint": checkpoint,
        "output": output,
        "model": answer.model,
        "origin": answer.origin,
        "input": answer.inputs,
        "versions": answer.versions,
        **answer.details,
    }
    return json.dumps(report, indent=2, ensure_ascii=False) + "\n"


def _as_text(answer: Answer, checkpoint: str, output: str) -> str:
    details = answer.details
    count = sum(layer["parameters"] for layer in details["layers"])
    lines = [f"{checkpoint} → {output}", *(f"  {_layer_words(layer, details['means'])}" for layer in details["layers"])]
    if len(details["copies"]) > 1 or details["optimizers"]:
        lines.append(f"  in {', '.join(details['copies'])}{_optimizer_words(details['optimizers'])}")
    lines.append(f"{count:,} parameters dropped; all else is as it was.")
    lines.append(_agreement_words(answer))
    return "\n".join(lines) + "\n"


def _layer_words(layer: dict[str, Any], means: list[str]) -> str:
    norms = " and ".join(f"`{norm}`" for norm in layer["norms"])
    is_folded = any(f"{norm}.running_mean" in means for norm in layer["norms"])
    where = f"folded into the running mean of {norms}" if is_folded else f"dropped{f': {norms} cancels it by itself' if norms else ''}"
    return f"`{layer['layer']}.bias` ({layer['parameters']:,}) {where}"


def _optimizer_words(optimizers: list[str]) -> str:
    return f"; without its part in the optimizer of {', '.join(optimizers)}" if optimizers else ""


def _agreement_words(answer: Answer) -> str:
    details = answer.details
    stored = f", {details['written']:.0e} as {' and '.join(details['dtypes'])} stores it" if details["dtypes"] else ""
    built = f"{answer.model}, called with {answer.inputs}"
    return f"In evaluation mode the old and the new model agree to {details['exact']:.0e} relative{stored} ({built})."
