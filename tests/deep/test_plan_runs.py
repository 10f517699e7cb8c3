"""What a plan says to build is built, called and judged by a real worker."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from nnlint.deep.client import DeepRun
from nnlint.deep.worker.messages import CONFIRMED
from tests.deep.projects import net, project_in

pytestmark = [pytest.mark.torch, pytest.mark.slow]

PACKAGE = {"src/pkg/__init__.py": "", "src/pkg/sizes.py": "class Sizes:\n    def __init__(self, width=8):\n        self.width = width\n"}
RELATIVE = "from .sizes import Sizes\nfrom functools import partial\n"
USE = "import torch\nfrom pkg.net import Net\nfrom pkg.sizes import Sizes\n\n{line}\n"
CASES = {
    "defaults, relative imports": ({"src/pkg/net.py": RELATIVE + net("sizes=Sizes()")}, "Net()"),
    "a call with objects, classes and layers": (
        {
            "src/pkg/net.py": RELATIVE + net("sizes", "act", "*", "last"),
            "train.py": USE.format(line="net = Net(Sizes(width=4), torch.nn.GELU, last=torch.nn.Sequential(torch.nn.Identity()))"),
        },
        "Net(Sizes(width=4), nn.GELU, last=nn.Sequential(nn.Identity()))",
    ),
    "what the module itself does not import": (
        {"src/pkg/net.py": net("sizes", "make"), "train.py": USE.format(line="net = Net(Sizes(2), torch.optim.SGD)")},
        "Net(__import__('pkg.sizes', fromlist=['*']).Sizes(2), __import__('torch.optim', fromlist=['*']).SGD)",
    ),
    "a function": ({"src/pkg/net.py": RELATIVE + net("sizes") + "\n\ndef small(**kwargs):\n    return Net(open)\n"}, "Net(open)"),
    "a guess": ({"src/pkg/net.py": RELATIVE + net("in_channels: int", "drop", "sizes: list[int]")}, None),
    "a comment": (
        {"src/pkg/net.py": RELATIVE + net("sizes").replace("class Net", "# nnlint: deep Net(Sizes()), input=(2, 3, 8, 8)\nclass Net")},
        "Net(Sizes())",
    ),
    "a script": (
        {"train-it.py": "from torch import nn\n\nW = 4\nnet = nn.Sequential(nn.Linear(3, W), nn.BatchNorm1d(W))\n"},
        "nn.Sequential(nn.Linear(3, W), nn.BatchNorm1d(W))",
    ),
    "a helper": (
        {
            "src/pkg/net.py": "from torch import nn\n\ndef cbr(i, o):\n    return nn.Sequential(nn.Conv2d(i, o, 3), nn.BatchNorm2d(o))\n",
            "train.py": "from pkg.net import cbr\n\nnet = cbr(3, 8)\n",
        },
        "cbr(3, 8)",
    ),
}


@pytest.mark.parametrize(("files", "model"), CASES.values(), ids=CASES.keys())
def test_the_first_way_builds_a_model_that_confirms_the_finding(tmp_path: Path, files: dict[str, str], model: str | None) -> None:
    plan = project_in(tmp_path)({**PACKAGE, **files}).plan("NN501")
    answer = DeepRun(sys.executable, plan.request).answer()
    assert [verdict.kind for verdict in answer.verdicts] == [CONFIRMED], answer
    assert answer.model == plan.request.ways[0].model
    assert model in (None, answer.model)
