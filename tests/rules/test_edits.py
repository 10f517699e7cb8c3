"""The text that a fix writes, for every style in which people write the call."""

from __future__ import annotations

import ast

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


# --- the load hook ---

HOOKED = """\
import torch.nn as nn


class Block(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, width, 3, bias=False), nn.BatchNorm2d(width))
        # more to come
        self._register_load_state_dict_pre_hook(self._absorb_bias_of_net_0)

    @staticmethod
    def _absorb_bias_of_net_0(state_dict, prefix, *_):
        \"""Folds the bias that `net.0` had in older checkpoints into the running mean of `net.1`.\"""
        bias = state_dict.pop(f"{prefix}net.0.bias", None)
        mean = f"{prefix}net.1.running_mean"
        if bias is not None and mean in state_dict:
            state_dict[mean] = state_dict[mean] - bias

    def forward(self, x):
        return self.net(x)
"""
_BARE, _REGISTERING = HOOKED.replace(", bias=False", ""), "        self._register_load_state_dict_pre_hook(self._absorb_bias_of_net_0)\n"
UNHOOKED = _BARE[: _BARE.index(_REGISTERING)] + _BARE[_BARE.index("\n    def forward") :]

NO_HOOK = {
    "an operation between": ("self.norm(self.layer(x))", "self.norm(self.layer(x).flip(1))"),
    "a sum between": ("self.norm(self.layer(x))", "self.norm(self.layer(x) + x)"),
    "two normalizations": ("self.norm(self.layer(x))", "self.norm(self.layer(x)) + self.other(self.layer(x))"),
    "an early end of the constructor": ("        # end", "        if not width:\n            return"),
    "a layer under two keys": ("        # end", "        self.both = nn.Sequential(self.layer, self.norm)"),
    "a layer from a helper": ("self.layer = nn.Conv2d(8, width, 3, padding=1)", "self.layer = conv(width)"),
    "a normalization of another class": ("self.norm = nn.BatchNorm2d(width)", "self.norm = Wrapped(width)"),
    "a method of that name": ("    def forward", "    def _absorb_bias_of_layer(self):\n        pass\n\n    def forward"),
    "a functional normalization": ("self.norm(self.layer(x))", "F.instance_norm(self.layer(x))"),
}
WITHOUT_HOOK = """\
import torch.nn as nn
import torch.nn.functional as F


def conv(width):
    return nn.Conv2d(8, width, 3, padding=1)


class Wrapped(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.inner = nn.BatchNorm2d(width)

    def forward(self, x):
        return self.inner(x)


class Block(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.layer = nn.Conv2d(8, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.other = nn.BatchNorm2d(width)
        # end

    def forward(self, x):
        return self.norm(self.layer(x))
"""


def hooked(text: str) -> str:
    """The text after the second fix of its only finding."""
    files = {"model.py": text}
    (finding,) = check_files(files, ["NN501"])
    _, with_hook = finding.fixes
    return apply_fixes(files, [(finding, with_hook)])["model.py"]


def test_a_load_hook_stands_behind_what_the_constructor_does() -> None:
    assert hooked(UNHOOKED) == HOOKED


@pytest.mark.parametrize(("of_file", "of_test"), [("\r\n", "\n"), ("\t", "    "), ("  ", "    ")], ids=["line ends", "tabs", "two blanks"])
def test_a_load_hook_is_written_in_the_style_of_the_file(of_file: str, of_test: str) -> None:
    assert hooked(UNHOOKED.replace(of_test, of_file)) == HOOKED.replace(of_test, of_file)


def test_a_load_hook_at_the_end_of_a_file_without_a_line_end() -> None:
    text = UNHOOKED[: UNHOOKED.index("        # more")] + "\n    def forward(self, x):\n        return self.net(x)\n"
    head, constructor, forward = text.partition("    def __init__")
    init, _, rest = forward.partition("\n    def forward")
    last = f"{head}    def forward{rest}\n{constructor}{init}".rstrip("\n")
    ast.parse(hooked(last))
    assert hooked(last).endswith("state_dict[mean] = state_dict[mean] - bias")


def test_a_normalization_without_statistics_leaves_only_the_bias_to_drop() -> None:
    text = hooked(UNHOOKED.replace("nn.BatchNorm2d(width)", "nn.GroupNorm(width, width)"))
    assert 'state_dict.pop(f"{prefix}net.0.bias", None)' in text
    assert "running_mean" not in text


def test_named_parts_of_a_sequence_keep_their_names() -> None:
    text = UNHOOKED.replace("nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))", "nn.Sequential(OrderedDict(a=A, b=B))")
    text = text.replace("A, b=B", "nn.Conv2d(3, width, 3), b=nn.BatchNorm2d(width)")
    assert 'f"{prefix}net.b.running_mean"' in hooked("from collections import OrderedDict\n" + text)


def test_a_layer_without_a_bias_is_not_hooked_again() -> None:
    assert not check_files({"model.py": HOOKED}, ["NN501"])


@pytest.mark.parametrize(("before", "after"), NO_HOOK.values(), ids=NO_HOOK)
def test_no_load_hook_where_it_would_not_be_exact(before: str, after: str) -> None:
    assert before in WITHOUT_HOOK
    (finding,) = check_files({"model.py": WITHOUT_HOOK.replace(before, after)}, ["NN501"])
    assert len(finding.fixes) == 1


def test_a_load_hook_where_it_is_exact() -> None:
    assert "_absorb_bias_of_layer" in hooked(WITHOUT_HOOK)
