"""`nnlint check`, which is `lsp-check`: the options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from nnlint import __version__
from nnlint.cli.reporters import format_names

_ADD_IGNORE = "--add-ignore"

F = TypeVar("F", bound=Callable[..., Any])


class _CheckCommand(click.Command):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """`--add-ignore` takes its reason after `=` alone, so that `--add-ignore models/` names a folder."""
        end = args.index("--") if "--" in args else len(args)
        ready = [f"{_ADD_IGNORE}=" if arg == _ADD_IGNORE else arg for arg in args[:end]]
        return super().parse_args(ctx, [*ready, *args[end:]])


def _words(_: click.Context, __: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Options that take lists may be given several times, and take commas too."""
    return tuple(word.strip() for item in value for word in item.split(",") if word.strip())


def _list_option(name: str, metavar: str, text: str) -> Callable[[F], F]:
    return click.option(name, multiple=True, callback=_words, metavar=metavar, help=text)


@click.command("check", cls=_CheckCommand, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@_list_option("--select", "RULES", "Rules to run, in place of the configured ones: codes, prefixes, names or ALL.")
@_list_option("--extend-select", "RULES", "Rules to run besides.")
@_list_option("--ignore", "RULES", "Rules not to run.")
@_list_option("--per-file-ignores", "PATTERN:RULE", "Rules not to run in some files.")
@click.option("--output-format", type=click.Choice(format_names()), help="How to report. [default: full; github in GitHub Actions]")
@click.option("-o", "--output-file", metavar="FILE", help="Write the report there instead of to standard output.")
@click.option("--fix", is_flag=True, help="Apply the safe fixes.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix, --fix-only or --diff: the unsafe fixes too.")
@click.option("--diff", is_flag=True, help="Print what the fixes would change; write nothing.")
@click.option("--fix-only", is_flag=True, help="Apply the safe fixes and report nothing.")
@click.option(_ADD_IGNORE, metavar="[=REASON]", help="Add a suppression comment to every line with a finding.")
@click.option(
    "--statistics", is_flag=True, help="Count instead of showing: findings by rule, and layers that were understood (with -v: the others)."
)
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even if there are findings.")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info", "hint"]),
    default="info",
    show_default=True,
    help="The lowest severity that makes the exit status 1.",
)
@click.option("--stdin-filename", metavar="FILE", help="The name of the file that comes from standard input.")
@_list_option("--exclude", "PATTERNS", "Files and folders not to check, in place of the configured ones.")
@_list_option("--extend-exclude", "PATTERNS", "Files and folders not to check besides.")
@click.option("--force-exclude", is_flag=True, help="Exclude files even where they are named.")
@click.option("--no-respect-gitignore", is_flag=True, help="Check what git ignores too.")
@click.option("--config", multiple=True, metavar="FILE|KEY=VALUE", help="A config file, or one setting as TOML.")
@click.option("--isolated", is_flag=True, help="Leave all config files aside.")
@click.option("-n", "--no-cache", is_flag=True, help="Neither read nor write the cache.")
@click.option("--cache-dir", metavar="FOLDER", help="Where the cache is.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="How many processes to use. [default: one a processor]")
@click.option("--deep", is_flag=True, help="Run the models, and say what is confirmed; what they refute is not reported.")
@click.option("--python", metavar="PATH", help="With --deep: the Python to run them with. [default: that of the active environment]")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="With --deep: how long one model may run. [default: as configured, else 30]",
)
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True, help="When to use colours.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but the findings.")
@click.option("-v", "--verbose", is_flag=True, help="Say what is checked and with which config.")
@click.version_option(__version__, "--version", "-V", message="%(prog)s %(version)s")
def command(**options: Any) -> int:
    """Checks PyTorch code for silent mistakes.

    PATHS are files and folders; without any, the current folder. A single - is standard input.

    Exit status: 0 nothing found, 1 findings, 2 bad usage, bad config, a missing path or an internal error.
    """
    from nnlint.cli.check_options import CheckOptions
    from nnlint.cli.run import run

    return run(CheckOptions(**options))
