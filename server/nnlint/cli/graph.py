"""`nnlint graph`: the dataflow graph of a class's `forward()`, with what is known of each value."""

from __future__ import annotations

import os

import click

from nnlint.cli.errors import UsageMistake
from nnlint.cli.output import write_report


@click.command("graph")
@click.argument("target", metavar="FILE::CLASS")
def command(target: str) -> None:
    """Shows the dataflow graph of forward() of CLASS in FILE."""
    from nnlint.engine import graph_text
    from nnlint.workspace import ConfigError, Workspace, disk_sources

    file, separator, class_name = target.rpartition("::")
    if not (separator and file and class_name):
        raise click.UsageError(f"{target}: write FILE::CLASS, such as models/net.py::Net")
    path = os.path.abspath(file)
    if not os.path.isfile(path):
        raise UsageMistake(f"{file}: there is no such file")
    try:
        sources = disk_sources(Workspace().project_of(path), [path])
        if problem := sources.problem(path):
            raise UsageMistake(f"{file}: {problem}")
        write_report(graph_text(sources, path, class_name), None)
    except ConfigError as error:
        raise UsageMistake(str(error)) from None
    except LookupError as error:
        raise UsageMistake(f"{file}: {error.args[0] if error.args else f'there is no class {class_name}'}") from None
