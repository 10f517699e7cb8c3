"""`nnlint graph`: the dataflow graph of a class's `forward()`, with what is known of each value."""

from __future__ import annotations

import os

import click

from nnlint.cli.errors import UsageMistake
from nnlint.cli.output import write_report


@click.command("graph")
@click.argument("target", metavar="FILE::CLASS")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "mermaid", "dot", "svg"]),
    default="text",
    show_default=True,
    help="How to show it.",
)
@click.option("-o", "--output-file", metavar="FILE", help="Write it there instead of to standard output.")
@click.option(
    "--all", "shows_all", is_flag=True, help="Show every way in which the project builds and calls the class, not only the first ones."
)
def command(target: str, output_format: str, output_file: str | None, shows_all: bool) -> None:
    """Shows the dataflow graph of forward() of CLASS in FILE.

    A line is an operation: what is called, its shape as far as it is known (? for a size that is not), its place; below it what
    becomes of the layer's bias, and where knowledge ends (UNKNOWN because ...).
    """
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
        text = graph_text(sources, path, class_name, output_format, shows_all, os.path.relpath)
        write_report(text, output_file)
    except ConfigError as error:
        raise UsageMistake(str(error)) from None
    except LookupError as error:
        raise UsageMistake(f"{file}: {error.args[0]}") from None
