"""The exit status says what happened, and nothing but the report is on standard output."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.cli.conftest import BROKEN, CLEAN, MODEL, Commands


@pytest.mark.parametrize(
    ("files", "arguments", "status"),
    [
        ({"a.py": CLEAN}, [], 0),
        ({"a.py": MODEL}, [], 1),
        ({"a.py": BROKEN}, [], 1),
        ({"a.py": b"x = '\xff'\n"}, [], 1),
        ({"a.py": MODEL}, ["--exit-zero"], 0),
        ({"a.py": MODEL}, ["--fail-on", "warning"], 0),
        ({"a.py": MODEL}, ["--fail-on", "hint"], 1),
        ({"a.py": BROKEN}, ["--fail-on", "error"], 1),
        ({"a.py": MODEL, "nnlint.toml": 'severity = {NN501 = "error"}'}, ["--fail-on", "error"], 1),
        ({"a.py": MODEL, "nnlint.toml": 'severity = {NN501 = "hint"}'}, [], 0),
        ({"notes.txt": ""}, ["."], 0),
        ({"a.py": CLEAN}, ["missing.py"], 2),
        ({"a.py": MODEL}, ["a.py", "missing.py"], 2),
        ({"a.py": CLEAN}, ["--no-such-option"], 2),
        ({"a.py": CLEAN}, ["--output-format", "prose"], 2),
        ({"a.py": CLEAN}, ["--select", "NN999"], 2),
        ({"a.py": CLEAN}, ["--config", "selct=[]"], 2),
        ({"a.py": CLEAN}, ["--config", "missing.toml"], 2),
        ({"a.py": CLEAN}, ["--isolated", "--config", "nnlint.toml"], 2),
        ({"a.py": CLEAN, "nnlint.toml": "selct = []"}, [], 2),
        ({"a.py": CLEAN, "nnlint.toml": "selct = []"}, ["--isolated"], 0),
        ({"a.py": MODEL, "nnlint.toml": "selct = []"}, ["--exit-zero"], 2),
    ],
    ids=str,
)
def test_status(commands: Commands, files: dict[str, str | bytes], arguments: list[str], status: int) -> None:
    commands.write({"pyproject.toml": "[project]\n", **files})
    done = commands.check(*arguments)
    assert done.status == status, done.err
    assert done.status != 2 or done.out == b""
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.py"], ["missing.py"]),
        (["--select", "NN51"], ["select", "NN51", "did you mean"]),
        (["--config", "selct=[]"], ["selct", "did you mean 'select'"]),
        (["--config", "select=NN501"], ["--config select=NN501", "TOML"]),
        (["--per-file-ignores", "NN501"], ["--per-file-ignores NN501", "PATTERN:RULE"]),
        (["--config", "a.toml", "--config", "b.toml"], ["one file"]),
    ],
    ids=str,
)
def test_a_mistake_of_the_person_is_named_in_one_line(commands: Commands, arguments: list[str], words: list[str]) -> None:
    commands.write({"a.toml": "", "b.toml": ""})
    done = commands.check(*arguments)
    assert done.status == 2
    assert all(word in done.err for word in words), done.err
    assert len(done.err.strip().splitlines()) == 1


def test_a_config_mistake_names_file_and_line(commands: Commands) -> None:
    commands.write({"sub/pyproject.toml": '[tool.nnlint]\n\nselct = ["NN5"]\n', "sub/a.py": CLEAN})
    done = commands.check("sub/a.py")
    assert done.status == 2
    assert f"sub{os.sep}pyproject.toml:3: unknown key 'selct'; did you mean 'select'?" in done.err


def test_an_empty_folder_succeeds_with_a_warning(commands: Commands) -> None:
    done = commands.check("--output-format", "json")
    assert (done.status, done.text) == (0, "[]\n")
    assert "warning: no Python files to check in ." in done.err


def test_a_rule_that_crashes_is_reported_and_the_others_go_on(commands: Commands) -> None:
    commands.write({"a.py": MODEL})
    program = """
import dataclasses, sys, nnlint.rules
def crash(graph):
    raise RuntimeError("boom")
rules = nnlint.rules.all_rules()
rules["NN502"] = dataclasses.replace(rules["NN502"], check=crash)
from nnlint.cli.main import lsp_check
sys.argv = ["lsp-check", "--no-cache", "--output-format", "concise", "a.py"]
lsp_check()
"""
    done = commands.python("-c", program)
    assert done.status == 2
    assert [line.split()[1] for line in done.lines] == ["NN501"]
    assert "NN502" in done.err
    assert "boom" in done.err


def test_a_failure_inside_is_not_taken_for_findings(commands: Commands) -> None:
    commands.write({"a.py": CLEAN})
    program = """
import sys, nnlint.engine
def check(*_):
    raise RuntimeError("boom")
nnlint.engine.Engine.check = check
from nnlint.cli.main import lsp_check
sys.argv = ["lsp-check", "a.py"]
lsp_check()
"""
    done = commands.python("-c", program)
    assert done.status == 2
    assert done.out == b""
    assert "boom" in done.err
    assert "please report it" in done.err


def test_quiet_says_nothing_but_the_findings(commands: Commands) -> None:
    commands.write({"a.py": MODEL, "b.py": CLEAN})
    loud, quiet = commands.check("a.py"), commands.check("-q", "a.py")
    assert quiet.out == loud.out != b""
    assert (quiet.status, quiet.err) == (1, "")
    assert "Found 1 finding" in loud.err
    assert commands.check("-q", "b.py").out == b""


def test_verbose_names_project_and_config(commands: Commands) -> None:
    commands.write({"nnlint.toml": "", "a.py": CLEAN})
    done = commands.check("-v")
    assert str(commands.folder) in done.err
    assert "nnlint.toml" in done.err
    assert done.out == b""


@pytest.mark.skipif(os.name == "nt", reason="no signals")
def test_a_reader_that_goes_away_is_no_error(commands: Commands) -> None:
    commands.write({"a.py": MODEL * 400})
    command = f"{sys.executable!r} -m nnlint check a.py 2>err; echo $? >status"
    subprocess.run(["sh", "-c", f"({command}) | head -c 10"], cwd=commands.folder, env=commands.env, check=True, stdout=subprocess.DEVNULL)
    assert (commands.folder / "status").read_text() == "1\n"
    assert "Error" not in (commands.folder / "err").read_text()


@pytest.mark.skipif(os.name == "nt", reason="no signals")
def test_an_interrupt_ends_quietly(commands: Commands) -> None:
    program = """
import os, signal, sys, time, nnlint.engine
nnlint.engine.Engine.check = lambda *_: (os.kill(os.getpid(), signal.SIGINT), time.sleep(60))
from nnlint.cli.main import lsp_check
sys.argv = ["lsp-check", "a.py"]
lsp_check()
"""
    commands.write({"a.py": CLEAN})
    done = commands.python("-c", program)
    assert done.status == 128 + signal.SIGINT
    assert done.out == b""
    assert done.err.strip() == ""


def test_version_and_help(commands: Commands) -> None:
    assert commands.check("--version").text.startswith("lsp-check ")
    assert "--unsafe-fixes" in commands.check("--help").text
    shown = commands.nnlint("--help").text
    assert all(f"\n  {name} " in shown for name in ("check", "clean", "config", "deep", "graph", "migrate", "rule", "server"))


@pytest.mark.parametrize("name", ["baseline", "merge"])
def test_a_command_that_there_is_not_says_so(commands: Commands, name: str) -> None:
    done = commands.nnlint(name)
    assert (done.status, done.out) == (2, b"")
    assert f"No such command '{name}'" in done.err
