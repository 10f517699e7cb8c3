"""Writes the table of rules into the README, from the rule files: `make docs`."""

from __future__ import annotations

import re
from pathlib import Path

from nnlint.rules import all_rules

README = Path(__file__).resolve().parents[1] / "README.md"

_BEGIN = "<!-- rules: written by `make docs` -->\n"
_END = "<!-- end of rules -->"
_MARKED = re.compile(f"(?<={re.escape(_BEGIN)}).*?(?={re.escape(_END)})", re.DOTALL)


def rule_table() -> str:
    """The table as the rule files have it now."""
    rows = ["| code | name | severity | says |", "|---|---|---|---|"]
    for rule in all_rules().values():
        severity = rule.severity.label if rule.on_by_default else f"{rule.severity.label}, off by default"
        file = f"server/nnlint/rules/{Path(rule.source_file).name}"
        rows.append(f"| [{rule.code}]({file}) | {rule.name} | {severity} | {rule.summary} |")
    return "\n".join(rows) + "\n"


def written_table(text: str) -> str:
    """The table as a document has it now."""
    marked = _MARKED.search(text)
    if marked is None:
        raise ValueError(f"no place for the table: it goes between {_BEGIN.strip()} and {_END}")
    return marked[0]


def main() -> None:
    text = README.read_text("utf-8")
    before, _, after = text.partition(_BEGIN + written_table(text))
    README.write_text(before + _BEGIN + rule_table() + after, "utf-8")


if __name__ == "__main__":
    main()
