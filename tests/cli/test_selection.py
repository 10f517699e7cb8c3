"""Which rules run on which files."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import BROKEN, CLEAN, MODEL, Commands


def codes(commands: Commands, *arguments: str) -> set[str]:
    done = commands.check("--output-format", "json", *arguments)
    assert done.status in (0, 1), done.err
    return {item["code"] for item in json.loads(done.out)}


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], {"NN000", "NN501"}),
        (["--select", "NN501"], {"NN000", "NN501"}),
        (["--select", "nn5"], {"NN000", "NN501"}),
        (["--select", "bias-before-norm"], {"NN000", "NN501"}),
        (["--select", "ALL"], {"NN000", "NN501"}),
        (["--select", "NN502,NN501"], {"NN000", "NN501"}),
        (["--select", "NN502", "--select", "NN501"], {"NN000", "NN501"}),
        (["--select", "NN502"], {"NN000"}),
        (["--select", "NN502", "--extend-select", "NN501"], {"NN000", "NN501"}),
        (["--ignore", "NN5"], {"NN000"}),
        (["--ignore", "NN5", "--select", "NN501"], {"NN000", "NN501"}),
        (["--ignore", "NN501", "--select", "NN5"], {"NN000"}),
        (["--ignore", "ALL"], set()),
        (["--ignore", "syntax-error,NN501"], set()),
        (["--per-file-ignores", "a.py:NN501"], {"NN000"}),
        (["--per-file-ignores", "*.py:ALL"], set()),
        (["--per-file-ignores", "tests/*:NN501,b.py:NN000"], {"NN501"}),
        (["--config", 'ignore = ["NN501"]'], {"NN000"}),
        (["--config", 'per-file-ignores."*.py" = ["NN501"]'], {"NN000"}),
        (["--config", "other.toml"], {"NN000"}),
    ],
    ids=str,
)
def test_rules(commands: Commands, arguments: list[str], found: set[str]) -> None:
    commands.write({"a.py": MODEL, "b.py": BROKEN, "other.toml": 'ignore = ["NN501"]'})
    assert codes(commands, *arguments) == found


def test_config_files_and_what_is_stronger(commands: Commands) -> None:
    commands.write({"pyproject.toml": '[tool.nnlint]\nignore = ["NN501"]\n', "a.py": MODEL})
    assert codes(commands) == set()
    assert codes(commands, "--isolated") == {"NN501"}
    assert codes(commands, "--select", "NN501") == {"NN501"}
    assert codes(commands, "--config", "ignore = []", "--extend-select", "NN501") == {"NN501"}


def test_each_file_has_its_nearest_config(commands: Commands) -> None:
    commands.write({"a/nnlint.toml": 'ignore = ["NN501"]', "a/net.py": MODEL, "b/net.py": MODEL, "nnlint.toml": ""})
    found = json.loads(commands.check("--output-format", "json").out)
    assert [item["filename"] for item in found] == ["b/net.py"]


def files(commands: Commands, *arguments: str) -> list[str]:
    done = commands.check("--output-format", "concise", *arguments)
    assert done.status in (0, 1), done.err
    return [line.split(":")[0] for line in done.lines]


FILES: dict[str, str | bytes] = {
    ".git/HEAD": "",
    ".gitignore": "made/\n",
    "a.py": MODEL,
    "made/b.py": MODEL,
    "old/c.py": MODEL,
    "build/d.py": MODEL,
    "e.pyi": MODEL,
    "g.ipynb": "{}",
}


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["."], ["a.py", "old/c.py"]),
        ([".", "--extend-exclude", "old"], ["a.py"]),
        ([".", "--exclude", "old"], ["a.py", "build/d.py"]),
        ([".", "--no-respect-gitignore"], ["a.py", "made/b.py", "old/c.py"]),
        (["build/d.py", "made/b.py"], ["build/d.py", "made/b.py"]),
        (["build", "made"], ["build/d.py", "made/b.py"]),
        (["build/d.py", "made/b.py", "a.py", "--force-exclude"], ["a.py"]),
        (["made/b.py", "--force-exclude", "--no-respect-gitignore"], ["made/b.py"]),
        (["old/c.py", "--force-exclude", "--extend-exclude", "old"], []),
        (["e.pyi"], ["e.pyi"]),
        (["g.ipynb", "a.py"], ["a.py"]),
    ],
    ids=str,
)
def test_files(commands: Commands, arguments: list[str], found: list[str]) -> None:
    commands.write(FILES)
    assert files(commands, *arguments) == found


def test_a_notebook_is_not_passed_over_in_silence(commands: Commands) -> None:
    commands.write({"g.ipynb": "{}"})
    assert "g.ipynb: not checked" in commands.check("g.ipynb").err


def test_a_file_is_judged_the_same_however_it_is_named(commands: Commands) -> None:
    layers = "import torch.nn as nn\n\n\ndef conv(i, o):\n    return nn.Conv2d(i, o, 3)\n"
    net = "from pkg.layers import conv\n" + MODEL.replace("nn.Conv2d(3, 8, 3)", "conv(3, 8)")
    commands.write({"pyproject.toml": "[project]\n", "pkg/__init__.py": "", "pkg/layers.py": layers, "net.py": net, "pkg/clean.py": CLEAN})
    whole = [line for line in commands.check("--output-format", "concise").lines if line.startswith("pkg/layers.py")]
    assert whole, "a definition that its caller makes wrong"
    assert commands.check("--output-format", "concise", "pkg/layers.py").lines == whole


def test_suppressed_findings_are_silent(commands: Commands) -> None:
    commands.write({"a.py": MODEL.replace("8, 3)", "8, 3)  # nnlint: ignore[NN501]"), "b.py": "# nnlint: ignore-file[NN501]\n" + MODEL})
    assert files(commands) == []
