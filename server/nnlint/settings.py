"""The settings in force for a file: which rules run, how loud, and how far their fixes are trusted. Pure: no file is read here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from nnlint.findings import Applicability, Severity
from nnlint.rule import Rule

# What was not looked at must not pass for clean: `select` does not leave this rule out, only `ignore` does.
SYNTAX_ERROR = "NN000"
UNUSED_SUPPRESSION = "NN001"

T = TypeVar("T")


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
        raise UnknownSelector(f"unknown rule {selector.strip()!r}{nearest_rule(word, rules)}")
    return found


def nearest_rule(word: str, rules: dict[str, Rule]) -> str:
    """What to tell a person after a word that names no rule."""
    import difflib

    by_word = {"ALL": "ALL"} | {code: code for code in rules} | {rule.name.upper(): rule.name for rule in rules.values()}
    near = difflib.get_close_matches(word.upper(), by_word, n=1)
    return f"; did you mean {by_word[near[0]]!r}?" if near else "; `nnlint rule --all` lists the rules"


def select_many(selectors: Iterable[str], rules: dict[str, Rule]) -> frozenset[str]:
    return frozenset().union(*(select_rules(s, rules) for s in selectors))


def _specificity(selector: str) -> int:
    """How exactly a selector names its rules: `ALL` least, then prefixes by length; codes and names alike most."""
    word = selector.strip().upper()
    if word == "ALL":
        return 0
    return len(word) if word.startswith("NN") else len(SYNTAX_ERROR)


def decide_by_specificity(words: Iterable[tuple[str, T]], rules: dict[str, Rule]) -> dict[str, T]:
    """What holds for each code where several selectors speak of it: the most exact one wins, among equals the later."""
    decided: dict[str, T] = {}
    for selector, value in sorted(words, key=lambda word: _specificity(word[0])):
        decided.update(dict.fromkeys(select_rules(selector, rules), value))
    return decided


@dataclass(frozen=True, slots=True)
class RuleSelection:
    """What one place (a config file, the command line) says about which rules run."""

    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


def enabled_rules(selections: Iterable[RuleSelection], rules: dict[str, Rule]) -> frozenset[str]:
    """The codes that run, after each place has had its word in turn; a `select` forgets all that was said before it."""
    enabled = Settings.default(rules).enabled
    for selection in selections:
        if selection.select is not None:
            enabled = frozenset({SYNTAX_ERROR} & rules.keys())
        switched_on = [(word, True) for word in (*(selection.select or ()), *selection.extend_select)]
        switched_off = [(word, False) for word in selection.ignore]
        decided = decide_by_specificity([*switched_on, *switched_off], rules)
        enabled = enabled.difference(decided) | {code for code, on in decided.items() if on}
    return enabled


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

    def without(self, codes: frozenset[str]) -> Settings:
        """These settings with some rules switched off, as `per-file-ignores` does."""
        return replace(self, enabled=self.enabled - codes) if codes else self

    def applicability(self, code: str, own: Applicability) -> Applicability:
        """A fix's grade after `extend-safe-fixes`, `extend-unsafe-fixes`, `fixable` and `unfixable`."""
        if code in self.unfixable or (self.fixable is not None and code not in self.fixable):
            return Applicability.DISPLAY
        if own is Applicability.DISPLAY:
            return own
        if code in self.unsafe_fixes:
            return Applicability.UNSAFE
        return Applicability.SAFE if code in self.safe_fixes else own
