"""The command line's words as layers of config, stronger than every file's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from nnlint.cli.errors import UsageMistake
from nnlint.workspace import Layer, read_assignment, read_layer


def split_config(arguments: Sequence[str]) -> tuple[str | None, list[Layer]]:
    """What `--config` was given: the one file, if any, and a layer for each `KEY=VALUE`. Raises `ConfigError`."""
    files = [argument for argument in arguments if _is_file(argument)]
    if len(files) > 1:
        raise UsageMistake(f"--config takes one file, not both {files[0]} and {files[1]}; one can name the other in 'extend'")
    assignments = [read_assignment(argument, os.getcwd()) for argument in arguments if not _is_file(argument)]
    return (files[0] if files else None), assignments


def _is_file(argument: str) -> bool:
    if os.path.isfile(argument):
        return True
    if "=" not in argument:
        raise UsageMistake(f"--config {argument}: there is no such file, and KEY=VALUE it is not either")
    return False


def command_line_layer(**lists: tuple[str, ...]) -> Layer:
    """The layer of the options that are lists of words; an option that was not given says nothing. Raises `ConfigError`."""
    table: dict[str, Any] = {key.replace("_", "-"): list(words) for key, words in lists.items() if words}
    if "per-file-ignores" in table:
        table["per-file-ignores"] = _by_pattern(table["per-file-ignores"])
    return read_layer(table, "command line", os.getcwd())


def _by_pattern(pairs: Sequence[str]) -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for pair in pairs:
        pattern, colon, selector = pair.rpartition(":")
        if not (pattern and colon and selector):
            raise UsageMistake(f"--per-file-ignores {pair}: write PATTERN:RULE, such as 'tests/*:NN501'")
        table.setdefault(pattern, []).append(selector)
    return table
