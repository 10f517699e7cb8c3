"""The text that a fix writes, for every style in which people write the call."""

from __future__ import annotations

import pytest

from tests.rules.checking import apply_fixes, check_files

BEFORE_NORM = """\
import torch.nn as nn


class Block(nn.Module):
    def __init__(self, options=None, sizes=(3, 8, 3)):
        super().__init__()
        self.layer = {call}
        self.norm = nn.{norm}(8)

    def forward(self, {inputs}):
        return self.norm(self.layer({inputs}))
"""

OUTPUT = """\
import torch.nn as nn


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.{hidden}
        self.out = {call}

    def forward(self, x):
        return self.out(self.hidden(x).relu())
"""


def lines(*parts: str) -> str:
    """The lines of a call as they stand in the templates, where the statement is indented by eight."""
    return "\n        ".join(parts)


INSERTED = {
    "one line": ("nn.Conv2d(3, 8, 3)", "nn.Conv2d(3, 8, 3, bias=False)"),
    "one line, keywords": ("nn.Conv2d(3, 8, kernel_size=3, padding=1)", "nn.Conv2d(3, 8, kernel_size=3, padding=1, bias=False)"),
    "trailing comma": ("nn.Conv2d(3, 8, 3,)", "nn.Conv2d(3, 8, 3, bias=False,)"),
    "space inside the brackets": ("nn.Conv2d( 3, 8, 3 )", "nn.Conv2d( 3, 8, 3, bias=False )"),
    "no space after commas": ("nn.Conv2d(3,8,3)", "nn.Conv2d(3,8,3, bias=False)"),
    "nested brackets at the end": ("nn.Conv2d(3, 8, (3, 3))", "nn.Conv2d(3, 8, (3, 3), bias=False)"),
    "an argument a line": (
        lines("nn.Conv2d(", "    3,", "    8,", "    kernel_size=3,", ")"),
        lines("nn.Conv2d(", "    3,", "    8,", "    kernel_size=3,", "    bias=False,", ")"),
    ),
    "an argument a line, no trailing comma": (
        lines("nn.Conv2d(", "    3,", "    8,", "    kernel_size=3", ")"),
        lines("nn.Conv2d(", "    3,", "    8,", "    kernel_size=3,", "    bias=False", ")"),
    ),
    "arguments on a line of their own": (
        lines("nn.Conv2d(", "    3, 8, kernel_size=3, padding=1", ")"),
        lines("nn.Conv2d(", "    3, 8, kernel_size=3, padding=1, bias=False", ")"),
    ),
    "hanging under the first argument": (
        lines("nn.Conv2d(3, 8,", "                       kernel_size=3)"),
        lines("nn.Conv2d(3, 8,", "                       kernel_size=3, bias=False)"),
    ),
    "a comment behind the last argument": (
        lines("nn.Conv2d(", "    3,", "    8,", "    kernel_size=3,  # odd", ")"),
        lines("nn.Conv2d(", "    3,", "    8,", "    kernel_size=3,  # odd", "    bias=False,", ")"),
    ),
    "a comment behind the last argument, no trailing comma": (
        lines("nn.Conv2d(", "    3,", "    8,", "    kernel_size=3  # odd", ")"),
        lines("nn.Conv2d(", "    3,", "    8,", "    kernel_size=3,  # odd", "    bias=False", ")"),
    ),
    "comments between the arguments": (
        lines("nn.Conv2d(", "    3,  # RGB", "    # wide enough", "    8,", "    3,", ")  # stem"),
        lines("nn.Conv2d(", "    3,  # RGB", "    # wide enough", "    8,", "    3,", "    bias=False,", ")  # stem"),
    ),
}

REWRITTEN = {
    "keyword": ("nn.Conv2d(3, 8, 3, bias=True)", "nn.Conv2d(3, 8, 3, bias=False)"),
    "keyword in the middle": ("nn.Conv2d(3, 8, bias=True, kernel_size=3)", "nn.Conv2d(3, 8, bias=False, kernel_size=3)"),
    "keyword with spaces": ("nn.Conv2d(3, 8, 3, bias = True)", "nn.Conv2d(3, 8, 3, bias = False)"),
    "keyword on its own line": (
        lines("nn.Conv2d(", "    3,", "    8,", "    3,", "    bias=True,  # as in the paper", ")"),
        lines("nn.Conv2d(", "    3,", "    8,", "    3,", "    bias=False,  # as in the paper", ")"),
    ),
    "convolution, by position": ("nn.Conv2d(3, 8, 3, 1, 0, 1, 1, True)", "nn.Conv2d(3, 8, 3, 1, 0, 1, 1, False)"),
    "convolution, by position, more behind": (
        "nn.Conv2d(3, 8, 3, 1, 0, 1, 1, True, 'reflect')",
        "nn.Conv2d(3, 8, 3, 1, 0, 1, 1, False, 'reflect')",
    ),
    "transposed convolution, by position": (
        "nn.ConvTranspose2d(3, 8, 3, 1, 0, 0, 1, True, 1)",
        "nn.ConvTranspose2d(3, 8, 3, 1, 0, 0, 1, False, 1)",
    ),
    "lazy convolution, by position": ("nn.LazyConv2d(8, 3, 1, 0, 1, 1, True)", "nn.LazyConv2d(8, 3, 1, 0, 1, 1, False)"),
    "star arguments before an explicit keyword": ("nn.Conv2d(*sizes, bias=True)", "nn.Conv2d(*sizes, bias=False)"),
    "an explicit keyword before double stars": (
        "nn.Conv2d(3, 8, 3, bias=True, **(options or {}))",
        "nn.Conv2d(3, 8, 3, bias=False, **(options or {}))",
    ),
}

FLAT = {
    "linear": ("nn.Linear(3, 8)", "nn.Linear(3, 8, bias=False)"),
    "linear, by position": ("nn.Linear(3, 8, True)", "nn.Linear(3, 8, False)"),
    "lazy linear, by position": ("nn.LazyLinear(8, True)", "nn.LazyLinear(8, False)"),
}

WITHHELD = {
    "double stars": "nn.Conv2d(3, 8, 3, **(options or {}))",
    "stars": "nn.Conv2d(*sizes)",
    "both": "nn.Conv2d(*sizes, **(options or {}))",
}

REMOVED = {
    "at the end": ("nn.Linear(6, 1, bias=False)", "nn.Linear(6, 1)"),
    "in the middle": ("nn.Linear(6, bias=False, out_features=1)", "nn.Linear(6, out_features=1)"),
    "at the start": ("nn.Linear(bias=False, in_features=6, out_features=1)", "nn.Linear(in_features=6, out_features=1)"),
    "by position": ("nn.Linear(6, 1, False)", "nn.Linear(6, 1)"),
    "trailing comma": ("nn.Linear(6, 1, bias=False,)", "nn.Linear(6, 1,)"),
    "on its own line": (
        lines("nn.Linear(", "    6,", "    1,", "    bias=False,", ")"),
        lines("nn.Linear(", "    6,", "    1,", ")"),
    ),
    "on its own line, no trailing comma": (
        lines("nn.Linear(", "    6,", "    1,", "    bias=False", ")"),
        lines("nn.Linear(", "    6,", "    1", ")"),
    ),
    "on a line with others": (
        lines("nn.Linear(6, 1,", "                     bias=False)"),
        lines("nn.Linear(6, 1)"),
    ),
}


def fixed(text: str, code: str) -> str:
    """The text after the first fix of its only finding."""
    files = {"model.py": text}
    (finding,) = check_files(files, [code])
    return apply_fixes(files, [(finding, finding.fixes[0])])["model.py"]


def rows(table: dict[str, tuple[str, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("before", "after"), table.values(), ids=table)


@rows(INSERTED | REWRITTEN)
def test_bias_of_a_convolution(before: str, after: str) -> None:
    template = BEFORE_NORM.replace("{norm}", "BatchNorm2d").replace("{inputs}", "x")
    assert fixed(template.replace("{call}", before), "NN501") == template.replace("{call}", after)


@rows(FLAT)
def test_bias_of_a_linear_layer(before: str, after: str) -> None:
    template = BEFORE_NORM.replace("{norm}", "BatchNorm1d").replace("{inputs}", "x")
    assert fixed(template.replace("{call}", before), "NN501") == template.replace("{call}", after)


def test_bias_of_a_bilinear_layer() -> None:
    text = BEFORE_NORM.replace("{norm}", "BatchNorm1d").replace("{inputs}", "a, b")
    assert fixed(text.replace("{call}", "nn.Bilinear(3, 4, 8, True)"), "NN501") == text.replace("{call}", "nn.Bilinear(3, 4, 8, False)")


@pytest.mark.parametrize("call", WITHHELD.values(), ids=WITHHELD)
def test_no_fix_where_the_bias_could_be_passed_twice(call: str) -> None:
    text = BEFORE_NORM.replace("{norm}", "BatchNorm2d").replace("{inputs}", "x").replace("{call}", call)
    assert not any(finding.fixes for finding in check_files({"model.py": text}, ["NN501"]))


@rows(REMOVED)
def test_bias_given_back_to_an_output(before: str, after: str) -> None:
    template = OUTPUT.replace("{hidden}", "Linear(4, 6)")
    assert fixed(template.replace("{call}", before), "NN502") == template.replace("{call}", after)


def test_positional_false_with_arguments_behind_it() -> None:
    template = OUTPUT.replace("{hidden}", "Conv2d(3, 6, 3)")
    before, after = "nn.Conv2d(6, 1, 1, 1, 0, 1, 1, False, 'zeros')", "nn.Conv2d(6, 1, 1, 1, 0, 1, 1, True, 'zeros')"
    assert fixed(template.replace("{call}", before), "NN502") == template.replace("{call}", after)


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_line_ends_are_those_of_the_file(newline: str) -> None:
    template = BEFORE_NORM.replace("{norm}", "BatchNorm2d").replace("{inputs}", "x")
    before, after = INSERTED["an argument a line"]
    text, expected = template.replace("{call}", before), template.replace("{call}", after)
    assert fixed(text.replace("\n", newline), "NN501") == expected.replace("\n", newline)


def test_tabs_stay_tabs() -> None:
    template = BEFORE_NORM.replace("{norm}", "BatchNorm2d").replace("{inputs}", "x")
    before, after = INSERTED["an argument a line"]
    text, expected = template.replace("{call}", before), template.replace("{call}", after)
    assert fixed(text.replace("    ", "\t"), "NN501") == expected.replace("    ", "\t")


def test_characters_outside_ascii_do_not_move_the_edit() -> None:
    template = BEFORE_NORM.replace("{norm}", "BatchNorm2d").replace("{inputs}", "x")
    statement = 'self.título, self.layer = "größe 🎯", {call}'
    text = template.replace("self.layer = {call}", statement)
    assert fixed(text.replace("{call}", "nn.Conv2d(3, 8, 3)"), "NN501") == text.replace("{call}", "nn.Conv2d(3, 8, 3, bias=False)")
