"""How programs are followed: what their traces hold, and along which paths a state is carried."""

from __future__ import annotations

import pytest

from nnlint.dataflow.programs import entries
from nnlint.dataflow.programs.entries import Programs, run_programs
from nnlint.dataflow.programs.objects import own_name
from nnlint.dataflow.programs.paths import Walk
from nnlint.dataflow.programs.trace import Event, Kind, Run, events_in
from nnlint.semantics.program import Program
from nnlint.syntax.parser import Parser
from tests.rules.checking import MemorySources


def run(main: str, **files: str) -> Programs:
    """The programs of `main.py` and other files."""
    sources = MemorySources({"main.py": main, **{f"{name}.py": text for name, text in files.items()}})
    program = Program(sources.text, sources.paths(), sources.import_roots, Parser())
    return run_programs(program, sources.paths(), sources.paths())


def kinds(run: Run) -> list[str]:
    return [event.kind.value for event in events_in(run.trace) if event.kind is not Kind.HAND_OVER]


class Paths(Walk[tuple[str, ...]]):
    """Every way through a run, as the methods that are called on it."""

    def event(self, event: Event, state: tuple[str, ...]) -> tuple[str, ...]:
        return (*state, event.kind.value)


def ways(text: str) -> set[tuple[str, ...]]:
    (only,) = run(text).runs
    return set(Paths().walk(only, ()))


SCRIPT = """
import torch
from loops import epoch
net = torch.nn.Linear(2, 2)
opt = torch.optim.SGD(net.parameters(), 0.1)
epoch(net, opt)
"""
LOOPS = """
def epoch(model, optimizer):
    model.train()
    optimizer.zero_grad()
    model(1).sum().backward()
    optimizer.step()
"""


def test_a_script_is_run_with_what_it_calls_in_other_files() -> None:
    (script,) = run(SCRIPT, loops=LOOPS).runs
    assert kinds(script) == ["made", "made", "mode", "zero", "call", "backward", "step"]


def test_a_parameter_is_the_same_thing_at_every_look() -> None:
    (only,) = run("def f(trainer):\n    trainer.opt.zero_grad()\n    trainer.opt.step()\n    trainer.other_opt.step()\n").runs
    zero, step, other = events_in(only.trace)
    assert zero.subject == step.subject != other.subject
    assert own_name(other.subject) == "other_opt"


def test_one_condition_comes_out_alike_twice() -> None:
    text = "def f(opt, i, k):\n    if i % k == 0:\n        opt.step()\n    if i % k == 0:\n        opt.zero_grad()\n"
    assert ways(text) == {("step", "zero"), ()}


def test_a_condition_and_its_contrary_never_meet() -> None:
    text = "def f(opt, warm):\n    if warm:\n        opt.step()\n    if not warm:\n        opt.zero_grad()\n"
    assert ways(text) == {("step",), ("zero",)}


def test_a_condition_that_calls_something_may_change_its_mind() -> None:
    text = "def f(opt, ask):\n    if ask():\n        opt.step()\n    if ask():\n        opt.zero_grad()\n"
    steps = {tuple(event for event in way if event != "call") for way in ways(text)}
    assert steps == {("step", "zero"), ("step",), ("zero",), ()}


def test_a_loop_runs_twice_and_break_leaves_it() -> None:
    text = "def f(opt, xs, stop):\n    for x in xs:\n        opt.step()\n        if stop:\n            break\n    opt.zero_grad()\n"
    assert ways(text) == {("step", "step", "zero"), ("step", "zero")}


def test_what_raises_has_no_end_and_what_is_caught_is_not_followed() -> None:
    text = (
        "def f(opt, bad):\n    if bad:\n        opt.step()\n        raise ValueError\n"
        "    try:\n        opt.zero_grad()\n    except RuntimeError:\n        opt.step()\n"
    )
    assert ways(text) == {("zero",)}


def test_the_body_of_a_with_runs_where_its_generator_yields() -> None:
    text = (
        "from contextlib import contextmanager\n\n"
        "@contextmanager\ndef clean(opt):\n    opt.zero_grad()\n    yield opt\n    opt.step()\n\n"
        "def train(model, optimizer):\n    with clean(optimizer):\n        model(1).backward()\n"
    )
    train = next(r for r in run(text).runs if r.name == "train")
    assert kinds(train) == ["zero", "call", "backward", "step"]


def test_too_long_an_entry_is_named_and_the_others_are_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "FUEL", 100)
    slow = "def slow(model, optimizer):\n" + "    optimizer.zero_grad()\n" * 100
    programs = run(f"{slow}    optimizer.step()\n\ndef quick(model, optimizer):\n    optimizer.step()\n    optimizer.zero_grad()\n")
    assert programs.unfinished == ["slow"]
    assert [r.name for r in programs.runs] == ["quick"]
