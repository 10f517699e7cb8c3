"""How a rule is declared: a module in `nnlint.rules` whose docstring is its page and which defines `RULE` and `check`.

A rule may also define `assists`: what it can do for people who ask for it, whether it is on or off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlint.findings import Assist, Finding, Severity

if TYPE_CHECKING:
    from nnlint.dataflow.graph import ProjectGraph
    from nnlint.dataflow.source_text import SourceText

_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_FENCE = re.compile(r"```python\n(.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a rule file says of itself in code; its code comes from the file's name, its words from the docstring."""

    name: str
    severity: Severity
    on_by_default: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """A registered rule. `page` is Markdown: a title line, a summary paragraph, then `## Why`, `## Bad`, `## Good`, `## Fix safety`."""

    code: str
    name: str
    severity: Severity
    on_by_default: bool
    page: str
    check: Callable[[ProjectGraph], Iterable[Finding]] | None  # None: the engine itself finds it, without a graph
    source_file: str
    assists: Callable[[SourceText, str], Iterable[Assist]] | None = None  # those of the file at a path

    @property
    def summary(self) -> str:
        """The first paragraph below the title, on one line."""
        body = self.page.split("\n", 1)[1] if "\n" in self.page else ""
        return " ".join(body.strip().split("\n\n", 1)[0].split())

    def section(self, heading: str) -> str:
        """The text under `## heading`, without the heading; empty where the page has no such section."""
        parts = _HEADING.split(self.page)
        sections = dict(zip(parts[1::2], parts[2::2], strict=True))
        return sections.get(heading, "").strip()

    def examples(self, heading: str) -> list[str]:
        """The Python code blocks under `## heading`."""
        return _FENCE.findall(self.section(heading) + "\n")
