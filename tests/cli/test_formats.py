"""What the output formats look like, to the letter where programs read them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

import pytest

from tests.cli.conftest import BROKEN, CLEAN, MODEL, Commands

LOCATION = {"row": int, "column": int}
EDIT = {"filename": (str, None), "content": str, "location": LOCATION, "end_location": LOCATION}
RELATED = {"filename": str, "location": LOCATION, "end_location": LOCATION, "message": str}
FINDING = {
    "code": str,
    "name": str,
    "message": str,
    "filename": str,
    "location": LOCATION,
    "end_location": LOCATION,
    "severity": str,
    "url": str,
    "cell": (int, None),
    "noqa_row": int,
    "fix": ({"applicability": str, "message": str, "edits": [EDIT]}, None),
    "related": [RELATED],
    "verdict": (dict, None),
}


def has_shape(value: Any, shape: Any) -> bool:
    """Whether a value has just the keys and types of a shape; a tuple stands for one of several."""
    if isinstance(shape, tuple):
        return any(has_shape(value, one) for one in shape)
    if isinstance(shape, dict):
        return isinstance(value, dict) and value.keys() == shape.keys() and all(has_shape(value[key], shape[key]) for key in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(has_shape(item, shape[0]) for item in value)
    return value is None if shape is None else isinstance(value, shape)


@pytest.fixture
def models(commands: Commands) -> Commands:
    commands.write({"pyproject.toml": "[project]\n", "models/net.py": MODEL, "models/broken.py": BROKEN, "clean.py": CLEAN})
    return commands


def test_json(models: Commands) -> None:
    done = models.check("--output-format", "json")
    found = json.loads(done.out)
    assert has_shape(found, [FINDING])
    assert [(item["filename"], item["code"]) for item in found] == [("models/broken.py", "NN000"), ("models/net.py", "NN501")]
    [_, bias] = found
    assert bias["name"] == "bias-before-norm"
    assert bias["severity"] == "info"
    assert (bias["location"], bias["end_location"]) == ({"row": 7, "column": 21}, {"row": 7, "column": 39})
    assert bias["noqa_row"] == 7
    assert bias["cell"] is None
    assert bias["verdict"] is None
    assert bias["fix"]["applicability"] == "unsafe"
    [edit] = bias["fix"]["edits"]
    assert edit == {
        "content": ", bias=False",
        "filename": None,
        "location": {"row": 7, "column": 38},
        "end_location": {"row": 7, "column": 38},
    }
    assert bias["related"]
    assert {related["filename"] for related in bias["related"]} == {"models/net.py"}


def test_no_address_of_a_page_leads_nowhere(models: Commands) -> None:
    for item in json.loads(models.check("--output-format", "json").out):
        address = urlparse(item["url"])
        assert address.scheme == "file"
        assert Path(url2pathname(address.path)).is_file()


def test_json_lines_are_the_items_of_json(models: Commands) -> None:
    lines = models.check("--output-format", "json-lines").lines
    assert [json.loads(line) for line in lines] == json.loads(models.check("--output-format", "json").out)


def test_concise(models: Commands) -> None:
    [broken, bias] = models.check("--output-format", "concise").lines
    assert broken.startswith("models/broken.py:1:")
    assert bias.startswith("models/net.py:7:21: NN501 ")
    assert not bias.startswith("models/net.py:7:21: NN501 [*]")
    [_, bias] = models.check("--output-format", "concise", "--unsafe-fixes").lines
    assert bias.startswith("models/net.py:7:21: NN501 [*] ")


def test_grouped(models: Commands) -> None:
    lines = models.check("--output-format", "grouped").lines
    assert lines[0] == "models/broken.py:"
    assert "models/net.py:" in lines
    assert lines[-1].startswith("  7:21 NN501 ")


def test_full_shows_source_explanation_and_change(models: Commands) -> None:
    done = models.check("models/net.py")
    lines = done.lines
    assert lines[0].startswith("info[NN501] bias-before-norm: ")
    assert lines[1] == "  --> models/net.py:7:21"
    assert " 7 |         self.conv = nn.Conv2d(3, 8, 3)" in lines
    assert "   |                     ^^^^^^^^^^^^^^^^^^" in lines
    assert " 8 |         self.norm = nn.BatchNorm2d(8)" in lines
    assert any(line.startswith("note: ") for line in lines)
    assert any(line.startswith("help: ") and "--unsafe-fixes" in line for line in lines)
    assert " 7 -         self.conv = nn.Conv2d(3, 8, 3)" in lines
    assert " 7 +         self.conv = nn.Conv2d(3, 8, 3, bias=False)" in lines
    assert "\x1b" not in done.text


def test_github(models: Commands) -> None:
    [broken, bias] = models.check("--output-format", "github").lines
    assert broken.startswith("::error title=nnlint (NN000),file=models/broken.py,line=1,")
    properties, _, message = bias.removeprefix("::notice ").partition("::")
    assert properties == "title=nnlint (NN501),file=models/net.py,line=7,endLine=7,col=21,endColumn=39"
    assert message.startswith("models/net.py:7:21: NN501 ")
    assert "%0A  help: " in message


def test_github_escapes_what_would_end_a_property(commands: Commands) -> None:
    commands.write({"a,b%c.py": MODEL})
    [line] = commands.check("--output-format", "github").lines
    assert ",file=a%2Cb%25c.py,line=7," in line


def test_github_by_itself_in_github_actions(models: Commands) -> None:
    env = {"GITHUB_ACTIONS": "true"}
    assert models.check(env=env).out == models.check("--output-format", "github").out
    assert models.check("--output-format", "concise", env=env).out == models.check("--output-format", "concise").out


@pytest.mark.parametrize("output_format", ["concise", "full", "github", "grouped", "json", "json-lines"])
def test_every_format_is_offered_and_empty_without_findings(commands: Commands, output_format: str) -> None:
    commands.write({"a.py": CLEAN})
    done = commands.check("--output-format", output_format)
    assert done.status == 0
    assert done.text == ("[]\n" if output_format == "json" else "")


def test_formats_that_are_not_built_are_not_offered(commands: Commands) -> None:
    done = commands.check("--output-format", "junit")
    assert done.status == 2
    assert "'junit' is not one of" in done.err


def test_the_report_goes_to_a_file(models: Commands) -> None:
    done = models.check("--output-format", "json", "-o", "report.json")
    assert (done.status, done.out) == (1, b"")
    assert (models.folder / "report.json").read_bytes() == models.check("--output-format", "json").out
    refused = models.check("-o", "no/such/folder.json")
    assert refused.status == 2
    assert "no/such/folder.json" in refused.err


@pytest.mark.parametrize(
    ("paths", "filename"),
    [
        (["models/net.py"], "models/net.py"),
        (["./models/net.py"], "./models/net.py"),
        (["models"], "models/net.py"),
        (["models/"], "models/net.py"),
        (["./models"], "./models/net.py"),
        (["."], "models/net.py"),
        ([], "models/net.py"),
        (["models/net.py", "."], "models/net.py"),
        (["../some models/models/net.py"], "../some models/models/net.py"),
    ],
    ids=str,
)
def test_names_are_as_they_were_given(models: Commands, paths: list[str], filename: str) -> None:
    found = json.loads(models.check("--select", "NN501", "--ignore", "NN000", "--output-format", "json", *paths).out)
    assert [item["filename"] for item in found] == [filename]
    assert {related["filename"] for item in found for related in item["related"]} == {filename}


def test_absolute_names_stay_absolute(models: Commands) -> None:
    path = str(models.folder / "models" / "net.py")
    found = json.loads(models.check("--output-format", "json", path).out)
    assert [item["filename"] for item in found] == [path]


def test_columns_count_code_points(commands: Commands) -> None:
    commands.write({"a.py": MODEL.replace("        self.conv", "        '😀漢é'; self.conv")})
    [item] = json.loads(commands.check("--output-format", "json").out)
    assert item["location"]["column"] == 21 + len("'😀漢é'; ")
    lines = commands.check().lines
    [source] = [line for line in lines if line.startswith(" 7 | ")]
    [marks] = [line for line in lines if "^" in line]
    before = source[: source.index("nn.Conv2d")]
    wide = sum(char in "😀漢" for char in before)
    assert marks.index("^") == len(before) + wide, "marks stand under the source in terminal cells"


def test_tabs_are_widened_and_marks_follow(commands: Commands) -> None:
    commands.write({"a.py": MODEL.replace("    ", "\t")})
    lines = commands.check().lines
    [source] = [line for line in lines if line.startswith(" 7 | ")]
    [marks] = [line for line in lines if "^" in line]
    assert "\t" not in source
    assert source.index("nn.Conv2d") == marks.index("^")


def test_source_cannot_steer_the_terminal(commands: Commands) -> None:
    commands.write({"a.py": MODEL.replace("8, 3)", "8, 3)  # \x1b[31m \u202e")})
    text = commands.check("--color", "never").text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_long_lines_are_cut_to_what_matters(commands: Commands) -> None:
    commands.write({"a.py": MODEL.replace("        self.conv", f"        x = '{'y' * 5000}'; self.conv")})
    lines = commands.check().lines
    [source] = [line for line in lines if line.startswith(" 7 | ")]
    [marks] = [line for line in lines if "^" in line]
    assert len(source) < 250
    assert source[marks.index("^") :].startswith("nn.Conv2d(3, 8, 3)")


def test_colors(models: Commands) -> None:
    assert b"\x1b[" not in models.check().out
    assert b"\x1b[" in models.check("--color", "always").out
    assert b"\x1b[" in models.check(env={"FORCE_COLOR": "1"}).out
    assert b"\x1b[" not in models.check(env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).out
    assert b"\x1b[" not in models.check("--color", "always", "--output-format", "json").out


def test_statistics(models: Commands) -> None:
    models.write({"models/other.py": MODEL})
    rules, layers = models.check("--statistics").text.split("\n\n")
    assert rules.splitlines() == ["2\tNN501\tbias-before-norm", "1\tNN000\tsyntax-error"]
    assert layers.splitlines() == ["4 of 4 constructions of layers resolved (100.0 %)"]
    assert json.loads(models.check("--statistics", "--output-format", "json", "--unsafe-fixes").out)[0] == {
        "code": "NN501",
        "name": "bias-before-norm",
        "count": 2,
        "fixable": True,
        "fixable_count": 2,
    }


UNDERSTOOD = """\
from torch import nn
from elsewhere import flags

NORM = nn.BatchNorm2d


class Net(nn.Module):
    def __init__(self, norm=NORM, deep=False, *more):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, bias=flags.bias)
        self.norm = norm(8)
        if deep:
            self.more = nn.Linear(8, 8)

    def forward(self, x):
        return self.norm(self.conv(x))


def unused(sizes):
    return [nn.Linear(*size) for size in sizes], (lambda: NORM(3)), nn.ReLU()
"""


def test_statistics_say_which_layers_were_understood_and_why_the_others_were_not(commands: Commands) -> None:
    commands.write({"net.py": UNDERSTOOD})
    done = commands.check("--statistics", "-v")
    assert done.lines == [
        "1 of 5 constructions of layers resolved (20.0 %)",
        "1 of the 3 that known code reaches (33.3 %)",
        "1\t`bias` is not known: it comes from outside the project",
        "\tnet.py:10:21\tConv2d",
        "1\tgiven `*arguments` of unknown number",
        "\tnet.py:20:13\tLinear",
        "1\tin a lambda that nothing is known to call",
        "\tnet.py:20:59\tBatchNorm2d",
        "1\ton a branch that no known caller takes",
        "\tnet.py:13:25\tLinear",
    ]
    (item,) = json.loads(commands.check("--statistics", "--output-format", "json").out)
    assert [item[key] for key in ("code", "name", "count", "reached", "resolved")] == [None, "layer-constructions", 5, 3, 1]
    assert item["unresolved"][0] == {
        "reason": "`bias` is not known: it comes from outside the project",
        "count": 1,
        "places": [{"filename": "net.py", "location": {"row": 10, "column": 21}, "class": "Conv2d"}],
    }


def test_statistics_are_the_same_with_and_without_a_cache(commands: Commands) -> None:
    commands.write({"net.py": UNDERSTOOD})
    assert commands.check().status == 0
    assert commands.check("--statistics").out == commands.check("--statistics", "--no-cache").out != b""


def test_output_is_utf8_whatever_the_locale(commands: Commands) -> None:
    commands.write({"模型.py": MODEL})
    done = commands.check("--output-format", "concise", env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONCOERCECLOCALE": "0"})
    assert done.text.startswith("模型.py:7:21")


@pytest.mark.skipif(sys.platform != "linux", reason="needs file names that are no text")
def test_a_file_name_that_is_no_text(commands: Commands) -> None:
    name = b"a\xff.py"
    Path(commands.folder / name.decode("utf-8", "surrogateescape")).write_text(MODEL)
    [item] = json.loads(commands.check("--output-format", "json").out)
    assert item["filename"] == name.decode("utf-8", "surrogateescape")


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_colors_and_progress_are_for_terminals(commands: Commands) -> None:
    import pty

    commands.write({"a.py": MODEL})
    master, slave = pty.openpty()
    subprocess.run(
        [sys.executable, "-m", "nnlint", "check"], cwd=commands.folder, env={**commands.env, "TERM": "xterm"}, stdout=slave, stderr=slave
    )
    os.close(slave)
    text = b""
    while chunk := _read(master):
        text += chunk
    os.close(master)
    assert b"\x1b[1;36minfo[NN501]" in text
    assert "checking 1 files …".encode() in text


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""
