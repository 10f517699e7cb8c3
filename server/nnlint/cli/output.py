"""Where words go: the report to standard output or a file, everything else to standard error."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from nnlint.cli.errors import UsageMistake
from nnlint.cli.style import Style, printable

_CLEAR_LINE = "\r\x1b[K"


def write_report(text: str, target: str | None) -> None:
    """Writes the report, and nothing else, in UTF-8 whatever the platform prefers."""
    data = text.encode("utf-8", "backslashreplace")
    if target is not None:
        try:
            with open(target, "wb") as file:
                file.write(data)
        except OSError as error:
            raise UsageMistake(f"the report cannot be written to {target}: {error.strerror or error}") from None
        return
    write_bytes(data)


def write_bytes(data: bytes) -> None:
    """Writes to standard output. A reader that went away (`| head`) has had what it wanted: no error, and the exit status stands."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # What is still buffered would fail once more when the interpreter exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_note(text: str) -> None:
    """Writes to standard error what has to give way to something on standard output."""
    click.echo(text, err=True, nl=False)


class Notes:
    """What a person is told besides the report. `level` is 0 as usual, below with `-q`, above with `-v`."""

    def __init__(self, level: int = 0, style: Style | None = None) -> None:
        self._level = level
        self._style = style or Style()

    def summary(self, text: str) -> None:
        if self._level >= 0:
            click.echo(text, err=True, color=True)

    def detail(self, text: str) -> None:
        if self._level >= 1:
            click.echo(text, err=True, color=True)

    def warning(self, text: str) -> None:
        if self._level >= 0:
            click.echo(f"{self._style.paint('warning', 'warning')}: {text}", err=True, color=True)

    @contextmanager
    def busy(self, text: str) -> Iterator[Callable[[str], None]]:
        """Shows on a terminal, and only there, that work is under way; what it yields shows another text, from any thread."""
        if self._level < 0 or not sys.stderr.isatty():
            yield lambda _: None
            return

        def show(text: str) -> None:
            room = shutil.get_terminal_size().columns - len(" …") - 1
            click.echo(f"{_CLEAR_LINE}{printable(text)[:room]} …", err=True, nl=False)

        show(text)
        try:
            yield show
        finally:
            click.echo(_CLEAR_LINE, err=True, nl=False)

    def error(self, text: str) -> None:
        """Said even with `-q`: an exit status of 2 must never be without a reason."""
        click.echo(f"{self._style.paint('error', 'error')}: {text}", err=True, color=True)
