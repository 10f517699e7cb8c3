"""Where a rule's page stands: the one place that makes such addresses, so that they can move together."""

from __future__ import annotations

from pathlib import Path

from nnlint.rules import all_rules


def rule_url(code: str) -> str | None:
    """The address of a rule's page; `None` for a code without one.

    The page is the docstring of the rule's file, which every installation ships, so the address is that file.
    """
    rule = all_rules().get(code)
    if rule is None or not (page := Path(rule.source_file)).is_file():
        return None
    return page.resolve().as_uri()
