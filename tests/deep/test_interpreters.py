"""Which Python runs the models."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from nnlint.deep.interpreters import InterpreterError, choose


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.delenv("CONDA_PREFIX", raising=False)


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n", "utf-8")
    path.chmod(0o755)
    return path


def test_without_a_word_it_is_the_python_that_runs_nnlint() -> None:
    assert choose(None) == sys.executable
    assert choose("") == sys.executable


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_an_active_environment_comes_first(variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = program(tmp_path / "env" / "bin" / "python")
    monkeypatch.setenv(variable, str(tmp_path / "env"))
    assert choose(None) == str(python)


def test_an_environment_that_is_gone_or_relative_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "relative" / "bin" / "python")
    monkeypatch.chdir(tmp_path)
    for folder in (str(tmp_path / "gone"), "relative"):
        monkeypatch.setenv("VIRTUAL_ENV", folder)
        assert choose(None) == sys.executable


def test_an_environment_in_the_project_is_not_taken_unless_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = program(tmp_path / ".venv" / "bin" / "python")
    monkeypatch.chdir(tmp_path)
    assert choose(None) == sys.executable
    assert choose(".venv/bin/python") == str(python)


def test_a_bare_name_is_looked_up_on_path_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = program(tmp_path / "bin" / "mypython")
    program(tmp_path / "project" / "otherpython")
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert choose("mypython") == str(python)
    with pytest.raises(InterpreterError, match="there is no otherpython on PATH"):
        choose("otherpython")


def test_a_link_is_not_followed_as_an_environment_is_known_by_it(tmp_path: Path) -> None:
    program(tmp_path / "python3")
    (tmp_path / "python").symlink_to("python3")
    assert choose(str(tmp_path / "python")) == str(tmp_path / "python")


def test_the_home_folder_may_be_abbreviated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = program(tmp_path / "python")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert choose("~/python") == str(python)


def test_a_path_that_is_no_program_is_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("", "utf-8")
    for path, words in (
        (tmp_path, "is a folder; name the Python in it, such as"),
        (tmp_path / "none", "does not exist; name the path of a Python"),
        (tmp_path / "text", "may not be executed; name the path of a Python"),
    ):
        with pytest.raises(InterpreterError, match=words) as raised:
            choose(os.fspath(path))
        assert str(raised.value).startswith(str(path))
