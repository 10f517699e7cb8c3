"""`nnlint clean`: removes the cache."""

from __future__ import annotations

import click

from nnlint.cli.errors import UsageMistake


@click.command("clean")
@click.option("--cache-dir", metavar="FOLDER", help="Where the cache is.")
def command(cache_dir: str | None) -> None:
    """Removes the cache."""
    from nnlint.cli.cache import Cache, default_folder

    folder = cache_dir or default_folder()
    try:
        removed = Cache(folder).clear()
    except OSError as error:
        raise UsageMistake(f"{folder}: the cache cannot be removed: {error.strerror or error}") from None
    click.echo(f"removed the cache in {folder}" if removed else f"there is no cache in {folder}", err=True)
