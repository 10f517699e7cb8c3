"""Mistakes of the person's that end a run with status 2."""

from __future__ import annotations

from typing import IO, Any

import click


class UsageMistake(click.ClickException):
    """Bad usage, a bad config or a path that does not exist: one line that names it and the cure."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"error: {self.format_message()}", err=True)
