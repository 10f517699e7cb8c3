"""`nnlint rule`: the pages of the rules."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import click

from nnlint.cli.errors import UsageMistake
from nnlint.cli.output import write_report


@click.command("rule")
@click.argument("rule", required=False)
@click.option("--all", "every", is_flag=True, help="All rules.")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(rule: str | None, every: bool, output_format: str) -> None:
    """Shows the page of a RULE, given by code or name."""
    from nnlint.rules import all_rules, find_rule
    from nnlint.settings import nearest_rule

    if (rule is None) != every:
        raise click.UsageError("name one rule, such as NN501, or give --all")
    found = None if rule is None else find_rule(rule)
    if rule is not None and found is None:
        raise UsageMistake(f"there is no rule {rule!r}{nearest_rule(rule, all_rules())}")
    items = list(map(_item, all_rules().values() if found is None else [found]))
    if output_format == "text":
        write_report(_as_text(items), None)
    else:
        write_report(json.dumps(items if every else items[0], indent=2, ensure_ascii=False) + "\n", None)


def _item(rule: Any) -> dict[str, Any]:
    from nnlint.rule_url import rule_url

    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity.label,
        "default": rule.on_by_default,
        "summary": rule.summary,
        "explanation": rule.page,
        "url": rule_url(rule.code),
    }


def _as_text(items: Iterable[dict[str, Any]]) -> str:
    return "\n".join(f"{item['explanation']}\n" for item in items)
