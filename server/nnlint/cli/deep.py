"""`nnlint deep`: runs the models of a file, to judge what was found in them, or to give first aid before a training."""

from __future__ import annotations

import sys
from typing import Any

import click


@click.command("deep", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("target", metavar="FILE[::CLASS]")
@click.option("--recipe", is_flag=True, help="Give first aid: initial loss, one batch overfitted, gradients, unused layers, and more.")
@click.option("--python", metavar="PATH", help="The Python to run the model with; torch must be installed for it.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="Seconds that a model may take. [default: the configured ones, else 30; with --recipe at least 60]",
)
@click.option("--steps", type=click.IntRange(min=1), metavar="N", help="With --recipe: how long to train on one batch. [default: 300]")
@click.option("--device", default="cpu", show_default=True, metavar="NAME", help="Where the model runs, such as cuda:0.")
@click.option(
    "--output-format",
    type=click.Choice(["text", "json", "html"]),
    default="text",
    show_default=True,
    help="How to report; html with --recipe.",
)
@click.option("-o", "--output-file", metavar="FILE", help="Write the report there instead of to standard output.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True, help="When to use colors.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(target: str, output_format: str, output_file: str | None, color: str, quiet: bool, **options: Any) -> int:
    """Runs the real model of CLASS in FILE, in a process of its own, and says of each finding in it whether it is confirmed or refuted.

    Without CLASS: each model class of the file that is no part of another one there. The code of the project is run; it is no sandbox.

    Exit status: 0 nothing was confirmed and no check of the recipe failed, 1 something was or did, 2 bad usage, or no model could be run.
    """
    from nnlint.cli.deep_models import Asked, run
    from nnlint.cli.deep_report import has_answer, is_bad, render
    from nnlint.cli.output import Notes, write_report
    from nnlint.cli.style import Style, wants_color

    style = Style(output_file is None and wants_color(color, sys.stdout))
    asked = Asked(**options)
    if output_format == "html" and not asked.recipe:
        raise click.UsageError("--output-format html shows the recipe: add --recipe")
    if asked.steps is not None and not asked.recipe:
        raise click.UsageError("--steps counts those of the recipe: add --recipe")
    done = run(target, asked, Notes(-1 if quiet else 0))
    write_report(render(done, asked.recipe, output_format, style), output_file)
    if any(map(is_bad, done)):
        return 1
    return 0 if any(map(has_answer, done)) else 2
