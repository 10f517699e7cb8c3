"""What other linters see of the mistakes that nnlint looks for: they read the literate cases of every rule.

    python benchmarks/peers.py [--write] [--rules NN401,NN402,...]

The files of each case are written, without their marks, into a folder of their own, and each tool checks all of them. Of a rule, a case
counts as *found* where the tool names that mistake anywhere in a file that has a mark of that rule (so a peer needs no row, and one hint
at a file answers for all of its marks); a case without such a mark is a *trap*, and a false alarm where the tool names the mistake in any
of its files. Which of a tool's messages names which mistake stands in `PEERS`; what it says besides counts for nothing, either way.
`--write` puts the table into `docs/peers.md`.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.environments import python_with
from nnlint.rules import all_rules
from scripts.fetch_corpus import ROOT
from tests.rules.checking import check_files, relative
from tests.rules.literate import Case, read_cases, without_marks

CASES = ROOT / "tests" / "rules"
PAGE = ROOT / "docs" / "peers.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"

# dslinter asks for a pylint that no longer installs, and works with this one; with mypy it guesses types.
PYLINT_NEEDS = ("dill", "isort<6", "lazy-object-proxy", "mccabe", "platformdirs", "tomlkit", "wrapt<2")
MYPY_NEEDS = ("librt", "mypy", "mypy_extensions", "pathspec", "typing_extensions")

# A file and the message that stands in it.
Remark = tuple[Path, str]

TORCHFIX_LINE = re.compile(r"^(?P<file>[^:]+\.py):\d+:\d+: (?P<message>TOR\d+)", re.MULTILINE)

# Its linter is a module without needs; the package around it wants torch and more.
MLDOCT = """
import importlib.util, json, sys
sys.path[:0] = importlib.util.find_spec("mldoctor").submodule_search_locations
from linter import lint_script
print(json.dumps([(path, issue["type"]) for path in sys.argv[1:] for issue in lint_script(path)[0]]))
"""


def run_torchfix(python: Path, files: list[Path]) -> Iterable[Remark]:
    options = ["--select", "ALL", "--jobs", "1"]
    done = subprocess.run([str(python), "-m", "torchfix", *options, *map(str, files)], capture_output=True, text=True)
    return ((Path(match["file"]), match["message"]) for match in TORCHFIX_LINE.finditer(done.stdout))


def run_dslinter(python: Path, files: list[Path]) -> Iterable[Remark]:
    # pylint goes on without a plugin that it cannot load.
    subprocess.run([str(python), "-c", "import dslinter.plugin"], check=True)
    options = ["--load-plugins=dslinter", "--disable=all", "--output-format=json"]
    enabled = "--enable=gradient-clear-pytorch,mode-toggling-pytorch"
    done = subprocess.run([str(python), "-m", "pylint", *options, enabled, *map(str, files)], capture_output=True, text=True)
    return ((Path(remark["path"]), remark["symbol"]) for remark in json.loads(done.stdout or "[]"))


def run_mldoct(python: Path, files: list[Path]) -> Iterable[Remark]:
    done = subprocess.run([str(python), "-c", MLDOCT, *map(str, files)], capture_output=True, text=True, check=True)
    return ((Path(path), message) for path, message in json.loads(done.stdout))


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool; `names` says which of its messages is which rule's mistake.

    TorchFix has no message for any of them. `pip` leaves out what the tool needs for other work than checking sources.
    """

    name: str
    pip: tuple[str, ...]
    run: Callable[[Path, list[Path]], Iterable[Remark]]
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


PEERS = (
    Peer("torchfix==0.7.0", ("torchfix==0.7.0",), run_torchfix),
    Peer(
        "dslinter==2.0.9",
        ("--no-deps", "dslinter==2.0.9", "pylint==2.17.7", "astroid==2.15.8", *PYLINT_NEEDS, *MYPY_NEEDS),
        run_dslinter,
        {"gradient-clear-pytorch": ("NN301",), "mode-toggling-pytorch": ("NN201", "NN202")},
    ),
    Peer(
        "mldoct==1.0.0",
        ("mldoct==1.0.0", "--no-deps"),
        run_mldoct,
        {"missing_zero_grad": ("NN301",), "missing_eval": ("NN201",), "oom_leak": ("NN304",), "double_softmax": ("NN401",)},
    ),
)


@dataclass(slots=True)
class Score:
    """Of one tool and one rule: cases found, and traps that it fell into."""

    found: int = 0
    false_alarms: int = 0


@dataclass(frozen=True, slots=True)
class Exam:
    """The cases of one rule: the files of each that should be named, or none for a trap."""

    code: str
    cases: tuple[tuple[Case, frozenset[str]], ...]

    @property
    def mistakes(self) -> int:
        return sum(bool(marked) for _, marked in self.cases)

    def score(self, named: Callable[[int], frozenset[str]]) -> Score:
        """`named` gives the files of the case of that index that the tool connects with the mistake."""
        score = Score()
        for index, (_, marked) in enumerate(self.cases):
            score.found += bool(marked & named(index))
            score.false_alarms += not marked and bool(named(index))
        return score


def exam_of(path: Path) -> Exam:
    code = path.stem.upper()
    return Exam(
        code, tuple((case, frozenset(m.path for m in case.marks if _is_expected(m.code, m.words, code))) for case in read_cases(path))
    )


def _is_expected(code: str, words: str, wanted: str) -> bool:
    """A known miss is a mistake all the same; a known false alarm is none."""
    return code == wanted and "known false alarm" not in words


def score_nnlint(exam: Exam) -> Score:
    texts = [{path: without_marks(text) for path, text in case.files.items()} for case, _ in exam.cases]
    return exam.score(lambda index: frozenset(relative(f.path) for f in check_files(texts[index], [exam.code]) if f.code == exam.code))


def score_peers(exam: Exam, said: Counter[tuple[str, str]]) -> dict[str, Score]:
    """The scores of the peers; what they said at all is counted in `said`, by tool and message."""
    scores = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = write_cases(exam, folder)
        for peer in PEERS:
            remarks = list(peer.run(python_with(peer.name, *peer.pip), files))
            said.update((peer.name, message) for _, message in remarks)
            scores[peer.name] = _score_peer(peer, exam, folder, remarks)
    return scores


def write_cases(exam: Exam, folder: Path) -> list[Path]:
    """Every file of every case, in `FOLDER/INDEX/`."""
    written = []
    for index, (case, _) in enumerate(exam.cases):
        for name, text in case.files.items():
            target = folder / str(index) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(without_marks(text), "utf-8")
            written.append(target)
    return written


def _score_peer(peer: Peer, exam: Exam, folder: Path, remarks: Iterable[Remark]) -> Score:
    named: defaultdict[int, set[str]] = defaultdict(set)
    for path, message in remarks:
        if exam.code in peer.names.get(message, ()):
            index, name = path.relative_to(folder).as_posix().split("/", 1)
            named[int(index)].add(name)
    return exam.score(lambda index: frozenset(named[index]))


def table(rows: list[tuple[Exam, dict[str, Score]]]) -> str:
    tools = list(rows[0][1])
    head = f"| rule | mistakes | traps | {' | '.join(tools)} |\n|---|---|---|{'---|' * len(tools)}\n"
    lines = [_row(f"{exam.code} {all_rules()[exam.code].name}", exam.mistakes, len(exam.cases), scores) for exam, scores in rows]
    total = {tool: Score(sum(s[tool].found for _, s in rows), sum(s[tool].false_alarms for _, s in rows)) for tool in tools}
    return head + "".join([*lines, _row("all", sum(e.mistakes for e, _ in rows), sum(len(e.cases) for e, _ in rows), total)])


def _row(name: str, mistakes: int, cases: int, scores: dict[str, Score]) -> str:
    cells = " | ".join(f"{score.found} / {score.false_alarms}" for score in scores.values())
    return f"| {name} | {mistakes} | {cases - mistakes} | {cells} |\n"


def messages(said: Counter[tuple[str, str]]) -> str:
    """What the peers said of all cases together, whether it names a mistake or not."""
    names = {(peer.name, message): ", ".join(codes) for peer in PEERS for message, codes in peer.names.items()}
    lines = (f"| {tool} | {message} | {count} | {names.get((tool, message), '')} |\n" for (tool, message), count in sorted(said.items()))
    return "| tool | message | times | names |\n|---|---|---|---|\n" + "".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Let other linters read the literate cases.")
    parser.add_argument("--rules", default="", help="codes, separated by commas (default: every rule with cases)")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.relative_to(ROOT)}")
    arguments = parser.parse_args()
    wanted = set(filter(None, arguments.rules.split(",")))
    exams = [exam_of(path) for path in sorted(CASES.glob("nn*.md")) if not wanted or path.stem.upper() in wanted]
    said: Counter[tuple[str, str]] = Counter()
    rows = [(exam, {"nnlint": score_nnlint(exam), **score_peers(exam, said)}) for exam in exams]
    made = f"{table(rows)}\n{messages(said)}"
    print(made, end="")
    if arguments.write:
        before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
        PAGE.write_text(before + BEGIN + made + END + rest.partition(END)[2], "utf-8")


if __name__ == "__main__":
    main()
