"""Where each layer was constructed, to the column; to the row on a Python that knows no more."""

from __future__ import annotations

import copy
import importlib.util
import json
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("torch")

from torch import nn

from nnlint.deep.worker.messages import Place
from nnlint.deep.worker.running import sites
from nnlint.deep.worker.running.sites import Construction, constructed_around, constructed_at, construction_of, recorded_modules

pytestmark = pytest.mark.torch

SOURCE = """
from torch import nn

class Wide(nn.Conv2d):
    def __init__(self, *args):
        super().__init__(*args, padding=1)

def conv(i, o):
    return nn.Conv2d(i, o, 3)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.plain = nn.Conv2d(
            1, 2,
            3,
        )
        self.made = conv(2, 4)
        self.wide = Wide(4, 4, 3)
        self.größe, self.norm = nn.Linear(8, 8), nn.BatchNorm2d(4)
        self.lazy = nn.LazyLinear(5)
        self.block = nn.Sequential(nn.Linear(5, 6), nn.ReLU())
        self.encoder = nn.TransformerEncoderLayer(8, 2)
"""


def _place(path: Path, text: str, nth: int = 0) -> Place:
    """Where a text stands in a file."""
    source = path.read_text("utf-8")
    start = -1
    for _ in range(nth + 1):
        start = source.index(text, start + 1)
    end = start + len(text)
    rows = [source.count("\n", 0, offset) + 1 for offset in (start, end)]
    columns = [offset - source.rfind("\n", 0, offset) for offset in (start, end)]
    return Place(str(path), rows[0], columns[0], rows[1], columns[1])


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sites") / "net.py"
    file.write_text(SOURCE, "utf-8")
    return file


@pytest.fixture(scope="module")
def model(path: Path) -> nn.Module:
    spec = importlib.util.spec_from_file_location("sites_net", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with recorded_modules():
        spec.loader.exec_module(module)
        model: nn.Module = module.Net()
    return model


def _made(model: nn.Module, name: str) -> Construction:
    construction = construction_of(model.get_submodule(name))
    assert construction is not None
    return construction


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("plain", "nn.Conv2d(\n            1, 2,\n            3,\n        )"),
        ("made", "nn.Conv2d(i, o, 3)"),
        ("wide", "Wide(4, 4, 3)"),  # a class that extends a layer is constructed where it is called
        ("größe", "nn.Linear(8, 8)"),  # columns count code points, not bytes
        ("norm", "nn.BatchNorm2d(4)"),
        ("lazy", "nn.LazyLinear(5)"),
        ("block.0", "nn.Linear(5, 6)"),
        ("block.1", "nn.ReLU()"),
    ],
)
def test_a_layer_is_constructed_at_its_call(model: nn.Module, path: Path, name: str, call: str) -> None:
    assert _made(model, name).places[0] == _place(path, call)
    assert not _made(model, name).by_torch


def test_the_calls_that_led_there_follow_from_the_inside_out(model: nn.Module, path: Path) -> None:
    assert _made(model, "made").places[1] == _place(path, "conv(2, 4)")
    assert constructed_at(_made(model, "made"), _place(path, "conv(2, 4)"))


def test_a_call_is_no_place_of_a_layer_that_was_made_before_it(model: nn.Module, path: Path) -> None:
    around = _place(path, "nn.Sequential(nn.Linear(5, 6), nn.ReLU())")
    assert constructed_at(_made(model, "block"), around)
    assert not constructed_at(_made(model, "block.0"), around)


def test_an_argument_lies_within_the_call(model: nn.Module, path: Path) -> None:
    argument = _place(path, "o, 3")
    assert constructed_around(_made(model, "made"), argument)
    assert not constructed_at(_made(model, "made"), argument)
    assert not constructed_around(_made(model, "plain"), argument)


def test_what_torch_constructs_stands_at_the_call_into_torch(model: nn.Module, path: Path) -> None:
    made = _made(model, "encoder.linear1")
    assert made.by_torch
    assert made.places[0] == _place(path, "nn.TransformerEncoderLayer(8, 2)")


def test_a_deep_copy_keeps_its_construction(model: nn.Module, path: Path) -> None:
    assert _made(copy.deepcopy(model), "plain") == _made(model, "plain")


def test_modules_are_collected_in_the_order_in_which_they_were_constructed() -> None:
    with recorded_modules() as modules:
        first, second = nn.Linear(1, 1), nn.ReLU()
    nn.Linear(2, 2)
    assert len(modules) == 2 and modules[0] is first and modules[1] is second


def test_nothing_is_recorded_outside() -> None:
    assert construction_of(nn.Linear(1, 1)) is None


def test_a_file_is_the_same_by_whatever_path(model: nn.Module, path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.py"
    link.symlink_to(path)
    there = _place(path, "nn.Conv2d(i, o, 3)")
    assert constructed_at(_made(model, "made"), Place(str(link), there.row, there.column, there.end_row, there.end_column))


def test_rows_are_enough_where_python_knows_no_columns(model: nn.Module, path: Path) -> None:
    there = _place(path, "nn.Conv2d(\n            1, 2,\n            3,\n        )")
    known = Construction((Place(str(path), there.row + 1, sites.UNKNOWN, there.row + 1, sites.UNKNOWN),))
    assert constructed_at(known, there)
    assert not constructed_at(known, _place(path, "nn.Conv2d(i, o, 3)"))


_WITHOUT_TORCH = """
import json, sys, types
torch = types.ModuleType("torch"); torch.__file__ = "/nowhere/torch/__init__.py"
nn = types.ModuleType("torch.nn")
class Module:
    def __init__(self): pass
nn.Module = nn.Linear = nn.Bilinear = Module
nn.modules = types.SimpleNamespace(conv=types.SimpleNamespace(_ConvNd=Module))
torch.nn = nn
sys.modules.update({"torch": torch, "torch.nn": nn})
package = types.ModuleType("worker"); package.__path__ = [sys.argv[1]]; sys.modules["worker"] = package
from worker.running import sites
with sites.recorded_modules() as modules:
    Module(
    )
print(json.dumps([list(sys.version_info[:2]), sites.construction_of(modules[0]).places[0].row]))
"""


@pytest.mark.parametrize("version", ["3.9", "3.10"])
def test_older_pythons_load_and_record(version: str, tmp_path: Path) -> None:
    python = _python(version)
    script = tmp_path / "record.py"
    script.write_text(_WITHOUT_TORCH, "utf-8")
    done = subprocess.run([python, str(script), str(Path(sites.__file__).parents[1])], capture_output=True, text=True, check=True)
    found, row = json.loads(done.stdout)
    assert found == [int(part) for part in version.split(".")]
    assert "Module(" in script.read_text("utf-8").splitlines()[row - 1]


def _python(version: str) -> str:
    """A Python of that version; the test is skipped without one."""
    candidates = [shutil.which(f"python{version}"), *sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))]
    for candidate in filter(None, candidates):
        works = subprocess.run(
            [str(candidate), "-c", f"import sys; assert sys.version_info[:2] == ({version.replace('.', ', ')})"], check=False
        )
        if works.returncode == 0:
            return str(candidate)
    pytest.skip(f"there is no Python {version} here")
