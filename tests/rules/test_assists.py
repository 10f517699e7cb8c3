"""The check and the test that NN101 offers for training loops, on or off."""

from __future__ import annotations

import ast
from textwrap import dedent, indent

import pytest

from nnlint.engine import Engine
from nnlint.findings import Assist
from nnlint.settings import Settings
from nnlint.text import apply_edits
from tests.rules.checking import MemorySources, relative

LOOP = """\
for epoch in range(3):
    for x, y in loader:
        optimizer.zero_grad()
        loss = (model(x) - y).abs().sum()
        loss.backward()
        optimizer.step()
"""
HEAD = """\
import torch
from torch.utils.data import DataLoader
from rows import rows
"""
SETUP = """\
loader = DataLoader(rows)
model = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
"""
GUARDED = f'{HEAD}\nif __name__ == "__main__":\n{indent(SETUP + LOOP, "    ")}'


def assists_in(files: dict[str, str]) -> list[Assist]:
    sources = MemorySources(files)
    result = Engine().check(sources, sources.paths(), lambda _: Settings(frozenset()), finds_assists=True)
    assert not result.internal_errors
    return result.assists


def checks_in(text: str) -> list[str]:
    """The text after each check that is offered."""
    offered = [a.fix.edits for a in assists_in({"train.py": text}) if not a.fix.edits[0].creates]
    found = [apply_edits(text, [e.edit for e in edits]) for edits in offered]
    for changed in found:
        ast.parse(changed)
    return found


def written_tests(files: dict[str, str] | str) -> dict[str, str]:
    """The tests that are offered, by their files."""
    offered = assists_in({"train.py": files} if isinstance(files, str) else files)
    created = [edit for assist in offered for edit in assist.fix.edits if edit.creates]
    for edit in created:
        ast.parse(edit.edit.content)
    return {relative(edit.path or ""): edit.edit.content for edit in created}


def in_function(parameters: str, body: str, call: str) -> str:
    return f'{HEAD}\n\ndef run({parameters}):\n{indent(body, "    ")}\n\nif __name__ == "__main__":\n    {call}\n'


@pytest.mark.parametrize(
    "loop",
    [
        pytest.param(LOOP.split("\n", 1)[1], id="no epochs"),
        pytest.param(LOOP.replace("in loader", "in DataLoader(rows)"), id="a loader without a name"),
        pytest.param(LOOP.replace("in loader", "in loaders['train']"), id="one of several loaders"),
        pytest.param(LOOP.replace("in loader", "in zip(inputs, outputs)"), id="two sources"),
        pytest.param(LOOP.replace("loss.backward()", "loss.backward(retain_graph=True)"), id="a graph that is kept"),
        pytest.param(f"# GAN, gym: overfit\n{LOOP}", id="whatever else the file says"),
    ],
)
def test_any_loop_over_batches_can_be_checked(loop: str) -> None:
    [checked] = checks_in(HEAD + dedent(loop))
    assert "* 200:" in checked


def test_each_loop_of_a_file_can_be_checked() -> None:
    assert len(checks_in(HEAD + LOOP + LOOP)) == 2


def test_a_check_that_rests_on_the_epoch_stands_in_it() -> None:
    loop = LOOP.replace("    for x", "    weight = epoch / 3\n    for x").replace("loss = (", "loss = weight * (")
    [checked] = checks_in(HEAD + SETUP + loop)
    assert checked.index("weight =") < checked.index("* 200") < checked.index("in loader:")


@pytest.mark.parametrize(
    "loop",
    [
        pytest.param(LOOP.replace("in loader", "in range(9)"), id="numbers"),
        pytest.param(LOOP.replace("loss.backward()", "accelerator.backward(loss)"), id="a framework's update"),
        pytest.param(LOOP.replace("optimizer.step()", "optimizer.step()\n        other.step()"), id="two optimizers"),
        pytest.param(LOOP.replace("        loss.backward()\n", ""), id="no update"),
        pytest.param("async def run():\n" + indent(LOOP.replace("for x", "async for x"), "    "), id="batches that are awaited"),
    ],
)
def test_what_is_no_plain_loop_has_no_check(loop: str) -> None:
    assert checks_in(HEAD + SETUP + loop) == []


def test_half_a_line_is_no_crash() -> None:
    assert assists_in({"train.py": "for x in loader:\n    loss.backward("}) == []


def test_the_test_holds_what_the_loop_rests_on_and_nothing_else() -> None:
    text = GUARDED.replace("    loader =", "    print('begin')\n    board = Board(rows)\n    loader =")
    [(name, test)] = written_tests(text).items()
    assert name == "test_overfit_one_batch.py"
    assert "model = torch.nn.Linear(3, 1)" in test
    assert "from rows import rows" in test
    assert not {"print", "board", "epoch", "__main__"} & set(test.replace("(", " ").replace("=", " ").split())


def test_arguments_are_followed_to_the_caller_and_names_on_the_way_kept_apart() -> None:
    text = f"""{HEAD}
def fit(loader, model, lr=0.1):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
{indent(LOOP, "    ")}

def main():
    model, net = DataLoader(rows), torch.nn.Linear(3, 1)
    net.double()
    fit(model, net)


if __name__ == "__main__":
    main()
"""
    [test] = written_tests(text).values()
    lines = [line.strip() for line in test.splitlines()]
    assert "net.double()" in lines
    assert lines.index("net.double()") < lines.index("loader, lr, model = (model, 0.1, net)")


def test_a_script_that_reads_the_command_line_is_given_an_empty_one() -> None:
    setup = "args = argparse.ArgumentParser().parse_args()\n" + SETUP.replace("lr=0.1", "lr=args.lr")
    text = in_function("", setup + LOOP, "run()").replace("import torch\n", "import argparse\nimport torch\n", 1)
    [test] = written_tests(text).values()
    assert "monkeypatch.setattr('sys.argv', ['train.py'])" in test


def test_the_test_of_a_file_in_a_package_imports_it_by_its_whole_name() -> None:
    text = in_function("", SETUP + LOOP, "run()").replace("rows import rows", ".rows import rows")
    files = {"pkg/__init__.py": "", "pkg/rows.py": "rows = []\n", "pkg/train.py": text, "tests/test_a.py": ""}
    assert "from pkg.train import rows" in written_tests(files)["tests/test_overfit_one_batch.py"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(HEAD + SETUP + LOOP, id="trains when it is imported"),
        pytest.param(in_function("", SETUP + LOOP, "pass") + "\nrun()\n", id="is run when it is imported"),
        pytest.param(in_function("model", SETUP.replace("model =", "other =") + LOOP, "pass"), id="a parameter that nobody gives"),
        pytest.param(in_function("cfg", SETUP.replace("0.1", "cfg.lr") + LOOP, "run(*rows)"), id="arguments behind a star"),
        pytest.param(in_function("", SETUP + LOOP, "run()").replace("def run", "@main\ndef run"), id="a decorator that gives arguments"),
        pytest.param(
            GUARDED.replace("    loader", "    model = [1]\n    loader").replace("Linear(3, 1)", "Linear(nowhere)"), id="no such name"
        ),
        pytest.param(
            in_function(
                "", "p = torch.Parser()\np.add_argument('data')\nlr = p.parse_args().lr\n" + SETUP.replace("0.1", "lr") + LOOP, "run()"
            ),
            id="a command line that must say something",
        ),
        pytest.param(in_function("", SETUP.replace("rows", "run") + LOOP.replace("x, y", "run, y"), "run()"), id="one name for two things"),
    ],
)
def test_no_test_is_offered_that_could_not_be_run(text: str) -> None:
    ast.parse(text)
    assert written_tests(text) == {}
