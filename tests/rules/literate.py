"""Reads literate cases: Markdown with a heading per case, prose, code with carets under what is to be found, and what judges it.

A case is a `### heading`, prose, and Python fences; a fence that starts with `# file: models/blocks.py` is that file of the case.
A caret comment stands under the flagged text (for a call of several lines, under the part on its first line):

    self.conv = nn.Conv2d(3, 64, 3)
    #           ^^^^^^^^^^^^^^^^^^^ NN501

After the code may stand `no fix` (found, but no fix is offered), `known miss` (right, and not found today) or `known false alarm`
(wrong, and found today). `silent` instead of a code marks a bias that is redundant and rightly not reported.
`<!-- judge: Net(), (4, 3, 16, 16) -->` says how the real torch runs the case: a callable, then its inputs, a tuple being the shape of
a random tensor. `<!-- judge: none, because … -->` where it cannot.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CARETS = re.compile(r"^\s*#\s*(?P<carets>\^+) (?P<code>NN\d{3}|silent|useless)(?P<rest>.*)$")
_HEADING = re.compile(r"^(#{2,3}) (.+)$")
_FILE = re.compile(r"^# file: (\S+)$")
_JUDGE = re.compile(r"<!-- judge: (.*?) -->", re.DOTALL)
_FENCE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
MAIN_FILE = "model.py"


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A caret line: the code it expects at zero-based `row`, columns `[start, end)`, and the words behind the code."""

    path: str
    row: int
    start: int
    end: int
    code: str
    words: str = ""

    @property
    def is_known_miss(self) -> bool:
        return "known miss" in self.words

    @property
    def is_known_false_alarm(self) -> bool:
        return "known false alarm" in self.words

    @property
    def has_fix(self) -> bool:
        return "no fix" not in self.words


@dataclass(frozen=True, slots=True)
class Case:
    """One literate case; `trials` are the judge's lines, `unjudged` the reason where there can be none."""

    source: str
    section: str
    title: str
    files: dict[str, str]
    trials: tuple[str, ...]
    unjudged: str | None

    @property
    def marks(self) -> list[Mark]:
        return [mark for path, text in self.files.items() for mark in read_marks(path, text)]

    def __str__(self) -> str:
        return f"{self.section}: {self.title}"


def read_marks(path: str, text: str) -> Iterator[Mark]:
    """The caret lines of a text; each speaks of the nearest line above that is not one."""
    target = -1
    for row, line in enumerate(text.split("\n")):
        match = CARETS.match(line)
        if match is None:
            target = row
            continue
        yield Mark(path, target, match.start("carets"), match.end("carets"), match["code"], match["rest"].strip(" :"))


def without_marks(text: str) -> str:
    """The text without its caret lines."""
    return "".join(line for line in text.splitlines(keepends=True) if CARETS.match(line.rstrip("\n")) is None)


def _sections(text: str) -> Iterator[tuple[str, str, str]]:
    """Every case as (section, title, body); headings inside fences are code."""
    section = title = ""
    body: list[str] = []
    fenced = False
    for line in text.split("\n"):
        fenced ^= line.startswith("```")
        match = None if fenced else _HEADING.match(line)
        if match is None:
            body.append(line)
            continue
        if title:
            yield section, title, "\n".join(body)
        section, title = (match[2], "") if match[1] == "##" else (section, match[2])
        body = []
    if title:
        yield section, title, "\n".join(body)


def _files(body: str) -> dict[str, str]:
    files: dict[str, str] = {}
    for fence in _FENCE.findall(body):
        first = _FILE.match(fence.split("\n", 1)[0])
        name = first[1] if first else MAIN_FILE
        if name in files:
            raise ValueError(f"two fences of one case are {name}")
        files[name] = fence
    return files


def read_cases(path: Path) -> list[Case]:
    """All cases of a literate file; raises `ValueError` where one lacks code or a judge."""
    cases = []
    for section, title, body in _sections(path.read_text(encoding="utf-8")):
        specs = _JUDGE.findall(body)
        reasons = [spec.removeprefix("none, because ") for spec in specs if spec.startswith("none, because ")]
        case = Case(path.stem, section, title, _files(body), tuple(s for s in specs if not s.startswith("none")), next(iter(reasons), None))
        if not case.files or bool(case.trials) == bool(case.unjudged):
            raise ValueError(f"{path.name}, {title!r}: a case needs code, and either a judge or the reason why there is none")
        cases.append(case)
    titles = [case.title for case in cases]
    if repeated := {t for t in titles if titles.count(t) > 1}:
        raise ValueError(f"{path.name}: several cases are called {sorted(repeated)}")
    return cases
