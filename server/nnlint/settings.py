"""The settings in force for a file: which rules run, how loud, and how far their fixes are trusted. Pure: no file is read here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from nnlint.findings import Applicability, Severity
from nnlint.rule import Rule


class UnknownSelector(ValueError):
    """A word that selects no rule: neither a code, a prefix of codes, a name nor `ALL`."""


def select_rules(selector: str, rules: dict[str, Rule]) -> frozenset[str]:
    """The codes a selector stands for: a code (`NN501`), a prefix (`NN5`), a name (`bias-before-norm`) or `ALL`."""
    word = selector.strip().upper()
    if word == "ALL":
        return frozenset(rules)
    if word.startswith("NN"):
        found = frozenset(code for code in rules if code.startswith(word))
    else:
        found = frozenset(code for code, rule in rules.items() if rule.name.upper() == word)
    if not found:
        raise UnknownSelector(f"unknown rule {selector.strip()!r}")
    return found


def select_many(selectors: Iterable[str], rules: dict[str, Rule]) -> frozenset[str]:
    return frozenset().union(*(select_rules(s, rules) for s in selectors))


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for one file. Rule sets are codes, already resolved from selectors."""

    enabled: frozenset[str]
    severities: dict[str, Severity] = field(default_factory=dict)
    safe_fixes: frozenset[str] = frozenset()
    unsafe_fixes: frozenset[str] = frozenset()
    fixable: frozenset[str] | None = None
    unfixable: frozenset[str] = frozenset()

    @classmethod
    def default(cls, rules: dict[str, Rule]) -> Settings:
        return cls(frozenset(code for code, rule in rules.items() if rule.on_by_default))

    def applicability(self, code: str, own: Applicability) -> Applicability:
        """A fix's grade after `extend-safe-fixes`, `extend-unsafe-fixes`, `fixable` and `unfixable`."""
        if code in self.unfixable or (self.fixable is not None and code not in self.fixable):
            return Applicability.DISPLAY
        if own is Applicability.DISPLAY:
            return own
        if code in self.unsafe_fixes:
            return Applicability.UNSAFE
        return Applicability.SAFE if code in self.safe_fixes else own
