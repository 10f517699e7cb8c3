"""Imports point down the table of layers, and a break of that is noticed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "server" / "nnlint"


def lint_imports(package_parent: Path) -> subprocess.CompletedProcess[str]:
    """Checks the contracts of `pyproject.toml` against the package in `package_parent`."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    return subprocess.run(
        [*command, "--no-cache", "--config", str(ROOT / "pyproject.toml")],
        cwd=package_parent,
        env={**os.environ, "PYTHONPATH": str(package_parent), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )


def broken_contracts(report: str) -> list[str]:
    return re.findall(r"^(.+) BROKEN\b", report, re.MULTILINE)


@pytest.fixture
def copied_package(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PACKAGE, tmp_path / "nnlint", ignore=shutil.ignore_patterns("__pycache__")))


def test_every_contract_is_kept() -> None:
    done = lint_imports(PACKAGE.parent)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("text.py", "import nnlint.engine", "Imports point down the table of layers"),
        ("dataflow/graph.py", "import nnlint.rules", "Imports point down the table of layers"),
        ("cli/planted.py", "import nnlint.lsp", "Imports point down the table of layers"),
        ("lsp/planted.py", "import nnlint.cli", "Imports point down the table of layers"),
        ("rules/nn501_bias_before_norm.py", "import nnlint.rules.nn502_output_without_bias", "A rule knows no other rule"),
        ("rules/nn501_bias_before_norm.py", "import libcst", "Only nnlint.syntax knows libcst"),
        ("engine.py", "def parse():\n    from libcst import parse_module", "Only nnlint.syntax knows libcst"),
        ("cli/planted.py", "from lsprotocol import types", "Only nnlint.lsp knows the protocol"),
        ("workspace/planted.py", "import pygls.uris", "Only nnlint.lsp knows the protocol"),
        ("dataflow/planted.py", "import torch.nn", "Only the deep check's worker imports torch"),
        ("deep/planted.py", "import torch", "Only the deep check's worker imports torch"),
        ("deep/worker/planted.py", "import nnlint.text", "The deep check's worker knows nothing of nnlint"),
        ("deep/planted.py", "import nnlint.deep.worker.processes.runner", "Of the deep check's worker nnlint imports the messages alone"),
    ],
)
def test_a_planted_import_is_caught(copied_package: Path, file: str, line: str, contract: str) -> None:
    planted = copied_package / file
    existing = planted.read_text("utf-8") if planted.exists() else ""
    planted.write_text(f"{existing}\n{line}\n", "utf-8")

    done = lint_imports(copied_package.parent)

    assert broken_contracts(done.stdout) == [contract], done.stdout + done.stderr
    assert done.returncode == 1


def test_a_folder_without_a_layer_is_caught(copied_package: Path) -> None:
    (copied_package / "odds_and_ends").mkdir()
    (copied_package / "odds_and_ends" / "__init__.py").touch()

    done = lint_imports(copied_package.parent)

    assert broken_contracts(done.stdout) == ["Imports point down the table of layers"], done.stdout + done.stderr
