"""`graph_text`: what is known of a class's `forward()`, in every format."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from nnlint.engine import graph_text
from tests.rules.checking import ROOT, MemorySources
from tests.rules.literate import MAIN_FILE

NET = """\
import torch
from torch import nn
from elsewhere import Magic


class Net(nn.Module):
    def __init__(self, width, bias):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, width, 3, padding=1))
        self.norm = nn.BatchNorm2d(width)
        self.free = nn.Conv2d(width, 5, 1, bias=bias)
        self.magic = Magic(width)
        self.kept = nn.Conv2d(width, 7, 1)
        self.bare = nn.Conv2d(width, 9, 1, bias=False)

    def forward(self, x):
        x = self.norm(self.stem(x))
        self.last = self.kept(x)
        return torch.cat([self.bare(x), self.bare(x)], dim=1), self.magic(self.free(x))
"""


def graph(code: str, name: str = "Net", output_format: str = "text", shows_all: bool = False) -> str:
    return graph_text(MemorySources({MAIN_FILE: code}), f"{ROOT}/{MAIN_FILE}", name, output_format, shows_all)


def test_a_line_is_an_operation_with_its_shape_its_place_and_what_is_known() -> None:
    assert [re.sub(" {2,}", "  ", line.strip()) for line in graph(NET).splitlines()] == [
        "Net.forward",
        "%1 = input()",
        "%2 = self.stem.0(%1)  Conv2d  (?, 8, ?, ?)  model.py:17",
        "· bias: needed, because `BatchNorm2d` leaves some of it (model.py:17)",
        "%3 = self.stem.1(%2)  Conv2d  (?, width, ?, ?)  model.py:17",
        "· bias: cancelled by BatchNorm2d (model.py:17)",
        "%4 = self.norm(%3)  BatchNorm2d  (?, width, ?, ?)  model.py:17",
        "%5 = self.kept(%4)  Conv2d  (?, 7, ?, ?)  model.py:18",
        "· bias: UNKNOWN because it is kept in `self.last`",
        "%6 = out of sight(%5)",
        "· UNKNOWN because it is kept in `self.last`",
        "%7 = self.bare(%4)  Conv2d  (?, 9, ?, ?)  model.py:19",
        "· no bias",
        "%8 = self.bare(%4)  Conv2d  (?, 9, ?, ?)  model.py:19",
        "· no bias",
        "%9 = cat(%7, %8)  (?, 18, ?, ?)  model.py:19",
        "%10 = self.free(%4)  Conv2d  (?, 5, ?, ?)  model.py:19",
        "· bias: UNKNOWN because nothing says what its value is",
        "%11 = unknown code(%10)  model.py:19",
        "· UNKNOWN because nothing is known of a call of something unknown (`elsewhere.Magic` is not followed)",
        "return %9, %11",
    ]


BLOCKS = """\
from torch import nn


class Block(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.conv = nn.Conv2d(i, o, 3)

    def forward(self, x):
        return self.conv(x)


class Net(nn.Module):
    def __init__(self, widths=(4, 8, 16, 32, 64, 128)):
        super().__init__()
        self.blocks = nn.ModuleList([Block(3, w) for w in widths])

    def forward(self, x):
        return [block(x) for block in self.blocks]
"""


def test_modules_of_the_project_go_by_their_path_and_class() -> None:
    assert re.search(r"%2 = self\.blocks\.0\(%1\) +Block +\(\?, 4, \?, \?\)", graph(BLOCKS))


def test_the_size_of_an_object_that_was_not_looked_at_is_not_claimed() -> None:
    """After some constructions that differ in sizes alone, the last one stands for the others."""
    assert re.search(r"%7 = self\.blocks\.5\(%1\) +Block +\(\?, \?, \?, \?\)", graph(BLOCKS))


def test_of_many_ways_the_first_are_shown_unless_all_are_asked_for() -> None:
    assert graph(BLOCKS, "Block").count("Block.forward (") == 3
    assert "… and 1 more way, shown with --all" in graph(BLOCKS, "Block")
    assert graph(BLOCKS, "Block", shows_all=True).count("Block.forward (") == 4


def test_mermaid_names_every_node_it_draws_a_line_to() -> None:
    lines = graph(NET, output_format="mermaid").splitlines()
    assert lines[0] == "flowchart TD"
    defined = {match[1] for line in lines if (match := re.match(r' +(g0n\d+)\[".*"\]$', line))}
    used = {name for line in lines if "-->" in line for name in re.findall(r"g0n\d+", line)}
    assert len(defined) == 11
    assert used == defined
    assert any(line.strip() == "class g0n6,g0n11 lost" for line in lines)


def test_dot_names_every_node_it_draws_a_line_to() -> None:
    text = graph(NET, output_format="dot")
    defined = set(re.findall(r"^    (g0n\d+) \[", text, re.MULTILINE))
    used = {name for line in text.splitlines() if "->" in line for name in re.findall(r"g0n\d+", line)}
    assert len(defined) == 11
    assert used == defined
    assert text.count("{") == text.count("}")


def test_svg_has_a_box_for_every_node_and_none_over_another() -> None:
    space = {"s": "http://www.w3.org/2000/svg"}
    picture = ElementTree.fromstring(graph(NET.replace("Magic(width)", "Magic[width<1](width)"), output_format="svg"))
    boxes = [tuple(float(box.get(key, "")) for key in ("x", "y", "width", "height")) for box in picture.findall("s:rect", space)]
    assert len(boxes) == 12  # what is returned has one too
    for at, (x, y, w, h) in enumerate(boxes):
        assert x >= 0
        assert x + w <= float(picture.get("width", ""))
        assert y + h <= float(picture.get("height", ""))
        assert all(x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y for x2, y2, w2, h2 in boxes[at + 1 :])


@pytest.mark.parametrize("name", ["Missing", "plain"])
def test_where_there_is_nothing_to_draw_a_sentence_says_so(name: str) -> None:
    with pytest.raises(LookupError, match=name):
        graph("from torch import nn\n\n\nclass plain:\n    def forward(self, x):\n        return x\n", name)
