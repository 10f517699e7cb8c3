"""`nnlint deep`: the command on real files, with the real worker under this Python."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path

import pytest

from tests.cli.conftest import Commands
from tests.deep.leftovers import left_after_death, marked

pytestmark = [pytest.mark.torch, pytest.mark.slow]

NETS = """\
import torch
from torch import nn

from layers import Frozen


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x)))


class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.block = Block(16)
        self.head = nn.Linear(16, classes)

    def forward(self, x):
        return self.head(self.block(self.stem(x)).mean((2, 3)))


class Wasteful(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = Frozen(8)
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        return self.head(self.norm(self.conv(x)).mean((2, 3)).detach())


class Given(nn.Module):
    def __init__(self, options):
        super().__init__()
        self.head = nn.Linear(options.width, 10)

    def forward(self, x):
        return self.head(x)
"""
# What a norm does is changed where the engine does not look.
LAYERS = """\
from torch import nn


class Frozen(nn.BatchNorm2d):
    pass


for name, value in {"forward": lambda self, x: x.relu()}.items():
    setattr(Frozen, name, value)
"""
ENDLESS = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 3)

    def forward(self, x):
        open("begun", "w").close()
        while True:
            pass
"""
PATIENT = "[tool.nnlint.deep]\ntimeout = 180\n"  # tests may share the machine with others


@pytest.fixture
def nets(commands: Commands) -> Commands:
    commands.write({"pyproject.toml": PATIENT, "net.py": NETS, "layers.py": LAYERS})
    return commands


def test_findings_in_a_model_and_in_what_it_holds_get_their_verdicts(nets: Commands) -> None:
    done = nets.nnlint("deep", "net.py::Net")
    assert done.status == 1
    assert "Net in net.py" in done.lines
    assert "  Built as    Net()" in done.lines
    assert "  confirmed  net.py:10:21  NN501 bias of `Conv2d` is cancelled by `BatchNorm2d` right after it" in done.text
    assert done.lines[-1] == "1 confirmed."
    assert done.err == ""


def test_a_file_stands_for_its_models_that_are_no_parts_of_others(nets: Commands) -> None:
    done = nets.nnlint("deep", "net.py", "--output-format", "json")
    models = {model["class"]: model for model in json.loads(done.out)}
    assert list(models) == ["Net", "Wasteful", "Given"]
    assert [(f["code"], f["filename"], f["location"]["row"], f["verdict"]["kind"]) for f in models["Net"]["findings"]] == [
        ("NN501", "net.py", 10, "confirmed")
    ]
    assert models["Net"]["findings"][0]["verdict"]["numbers"]["parameters wasted"] == 16
    assert models["Net"]["versions"].keys() == {"python", "torch"}
    assert "# nnlint: deep Given(" in models["Given"]["problem"]
    assert done.status == 1, "one model that cannot be built does not hide what was found in another"


def test_what_the_model_refutes_is_told_and_is_no_mistake(nets: Commands) -> None:
    done = nets.nnlint("deep", "net.py::Wasteful")
    assert (done.status, done.lines[-1]) == (0, "1 refuted.")


def test_the_recipe_as_text_json_and_a_page(nets: Commands) -> None:
    done = nets.nnlint("deep", "net.py::Net", "--recipe", "--steps", "120")
    assert (done.status, done.lines[-1]) == (0, "7 passed.")
    done = nets.nnlint("deep", "net.py::Wasteful", "--recipe", "--steps", "3", "--output-format", "json")
    (model,) = json.loads(done.out)
    assert {check["id"]: check["status"] for check in model["checks"]}["gradients"] == "fail"
    assert done.status == 1
    done = nets.nnlint("deep", "net.py::Wasteful", "--recipe", "--steps", "3", "--output-format", "html", "-o", "page.html")
    assert (done.status, done.out) == (1, b"")
    assert (nets.folder / "page.html").read_text("utf-8").startswith("<!doctype html>")


def test_what_cannot_be_built_is_an_error_that_names_the_cure(nets: Commands) -> None:
    done = nets.nnlint("deep", "net.py::Given", "--recipe")
    assert (done.status, done.out) == (2, b"")
    assert "options" in done.err and "# nnlint: deep Given(" in done.err


def test_a_pragma_says_how_to_build_and_to_train(nets: Commands) -> None:
    pragma = "# nnlint: deep Given(type('O', (), {'width': 5})), input=(4, 5), target=(4, 10)\nclass Given"
    nets.write({"net.py": NETS.replace("class Given", pragma)})
    (model,) = json.loads(nets.nnlint("deep", "net.py::Given", "--recipe", "--output-format", "json").out)
    assert model["inputs"] == "(4, 5)"
    assert model["objective"]["name"] == "mean squared error"


def test_a_python_without_torch_is_told(nets: Commands, tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    done = nets.nnlint("deep", "net.py::Net", "--python", tmp_path / "bare" / "bin" / "python")
    assert done.status == 2
    assert "torch is not installed in" in done.text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.py::Net"], "nowhere.py: there is no such file"),
        (["net.py::"], "write FILE::CLASS"),
        (["net.py::Nobody"], "has no class `Nobody`"),
        (["layers.py", "--python", "no-such-python"], "no-such-python"),
        (["empty.py"], "it defines no class with a forward()"),
        (["net.py::Net", "--output-format", "html"], "add --recipe"),
        (["net.py::Net", "--steps", "3"], "add --recipe"),
        (["net.py::Net", "--timeout", "0"], "--timeout"),
    ],
    ids=str,
)
def test_mistakes_of_use_are_told(nets: Commands, arguments: list[str], words: str) -> None:
    nets.write({"empty.py": "x = 1\n"})
    done = nets.nnlint("deep", *arguments)
    assert (done.status, done.out) == (2, b"")
    assert words in done.err


def test_an_interrupt_ends_the_model(commands: Commands) -> None:
    begun = commands.folder / "begun"
    commands.write({"net.py": ENDLESS.replace('"begun"', repr(str(begun)))})
    with marked() as mark:
        environment = {**commands.env, **{key: value for key, value in os.environ.items() if value == mark}}
        arguments = [sys.executable, "-m", "nnlint", "deep", "net.py::Net", "--timeout", "300"]
        process = subprocess.Popen(arguments, cwd=commands.folder, env=environment, start_new_session=True)
        try:
            deadline = time.monotonic() + 120
            while not begun.exists() and time.monotonic() < deadline:
                time.sleep(0.1)
            os.kill(process.pid, signal.SIGINT)
            assert process.wait(60) == 130
        finally:
            process.kill()
        assert left_after_death(mark) == []
