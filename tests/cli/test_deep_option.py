"""`lsp-check --deep`: real models run by the real worker under this Python."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
import venv
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import MODEL, Commands, Done

pytestmark = [pytest.mark.torch, pytest.mark.slow]

PATIENT = "[tool.nnlint.deep]\ntimeout = 120\n"  # tests may share the machine with others
# Its norms are chosen where the engine does not look: it can say nothing of `hidden` and `muted`.
DISCOVERED = """\
import os

from torch import nn

NORM = os.environ.get("NORM", "BatchNorm2d")


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3)
        self.stem_norm = nn.BatchNorm2d(width)
        self.hidden = nn.Conv2d(width, width, 3)
        self.norm = getattr(nn, NORM)(width)
        self.muted = nn.Conv2d(width, width, 3)  # nnlint: ignore[NN501, NN001]
        self.last = getattr(nn, NORM)(width)

    def forward(self, x):
        x = self.stem_norm(self.stem(x)).relu()
        x = self.norm(self.hidden(x)).relu()
        return self.last(self.muted(x))
"""
# Replaced where the program starts, which no single call shows.
REFUTED = """\
from torch import nn

from .patches import freeze


class Frozen(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        freeze(self.norm)

    def forward(self, x):
        return self.norm(self.conv(x))
"""
PATCHES = """\
def freeze(norm):
    for name, value in {"training": False}.items():
        setattr(norm, name, value)
    norm.train = lambda mode=True: norm
"""
UNANSWERED = MODEL.replace("class Net", "class Wide").replace("__init__(self)", "__init__(self, options)").replace("8", "options.width")
CRASHING = MODEL.replace("import torch.nn as nn\n", "import os\n\nimport torch.nn as nn\n").replace("super()", "os._exit(3), super()")
ENDLESS = MODEL.replace("        return", "        while x.dim():\n            pass\n        return")


def found(done: Done) -> dict[str, dict[str, Any]]:
    """The findings of a JSON report by file and row."""
    return {f"{item['filename']}:{item['location']['row']}": item for item in json.loads(done.out)}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    folder = tmp_path_factory.mktemp("deep") / "some models"
    folder.mkdir()
    commands = Commands(folder, folder.parent / "cache")
    files = {"pkg/__init__.py": "", "pkg/patches.py": PATCHES, "pkg/frozen.py": REFUTED, "net.py": DISCOVERED, "wide.py": UNANSWERED}
    commands.write({"pyproject.toml": PATIENT, **files})
    return commands


@pytest.fixture(scope="module")
def deep(project: Commands) -> Done:
    return project.check("--deep", "-v", "--output-format", "json", "--jobs", "4")


def test_without_it_no_model_is_asked(project: Commands) -> None:
    done = project.check("--output-format", "json")
    assert {name: item["verdict"] for name, item in found(done).items()} == {"net.py:11": None, "pkg/frozen.py:9": None, "wide.py:7": None}
    assert "Deep check" not in done.err


def test_what_holds_is_confirmed_with_numbers(deep: Done) -> None:
    item = found(deep)["net.py:11"]
    assert item["verdict"]["kind"] == "confirmed"
    assert item["verdict"]["numbers"]["parameters wasted"] == 8
    assert 0 <= item["verdict"]["numbers"]["max |Δ|"] < 1e-9
    assert item["severity"] == "warning", "what was seen to happen is louder than an info"


def test_what_does_not_hold_disappears_and_is_told_with_v(deep: Done) -> None:
    assert "pkg/frozen.py:9" not in found(deep)
    [told] = [line for line in deep.err.splitlines() if line.startswith("pkg/frozen.py:9:21: ")]
    assert told.startswith("pkg/frozen.py:9:21: NN501 refuted: the bias of `conv` moves the outputs")


def test_what_cannot_be_run_has_the_reason_and_the_cure(deep: Done) -> None:
    item = found(deep)["wide.py:7"]
    assert (item["verdict"]["kind"], item["severity"]) == ("no answer", "info")
    assert "options" in item["verdict"]["message"] and "# nnlint: deep Wide(" in item["verdict"]["message"]


def test_biases_that_the_engine_misses_are_found_unless_suppressed(deep: Done) -> None:
    item = found(deep)["net.py:13"]
    assert (item["code"], item["location"]["column"], item["verdict"]["kind"]) == ("NN501", 23, "confirmed")
    assert "found by running the model" in item["verdict"]["message"]
    assert "net.py:15" not in found(deep)
    assert deep.err.splitlines()[-2] == "Deep check: 1 confirmed, 1 refuted, 1 without an answer; 1 more found by running the models."


def test_how_each_model_was_built_is_told_with_v(deep: Done, project: Commands) -> None:
    [line] = [line for line in deep.err.splitlines() if line.startswith("net.py::Net: ")]
    assert "built as Net() (constructor defaults), called with (" in line
    assert "torch " in line
    assert project.check("--deep", "net.py").err.count("\n") == 2, "without -v two lines of summary are all"


def test_the_report_is_the_same_whatever_the_number_of_jobs(deep: Done, project: Commands) -> None:
    assert project.check("--deep", "--output-format", "json", "--jobs", "1").out == deep.out


def test_refuted_findings_do_not_count(project: Commands) -> None:
    assert project.check("pkg").status == 1
    done = project.check("pkg", "--deep")
    assert (done.status, done.out) == (0, b"")


def test_only_what_is_proved_can_be_made_to_fail(project: Commands) -> None:
    assert project.check("wide.py", "--deep", "--fail-on", "warning").status == 0
    assert project.check("net.py", "--deep", "--fail-on", "warning").status == 1


def test_a_severity_that_is_configured_stays(project: Commands) -> None:
    done = project.check("net.py", "--deep", "--output-format", "json", "--config", 'severity = {NN501 = "hint"}')
    assert {item["severity"] for item in json.loads(done.out)} == {"hint"}


def test_sarif_has_the_verdicts(project: Commands) -> None:
    [run] = json.loads(project.check("net.py", "--deep", "--output-format", "sarif").out)["runs"]
    assert [result["properties"]["verdict"]["kind"] for result in run["results"]] == ["confirmed", "confirmed"]


def test_a_model_that_ends_its_process_is_no_answer(commands: Commands) -> None:
    commands.write({"pyproject.toml": PATIENT, "net.py": CRASHING})
    done = commands.check("--deep", "--output-format", "json")
    [item] = json.loads(done.out)
    assert item["verdict"]["kind"] == "no answer"
    assert "exit status 3" in item["verdict"]["message"]
    assert done.status == 1


def test_the_time_of_a_model_is_limited_by_option_else_by_config(commands: Commands) -> None:
    commands.write({"pyproject.toml": "[tool.nnlint.deep]\ntimeout = 11\n", "net.py": ENDLESS})
    for arguments, reason in ((), "not done after 11 s"), (("--timeout", "9"), "not done after 9 s"):
        done = commands.check("--deep", *arguments)
        # On standard error where not even torch was imported in that time.
        assert reason in done.text + done.err
        assert "confirmed" not in done.text


def test_a_python_that_can_run_nothing_is_an_error(commands: Commands, tmp_path: Path) -> None:
    commands.write({"pyproject.toml": "[project]\n", "net.py": MODEL})
    venv.create(tmp_path / "bare", with_pip=False)
    bare = tmp_path / "bare" / "bin" / "python"
    done = commands.check("--deep", "--python", bare)
    assert (done.status, done.out) == (2, b"")
    assert done.err.startswith(f"error: no model could be run: torch is not installed in {bare}")
    done = commands.check("--deep", "--python", "no-such-python")
    assert (done.status, done.out) == (2, b"")
    assert "no-such-python" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--python", "python3"], "--python says how models are run; it needs --deep"),
        (["--timeout", "9"], "--timeout says how models are run; it needs --deep"),
        (["--deep", "--timeout", "0"], "--timeout"),
        (["--deep", "--fix"], "run --fix by itself"),
        (["--deep", "--fix-only"], "run --fix-only by itself"),
        (["--deep", "--diff"], "run --diff by itself"),
        (["--deep", "--add-ignore"], "run --add-ignore by itself"),
        (["--deep", "-"], "standard input"),
        (["--deep", "--config", "deep = {enabled = true}"], "no project file may switch the deep check on"),
    ],
    ids=str,
)
def test_options_that_do_not_go_together(commands: Commands, arguments: list[str], words: str) -> None:
    commands.write({"net.py": MODEL})
    done = commands.check(*arguments, "net.py")
    assert (done.status, done.out) == (2, b"")
    assert words in done.err
    assert (commands.folder / "net.py").read_text() == MODEL


def test_an_interrupt_ends_all_models(commands: Commands) -> None:
    marks = [commands.folder / f"running{number}" for number in (1, 2)]
    endless = [ENDLESS.replace("while", f"running = open({str(mark)!r}, 'w')\n        while") for mark in marks]
    commands.write({"pyproject.toml": "[project]\n", "one.py": endless[0], "two.py": endless[1]})
    program = "import sys; from nnlint.cli.main import lsp_check; sys.argv[0] = 'lsp-check'; lsp_check()"
    arguments = [sys.executable, "-c", program, "--deep", "--jobs", "4", "--timeout", "120"]
    with (
        _terminal() as (ours, theirs),
        subprocess.Popen(arguments, cwd=commands.folder, env=commands.env, stderr=theirs, start_new_session=True) as check,
    ):
        shown = _Shown(ours)
        try:
            _wait_for(lambda: all(mark.exists() for mark in marks) or check.poll() is not None)
            os.kill(check.pid, signal.SIGINT)
            assert check.wait(30) == 130
        finally:
            check.kill()
    assert not _still_running(str(commands.folder))
    assert "running Net (1 of 2)" in shown.text and "running Net (2 of 2)" in shown.text


class _Shown:
    """What a terminal has been sent, read so that the writer is never held up."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._data = descriptor, b""
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def text(self) -> str:
        return self._data.decode("utf-8", "replace")

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self._descriptor, 2**16):
                self._data += data


@contextlib.contextmanager
def _terminal() -> Any:
    ours, theirs = pty.openpty()
    try:
        yield ours, theirs
    finally:
        for descriptor in (ours, theirs):
            os.close(descriptor)


def _wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _still_running(folder: str) -> list[str]:
    """The processes that have a file of a folder open, 5 seconds from now at the latest."""
    deadline = time.monotonic() + 5
    while (left := [pid for pid in os.listdir("/proc") if pid.isdigit() and _has_open(pid, folder)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def _has_open(pid: str, folder: str) -> bool:
    with contextlib.suppress(OSError):
        return any(os.readlink(f"/proc/{pid}/fd/{fd}").startswith(folder) for fd in os.listdir(f"/proc/{pid}/fd"))
    return False
