"""What the documents say of the code is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from scripts.write_rule_table import README, rule_table, written_table

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "server" / "nnlint"


def modules_of_the_package() -> set[str]:
    return {
        entry.stem
        for entry in PACKAGE.iterdir()
        if (entry.suffix == ".py" and not entry.stem.startswith("__")) or (entry / "__init__.py").exists()
    }


def layers_in_the_architecture_table() -> set[str]:
    """The names in back ticks in the first column of the table that begins with the column `layer`."""
    text = (ROOT / "server" / "ARCHITECTURE.md").read_text("utf-8")
    table = re.search(r"^\| layer.*\n\|[-| ]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert table, "server/ARCHITECTURE.md has no table whose first column is `layer`"
    first_column = [row.split("|")[1] for row in table[1].splitlines()]
    return {name.removesuffix("/").removesuffix(".py") for cell in first_column for name in re.findall(r"`([^`]+)`", cell)}


def test_the_architecture_names_every_module_and_no_other() -> None:
    assert layers_in_the_architecture_table() == modules_of_the_package()


def test_the_readme_lists_the_rules_as_their_files_say() -> None:
    assert written_table(README.read_text("utf-8")) == rule_table(), "run `make docs`"


def test_the_readme_shows_what_is_really_printed() -> None:
    shown = re.search(r"```console\n\$ lsp-check (\S+)\n(.*?)\n…\n```", README.read_text("utf-8"), re.DOTALL)
    assert shown, "the README has no example that ends with …"
    file, beginning = shown.groups()
    command = [sys.executable, "-m", "nnlint", "check", "--no-cache", "--output-format", "full", "--color", "never", file]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    assert printed.startswith(f"{beginning}\n\n")


def test_no_module_has_a_name_that_says_nothing() -> None:
    said_nothing = {"util", "utils", "helper", "helpers", "common", "misc"}
    assert not [path for path in PACKAGE.rglob("*") if path.stem in said_nothing]
