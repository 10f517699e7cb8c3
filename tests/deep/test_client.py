"""One run from the side of nnlint: what it says of the interpreter, and how it ends when nobody waits for it any more."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nnlint.deep.client import DeepRun
from nnlint.deep.worker.messages import CHECK, NO_ANSWER, Answer, Limits, Place, Progress, Question, Request, Way
from tests.deep.leftovers import carrying, left_after_death, marked

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is left running is looked up in /proc")

PLACE = Place("/net.py", 1, 1, 1, 2)
QUESTIONS = (Question("0", "NN501", PLACE), Question("1", "NN502", PLACE))
HANGING = """\
import os, subprocess, sys, time

subprocess.Popen(["sleep", "600"])
subprocess.Popen(["sleep", "600"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
else:
    os.wait()
    open({started!r}, "w").close()
time.sleep(600)
"""


def request(folder: Path, task: str = "none that there is", seconds: float = 60.0) -> Request:
    way = Way("the test", "hanging", str(folder / "hanging.py"), "Net()")
    return Request(task, "Net", (str(folder),), (way,), QUESTIONS, limits=Limits(seconds=seconds))


@pytest.fixture
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The mark of what is run in the test, of which no process and no folder is left at its end."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with marked() as mark:
        yield mark
        assert left_after_death(mark) == []
        assert list(temporary.iterdir()) == []


def script(path: Path, text: str) -> str:
    path.write_text(textwrap.dedent(text), "utf-8")
    path.chmod(0o755)
    return str(path)


def until(condition: Callable[[], object]) -> None:
    """Waits for what will happen."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it has not come to that"
        time.sleep(0.02)


# --- the interpreter ---


def test_every_question_gets_a_verdict_that_says_why_there_is_none(tmp_path: Path, mark: str) -> None:
    answer = DeepRun(sys.executable, request(tmp_path)).answer()
    assert "knows no task 'none that there is'" in answer.problem
    assert [(verdict.id, verdict.kind, verdict.message) for verdict in answer.verdicts] == [
        ("0", NO_ANSWER, answer.problem),
        ("1", NO_ANSWER, answer.problem),
    ]
    assert answer.versions["python"] == sys.version.split()[0]


def test_a_request_of_any_length_arrives(tmp_path: Path, mark: str) -> None:
    long = Request("long " + "x" * 2_000_000, "Net", (), ())
    assert "knows no task 'long xxx" in DeepRun(sys.executable, long).answer().problem


def test_an_interpreter_without_torch_is_named_with_the_cure(tmp_path: Path, mark: str) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "empty")], check=True)
    python = str(tmp_path / "empty" / "bin" / "python")
    answer = DeepRun(python, request(tmp_path, CHECK)).answer()
    assert answer.problem == f"torch is not installed in {python}; install it there, or name an interpreter that has it"


def test_what_an_interpreter_prints_when_it_starts_disturbs_nothing(tmp_path: Path, mark: str) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "loud")], check=True)
    (packages,) = (tmp_path / "loud" / "lib").glob("python*/site-packages")
    junk = "import os, sys\nprint('junk', flush=True)\nprint('junk', file=sys.stderr, flush=True)\n"
    (packages / "sitecustomize.py").write_text(junk, "utf-8")
    answer = DeepRun(str(tmp_path / "loud" / "bin" / "python"), request(tmp_path, CHECK)).answer()
    assert answer.problem.startswith("torch is not installed in")


def test_an_interpreter_that_ends_when_it_starts_is_quoted(tmp_path: Path, mark: str) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "broken")], check=True)
    (packages,) = (tmp_path / "broken" / "lib").glob("python*/site-packages")
    (packages / "sitecustomize.py").write_text("import os\nos.write(2, b'no licence\\n')\nos._exit(4)\n", "utf-8")
    answer = DeepRun(str(tmp_path / "broken" / "bin" / "python"), request(tmp_path)).answer()
    assert answer.problem == "it ended itself with exit status 4; the last that it printed was: no licence"


@pytest.mark.parametrize("python", ["/bin/ls", "/nowhere/python", "/etc/passwd", "/tmp"])
def test_what_is_no_python_is_named_with_the_cure(python: str, tmp_path: Path, mark: str) -> None:
    answer = DeepRun(python, request(tmp_path)).answer()
    assert answer.problem.startswith(f"{python} is no Python that can run models (")
    assert answer.problem.endswith("; name another interpreter")


@pytest.mark.slow
def test_an_interpreter_that_hangs_is_given_up(tmp_path: Path, mark: str) -> None:
    python = script(tmp_path / "python", "#!/bin/sh\nsleep 600 & sleep 600\n")
    answer = DeepRun(python, request(tmp_path, seconds=1.0)).answer()
    assert answer.problem == f"{python} is no Python that can run models (it said nothing within 1 s); name another interpreter"


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.8"])
def test_a_python_that_is_too_old_says_so(version: str, tmp_path: Path, mark: str) -> None:
    answer = DeepRun(python_of_version(version), request(tmp_path)).answer()
    assert "the deep check needs Python 3.9 or newer;" in answer.problem
    assert f"is Python {version}." in answer.problem


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13", "3.14"])
def test_the_worker_runs_on_python(version: str, tmp_path: Path, mark: str) -> None:
    answer = DeepRun(python_of_version(version), request(tmp_path)).answer()
    assert "knows no task 'none that there is'" in answer.problem
    assert answer.versions["python"].startswith(f"{version}.")


def python_of_version(version: str) -> str:
    """A Python of this version, from PATH or from pyenv's folder; without one the test is skipped."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    candidates = [*(str(path / "bin" / "python") for path in pyenv.glob(f"{version}.*")), shutil.which(f"python{version}")]
    for python in filter(None, candidates):
        said = subprocess.run([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True)
        if said.stdout.strip() == version:
            return python
    pytest.skip(f"there is no Python {version} here")


# --- progress, and the end of a run that nobody waits for ---


@pytest.fixture
def hanging(tmp_path: Path) -> tuple[Request, Path]:
    """A request whose model starts processes of several kinds and hangs, and the file that is there when it does."""
    started = tmp_path / "started"
    (tmp_path / "hanging.py").write_text(HANGING.format(started=str(started)), "utf-8")
    return request(tmp_path, CHECK, seconds=300.0), started


@pytest.mark.torch
@pytest.mark.slow
def test_a_run_tells_how_it_gets_on_and_can_be_cancelled_from_any_thread(hanging: tuple[Request, Path], mark: str) -> None:
    asked, started = hanging
    told: list[Progress] = []
    run = DeepRun(sys.executable, asked, told.append)
    answers: list[Answer] = []
    waiting = threading.Thread(target=lambda: answers.append(run.answer()))
    waiting.start()
    until(started.exists)
    assert len(carrying(mark)) == 5  # the supervisor, the runner, two that sleep, and one that has hidden
    run.cancel()
    run.cancel()
    waiting.join(5.0)
    (answer,) = answers
    assert answer.problem == "cancelled"
    assert [verdict.message for verdict in answer.verdicts] == ["cancelled", "cancelled"]
    assert [progress.text for progress in told] == [f"starting {sys.executable}", "importing torch", "building Net()"]


def test_a_run_that_is_cancelled_before_it_begins_starts_nothing(tmp_path: Path, mark: str) -> None:
    run = DeepRun("/nowhere/python", request(tmp_path))
    run.cancel()
    assert run.answer().problem == "cancelled"


@pytest.mark.torch
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_when_its_owner_is_killed_a_run_ends(number: signal.Signals, hanging: tuple[Request, Path], tmp_path: Path, mark: str) -> None:
    asked, started = hanging
    (way,) = asked.ways
    owner = f"""\
        import sys
        from nnlint.deep.client import DeepRun
        from nnlint.deep.worker.messages import Limits, Request, Way
        way = Way("the test", {way.module!r}, {way.path!r}, "Net()")
        DeepRun(sys.executable, Request("check", "Net", {asked.roots!r}, (way,), limits=Limits(seconds=300.0))).answer()
        """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(owner)], stderr=subprocess.DEVNULL)
    until(started.exists)
    process.send_signal(number)
    process.wait()
    assert left_after_death(mark) == []


@pytest.mark.torch
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
def test_when_its_supervisor_is_killed_a_run_ends(number: signal.Signals, hanging: tuple[Request, Path], mark: str) -> None:
    asked, started = hanging
    run = DeepRun(sys.executable, asked)
    answers: list[Answer] = []
    waiting = threading.Thread(target=lambda: answers.append(run.answer()))
    waiting.start()
    until(started.exists)
    (supervisor,) = [pid for pid in children_of(os.getpid()) if b"deep/worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(supervisor, number)
    if number == signal.SIGSTOP:
        run.cancel()
    waiting.join(30.0)
    (answer,) = answers
    assert (
        answer.problem == "cancelled" if number == signal.SIGSTOP else answer.problem.startswith("the process that watches over the model")
    )
    assert left_after_death(mark) == []


def children_of(pid: int) -> list[int]:
    return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
