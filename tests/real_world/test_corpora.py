"""Whole packages of others go through `lsp-check`: nothing crashes, and what is found changes only knowingly.

A snapshot holds a line a finding. `make snapshot` rewrites them all; each line that comes or goes is to be read in the source first.
"""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.fetch_corpus import fetch, groups

SNAPSHOTS = Path(__file__).with_name("snapshots")

pytestmark = pytest.mark.corpus


def findings(folder: Path, *choice: str) -> list[str]:
    """`FILE:ROW CODE` for each finding in the folder, in the order of the report."""
    options = ["--isolated", "--no-cache", "--no-respect-gitignore", "--output-format", "json", *choice]
    done = subprocess.run([sys.executable, "-m", "nnlint", "check", *options, "."], cwd=folder, capture_output=True, text=True)
    assert done.returncode in (0, 1), f"exit status {done.returncode}\n{done.stderr}"
    return [f"{found['filename']}:{found['location']['row']} {found['code']}" for found in json.loads(done.stdout)]


def compare(folder: Path, found: list[str]) -> None:
    snapshot = SNAPSHOTS / f"{folder.name}.txt"
    if os.environ.get("NNLINT_WRITE_SNAPSHOTS") == "1":
        snapshot.write_text("".join(f"{line}\n" for line in found), "utf-8")
    assert snapshot.exists(), f"{snapshot.name} is not there yet: `make snapshot` writes it"
    expected = snapshot.read_text("utf-8").splitlines()
    changes = [line for line in difflib.ndiff(expected, found) if line[0] in "+-"]
    assert not changes, f"in {folder} (+ came, - went; `make snapshot` accepts them):\n" + "\n".join(changes)


@pytest.mark.parametrize("name", ["timm", "torchvision", "segmentation-models-pytorch"])
def test_findings_in_models_are_those_of_the_snapshot(name: str) -> None:
    folder = fetch(name)
    compare(folder, findings(folder))


@pytest.mark.parametrize("name", groups()["training"])
def test_findings_in_training_code_are_those_of_the_snapshot(name: str) -> None:
    """Of every rule, those that are off by default too."""
    folder = fetch(name)
    compare(folder, findings(folder, "--select", "ALL"))


@pytest.mark.huge
def test_transformers_is_checked_without_an_internal_error() -> None:
    findings(fetch("transformers"))
