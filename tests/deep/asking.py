"""Models written in a test, and questions about the calls in them that are marked.

A mark is `# ? CODE call`: the call stands in the same line, word for word. Several marks are separated by `;`. A mark without a call means
what the line returns.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

from nnlint.deep.worker.messages import Answer, Place, Question, Request, Verdict, Way

MARK = re.compile(r"# \? (.*)$")
PRELUDE = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n\n\n"


@dataclass
class Told:
    """What a task tells while it runs."""

    texts: list[str] = field(default_factory=list)
    partials: list[Answer] = field(default_factory=list)

    def __call__(self, text: str, share: float | None = None) -> None:
        self.texts.append(text)

    def partial(self, answer: Answer) -> None:
        self.partials.append(answer)


def questions_in(path: Path) -> tuple[Question, ...]:
    """The questions that the marks in a file ask, in the order of the text."""
    found = []
    for row, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        mark = MARK.search(line)
        for part in mark[1].split(";") if mark else ():
            code, _, call = part.strip().partition(" ")
            call = call or line[line.index("return ") + len("return ") : mark.start()].rstrip()  # type: ignore[union-attr]
            start = line.index(call) + 1
            found.append(Question(str(len(found)), code, Place(str(path), row, start, row, start + len(call))))
    return tuple(found)


def request_for(folder: Path, source: str, model: str = "Net()", task: str = "check", **fields: object) -> Request:
    """A request about a model whose source is written into a folder as `net.py`."""
    path = folder / "net.py"
    path.write_text(PRELUDE + textwrap.dedent(source).lstrip("\n"), "utf-8")
    inputs = str(fields.pop("inputs", ""))
    way = Way("the test", "", str(path), model, inputs)
    ways = fields.pop("ways", (way,))
    return Request(task, model.partition("(")[0], (str(folder),), ways, questions_in(path), **fields)  # type: ignore[arg-type]


def verdicts_of(answer: Answer) -> dict[str, Verdict]:
    return {verdict.id: verdict for verdict in answer.verdicts}
