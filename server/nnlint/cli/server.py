"""`nnlint server`: hands the process over to the language server."""

from __future__ import annotations

import importlib

import click


@click.command("server")
@click.option("--stdio", is_flag=True, help="Speak over standard input and output, as without any option.")
@click.option("--tcp", type=click.IntRange(0, 65535), metavar="PORT", help="Listen on this port of the local machine instead.")
def command(stdio: bool, tcp: int | None) -> None:
    """Runs the language server."""
    if stdio and tcp is not None:
        raise click.UsageError("--stdio and --tcp exclude each other")
    # By name: the command line and the server are siblings, and only this command may pay for the protocol's packages.
    importlib.import_module("nnlint.lsp.server").main(tcp)
