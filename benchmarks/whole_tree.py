"""How long a whole package takes, cold and in one process, beside parsing the same files and beside TorchFix.

    python benchmarks/whole_tree.py [--rounds N] [--no-torchfix]

The yardstick is `libcst.parse_module` over the files' texts, each tree dropped at once: no linter on libcst can be faster that parses
whole files. Every measurement is a process of its own; the least of the rounds counts, as everything else on the machine only adds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.environments import python_with
from benchmarks.results_table import Row, publish
from scripts.fetch_corpus import ROOT, fetch

PACKAGE = "timm"
BAR = 1.3

TORCHFIX = "torchfix==0.7.0"
# TorchFix takes minutes for the whole package.
TORCHFIX_FILES = 25

PARSE = """
import sys, time
from pathlib import Path
import libcst
texts = [Path(path).read_text("utf-8") for path in sys.argv[1:]]
began = time.perf_counter()
for text in texts:
    libcst.parse_module(text)
print(time.perf_counter() - began)
"""


def parse_seconds(files: Sequence[Path]) -> float:
    """The time that bare parsing takes; starting Python and reading the files are not counted."""
    done = subprocess.run([sys.executable, "-c", PARSE, *map(str, files)], check=True, capture_output=True, text=True)
    return float(done.stdout)


def command_seconds(command: Sequence[str], folder: Path) -> float:
    """The time from starting a command to its end."""
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    took = time.perf_counter() - began
    if done.returncode not in (0, 1):
        sys.exit(f"{command[0]} ended with exit status {done.returncode}:\n{done.stderr}")
    return took


def check_seconds(folder: Path) -> float:
    """All of `lsp-check`: starting, reading, checking, reporting."""
    options = ["--isolated", "--no-cache", "--jobs", "1", "--no-respect-gitignore", "--output-format", "json"]
    return command_seconds([sys.executable, "-m", "nnlint", "check", *options, "."], folder)


def torchfix_seconds(files: Sequence[Path]) -> float:
    # An environment of its own, as TorchFix pins an older libcst.
    python = python_with(TORCHFIX, TORCHFIX)
    return command_seconds([str(python), "-m", "torchfix", "--select", "ALL", "--jobs", "1", *map(str, files)], ROOT)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure a whole-tree check of timm.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-torchfix", action="store_true")
    arguments = parser.parse_args()

    folder = fetch(PACKAGE)
    files = sorted(folder.rglob("*.py"))
    rounds = [(parse_seconds(files), check_seconds(folder)) for _ in range(arguments.rounds)]
    parse, check = (min(column) for column in zip(*rounds, strict=True))
    rows = [
        Row(f"libcst.parse_module, {len(files)} files of {folder.name}", parse, "s"),
        Row("lsp-check, one process, no cache", check, "s"),
        Row("lsp-check / parse", check / parse, "", BAR),
    ]
    if not arguments.no_torchfix:
        # Every n-th file, so that the part is like the whole.
        part = files[:: len(files) // TORCHFIX_FILES][:TORCHFIX_FILES]
        parse, torchfix = parse_seconds(part), torchfix_seconds(part)
        rows += [
            Row(f"libcst.parse_module, {len(part)} of those files", parse, "s"),
            Row(f"{TORCHFIX} on these {len(part)}", torchfix, "s"),
            Row("TorchFix / parse", torchfix / parse, ""),
        ]
    publish("whole_tree", rows)


if __name__ == "__main__":
    main()
