"""The entry points `nnlint` and `lsp-check`, and the exit status of whatever happens."""

from __future__ import annotations

import importlib
import sys
from typing import Any, NoReturn, cast

import click

from nnlint import __version__

USAGE_ERROR = 2
_INTERRUPTED = 130

# Each command with the module that holds it, which is imported only when it is needed.
_COMMANDS = {
    "check": "nnlint.cli.check",
    "clean": "nnlint.cli.clean",
    "config": "nnlint.cli.config",
    "deep": "nnlint.cli.deep",
    "graph": "nnlint.cli.graph",
    "migrate": "nnlint.cli.migrate",
    "rule": "nnlint.cli.rule",
    "server": "nnlint.cli.server",
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        return None if module is None else _command(module)


def _command(module: str) -> click.Command:
    return cast(click.Command, importlib.import_module(module).command)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", "-V", message="%(prog)s %(version)s")
def nnlint() -> None:
    """Finds the classic silent mistakes in PyTorch code, and fixes them."""


def main() -> NoReturn:
    """`nnlint`"""
    sys.exit(_status(nnlint, "nnlint"))


def lsp_check() -> NoReturn:
    """`lsp-check`, which is `nnlint check`."""
    sys.exit(_status(_command(_COMMANDS["check"]), "lsp-check"))


def _status(command: click.Command, name: str) -> int:
    """Runs a command to its exit status. What goes wrong inside is never status 1, which means findings."""
    try:
        return _as_status(command.main(prog_name=name, standalone_mode=False))
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except Exception:
        import traceback

        traceback.print_exc()
        click.echo(f"error: {name} {__version__} failed inside; this is a mistake of nnlint's, please report it", err=True)
        return USAGE_ERROR


def _as_status(returned: Any) -> int:
    return returned if isinstance(returned, int) else 0
