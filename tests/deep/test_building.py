"""Building the model that a request names: importing its module, constructing it, and saying what is missing."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from nnlint.deep.worker.building import Built, build
from nnlint.deep.worker.messages import Limits, Place, Request, Way
from nnlint.deep.worker.problems import NoAnswer
from nnlint.deep.worker.running.sites import constructed_at, construction_of

pytestmark = pytest.mark.torch

NET = """
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, width=8):
            super().__init__()
            self.fc = nn.Linear(5, width)

        def forward(self, x):
            return self.fc(x)
"""


def _write(folder: Path, **files: str) -> None:
    """Files by their dotted names, with `_in_` for the dot: `net_in_pkg` is `pkg/net.py`."""
    for name, text in files.items():
        path = folder.joinpath(*reversed(name.split("_in_"))).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), "utf-8")


def _build(folder: Path, *models: str, module: str = "net", inputs: str = "(4, 5)", file: str = "") -> Built:
    path = str(folder / (file or f"{module.replace('.', '/')}.py"))
    ways = tuple(Way(f"way {n}", module, path, model, inputs) for n, model in enumerate(models, 1))
    return build(Request("check", "Net", (str(folder),), ways, limits=Limits(seconds=20)), lambda *_: None)


def _reason(folder: Path, *models: str, module: str = "net", inputs: str = "(4, 5)") -> str:
    with pytest.raises(NoAnswer) as caught:
        _build(folder, *models, module=module, inputs=inputs)
    return str(caught.value)


# --- importing ---


def test_a_module_is_imported_as_one_of_its_package(tmp_path: Path) -> None:
    _write(tmp_path, __init___in_pkg="", __init___in_models_in_pkg="", layers_in_pkg="from torch import nn\nclass Wide(nn.Linear): ...")
    _write(tmp_path, net_in_models_in_pkg=NET.replace("import torch\n", "from ..layers import Wide\n").replace("nn.Linear", "Wide"))
    built = _build(tmp_path, "Net()", module="pkg.models.net")
    assert type(built.model).__module__ == "pkg.models.net"
    assert type(built.model.fc).__name__ == "Wide"


def test_a_file_that_has_no_dotted_name_is_imported_by_its_path(tmp_path: Path) -> None:
    _write(tmp_path, **{"my-net": NET + "\n    FOLDER = __file__\n"})
    built = _build(tmp_path, "Net()", module="", file="my-net.py")
    assert isinstance(built.model, nn.Module)
    assert built.namespace["FOLDER"] == str(tmp_path / "my-net.py")


def test_a_file_that_is_named_like_a_module_of_python_is_still_the_file(tmp_path: Path) -> None:
    _write(tmp_path, json=NET)
    assert _build(tmp_path, "Net()", module="json").described == "(4, 5)"


def test_a_script_finds_what_lies_beside_it(tmp_path: Path) -> None:
    _write(tmp_path, net_in_src=NET, train_in_src="from net import Net\nmodel = Net(3)\n")
    assert _build(tmp_path, "model", module="src.train").model.fc.out_features == 3


def test_a_script_that_trains_is_not_run(tmp_path: Path) -> None:
    _write(tmp_path, net=NET + """
    WIDTH = 7
    net = Net(WIDTH)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    open("log.txt", "w")
    for step in range(10**9):
        optimizer.zero_grad()
        net(torch.randn(4, 5)).sum().backward()
        optimizer.step()
    """)  # fmt: skip
    built = _build(tmp_path, "Net(WIDTH)")
    assert built.model.fc.out_features == 7
    assert "only the definitions of net.py were run" in built.way.origin


def test_a_script_that_trains_in_a_function_is_not_run(tmp_path: Path) -> None:
    _write(tmp_path, net=NET + """
    def step(net):
        net(torch.randn(4, 5)).sum().backward()

    def main():
        while True:
            step(Net())

    main()
    """)  # fmt: skip
    assert "only the definitions" in _build(tmp_path, "Net()").way.origin


def test_a_script_that_trains_by_means_of_another_file_is_stopped(tmp_path: Path) -> None:
    _write(tmp_path, engine="def learn(net, x):\n    while True:\n        net(x).sum().backward()\n")
    _write(
        tmp_path,
        net=NET.replace("import torch\n", "import torch\n    from engine import learn\n") + "\n    learn(Net(), torch.ones(4, 5))\n",
    )
    assert "only the definitions" in _build(tmp_path, "Net()").way.origin


def test_what_stands_below_the_main_guard_does_not_run(tmp_path: Path) -> None:
    _write(tmp_path, net=NET + "\n    if __name__ == '__main__':\n        raise SystemExit('ran')\n")
    built = _build(tmp_path, "Net()")
    assert built.way.origin == "way 1"


def test_statements_that_fail_are_left_out(tmp_path: Path) -> None:
    _write(
        tmp_path,
        __init___in_pkg="import not_installed_anywhere\nfrom .net import Net\n",
        net_in_pkg=NET + "\n    DATA = open('data.csv').read()\n",
    )
    built = _build(tmp_path, "Net()", module="pkg.net")
    assert "line 1 failed with ModuleNotFoundError" in built.way.origin
    assert "data.csv" in built.way.origin


def test_what_a_class_needs_and_is_not_installed_is_named(tmp_path: Path) -> None:
    _write(tmp_path, net="from not_installed_anywhere import Base\nclass Net(Base): ...\n")
    assert "not_installed_anywhere" in _reason(tmp_path, "Net()")


def test_a_file_with_a_syntax_error_is_named(tmp_path: Path) -> None:
    _write(tmp_path, net="class Net(:\n")
    assert "SyntaxError" in _reason(tmp_path, "Net()")


def test_command_line_arguments_of_the_run_are_not_the_scripts(tmp_path: Path) -> None:
    _write(tmp_path, net=NET + """
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, default=6)
    args = parser.parse_args()
    """)  # fmt: skip
    assert _build(tmp_path, "Net(args.width)").model.fc.out_features == 6


# --- constructing ---


@pytest.mark.parametrize(
    "model",
    [
        "Net(width=3)",
        "Net",
        "make",
        "make()",
        "lambda: Net(3)",
        "(Net(3), 'transform')",
        "{'model': Net(3), 'steps': 5}",
        "Holder().net",
        "nn.Sequential(nn.Linear(5, 3), nn.ReLU())",
        "torch.nn.Linear(5, 3)",
    ],
)
def test_a_model_may_be_named_in_many_ways(tmp_path: Path, model: str) -> None:
    _write(tmp_path, net=NET + """
    def make():
        return Net(3)

    class Holder:
        def __init__(self):
            self.net = Net(3)
    """)  # fmt: skip
    built = _build(tmp_path, model)
    assert built.model(*built.args).shape[0] == 4


@pytest.mark.parametrize(
    ("model", "said"), [("5", "gives a int"), ("[Net(), Net()]", "2 modules"), ("Net(", "no Python expression"), ("Nett()", "Nett")]
)
def test_what_is_no_model_is_refused_with_the_reason(tmp_path: Path, model: str, said: str) -> None:
    _write(tmp_path, net=NET)
    assert said in _reason(tmp_path, model)


def test_missing_arguments_are_named_and_shown_in_the_pragma_to_write(tmp_path: Path) -> None:
    _write(tmp_path, net=NET.replace("width=8", "width, depth, act='relu'"))
    reason = _reason(tmp_path, "Net(3)", inputs="")
    assert "Net(3) lacks depth" in reason
    assert "# nnlint: deep Net(3, depth=...), input=(4, 3, 32, 32)" in reason
    assert "Net() lacks width and depth" in _reason(tmp_path, "Net()", inputs="")


def test_inputs_that_nothing_fits_are_shown_in_the_pragma_to_write(tmp_path: Path) -> None:
    _write(tmp_path, net=NET.replace("return self.fc(x)", "raise LookupError('no such frame')"))
    reason = _reason(tmp_path, "Net()", inputs="")
    assert "no such frame" in reason
    assert "# nnlint: deep Net(), input=(4, " in reason


def test_a_model_that_lacks_its_own_parts_is_not_tried_again_and_again(tmp_path: Path) -> None:
    _write(tmp_path, net=NET.replace("return self.fc(x)", "CALLS.append(x)\n            return self.head(x)") + "\n    CALLS = []\n")
    assert "'Net' object has no attribute 'head'" in _reason(tmp_path, "Net()", inputs="")
    assert len(sys.modules["net"].CALLS) == 1


def test_inputs_that_were_written_are_taken_or_refused_as_they_are(tmp_path: Path) -> None:
    _write(tmp_path, net=NET)
    reason = _reason(tmp_path, "Net()", inputs="(4, 6)")
    assert "Net() cannot be called with input=(4, 6)" in reason and "4x6 and 5x8" in reason


def test_ways_are_tried_in_order_until_one_works(tmp_path: Path) -> None:
    _write(tmp_path, net=NET.replace("width=8", "width"))
    built = _build(tmp_path, "Net()", "Net(2)", "Net(3)")
    assert built.way.origin == "way 2" and built.model.fc.out_features == 2


def test_all_ways_that_failed_are_told(tmp_path: Path) -> None:
    _write(tmp_path, net=NET.replace("width=8", "width"))
    reason = _reason(tmp_path, "Net()", "Net('wide')")
    assert "way 1: Net() lacks width" in reason and "way 2: Net('wide') fails" in reason


def test_without_any_way_the_pragma_is_shown(tmp_path: Path) -> None:
    _write(tmp_path, net=NET)
    assert "# nnlint: deep Net(...), input=" in _reason(tmp_path)


def test_no_checkpoint_is_loaded(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "weights.pt")
    _write(tmp_path, net=NET.replace("width=8", f"weights={str(tmp_path / 'weights.pt')!r}").replace(", width)", ", 2)") + """
    class Loading(Net):
        def __init__(self):
            super().__init__()
            self.load_state_dict(torch.load('weights.pt'))
    """)  # fmt: skip
    assert "the deep check loads no checkpoint" in _reason(tmp_path, "Loading()")


def test_a_constructor_that_loads_weights_by_default_is_called_without(tmp_path: Path) -> None:
    _write(
        tmp_path,
        net=NET.replace("width=8", "pretrained=True").replace(
            "nn.Linear(5, width)", "nn.Linear(5, 2)\n            if pretrained:\n                torch.load('w.pt')"
        ),
    )
    assert _build(tmp_path, "Net()").way.model == "Net(pretrained=False)"


def test_the_same_way_gives_the_same_parameters(tmp_path: Path) -> None:
    _write(tmp_path, net=NET)
    assert torch.equal(_build(tmp_path, "Net()").model.fc.weight, _build(tmp_path, "Net()").model.fc.weight)


def test_an_expression_of_the_file_keeps_its_places(tmp_path: Path) -> None:
    _write(tmp_path, net="from torch import nn\nmodel = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4))\n")
    built = _build(tmp_path, "nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4))")
    assert isinstance(built.model, nn.Sequential)
    assert constructed_at(construction_of(built.model[0]), Place(str(tmp_path / "net.py"), 2, 23, 2, 38))


def test_a_model_that_the_module_constructed_is_recorded_too(tmp_path: Path) -> None:
    _write(tmp_path, net="from torch import nn\nmodel = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4))\n")
    built = _build(tmp_path, "model")
    assert constructed_at(construction_of(built.model[0]), Place(str(tmp_path / "net.py"), 2, 23, 2, 38))
    assert [type(m).__name__ for m in built.modules] == ["Linear", "BatchNorm1d", "Sequential"]


def test_modules_that_the_model_dropped_are_listed(tmp_path: Path) -> None:
    _write(tmp_path, net=NET.replace("self.fc =", "nn.Dropout()\n            self.fc ="))
    assert [type(m).__name__ for m in _build(tmp_path, "Net()").modules] == ["Net", "Dropout", "Linear"]


def test_a_model_whose_train_returns_nothing_is_still_the_model(tmp_path: Path) -> None:
    _write(tmp_path, net=NET + """
    class Forgetful(Net):
        def train(self, mode=True):
            super().train(mode)
    """)  # fmt: skip
    assert _build(tmp_path, "Forgetful()").model.training


def test_a_model_that_differentiates_in_its_own_code_is_let_be(tmp_path: Path) -> None:
    _write(tmp_path, net=NET.replace("return self.fc(x)", """with torch.enable_grad():
                self.fc(x).sum().backward()
            return self.fc(x)"""))  # fmt: skip
    assert _build(tmp_path, "Net()", inputs="").described == "(4, 5)"


def test_a_constructor_that_exits_is_no_end_of_the_run(tmp_path: Path) -> None:
    _write(tmp_path, net=NET.replace("super().__init__()", "raise SystemExit(3)"))
    assert "sys.exit(3)" in _reason(tmp_path, "Net()")
