"""How long the server takes to answer an edit of one method in a long model file, beside parsing that file once.

    python benchmarks/edit_latency.py [--edits N]

Every edit makes a text that was never seen before, in turn in an `__init__` and in a `forward_features`, and asks for the diagnostics.
The clock runs from sending the edit to having the answer, through a real server process. Parses of the same texts are timed in between.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import libcst

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.language_client import LanguageClient
from benchmarks.results_table import Row, publish
from scripts.fetch_corpus import fetch

FILE = Path("timm/models/resnet.py")
BAR = 1 / 3

# In `Bottleneck.__init__` and in `ResNet.forward_features`; `{}` is another number at every edit. The first of them adds a useless bias.
EDITS = [
    (
        "self.conv3 = nn.Conv2d(width, outplanes, kernel_size=1, bias=False, **dd)",
        "self.conv3 = nn.Conv2d(width, outplanes, kernel_size={}, bias=True)",
    ),
    ("x = self.maxpool(x)", "x = self.maxpool(x * {})"),
]


def edited_lines(text: str, edits: int) -> Iterator[tuple[int, str]]:
    """The line to change and what it becomes, `edits` times."""
    lines = text.split("\n")
    for number in range(edits):
        original, changed = EDITS[number % len(EDITS)]
        line = next(at for at, content in enumerate(lines) if content.strip() == original)
        yield line, lines[line].replace(original, changed.format(number + 1))


def measure(folder: Path, edits: int) -> dict[str, list[float]]:
    """Seconds: `answer` of the server to each edit, `parse` of the whole text after it, `first` answer after opening, `start`."""
    path = folder / FILE
    text = path.read_text("utf-8")
    lines = text.split("\n")
    began = time.perf_counter()
    client = LanguageClient(folder)
    seconds: dict[str, list[float]] = {"start": [time.perf_counter() - began], "answer": [], "parse": []}
    began = time.perf_counter()
    client.open(path, text)
    untouched = client.diagnostics(path)
    seconds["first"] = [time.perf_counter() - began]
    counts = set()
    for version, (line, changed) in enumerate(edited_lines(text, edits), start=1):
        began = time.perf_counter()
        client.replace_line(path, version, line, lines[line], changed)
        counts.add(len(client.diagnostics(path)))
        seconds["answer"].append(time.perf_counter() - began)
        lines[line] = changed
        began = time.perf_counter()
        libcst.parse_module("\n".join(lines))
        seconds["parse"].append(time.perf_counter() - began)
    client.close()
    if counts == {len(untouched)}:
        sys.exit("no edit changed the diagnostics: what was timed is not an answer to the edits")
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the server's answer to an edit.")
    parser.add_argument("--edits", type=int, default=40)
    edits = parser.parse_args().edits

    corpus = fetch("timm")
    with tempfile.TemporaryDirectory() as scratch:
        alone = Path(scratch)
        (alone / FILE).parent.mkdir(parents=True)
        shutil.copy(corpus / FILE, alone / FILE)
        projects = {"alone": measure(alone, edits), "within timm": measure(corpus, edits)}

    rows = []
    for project, seconds in projects.items():
        answer, parse = statistics.median(seconds["answer"]), statistics.median(seconds["parse"])
        rows += [
            Row(f"{FILE.name} {project}: start of the server", seconds["start"][0] * 1000, "ms"),
            Row(f"{FILE.name} {project}: first answer", seconds["first"][0] * 1000, "ms"),
            Row(f"{FILE.name} {project}: answer to an edit, median of {edits}", answer * 1000, "ms"),
            Row(f"{FILE.name} {project}: slowest answer", max(seconds["answer"]) * 1000, "ms"),
            Row(f"{FILE.name} {project}: libcst.parse_module, median", parse * 1000, "ms"),
            Row(f"{FILE.name} {project}: answer / parse", answer / parse, "", BAR),
        ]
    publish("edit_latency", rows)


if __name__ == "__main__":
    main()
