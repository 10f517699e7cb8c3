"""Config files: where they are found and what they say, one layer a file."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nnlint.workspace.errors import ConfigError
from nnlint.workspace.options import OptionError, read_options

OWN_FILE = "nnlint.toml"
SHARED_FILE = "pyproject.toml"


@dataclass(frozen=True, slots=True)
class Layer:
    """What one place says. Relative paths and patterns in it start at `folder`; `path` is the file, where it is one."""

    origin: str
    folder: str
    values: Mapping[str, Any]
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """All that holds in one folder: the layers from the weakest (what is extended) to the strongest (the command line)."""

    layers: tuple[Layer, ...] = ()
    path: str | None = field(default=None)
    """The config file that was found or named."""

    def nearest(self, key: str) -> tuple[Any, Layer] | None:
        """The strongest value of a key, and the layer that it is from."""
        for layer in reversed(self.layers):
            if key in layer.values:
                return layer.values[key], layer
        return None

    def gathered(self, key: str) -> list[tuple[Any, Layer]]:
        """Every layer's value of a key, the weakest first."""
        return [(layer.values[key], layer) for layer in self.layers if key in layer.values]

    def with_layers(self, layers: Iterable[Layer]) -> Config:
        return Config((*self.layers, *layers), self.path)


def config_file_in(folder: str) -> str | None:
    """The config file of a folder: `nnlint.toml`, else a `pyproject.toml` that has a `[tool.nnlint]`."""
    own = os.path.join(folder, OWN_FILE)
    if os.path.isfile(own):
        return own
    shared = os.path.join(folder, SHARED_FILE)
    if os.path.isfile(shared) and "nnlint" in _read_text(shared) and _own_table(shared) is not None:
        return shared
    return None


def load_config(path: str) -> Config:
    """The config of a file and of those that it extends; raises `ConfigError`."""
    return Config(tuple(_load_layers(os.path.abspath(path), ())), path)


def _load_layers(path: str, below: tuple[str, ...]) -> list[Layer]:
    table = _own_table(path)
    if table is None:
        raise ConfigError("there is no [tool.nnlint] table in it", path=path)
    try:
        values = read_options(table)
    except OptionError as error:
        cure = "; in nnlint.toml the keys stand at the top, without [tool.nnlint]" if error.key == "tool" else ""
        raise ConfigError(f"{error}{cure}", path=path, row=_row_of(error.key, path)) from None
    layer = Layer(path, os.path.dirname(path), values, path)
    return [*_extended(layer, path, below), layer]


def _extended(layer: Layer, path: str, below: tuple[str, ...]) -> list[Layer]:
    if "extend" not in layer.values:
        return []
    target = os.path.abspath(os.path.join(layer.folder, os.path.expanduser(layer.values["extend"])))
    row = _row_of("extend", path)
    if target in (*below, path):
        raise ConfigError(f"'extend': {target} extends itself", path=path, row=row)
    if not os.path.isfile(target):
        raise ConfigError(f"'extend': there is no file {target}", path=path, row=row)
    return _load_layers(target, (*below, path))


def _own_table(path: str) -> Mapping[str, Any] | None:
    """nnlint's table in a config file; `None` where a `pyproject.toml` has none."""
    text = _read_text(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"at line (\d+)", str(error))
        raise ConfigError(f"not valid TOML: {error}", path=path, row=int(where[1]) if where else None) from None
    if os.path.basename(path) != SHARED_FILE:
        return document
    tool = document.get("tool")
    table = tool.get("nnlint") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigError("[tool.nnlint] must be a table", path=path)
    return table


def _read_text(path: str) -> str:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            return file.read().replace("\r\n", "\n")
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror or error}", path=path) from None
    except UnicodeDecodeError:
        raise ConfigError("not UTF-8, which TOML has to be", path=path) from None


def _row_of(key: str, path: str) -> int | None:
    """The line that sets a key of nnlint's, as a person would look for it."""
    inside = os.path.basename(path) != SHARED_FILE
    assignment = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*[=.]""")
    header = re.compile(rf"""\s*\[\[?(?:tool\.nnlint\.)?["']?{re.escape(key)}["']?[\].]""")
    for row, line in enumerate(_read_text(path).split("\n"), 1):
        if line.lstrip().startswith("["):
            inside = "tool.nnlint" in line or (inside and os.path.basename(path) != SHARED_FILE)
            if inside and header.match(line):
                return row
        elif inside and assignment.match(line):
            return row
    return None


def read_assignment(assignment: str, folder: str) -> Layer:
    """The layer of one `KEY=VALUE`, TOML as it would stand in the file; raises `ConfigError`."""
    origin = f"--config {assignment}"
    try:
        table = tomllib.loads(assignment)
    except tomllib.TOMLDecodeError as error:
        message = f"{origin}: neither a file nor TOML ({error}); write it like 'ignore = [\"NN501\"]', quoted for the shell"
        raise ConfigError(message) from None
    return read_layer(table, origin, folder)


def read_layer(table: Mapping[str, Any], origin: str, folder: str) -> Layer:
    """The layer of a table that stands in no file (command line, an editor's settings); raises `ConfigError`."""
    if "extend" in table:
        raise ConfigError(f"{origin}: 'extend' can be set in a config file alone")
    try:
        return Layer(origin, folder, read_options(table))
    except OptionError as error:
        raise ConfigError(f"{origin}: {error}") from None
