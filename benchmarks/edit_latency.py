"""How long an edit of one method in a long model file takes to be answered, beside parsing that file once.

    python benchmarks/edit_latency.py [--edits N]

Every edit makes a text that was never seen before, in turn in an `__init__` and in a `forward_features`, and asks for the findings.
`server` is a real server process, timed from sending the edit to having its answer; `engine` is the same work without the protocol
and without waiting for the next key, in this process. The answer may be provisional; the last word is a check in the light of the whole
project, which the server gives later and which no bar binds. Parses of the same texts are timed in between. All are medians.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import libcst

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.language_client import LanguageClient
from benchmarks.results_table import Row, publish
from nnlint import engine
from nnlint.workspace import OverlaySources, Workspace, check_files, disk_sources
from scripts.fetch_corpus import fetch

FILE = Path("timm/models/resnet.py")
BAR = 1 / 3

# In `Bottleneck.__init__` and in `ResNet.forward_features`; `{}` is another number at every edit. The first adds a useless bias.
EDITS = [
    ("self.conv3 = nn.Conv2d(width, outplanes, kernel_size=1, bias=False, **dd)", "self.conv3 = nn.Conv2d(width, outplanes, {})"),
    ("x = self.layer1(x)", "x = self.layer1(x * {})"),
]


@dataclass(frozen=True, slots=True)
class LineChange:
    line: int
    before: str
    after: str


def line_changes(text: str, edits: int) -> Iterator[LineChange]:
    """The same two lines in turn, never twice to the same words."""
    lines = text.split("\n")
    places = [next(at for at, content in enumerate(lines) if content.strip() == original) for original, _ in EDITS]
    for number in range(edits):
        line = places[number % len(EDITS)]
        original, changed = EDITS[number % len(EDITS)]
        indent = text.split("\n")[line].partition(original)[0]
        after = indent + changed.format(number + 2)
        yield LineChange(line, lines[line], after)
        lines[line] = after


class Server:
    """`nnlint server` in a process of its own."""

    def __init__(self, folder: Path, text: str) -> None:
        self._path = folder / FILE
        self._client = LanguageClient(folder)
        self._client.open(self._path, text)

    def answer(self) -> int:
        """How many findings the file has, as is said first."""
        return len(self._client.diagnostics(self._path))

    def edit(self, change: LineChange, version: int, text: str) -> None:
        self._client.replace_line(self._path, version, change.line, change.before, change.after)

    def close(self) -> None:
        self._client.close()


class Engine:
    """What the server does for a pull, in this process: one engine for all edits, open texts over those on the disk."""

    def __init__(self, folder: Path, text: str) -> None:
        self._path = str(folder / FILE)
        self._workspace = Workspace(named=[str(folder)])
        self._disk = disk_sources(self._workspace.project_of(self._path))
        self._engine = engine.Engine()
        self._text = text

    def answer(self) -> int:
        first = self._engine.check_edit(self._sources, self._path, self._workspace.settings_for)
        return self.last_word() if first is None else len(first.findings)

    def last_word(self) -> int:
        return len(check_files(self._sources, [self._path], self._workspace.settings_for, self._engine).findings)

    @property
    def _sources(self) -> OverlaySources:
        return OverlaySources(self._disk, {self._path: self._text})

    def edit(self, change: LineChange, version: int, text: str) -> None:
        self._text = text

    def close(self) -> None:
        pass


@dataclass(slots=True)
class Clock:
    seconds: list[float] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds.append(time.perf_counter() - began)

    @property
    def median_milliseconds(self) -> float:
        return statistics.median(self.seconds) * 1000


def measure(kind: type[Server] | type[Engine], folder: Path, edits: int) -> list[Row]:
    text = (folder / FILE).read_text("utf-8")
    start, first, answer, last, parse = Clock(), Clock(), Clock(), Clock(), Clock()
    with start.running():
        checker = kind(folder, text)
    with first.running():
        untouched = checker.answer()
    counts = set()
    for version, change in enumerate(line_changes(text, edits), start=1):
        lines = text.split("\n")
        assert lines[change.line] == change.before
        lines[change.line] = change.after
        text = "\n".join(lines)
        with answer.running():
            checker.edit(change, version, text)
            counts.add(checker.answer())
        with parse.running():
            libcst.parse_module(text)
    if isinstance(checker, Engine):
        with last.running():
            checker.last_word()
    checker.close()
    if counts == {untouched}:
        sys.exit("no edit changed the findings: what was timed is no answer to the edits")
    return [
        Row("start", start.median_milliseconds, "ms"),
        Row("answer to opening", first.median_milliseconds, "ms"),
        Row(f"answer to an edit (median of {edits})", answer.median_milliseconds, "ms"),
        Row("slowest answer to an edit", max(answer.seconds) * 1000, "ms"),
        *([Row("last word on the last edit", last.median_milliseconds, "ms")] if last.seconds else []),
        Row("libcst.parse_module", parse.median_milliseconds, "ms"),
        Row("answer to an edit / parse", answer.median_milliseconds / parse.median_milliseconds, "", BAR),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the answer to an edit.")
    parser.add_argument("--edits", type=int, default=40)
    edits = parser.parse_args().edits

    corpus = fetch("timm")
    with tempfile.TemporaryDirectory() as scratch:
        alone = Path(scratch).resolve()
        (alone / FILE).parent.mkdir(parents=True)
        shutil.copy(corpus / FILE, alone / FILE)
        rows = [
            Row(f"{FILE.name} {where}, {kind.__name__.lower()}: {row.name}", row.amount, row.unit, row.bar)
            for where, folder in (("alone", alone), ("within timm", corpus))
            for kind in (Server, Engine)
            for row in measure(kind, folder, edits)
        ]
    publish("edit_latency", rows)


if __name__ == "__main__":
    main()
