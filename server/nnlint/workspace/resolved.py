"""A config made ready for use: settings for each file, what is excluded, and where each value came from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nnlint.findings import Applicability, Severity
from nnlint.rules import all_rules
from nnlint.settings import RuleSelection, Settings, decide_by_specificity, enabled_rules, select_many
from nnlint.workspace.config import Config, Layer
from nnlint.workspace.deep_settings import DeepSettings
from nnlint.workspace.globs import PathPatterns
from nnlint.workspace.options import OPTIONS
from nnlint.workspace.walk import DEFAULT_EXCLUDES


@dataclass(frozen=True, slots=True)
class Provenance:
    """A key's value and the place that it is from: a config file, the command line or nnlint's own default."""

    key: str
    value: Any
    origin: str


class ResolvedConfig:
    """What one config means. Made once a config, asked for many files."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._settings: dict[frozenset[str], Settings] = {}

    def settings_for(self, path: str) -> Settings:
        """The settings of an absolute path. Equal settings are one object."""
        ignored = frozenset().union(*(codes for patterns, negated, codes in self._file_ignores if patterns.matches(path) != negated))
        if ignored not in self._settings:
            self._settings[ignored] = self._base.without(ignored)
        return self._settings[ignored]

    @cached_property
    def excludes(self) -> PathPatterns:
        """What is left out of a named folder."""
        nearest = self.config.nearest("exclude")
        patterns = [(p, nearest[1].folder) for p in nearest[0]] if nearest else [(name, "") for name in DEFAULT_EXCLUDES]
        patterns += [(p, layer.folder) for more, layer in self.config.gathered("extend-exclude") for p in more]
        return PathPatterns(patterns)

    @property
    def source_folders(self) -> tuple[str, ...]:
        """The absolute folders that `src` names."""
        nearest = self.config.nearest("src")
        if nearest is None:
            return ()
        folders, layer = nearest
        return tuple(os.path.abspath(os.path.join(layer.folder, os.path.expanduser(folder))) for folder in folders)

    @cached_property
    def deep(self) -> DeepSettings:
        """How models are built and run, where a person asks for that."""
        nearest = self.config.nearest("deep")
        if nearest is None:
            return DeepSettings()
        values, layer = nearest
        given = dict(values)
        return DeepSettings(given.get("timeout"), tuple(m.below(layer.folder) for m in given.get("models", ())), layer.origin)

    def provenance(self) -> list[Provenance]:
        """Every key in force, in the order of the table of options; keys whose values add up come once a place."""
        rows = []
        for option in OPTIONS:
            values = self.config.gathered(option.key)
            default = _default_value(option.key)
            if not values and default is not None:
                rows.append(Provenance(option.key, default, "default"))
            kept = values if option.gathers else values[-1:]
            rows += [Provenance(option.key, value, layer.origin) for value, layer in kept]
        return rows

    @cached_property
    def _base(self) -> Settings:
        rules = all_rules()
        fixable = self.config.nearest("fixable")
        safety = self._fix_safety()
        return Settings(
            enabled=enabled_rules((_selection(layer) for layer in self.config.layers), rules),
            severities=self._severities(),
            safe_fixes=frozenset(code for code, grade in safety.items() if grade is Applicability.SAFE),
            unsafe_fixes=frozenset(code for code, grade in safety.items() if grade is Applicability.UNSAFE),
            fixable=select_many(fixable[0], rules) if fixable else None,
            unfixable=frozenset().union(*(select_many(words, rules) for words, _ in self.config.gathered("unfixable"))),
        )

    def _severities(self) -> dict[str, Severity]:
        severities: dict[str, Severity] = {}
        for words, _ in self.config.gathered("severity"):
            severities.update(decide_by_specificity(words, all_rules()))
        return severities

    def _fix_safety(self) -> dict[str, Applicability]:
        """The rules whose fixes are graded anew; where two selectors are equally exact, unsafe holds."""
        words = [
            (word, grade)
            for key, grade in (("extend-safe-fixes", Applicability.SAFE), ("extend-unsafe-fixes", Applicability.UNSAFE))
            for selectors, _ in self.config.gathered(key)
            for word in selectors
        ]
        return decide_by_specificity(words, all_rules())

    @cached_property
    def _file_ignores(self) -> list[tuple[PathPatterns, bool, frozenset[str]]]:
        nearest = self.config.nearest("per-file-ignores")
        if nearest is None:
            return []
        table, layer = nearest
        return [
            (PathPatterns([(pattern.removeprefix("!"), layer.folder)]), pattern.startswith("!"), select_many(selectors, all_rules()))
            for pattern, selectors in table
        ]


def _selection(layer: Layer) -> RuleSelection:
    return RuleSelection(layer.values.get("select"), layer.values.get("extend-select", ()), layer.values.get("ignore", ()))


def _default_value(key: str) -> tuple[str, ...] | None:
    match key:
        case "select":
            return tuple(code for code, rule in all_rules().items() if rule.on_by_default)
        case "exclude":
            return DEFAULT_EXCLUDES
    return None
