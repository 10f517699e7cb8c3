"""What a command does not need, it does not import."""

from __future__ import annotations

from tests.cli.conftest import CLEAN, MODEL, Commands

PROGRAM = """
import sys
watched = {{"torch", "pygls", "lsprotocol", "libcst", "rich", "asyncio"}}
from nnlint.cli.main import {entry}
sys.argv = {arguments!r}
try:
    {entry}()
except SystemExit:
    print("modules", *sorted({{name.partition(".")[0] for name in sys.modules}} & watched))
"""
NEVER = {"torch", "pygls", "lsprotocol", "rich", "asyncio"}


def modules(commands: Commands, entry: str, *arguments: str) -> set[str]:
    done = commands.python("-c", PROGRAM.format(entry=entry, arguments=[entry, *arguments]))
    [line] = [line for line in done.lines if line.startswith("modules")]
    return set(line.split()[1:])


def test_version_and_pages_need_no_parser(commands: Commands) -> None:
    assert modules(commands, "lsp_check", "--version") == set()
    assert modules(commands, "main", "--help") == set()
    assert modules(commands, "main", "rule", "--all") & NEVER == set()


def test_a_check_needs_neither_protocol_nor_torch(commands: Commands) -> None:
    commands.write({"a.py": MODEL})
    assert modules(commands, "lsp_check", "--no-cache", "a.py") & NEVER == set()
    assert modules(commands, "lsp_check", "--fix", "--unsafe-fixes", "a.py") & NEVER == set()


def test_a_result_from_the_cache_needs_no_parser(commands: Commands) -> None:
    commands.write({"a.py": CLEAN})
    commands.check("a.py")
    assert "libcst" not in modules(commands, "lsp_check", "a.py")
