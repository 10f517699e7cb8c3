"""`nnlint migrate`: the command on real files, with the real worker under this Python."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Commands

pytestmark = [pytest.mark.torch, pytest.mark.slow]
torch: Any = pytest.importorskip("torch")

# The block stands in a file of its own, and the number of classes only in the call.
FILES = {
    "pyproject.toml": "[tool.nnlint]\n",
    "nets/__init__.py": "",
    "nets/blocks.py": """\
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.conv = nn.Conv2d(i, o, 3, padding=1)
        self.norm = nn.BatchNorm2d(o)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x)))
""",
    "nets/net.py": """\
from torch import nn

from .blocks import Block


class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.body = nn.Sequential(Block(3, 6), Block(6, 8))
        self.head = nn.Linear(8, classes)

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))
""",
}
TARGET = "nets/net.py::Net"


@pytest.fixture
def project(commands: Commands) -> Commands:
    """The project, with `old.pt`, the weights of a `Net(10)`."""
    commands.write(FILES)
    write_checkpoint(commands, "Net()", "old.pt")
    return commands


def write_checkpoint(project: Commands, model: str, name: str) -> None:
    lines = (
        "import torch",
        "from nets.net import Net",
        f"net = {model}",
        "for _ in range(3):",
        "    net(torch.randn(4, 3, 8, 8))",
        f"torch.save(net.state_dict(), {name!r})",
    )
    done = project.python("-c", "\n".join(lines))
    assert done.status == 0, done.err


def loaded(project: Commands, name: str) -> Any:
    return torch.load(project.folder / name, weights_only=True)


def left(folder: Path) -> set[str]:
    """The files in a folder, but what the project began with and Python's own."""
    return {path.name for path in folder.iterdir()} - {"pyproject.toml", "nets", "__pycache__"}


def test_a_checkpoint_is_migrated_and_the_report_says_how(project: Commands) -> None:
    done = project.nnlint("migrate", "old.pt", "--model", TARGET, "-o", "new.pt")
    assert (done.status, done.err) == (0, "")
    assert done.lines[:4] == [
        "old.pt → new.pt",
        "  `body.0.conv.bias` (6) folded into the running mean of `body.0.norm`",
        "  `body.1.conv.bias` (8) folded into the running mean of `body.1.norm`",
        "14 parameters dropped; all else is as it was.",
    ]
    assert done.lines[4].startswith("In evaluation mode the old and the new model agree to ")
    assert "as float32 stores it" in done.lines[4]
    old, new = loaded(project, "old.pt"), loaded(project, "new.pt")
    assert old.keys() - new.keys() == {"body.0.conv.bias", "body.1.conv.bias"}
    assert left(project.folder) == {"old.pt", "new.pt"}
    permissions = {stat.S_IMODE((project.folder / name).stat().st_mode) for name in ("old.pt", "new.pt")}
    assert len(permissions) == 1


def test_what_was_migrated_loads_strictly_once_the_fix_is_applied(project: Commands) -> None:
    project.nnlint("migrate", "old.pt", "--model", TARGET, "-o", "before.pt")
    assert project.check("--select", "NN501", "--fix", "--unsafe-fixes", ".").status == 0
    done = project.nnlint("migrate", "old.pt", "--model", TARGET, "-o", "after.pt")
    assert done.status == 0, done.err
    before, after = loaded(project, "before.pt"), loaded(project, "after.pt")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    strictly = "import torch; from nets.net import Net; Net().load_state_dict(torch.load('after.pt'), strict=True)"
    assert project.python("-c", strictly).status == 0


def test_the_report_as_json(project: Commands) -> None:
    done = project.nnlint("migrate", "old.pt", "--model", TARGET, "-o", "new.pt", "--output-format", "json")
    report = json.loads(done.text)
    assert (report["checkpoint"], report["output"], report["model"]) == ("old.pt", "new.pt", "Net()")
    assert report["layers"][0] == {"layer": "body.0.conv", "parameters": 6, "norms": ["body.0.norm"]}
    assert (report["copies"], report["optimizers"], report["dtypes"]) == (["the file itself"], [], ["float32"])
    assert report["exact"] <= 1e-9
    assert report["written"] <= 1e-6
    assert report["versions"]["torch"] == torch.__version__


def test_how_to_build_and_to_call_the_model_can_be_said(project: Commands) -> None:
    write_checkpoint(project, "Net(classes=7)", "seven.pt")
    refused = project.nnlint("migrate", "seven.pt", "--model", TARGET, "-o", "new.pt")
    assert refused.status == 2
    assert "`head.weight` is (7, 8), and (10, 8) in the model" in refused.err
    done = project.nnlint("migrate", "seven.pt", "--model", TARGET, "-o", "new.pt", "--call", "Net(7)", "--input", "(2, 3, 16, 16)")
    assert done.status == 0, done.err
    assert "(Net(7), called with (2, 3, 16, 16))" in done.text


def test_an_output_that_is_there_is_replaced_only_where_that_is_asked_for(project: Commands) -> None:
    (project.folder / "new.pt").write_bytes(b"mine")
    refused = project.nnlint("migrate", "old.pt", "--model", TARGET, "-o", "new.pt")
    assert (refused.status, refused.out) == (2, b"")
    assert "exists already" in refused.err
    assert "--force" in refused.err
    assert (project.folder / "new.pt").read_bytes() == b"mine"
    assert project.nnlint("migrate", "old.pt", "--model", TARGET, "-o", "new.pt", "--force").status == 0
    assert len(loaded(project, "new.pt")) == len(loaded(project, "old.pt")) - 2


REFUSED = {
    "the checkpoint itself": (("old.pt", "--model", TARGET, "-o", "old.pt", "--force"), "is the checkpoint itself"),
    "a checkpoint that is not there": (("none.pt", "--model", TARGET, "-o", "new.pt"), "none.pt: there is no such file"),
    "a folder that is not there": (("old.pt", "--model", TARGET, "-o", "no/new.pt"), "there is no such folder"),
    "another format": (("old.pt", "--model", TARGET, "-o", "new.safetensors"), "keeps its format"),
    "a file without a class": (("old.pt", "--model", "nets/net.py", "-o", "new.pt"), "write FILE::CLASS"),
    "a class that is not there": (("old.pt", "--model", "nets/net.py::Nett", "-o", "new.pt"), "Nett"),
    "a model file that is not there": (("old.pt", "--model", "net.py::Net", "-o", "new.pt"), "net.py: there is no such file"),
    "a Python that is not there": (("old.pt", "--model", TARGET, "-o", "new.pt", "--python", "/no/python"), "/no/python does not exist"),
    "no checkpoint": (("pyproject.toml", "--model", TARGET, "-o", "new.toml"), "no checkpoint"),
    "too little time": (("old.pt", "--model", TARGET, "-o", "new.pt", "--timeout", "0.01"), "0.01 s"),
}


@pytest.mark.parametrize(("arguments", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_status_2_with_the_reason_and_leaves_no_file(
    arguments: tuple[str, ...], reason: str, project: Commands
) -> None:
    before = (project.folder / "old.pt").read_bytes()
    done = project.nnlint("migrate", *arguments)
    assert (done.status, done.out) == (2, b"")
    assert reason in done.err
    assert left(project.folder) == {"old.pt"}
    assert (project.folder / "old.pt").read_bytes() == before


def test_a_finding_that_is_suppressed_keeps_its_bias(project: Commands) -> None:
    blocks = FILES["nets/blocks.py"].replace("padding=1)", "padding=1)  # nnlint: ignore[NN501]")
    project.write({"nets/blocks.py": blocks})
    done = project.nnlint("migrate", "old.pt", "--model", TARGET, "-o", "new.pt")
    assert done.status == 2
    assert "no bias that the fix of NN501 would remove" in done.err
