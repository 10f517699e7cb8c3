"""What a person asks for: the arguments of the commands that start and cancel runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pygls.exceptions import JsonRpcInvalidParams


@dataclass(frozen=True, slots=True)
class Asked:
    """A class of a document, by name or by the line that it is on, and what the client says of the circumstances."""

    uri: str
    class_name: str | None = None
    line: int | None = None
    python: str | None = None
    """The interpreter that the person has selected in the editor."""
    is_trusted: bool = True


def asked_for(command: str, arguments: tuple[Any, ...]) -> Asked:
    """The meaning of a command's arguments; raises `JsonRpcInvalidParams` that says what they may be."""
    match arguments:
        case (str(uri), str(class_name)):
            return Asked(uri, class_name)
        case ({"uri": str(uri)} as table,):
            pass
        case _:
            raise _refusal(command)
    line = _get(table, "position", Mapping, command)
    return Asked(
        uri,
        _get(table, "className", str, command),
        None if line is None else _get(line, "line", int, command),
        _get(table, "python", str, command) or None,
        _get(table, "trusted", bool, command) is not False,
    )


def _get(table: Mapping[str, Any], key: str, kind: type, command: str) -> Any:
    value = table.get(key)
    if value is not None and not isinstance(value, kind):
        raise _refusal(command)
    return value


def _refusal(command: str) -> JsonRpcInvalidParams:
    message = f'{command} takes a document and a class name, or {{"uri": …, "className": …, "position": …, "python": …, "trusted": …}}'
    return JsonRpcInvalidParams(message)
