"""What a person sets in the editor, laid over the config files of their projects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nnlint.workspace import ConfigError, Layer, read_layer

SECTION = "nnlint"
_ORIGIN = "the editor's settings"
# The keys of the config that an editor may set too, in its own spelling (`extendSelect`).
_CONFIG_KEYS = ("select", "extend-select", "ignore", "severity", "extend-safe-fixes", "extend-unsafe-fixes")


@dataclass(frozen=True)
class DeepPreferences:
    """What a person says of the deep check: which Python runs models, for how many seconds, and whether a lens offers that."""

    interpreter: str | None = None
    timeout: float | None = None
    code_lens: bool = True


@dataclass(frozen=True)
class Preferences:
    """`layer` holds the rule settings; `confirm_unsafe_fixes` asks before a quick fix that may change what a program computes.

    Unasked, such a fix says so in its title alone, as ruff's do.
    """

    enable: bool = True
    confirm_unsafe_fixes: bool = False
    layer: Layer | None = None
    deep: DeepPreferences = field(default_factory=DeepPreferences)
    problems: tuple[str, ...] = ()
    """What could not be used, each said so that it can be cured."""

    @classmethod
    def read(cls, raw: object, folder: str) -> Preferences:
        """The preferences in a client's settings; what is unknown in them is the client's own business and passed over."""
        table = _table(raw)
        layer, problems = _layer(table, folder)
        return cls(
            enable=table.get("enable") is not False,
            confirm_unsafe_fixes=table.get("confirm-unsafe-fixes") is True,
            layer=layer,
            deep=_deep(_table(table.get("deep"))),
            problems=problems,
        )


def _table(raw: object) -> dict[str, Any]:
    """The settings with keys as the config spells them, whether or not they come wrapped in `settings` or in the section's name."""
    table = raw
    for wrapper in ("settings", SECTION):
        if isinstance(table, Mapping) and isinstance(table.get(wrapper), Mapping):
            table = table[wrapper]
    return {_kebab(str(key)): value for key, value in table.items()} if isinstance(table, Mapping) else {}


def _deep(table: Mapping[str, Any]) -> DeepPreferences:
    """Those values that can be used. An empty value is an editor's way of saying that nothing is set."""
    interpreter, timeout = table.get("interpreter"), table.get("timeout")
    return DeepPreferences(
        interpreter if isinstance(interpreter, str) and interpreter else None,
        float(timeout) if isinstance(timeout, int | float) and not isinstance(timeout, bool) and timeout > 0 else None,
        table.get("code-lens") is not False,
    )


def _kebab(key: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", key).lower()


def _layer(table: Mapping[str, Any], folder: str) -> tuple[Layer | None, tuple[str, ...]]:
    """The layer of those keys that can be used. An empty value is an editor's way of saying that nothing is set."""
    usable: dict[str, Any] = {}
    problems = []
    for key in _CONFIG_KEYS:
        if not table.get(key):
            continue
        try:
            read_layer({key: table[key]}, _ORIGIN, folder)
        except ConfigError as error:
            problems.append(str(error))
        else:
            usable[key] = table[key]
    return (read_layer(usable, _ORIGIN, folder) if usable else None), tuple(problems)
