"""Views in code that no model is seen to run."""

from __future__ import annotations

from tests.rules.checking import check_files

SWAPPED = "    b, t, c = x.shape\n    return x.view(b, c, t)\n"
LONG = "def long{n}(x):\n    y = x.view(-1)\n" + "    y = y + 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8\n" * 400 + "    return y\n\n\n"
CLASS = "class View{n}(nn.Module):\n    def forward(self, x):\n        return x.view(x.size(0), -1)\n\n\n"


def codes(text: str) -> list[str]:
    return [
        finding.code
        for finding in check_files({"model.py": f"import torch\nfrom torch import nn\n\n\n{text}"}, ["NN601", "NN602", "NN603"])
    ]


def test_a_function_that_takes_too_long_hides_no_other() -> None:
    assert codes(LONG.format(n=0) + CLASS.format(n=0) + f"def swap(x):\n{SWAPPED}") == ["NN601"]
