"""Which models answer which findings, and how they are built."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnlint.deep.plan import NoPlan
from nnlint.deep.worker.messages import Hint, decode, encode
from tests.deep.projects import MakeProject, net, project_in


@pytest.fixture
def project(tmp_path: Path) -> MakeProject:
    return project_in(tmp_path)


BLOCK = """
    from torch import nn

    class Block(nn.Module):
        def __init__(self, i, o):
            super().__init__()
            self.conv = nn.Conv2d(i, o, 3)
            self.norm = nn.BatchNorm2d(o)

        def forward(self, x):
            return self.norm(self.conv(x))
"""


# --- what the project shows ---


def test_a_class_with_defaults_is_built_from_them(project: MakeProject) -> None:
    (way,) = project({"net.py": net("width=8")}).ways("NN501")
    assert (way.model, way.module, way.origin) == ("Net()", "net", "constructor defaults")


def test_arguments_are_those_of_a_call_in_the_project(project: MakeProject) -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/net.py": net("width", "*", "depth"),
        "train.py": "from pkg.net import Net\n\nnet = Net(64, depth=2)\n",
    }
    (way,) = project(files).ways("NN501")
    assert (way.model, way.module) == ("Net(64, depth=2)", "pkg.net")
    assert way.origin == "constructed so in train.py:3"


def test_constants_and_defaults_around_a_call_are_followed(project: MakeProject) -> None:
    train = """
        from net import Net

        WIDTH = 32

        def make(depth=3):
            return Net(WIDTH * 2, depth=depth + 1)
    """
    assert "Net(64, depth=4)" in [way.model for way in project({"net.py": net("width", "depth"), "train.py": train}).ways("NN501")]


def test_a_function_that_returns_the_model_builds_it(project: MakeProject) -> None:
    factory = "\n\nclass Options:\n    pass\n\n\ndef small(pretrained=False, **options):\n    return Net(Options())\n"
    ways = project({"net.py": net("options") + factory}).ways("NN501")
    assert "small()" in [way.model for way in ways]


def test_a_class_method_that_returns_the_model_builds_it(project: MakeProject) -> None:
    method = "\n    @classmethod\n    def named(cls, name):\n        return cls(object())\n"
    files = {"net.py": net("options") + method, "use.py": "from net import Net\n\nnet = Net.named('b0')\n"}
    assert "Net.named('b0')" in [way.model for way in project(files).ways("NN501")]


def test_classes_and_layers_among_the_arguments_are_written_in_the_names_of_the_module(project: MakeProject) -> None:
    use = "import torch\nfrom net import Net\n\nnet = Net(torch.nn.GELU, torch.nn.Tanh(), [1, (2,)], {'a': None})\n"
    ways = project({"net.py": net("act", "last", "sizes", "options"), "use.py": use}).ways("NN501")
    assert ways[0].model == "Net(nn.GELU, nn.Tanh(), [1, (2,)], {'a': None})"


def test_settings_are_built_as_the_caller_builds_them(project: MakeProject) -> None:
    settings = "from dataclasses import dataclass\n\n@dataclass\nclass Settings:\n    width: int = 8\n"
    use = "from net import Net\nfrom settings import Settings\n\nnet = Net(Settings(width=16))\n"
    files = {"settings.py": settings, "net.py": "from settings import Settings\n" + net("settings: Settings"), "use.py": use}
    assert project(files).ways("NN501")[0].model == "Net(Settings(width=16))"


def test_a_block_without_known_sizes_is_checked_inside_the_models_that_hold_it(project: MakeProject) -> None:
    model = """
        from torch import nn
        from .blocks import Block

        class Model(nn.Module):
            def __init__(self, width=16):
                super().__init__()
                widths = unknown(width)
                self.body = nn.Sequential(*[Block(w, w) for w in widths])

            def forward(self, x):
                return self.body(x)
    """
    ways = project({"pkg/__init__.py": "", "pkg/blocks.py": BLOCK, "pkg/model.py": model}).ways("NN501")
    assert (ways[0].module, ways[0].model) == ("pkg.model", "Model()")


def test_sizes_that_nobody_gives_are_guessed_last_and_said_to_be(project: MakeProject) -> None:
    (way,) = project({"net.py": net("in_channels: int", "num_heads", "dropout: float", "causal: bool")}).ways("NN501")
    assert way.model == "Net(in_channels=32, num_heads=4, dropout=0.1, causal=False)"
    assert way.origin == "guessed arguments"


def test_what_convention_has_no_word_for_is_not_guessed(project: MakeProject) -> None:
    plans, ((finding, why),) = project({"net.py": net("backbone", "width=3", "*", "tokenizer")}).plans("NN501")
    assert not plans
    assert finding.code == "NN501"
    assert "`backbone` and `tokenizer`" in why
    assert "`# nnlint: deep Net(backbone=…, tokenizer=…)`" in why


def test_a_model_of_a_subclass_answers_for_its_base(project: MakeProject) -> None:
    subclass = "\n\nclass Wide(Net):\n    def __init__(self):\n        super().__init__(backbone())\n"
    assert [way.model for way in project({"net.py": net("backbone") + subclass}).ways("NN501")] == ["Wide()"]


def test_a_norm_outside_of_the_class_is_part_of_what_is_run(project: MakeProject) -> None:
    text = """
        from torch import nn

        class Inner(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(3, 8, 3)

            def forward(self, x):
                return self.conv(x)

        class Outer(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = Inner()
                self.norm = nn.BatchNorm2d(8)

            def forward(self, x):
                return self.norm(self.inner(x))
    """
    assert [way.model for way in project({"net.py": text}).ways("NN501")] == ["Outer()"]


# --- helper functions and scripts ---


def test_what_a_helper_builds_is_checked_in_the_class_that_uses_it(project: MakeProject) -> None:
    text = """
        from torch import nn

        def conv_bn(i, o):
            return nn.Sequential(nn.Conv2d(i, o, 3), nn.BatchNorm2d(o))

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.stem = conv_bn(3, 8)

            def forward(self, x):
                return self.stem(x)
    """
    assert [way.model for way in project({"net.py": text}).ways("NN501")] == ["conv_bn(3, 8)", "Net()"]


def test_a_helper_alone_is_called_as_the_project_calls_it(project: MakeProject) -> None:
    text = """
        from torch import nn

        def conv_bn(i, o):
            return nn.Sequential(nn.Conv2d(i, o, 3), nn.BatchNorm2d(o))

        net = conv_bn(3, 8)
    """
    ways = project({"net.py": text}).ways("NN501")
    assert ways[0].model == "conv_bn(3, 8)"


@pytest.mark.parametrize(
    "line", ["net = {}", "def main():\n    net = {}\n    return net(load()).sum()"], ids=["top level", "in a function"]
)
def test_a_sequential_in_a_script_is_built_from_its_text(project: MakeProject, line: str) -> None:
    text = "nn.Sequential(nn.Linear(WIDTH, 8), nn.BatchNorm1d(8))"
    ways = project({"train.py": f"from torch import nn\n\nWIDTH = 4\n{line.format(text)}\n"}).ways("NN501")
    assert text in [way.model for way in ways]


def test_a_sequential_of_local_names_is_not_built_from_its_text(project: MakeProject) -> None:
    net = "nn.Sequential(nn.Linear(4, w), nn.BatchNorm1d(w))"
    text = f"from torch import nn\n\ndef main(args):\n    w = args.width\n    net = {net}\n    return net(load()).sum()\n"
    plans, unanswerable = project({"train.py": text}).plans("NN501")
    assert not plans
    assert "`main`" in unanswerable[0][1]


def test_a_loss_outside_of_any_model_is_left_to_people(project: MakeProject) -> None:
    text = """
        import torch.nn.functional as F

        def step(net, x, y):
            p = F.softmax(net(x), dim=1)
            loss = F.cross_entropy(p, y)
            loss.backward()
    """
    plans, ((_, why),) = project({"train.py": text}).plans("NN401")
    assert not plans
    assert "`step`, which is part of no model" in why


def test_findings_about_programs_are_left_to_people(project: MakeProject) -> None:
    train = """
        import torch
        from torch import nn

        def train(model: nn.Module, loader):
            optimizer = torch.optim.SGD(model.parameters(), 0.1)
            for x, y in loader:
                loss = nn.functional.cross_entropy(model(x), y)
                optimizer.zero_grad()
                optimizer.step()
                loss.backward()
    """
    plans, unanswerable = project({"train.py": train}).plans()
    assert not plans
    assert {finding.code for finding, _ in unanswerable} >= {"NN303"}
    assert all(finding.code in why for finding, why in unanswerable)


def test_a_softmax_in_a_model_is_answered_by_the_model(project: MakeProject) -> None:
    text = """
        import torch
        from torch import nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(4, 3)

            def forward(self, x):
                return torch.softmax(self.fc(x), dim=1)
    """
    train = """
        import torch
        from torch import nn
        from net import Net

        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        criterion = nn.CrossEntropyLoss()
        for x, y in load():
            optimizer.zero_grad()
            criterion(net(x), y).backward()
            optimizer.step()
    """
    (plan,) = project({"net.py": text, "train.py": train}).plans("NN401")[0]
    assert plan.request.ways[0].model == "Net()"
    question = plan.request.questions[0]
    assert {Path(place.path).name for place in (question.place, *question.related)} >= {"net.py", "train.py"}


# --- one run for many ---


def test_findings_of_one_model_are_one_run(project: MakeProject) -> None:
    text = """
        from torch import nn

        class Block(nn.Module):
            def __init__(self, make):
                super().__init__()
                self.conv = make(8, 8)
                self.norm = nn.BatchNorm2d(8)

            def forward(self, x):
                return self.norm(self.conv(x))

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.stem = nn.Conv2d(3, 8, 3)
                self.norm = nn.BatchNorm2d(8)
                self.block = Block(lambda i, o: nn.Conv2d(i, o, 3))

            def forward(self, x):
                return self.block(self.norm(self.stem(x)))
    """
    made = project({"net.py": text})
    plan = made.plan("NN501")
    assert len(plan.findings) == 2
    assert [question.id for question in plan.request.questions] == ["0", "1"]
    assert made.plan("NN501") == plan


def test_questions_name_places_as_editors_do(project: MakeProject) -> None:
    made = project({"net.py": net().replace("self.conv =", "ä = 1; self.conv =")})
    plan = made.plan("NN501")
    (question,) = plan.request.questions
    row = next(line for line in (made.folder / "net.py").read_text().splitlines() if "nn.Conv2d" in line)
    assert row[question.place.column - 1 : question.place.end_column - 1] == "nn.Conv2d(3, 8, 3)"
    assert question.place.path == str(made.folder / "net.py")
    assert any("BatchNorm2d" in (made.folder / "net.py").read_text().splitlines()[place.row - 1] for place in question.related)
    assert decode(encode(plan.request)) == plan.request


# --- modules and roots ---


def test_modules_are_named_from_the_roots_of_the_project(project: MakeProject) -> None:
    made = project({"src/pkg/__init__.py": "", "src/pkg/inner/net.py": net()})
    request = made.plan("NN501").request
    assert request.ways[0].module == "pkg.inner.net"
    assert str(made.folder / "src") in request.roots


def test_a_file_whose_name_no_import_can_spell_is_named_by_its_path(project: MakeProject) -> None:
    made = project({"01-train.py": net()})
    (way,) = made.ways("NN501")
    assert (way.module, way.path) == ("", str(made.folder / "01-train.py"))


# --- what people write ---


def test_a_comment_above_a_class_comes_first(project: MakeProject) -> None:
    text = net("backbone").replace("class Net", "# nnlint: deep Net(make(10)), input=(4, 3, 32, 32), loss=f(x)  # for the check\nclass Net")
    (way,) = project({"net.py": text}).ways("NN501")
    assert (way.model, way.inputs, way.loss, way.target) == ("Net(make(10))", "(4, 3, 32, 32)", "f(x)", "")
    assert way.origin == "the comment in net.py:3"


def test_a_comment_serves_the_class_that_it_names_wherever_it_stands(project: MakeProject) -> None:
    text = net("backbone") + "\n\nclass Other:\n    pass\n\n\n# nnlint: deep Net(None)\nx = 1\n"
    (way,) = project({"net.py": text}).ways("NN501")
    assert way.model == "Net(None)"


def test_a_comment_inside_a_class_that_names_a_function_serves_that_class(project: MakeProject) -> None:
    text = net("backbone").replace("        self.conv", "        # nnlint: deep make_net()\n        self.conv")
    other = net("backbone").replace("from torch import nn", "").replace("class Net", "class Other")
    plans, unanswerable = project({"net.py": text + other}).plans("NN501")
    assert [plan.request.ways[0].model for plan in plans] == ["make_net()"]
    assert "Other" in unanswerable[0][1]


def test_a_comment_may_give_inputs_alone(project: MakeProject) -> None:
    text = net("width=3").replace("class Net", "# nnlint: deep input=[(2, 3), tokens(4, 16, below=10)]\nclass Net")
    way, *_ = project({"net.py": text}).ways("NN501")
    assert (way.model, way.inputs) == ("Net()", "[(2, 3), tokens(4, 16, below=10)]")


def test_a_comment_on_the_model_serves_its_blocks(project: MakeProject) -> None:
    model = """
        from torch import nn
        from blocks import Block

        # nnlint: deep Model([8, 8]), input=(2, 8, 9, 9)
        class Model(nn.Module):
            def __init__(self, widths):
                super().__init__()
                self.body = nn.Sequential(*[Block(w, w) for w in widths])

            def forward(self, x):
                return self.body(x)
    """
    ways = project({"blocks.py": BLOCK, "model.py": model}).ways("NN501")
    assert (ways[0].module, ways[0].model, ways[0].inputs) == ("model", "Model([8, 8])", "(2, 8, 9, 9)")


@pytest.mark.parametrize(
    ("comment", "words"),
    [
        ("Net(", "cannot be read"),
        ("Net(1), inputs=(2, 3)", "did you mean `input=`"),
        ("Net(1), (2, 3)", "name the others"),
        ("Net(1), shape=3", "it takes `input=`, `target=`, `loss=`"),
        ("", "neither a model nor an input"),
        ("*nets", "has to be the model"),
        ("Net(1)) or (print(2)", "cannot be read"),
    ],
)
def test_a_comment_that_cannot_be_used_says_why(project: MakeProject, comment: str, words: str) -> None:
    text = net("backbone").replace("class Net", f"# nnlint: deep {comment}\nclass Net")
    plans, ((_, why),) = project({"net.py": text}).plans("NN501")
    assert not plans
    assert "net.py:3" in why
    assert words in why


def test_the_comment_is_no_suppression(project: MakeProject) -> None:
    text = net().replace("class Net", "# nnlint: deep Net()\nclass Net")
    assert [finding.code for finding in project({"net.py": text}).findings()] == ["NN501"]


def test_text_that_looks_like_the_comment_in_a_string_is_none(project: MakeProject) -> None:
    text = net("backbone") + '\n\nTEXT = "# nnlint: deep Net(1)"\n'
    assert project({"net.py": text}).plans("NN501")[0] == []


def test_the_config_names_models(project: MakeProject) -> None:
    config = """
        [tool.nnlint.deep]
        timeout = 7

        [[tool.nnlint.deep.models]]
        model = "src/net.py::Net"
        call = "make(10)"
        input = "(4, 3, 32, 32)"
        target = "tokens(4, below=10)"
        loss = "nn.CrossEntropyLoss()"
    """
    request = project({"pyproject.toml": config, "src/net.py": net("backbone")}).plan("NN501").request
    (way,) = request.ways
    assert (way.model, way.inputs, way.target, way.loss) == ("make(10)", "(4, 3, 32, 32)", "tokens(4, below=10)", "nn.CrossEntropyLoss()")
    assert way.origin == "[tool.nnlint.deep] in pyproject.toml"
    assert request.limits.seconds == 7


# --- a class that is asked for ---


def test_a_class_can_be_asked_for_without_findings(project: MakeProject) -> None:
    made = project({"net.py": net().replace("nn.Conv2d(3, 8, 3)", "nn.Conv2d(3, 8, 3, bias=False)")})
    plan = made.plan_for("net.py", "Net")
    assert (plan.class_name, plan.path, plan.findings) == ("Net", str(made.folder / "net.py"), ())
    assert [way.model for way in plan.request.ways] == ["Net()"]


def test_a_class_is_asked_what_stands_in_it(project: MakeProject) -> None:
    other = net().replace("from torch import nn", "").replace("class Net", "class Other")
    plan = project({"net.py": net() + other}).plan_for("net.py", "Other")
    assert len(plan.findings) == 1
    assert [way.model for way in plan.request.ways] == ["Other()"]


def test_a_function_that_returns_a_model_can_be_asked_for(project: MakeProject) -> None:
    plan = project({"net.py": net("width") + "\n\ndef small(n=3):\n    return Net(n)\n"}).plan_for("net.py", "small")
    assert plan.request.ways[0].model == "small()"


@pytest.mark.parametrize(("name", "words"), [("Missing", "no class `Missing`"), ("Net", "`backbone`"), ("nn", "no class `nn`")])
def test_a_class_that_nothing_builds_is_refused_with_the_cure(project: MakeProject, name: str, words: str) -> None:
    with pytest.raises(NoPlan, match=words):
        project({"net.py": net("backbone")}).plan_for("net.py", name)


# --- inputs ---


def test_hints_say_rank_and_first_layer(project: MakeProject) -> None:
    assert project({"net.py": net()}).plan("NN501").request.hints == (Hint("x", (None, 3, None, None), "conv"),)


def test_hints_follow_an_input_into_modules(project: MakeProject) -> None:
    model = """
        import torch
        from torch import nn
        from blocks import Block

        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.body = nn.Sequential(nn.Identity(), Block(5, 8))
                self.words = nn.Embedding(100, 8)
                self.more = nn.ModuleDict({"a": nn.Linear(7, 8)})

            def forward(self, image, ids, extra, mask=None):
                return self.body(image.float() / 255) + self.words(ids).mean(1) + self.more["a"](extra)
    """
    made = project({"blocks.py": BLOCK, "model.py": model})
    hints = {hint.name: hint for hint in made.plan_for("model.py", "Model").request.hints}
    assert hints["image"] == Hint("image", (None, None, None, None), "body.1")
    assert (hints["ids"].layer, hints["ids"].is_integer) == ("words", True)
    assert (hints["extra"].layer, hints["extra"].is_integer) == ("more.a", False)


def test_hints_take_the_sizes_that_a_caller_makes(project: MakeProject) -> None:
    use = "import torch\nfrom net import Net\n\nif __name__ == '__main__':\n    x = torch.randn(2, 3, 48, 64)\n    y = Net()(x)\n"
    (hint,) = project({"net.py": net(), "use.py": use}).plan("NN501").request.hints
    assert hint.sizes == (2, 3, 48, 64)


def test_a_batch_of_one_is_no_size(project: MakeProject) -> None:
    use = "import torch\nfrom net import Net\n\nprint(Net()(torch.zeros((1, 3, 48, 64))))\n"
    (hint,) = project({"net.py": net(), "use.py": use}).plan("NN501").request.hints
    assert hint.sizes == (None, 3, 48, 64)


def test_layers_behind_moved_axes_say_nothing_of_the_input(project: MakeProject) -> None:
    text = net().replace("self.conv(x)", "self.conv(x.permute(0, 3, 1, 2))")
    (hint,) = project({"net.py": text}).plan("NN501").request.hints
    assert (hint.layer, hint.sizes) == ("", (None, None, None, None))


@pytest.mark.parametrize(
    ("parameter", "use", "sizes"),
    [
        ("image_size=48", "", (48, 48)),
        ("input_size=(48, 64)", "", (48, 64)),
        ("img_size=48", "net = Net(img_size=(3, 24, 32))", (24, 32)),
        ("input_size", "net = Net(96)", (96, 96)),
        ("input_size=None", "", (None, None)),
    ],
)
def test_images_are_of_the_size_that_the_model_is_made_for(project: MakeProject, parameter: str, use: str, sizes: tuple[int, int]) -> None:
    (hint,) = project({"net.py": net(parameter), "use.py": f"from net import Net\n\n{use}\n"}).plan("NN501").request.hints
    assert hint.sizes == (None, 3, *sizes)


@pytest.mark.parametrize(
    ("parameter", "guess"),
    [
        ("channels: list[int]", "[32, 32]"),
        ("n_blocks: List[int]", "[2, 2]"),
        ("kernel_size: Tuple[int, int]", "(3, 3)"),
        ("img_size: tuple[int, ...]", "(32, 32)"),
        ("inChannels", "32"),
        ("n_head", "4"),
        ("p: float", "0.1"),
        ("n: int", "2"),
        ("whatever: int", "4"),
        ("use_bias: bool", "False"),
        ("norm_type: str", "'batch'"),
        ("activation: str", "'relu'"),
        ("norm_type", "'batch'"),
    ],
)
def test_a_guess_follows_name_and_annotation(project: MakeProject, parameter: str, guess: str) -> None:
    (way,) = project({"net.py": net(parameter)}).ways("NN501")
    assert way.model == f"Net({parameter.partition(':')[0]}={guess})"


@pytest.mark.parametrize("parameter", ["backbone", "cfg: dict", "act: Callable", "name: str", "x: Optional[int]", "fn"])
def test_nothing_else_is_guessed(project: MakeProject, parameter: str) -> None:
    assert project({"net.py": net(parameter)}).plans("NN501")[0] == []


def test_what_is_not_known_and_has_a_default_is_left_to_it(project: MakeProject) -> None:
    use = "from net import Net\n\ndef make(config):\n    return Net(config.width, config.act, 7, last=config.last)\n"
    ways = project({"net.py": net("width: int", "act=None", "depth=3", "last=True"), "use.py": use}).ways("NN501")
    assert [way.model for way in ways] == ["Net(32, depth=7)"]
    assert ways[0].origin == "guessed arguments, the others as in use.py:4"


CONFIG = """
from dataclasses import dataclass

@dataclass
class NetConfig:
    width: int = 8

@dataclass
class DataConfig:
    batch: int = 8

@dataclass
class OpenConfig:
    path: str
"""


@pytest.mark.parametrize(
    ("imports", "parameter", "model"),
    [
        ("from config import DataConfig", "config", "Net(config=DataConfig())"),
        ("from config import DataConfig, NetConfig, OpenConfig", "model_args", "Net(model_args=NetConfig())"),
        ("from config import OpenConfig", "config", None),
        ("from config import DataConfig", "backbone", None),
    ],
)
def test_settings_are_guessed_from_the_classes_at_hand(project: MakeProject, imports: str, parameter: str, model: str | None) -> None:
    plans, _ = project({"config.py": CONFIG, "net.py": f"{imports}\n{net(parameter)}"}).plans("NN501")
    assert [way.model for plan in plans for way in plan.request.ways] == ([] if model is None else [model])
