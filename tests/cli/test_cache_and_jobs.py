"""Neither the cache nor the number of processes changes a byte of the output."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest

from tests.cli.conftest import FIXED, MODEL, Commands


def entries(commands: Commands) -> list[Path]:
    return sorted(Path(commands.env["NNLINT_CACHE_DIR"]).rglob("*.json"))


# Says on standard error whether the engine was asked.
WATCHED = """
import sys, nnlint.engine
check = nnlint.engine.Engine.check
def told(*arguments):
    print("engine was asked", file=sys.stderr)
    return check(*arguments)
nnlint.engine.Engine.check = told
from nnlint.cli.main import lsp_check
sys.argv = ["lsp-check", *sys.argv[1:]]
lsp_check()
"""


def asks_engine(commands: Commands, *arguments: str) -> bool:
    return "engine was asked" in commands.python("-c", WATCHED, *arguments).err


@pytest.fixture
def model(commands: Commands) -> Commands:
    commands.write({"pyproject.toml": "[project]\n", "a.py": MODEL, "other.py": "x = 1\n"})
    return commands


def test_a_second_run_comes_from_the_cache_and_says_the_same(model: Commands) -> None:
    assert asks_engine(model)
    assert not asks_engine(model)
    for output_format in ("full", "json"):
        cached, fresh = model.check("--output-format", output_format), model.check("--output-format", output_format, "--no-cache")
        assert cached.out == fresh.out
        assert cached.status == fresh.status == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", FIXED),
        ("other.py", "x = 2\n"),
        ("new.py", ""),
        ("nnlint.toml", 'severity = {NN501 = "error"}'),
        ("nnlint.toml", 'src = ["lib"]'),
    ],
)
def test_whatever_could_matter_makes_it_outdated(model: Commands, name: str, text: str) -> None:
    assert asks_engine(model, "a.py")
    status = os.stat(model.folder / "a.py")
    model.write({name: text})
    os.utime(model.folder / name, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert asks_engine(model, "a.py")


def test_other_rules_are_another_result(model: Commands) -> None:
    assert asks_engine(model)
    assert asks_engine(model, "--ignore", "NN501")
    assert model.check("--ignore", "NN501").status == 0
    assert model.check().status == 1


def test_no_cache_neither_reads_nor_writes(model: Commands) -> None:
    assert asks_engine(model, "--no-cache")
    assert entries(model) == []
    assert asks_engine(model)
    assert asks_engine(model, "--no-cache")


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"key": 1}', b"\xff\x00"])
def test_damaged_entries_are_as_good_as_none(model: Commands, damage: bytes) -> None:
    fresh = model.check()
    [entry] = entries(model)
    entry.write_bytes(damage)
    again = model.check()
    assert (again.status, again.out, again.err) == (fresh.status, fresh.out, fresh.err)
    assert not asks_engine(model)


def test_findings_of_the_wrong_kind_are_as_good_as_none(model: Commands) -> None:
    fresh = model.check()
    [entry] = entries(model)
    entry.write_bytes(entry.read_bytes().replace(b'"span": [', b'"span": [7, '))
    assert model.check().out == fresh.out


def test_a_cache_that_cannot_be_written_is_no_error(model: Commands) -> None:
    (model.folder / "file").write_text("")
    done = model.check("--cache-dir", "file")
    assert done.status == 1
    assert "Error" not in done.err


def test_the_cache_stays_small(model: Commands) -> None:
    for number in range(4):
        model.write({"other.py": f"x = {number}\n"})
        model.check()
    assert len(entries(model)) == 1


def test_cache_dir_and_clean(model: Commands) -> None:
    mine = model.folder / "my cache"
    mine.mkdir()
    (mine / "precious.txt").write_text("kept")
    model.check("--cache-dir", mine)
    assert entries(model) == []
    assert list(mine.rglob("*.json"))
    done = model.nnlint("clean", "--cache-dir", mine)
    assert (done.status, done.out) == (0, b"")
    assert [path.name for path in mine.iterdir()] == ["precious.txt"]
    assert "there is no cache" in model.nnlint("clean", "--cache-dir", mine).err


def test_clean_removes_the_cache_that_a_run_uses(model: Commands) -> None:
    model.check()
    assert entries(model)
    assert model.nnlint("clean").status == 0
    assert entries(model) == []


def test_jobs(commands: Commands) -> None:
    files: dict[str, str | bytes] = {f"p{p}/nnlint.toml": "" for p in range(3)}
    files |= {f"p{p}/m{m}.py": MODEL for p in range(3) for m in range(40)}
    commands.write(files)
    one = commands.check("--no-cache", "--jobs", 1, "--output-format", "json")
    assert one.out.count(b'"NN501"') == 120
    for many in (commands.check, functools.partial(commands.nnlint, "check")):
        done = many("--no-cache", "--jobs", 3, "--output-format", "json")
        assert (done.status, done.out, done.err) == (one.status, one.out, one.err)
    assert commands.check("--jobs", 0).status == 2


# As `lsp-check`, with fuel for next to nothing.
SPARING = """
import functools, sys, nnlint.engine
nnlint.engine.Engine = functools.partial(nnlint.engine.Engine, 1)
from nnlint.cli.main import lsp_check
sys.argv = ["lsp-check", *sys.argv[1:]]
lsp_check()
"""


def test_what_a_project_is_too_large_for_is_told_from_the_cache_too(model: Commands) -> None:
    first, cached, fresh = (model.python("-c", SPARING, *options) for options in ((), (), ("--no-cache",)))
    assert first.status == 0, first.err
    assert "too large for one check" in first.err
    assert "1 of its classes" in first.err
    assert "check a folder of it" in first.err
    assert cached.err == fresh.err == first.err
    assert entries(model), "nothing was cached"
    assert "too large" not in model.check("--no-cache").err
