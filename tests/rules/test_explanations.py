"""What NN501 says besides the place: the chain from construction to normalisation, and how many parameters are wasted."""

from __future__ import annotations

from nnlint.findings import Finding
from nnlint.text import LineIndex
from tests.rules.checking import apply_fixes, check_files, relative
from tests.rules.literate import MAIN_FILE

_IMPORTS = "import torch\nfrom torch import nn\n"


def only_finding(files: dict[str, str]) -> Finding:
    (found,) = check_files(files, ["NN501"])
    return found


def chain(files: dict[str, str]) -> list[tuple[str, str]]:
    """Each related place: the text that it shows, and what is said of it."""
    out = []
    for related in only_finding(files).related:
        text = files[relative(related.path)]
        assert LineIndex(text).position(related.span.end).column > 0
        out.append((text[related.span.start : related.span.end], related.message))
    return out


HELPERS = f"""{_IMPORTS}

def conv3x3(i, o, layer=nn.Conv2d):
    return layer(i, o, 3, padding=1)


def stem(o):
    return conv3x3(3, o)


class Net(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.conv = stem(o)
        self.pool = nn.MaxPool2d(2)
        self.bn = nn.BatchNorm2d(o)

    def forward(self, x):
        y = self.conv(x)
        y = torch.cat([self.pool(y)], dim=1)
        return self.bn(y)
"""


def test_every_step_has_its_place_in_order() -> None:
    assert chain({MAIN_FILE: HELPERS}) == [
        ("conv3x3(3, o)", "built by this call of `conv3x3`"),
        ("stem(o)", "built by this call of `stem`"),
        ("self.conv(x)", "this `Conv2d` is called here"),
        ("self.pool(y)", "passes through `MaxPool2d` here"),
        ("torch.cat([self.pool(y)], dim=1)", "put together with other values here"),
        ("nn.BatchNorm2d(o)", "this `BatchNorm2d` subtracts the mean, and the bias with it"),
        ("self.bn(y)", "`BatchNorm2d` is called here"),
    ]


DECIDED = f"""{_IMPORTS}

class Block(nn.Module):
    def __init__(self, i, o, norm_layer=nn.LayerNorm):
        super().__init__()
        self.norm_layer = norm_layer
        self.conv = nn.Conv2d(i, o, 3)
        self.norm = self._make_norm(o)

    def _make_norm(self, o):
        return self.norm_layer(o)

    def forward(self, x):
        return self.norm(self.conv(x))


class Net(nn.Module):
    def __init__(self, normalize=nn.LayerNorm):
        super().__init__()
        self.block = Block(3, 8, normalize)

    def forward(self, x):
        return self.block(x)


net = Net(normalize=nn.InstanceNorm2d)
"""


def test_the_caller_that_chose_the_norm_is_named_last() -> None:
    assert chain({MAIN_FILE: DECIDED})[-1] == ("normalize=nn.InstanceNorm2d", "decided by what is passed here as `normalize`")


def test_a_default_is_nobodys_decision() -> None:
    code = DECIDED.replace("nn.LayerNorm", "nn.BatchNorm2d").replace("Block(3, 8, normalize)", "Block(3, 8)")
    assert not any("decided" in message for _, message in chain({MAIN_FILE: code}))


def test_the_caller_that_asked_for_the_bias_is_named() -> None:
    code = f"""{_IMPORTS}

def layer(i, o, use_bias=False):
    return nn.Sequential(nn.Linear(i, o, bias=use_bias), nn.BatchNorm1d(o))


net = layer(4, 8, True)
"""
    assert ("True", "decided by what is passed here as `use_bias`") in chain({MAIN_FILE: code})


def test_no_place_is_named_twice() -> None:
    for code in (HELPERS, DECIDED):
        found = only_finding({MAIN_FILE: code})
        places = [(found.path, found.span), *((r.path, r.span) for r in found.related)]
        assert len(set(places)) == len(places)


def message(layers: str) -> str:
    return only_finding(
        {MAIN_FILE: f"{_IMPORTS}\n\ndef pair(i, o):\n    return nn.Sequential(nn.Conv2d(i, o, 3), nn.BatchNorm2d(o))\n\n\n{layers}\n"}
    ).message


def test_how_many_parameters_are_wasted() -> None:
    assert message("net = pair(3, 64)").endswith("(64 of 1,792 parameters without effect)")
    assert message("net = nn.Sequential(pair(3, 64), pair(64, 128))").endswith("(64 to 128 parameters of each layer without effect)")
    assert message("net = nn.Sequential(pair(3, 64), pair(8, 64))").endswith("(64 parameters without effect)")
    assert message("def net(o):\n    return pair(3, o)").endswith("right after it")


def test_of_models_that_were_left_out_the_sizes_are_not_claimed() -> None:
    zoo = "\n\n".join(f"def net{n}():\n    return pair({n}, {8 * n})" for n in range(1, 9))
    assert " (such as 8 of 80 parameters without effect)" in message(zoo)


INITIALIZED = f"""{_IMPORTS}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.bn = nn.BatchNorm2d(8)
        self.init_weights()

    def init_weights(self):
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.zeros_(m.bias)

    def forward(self, x):
        return self.bn(self.conv(x))
"""


def test_the_title_of_a_fix_says_what_it_guards() -> None:
    fix, with_hook = only_finding({MAIN_FILE: INITIALIZED}).fixes
    assert fix.message == "insert bias=False and guard `m.bias` in init_weights() (unsafe: the bias leaves the state_dict)"
    assert with_hook.message == (
        "drop the bias and guard `m.bias` in init_weights(), and fold it into `bn` when an older checkpoint is loaded "
        "(unsafe: the bias leaves the state_dict)"
    )


def test_a_guard_asks_for_the_bias_in_the_codes_own_indentation() -> None:
    files = {MAIN_FILE: INITIALIZED}
    found = only_finding(files)
    fixed = apply_fixes(files, [(found, found.fixes[0])])[MAIN_FILE]
    assert fixed.endswith(
        """\
            if isinstance(m, nn.Conv2d):
                if m.bias is not None:
                    nn.init.zeros_(m.bias)

    def forward(self, x):
        return self.bn(self.conv(x))
"""
    )


LOADING = """import torch
from model import Net

net = Net()
net.load_state_dict(torch.load("net.pth"))
"""


def test_where_weights_are_loaded_is_told() -> None:
    files = {MAIN_FILE: INITIALIZED, "predict.py": LOADING}
    found = only_finding(files)
    assert chain(files)[-1] == ('net.load_state_dict(torch.load("net.pth"))', "weights that were saved with this bias are loaded here")
    assert found.fixes[0].message.endswith("(unsafe: the bias leaves the state_dict, and saved weights are loaded in predict.py)")


def test_the_state_of_an_optimizer_is_no_weights() -> None:
    resumed = LOADING.replace("net.load_state_dict", "optimizer.load_state_dict")
    assert chain({MAIN_FILE: INITIALIZED, "resume.py": resumed})[-1][1] == "`BatchNorm2d` is called here"


def test_weights_of_another_model_are_not_told() -> None:
    other = LOADING.replace("from model import Net", "from elsewhere import Other").replace("Net()", "Other()")
    assert chain({MAIN_FILE: INITIALIZED, "other.py": other})[-1][1] == "`BatchNorm2d` is called here"
