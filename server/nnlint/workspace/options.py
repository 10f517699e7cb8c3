"""The keys of the config, one row each: what a value must be, what it means, and how it is read."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nnlint.findings import Severity
from nnlint.rules import all_rules
from nnlint.settings import select_rules
from nnlint.workspace.deep_settings import DeepModel


@dataclass(frozen=True, slots=True)
class Option:
    """A key of `[tool.nnlint]`. `read` makes plain immutable data of the TOML value or raises `ValueError`."""

    key: str
    meaning: str
    read: Callable[[Any], Any]
    gathers: bool = False
    """Whether the values of all places (config file, what it extends, command line) add up; else the nearest one holds."""


def _strings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"must be a list of strings, not {_shown(value)}")
    return tuple(value)


def _selectors(value: Any) -> tuple[str, ...]:
    words = _strings(value)
    for word in words:
        select_rules(word, all_rules())
    return words


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a string, not {_shown(value)}")
    return value


def _table(value: Any, of_what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"must be a table of {of_what}, not {_shown(value)}")
    return value


def _ignores_by_pattern(value: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    table = _table(value, 'path patterns and rules, such as {"tests/**" = ["NN501"]}')
    return tuple((pattern, _within(pattern, _selectors, selectors)) for pattern, selectors in table.items())


def _severities(value: Any) -> tuple[tuple[str, Severity], ...]:
    table = _table(value, 'rules and severities, such as {NN501 = "warning"}')
    for selector in table:
        select_rules(selector, all_rules())
    return tuple((selector, _within(selector, _severity, word)) for selector, word in table.items())


def _severity(value: Any) -> Severity:
    return Severity.parse(_string(value))


def _deep(value: Any) -> tuple[tuple[str, Any], ...]:
    table = _table(value, "settings of the deep check")
    for key in table:
        if key in _NEVER_IN_A_FILE:
            raise ValueError(f"{key!r}: no project file may switch the deep check on or name a program to run; remove the key")
    return _read(table, _DEEP_OPTIONS)


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ValueError(f"must be a number of seconds above 0, not {_shown(value)}")
    return float(value)


def _deep_models(value: Any) -> tuple[DeepModel, ...]:
    if not isinstance(value, list):
        raise ValueError(f"must be an array of tables, [[tool.nnlint.deep.models]], not {_shown(value)}")
    return tuple(_deep_model(item) for item in value)


def _deep_model(value: Any) -> DeepModel:
    given = dict(_read(_table(value, "a model and how it is built"), _MODEL_OPTIONS))
    if "model" not in given:
        raise ValueError("there is no 'model' that says what is built, such as \"src/net.py::Net\"")
    path, class_name = given.pop("model")
    return DeepModel(path, class_name, **given)


def _model_name(value: Any) -> tuple[str, str]:
    path, separator, class_name = _string(value).rpartition("::")
    if not separator or not path or not class_name.isidentifier():
        raise ValueError(f'must be a file and a class in it, such as "src/net.py::Net", not {_shown(value)}')
    return path, class_name


def _expression(value: Any) -> str:
    text = _string(value)
    try:
        ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"must be a Python expression, not {text!r}") from None
    return text.strip()


def _not_available(value: Any) -> Any:
    raise ValueError("not available in this version of nnlint; remove the key")


def _within(key: str, read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return read(value)
    except ValueError as error:
        raise ValueError(f"{key!r}: {error}") from None


def _shown(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return "a table"
        case list():
            return f"the list {value!r}"
        case _:
            return repr(value)


_NEVER_IN_A_FILE = ("enable", "enabled", "python", "interpreter", "command", "program", "executor")
_DEEP_OPTIONS = (
    Option("timeout", "seconds that one model may run in the deep check", _seconds),
    Option("models", "how models are built that need arguments which nothing else shows", _deep_models),
)
_MODEL_OPTIONS = (
    Option("model", "the class, as FILE::Class", _model_name),
    Option("call", "an expression that builds it, a call of the class or of a function", _expression),
    Option("input", "what it is called with: sizes of a tensor, or an expression", _expression),
    Option("target", "what a loss compares its output to", _expression),
    Option("loss", "the loss that it is trained with", _expression),
)

OPTIONS = (
    Option("select", "the rules that run: codes, prefixes of codes, names or `ALL`", _selectors),
    Option("extend-select", "rules that run besides", _selectors, gathers=True),
    Option("ignore", "rules that do not run", _selectors, gathers=True),
    Option("per-file-ignores", "path patterns, each with the rules that do not run there", _ignores_by_pattern),
    Option("exclude", "path patterns of what is not checked, in place of the built-in list", _strings),
    Option("extend-exclude", "path patterns of what is not checked besides", _strings, gathers=True),
    Option("extend", "another config file that this one builds on", _string),
    Option("src", "folders from which modules are imported, besides the project's own and its `src`", _strings),
    Option("severity", "rules, each with `error`, `warning`, `info` or `hint`", _severities, gathers=True),
    Option("fixable", "the only rules whose fixes are applied", _selectors),
    Option("unfixable", "rules whose fixes are shown but never applied", _selectors, gathers=True),
    Option("extend-safe-fixes", "rules whose unsafe fixes count as safe here", _selectors, gathers=True),
    Option("extend-unsafe-fixes", "rules whose safe fixes count as unsafe here", _selectors, gathers=True),
    Option("baseline", "the file of findings that are known and not reported", _not_available),
    Option("deep", "settings of the deep check, which runs only where a person asks for it", _deep),
)


class OptionError(ValueError):
    """A table of options that cannot be used; `key` is the one at fault."""

    def __init__(self, key: str, message: str) -> None:
        self.key = key
        super().__init__(message)


def read_options(table: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a `[tool.nnlint]` table, checked; raises `OptionError` that names the key and the cure."""
    return dict(_read(table, OPTIONS))


def _read(table: Mapping[str, Any], options: tuple[Option, ...]) -> tuple[tuple[str, Any], ...]:
    by_key = {option.key: option for option in options}
    values = []
    for key, value in table.items():
        option = by_key.get(key)
        if option is None:
            raise OptionError(key, f"unknown key {key!r}{_nearest(key, by_key)}")
        try:
            values.append((key, option.read(value)))
        except ValueError as error:
            raise OptionError(key, f"{key!r}: {error}") from None
    return tuple(values)


def _nearest(key: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(key.lower().replace("_", "-"), known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; the keys are {', '.join(known)}"
