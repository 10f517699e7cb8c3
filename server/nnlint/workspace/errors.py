"""What can be wrong with a project's surroundings, said so that a person can cure it."""

from __future__ import annotations


class ConfigError(Exception):
    """A config that cannot be used. `path` is the file that holds it (`None`: it stands in no file), `row` its line where known."""

    def __init__(self, message: str, *, path: str | None = None, row: int | None = None) -> None:
        self.message, self.path, self.row = message, path, row
        place = "" if path is None else f"{path}: " if row is None else f"{path}:{row}: "
        super().__init__(place + message)


class UnreadableSource(Exception):
    """A file that cannot be read as Python source; the message says why and what to do."""
