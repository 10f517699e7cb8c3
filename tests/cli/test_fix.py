"""Fixing changes just what it should, keeps the rest byte for byte, and never leaves half a file."""

from __future__ import annotations

import codecs
import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import BROKEN, CLEAN, FIXED, MODEL, Commands

UNSAFE = ("--fix", "--unsafe-fixes")


def test_only_safe_fixes_by_default(commands: Commands) -> None:
    commands.write({"a.py": MODEL})
    done = commands.check("--fix")
    assert done.status == 1
    assert (commands.folder / "a.py").read_text() == MODEL
    assert "1 more with --unsafe-fixes" in done.err


def test_unsafe_fixes_where_they_are_wanted(commands: Commands) -> None:
    commands.write({"a.py": MODEL, "b.py": CLEAN})
    done = commands.check(*UNSAFE)
    assert (done.status, done.out) == (0, b"")
    assert (commands.folder / "a.py").read_text() == FIXED
    assert "Fixed 1 finding" in done.err
    again = commands.check(*UNSAFE)
    assert "Fixed 0 findings" in again.err


def test_unsafe_fixes_alone_write_nothing(commands: Commands) -> None:
    commands.write({"a.py": MODEL})
    assert commands.check("--unsafe-fixes").status == 1
    assert (commands.folder / "a.py").read_text() == MODEL


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ('extend-safe-fixes = ["NN501"]', FIXED),
        ('extend-safe-fixes = ["NN501"]\nunfixable = ["NN5"]', MODEL),
        ('extend-safe-fixes = ["NN501"]\nfixable = ["NN001"]', MODEL),
    ],
)
def test_the_config_grades_fixes(commands: Commands, config: str, text: str) -> None:
    commands.write({"a.py": MODEL, "nnlint.toml": config})
    commands.check("--fix")
    assert (commands.folder / "a.py").read_text() == text


def test_what_cannot_be_fixed_is_reported(commands: Commands) -> None:
    commands.write({"a.py": MODEL, "b.py": BROKEN})
    done = commands.check(*UNSAFE, "--output-format", "concise")
    assert done.status == 1
    assert [line.split()[1] for line in done.lines] == ["NN000"]
    assert (commands.folder / "a.py").read_text() == FIXED


def test_what_is_left_is_shown_in_the_fixed_text(commands: Commands) -> None:
    unfixed = "\n\nclass Other(Net):\n    def __init__(self):\n        super().__init__()\n        oops(\n"
    commands.write({"nnlint.toml": "", "sub/nnlint.toml": "", "sub/a.py": MODEL + unfixed, "b.py": CLEAN})
    done = commands.check(*UNSAFE, "--output-format", "concise")
    text = (commands.folder / "sub/a.py").read_text()
    assert text.startswith(FIXED)
    assert done.text == commands.check("--output-format", "concise").text


def test_fix_only_reports_nothing(commands: Commands) -> None:
    commands.write({"a.py": MODEL, "b.py": BROKEN})
    done = commands.check("--fix-only", "--unsafe-fixes")
    assert (done.status, done.out) == (0, b"")
    assert (commands.folder / "a.py").read_text() == FIXED


def test_many_findings_in_one_file(commands: Commands) -> None:
    layer = "        self.conv{0} = nn.Conv2d(8, 8, 3)\n        self.norm{0} = nn.BatchNorm2d(8)\n"
    head = "import torch.nn as nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    calls = "".join(f"        x = self.norm{i}(self.conv{i}(x))\n" for i in range(12))
    forward = f"    def forward(self, x):\n{calls}        return x\n"
    commands.write({"a.py": head + "".join(layer.format(i) for i in range(12)) + "\n" + forward})
    assert "Fixed 12 findings" in commands.check(*UNSAFE).err
    assert (commands.folder / "a.py").read_text().count("8, 8, 3, bias=False)") == 12


@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: codecs.BOM_UTF8 + text.encode(),
        lambda text: codecs.BOM_UTF8 + text.replace("\n", "\r\n").encode(),
        lambda text: ("# coding: latin-1\n# caf\xe9\n" + text).encode("latin-1"),
        lambda text: ("# coding: cp1252\n# \u20ac\n" + text).encode("cp1252"),
        lambda text: ("# 漢字 😀\f\n" + text).encode(),
        lambda text: text.removesuffix("\n").encode(),
        lambda text: text.replace("    ", "\t").encode(),
        lambda text: (text + "# mixed\r\n# ends\r\n").encode(),
        lambda text: (text + "x = '\u2028'\n").encode(),
    ],
    ids=["CRLF", "BOM", "BOM and CRLF", "latin-1", "cp1252", "form feed", "no line end at the end", "tabs", "mixed", "U+2028"],
)
def test_all_other_bytes_stay(commands: Commands, wrap) -> None:
    commands.write({"a.py": wrap(MODEL)})
    done = commands.check(*UNSAFE)
    assert "Fixed 1 finding" in done.err
    assert (commands.folder / "a.py").read_bytes() == wrap(FIXED)


GUARDED = """\
import torch.nn as nn


def init(m):
    if isinstance(m, nn.Conv2d):
        nn.init.zeros_(m.bias)
"""


def test_a_fix_reaches_into_another_file_where_two_findings_need_it_once(commands: Commands) -> None:
    using = MODEL.replace("Net", "Other").replace("import torch.nn as nn\n", "import torch.nn as nn\nfrom setup import init\n")
    commands.write({"a.py": MODEL.replace("\n\n\n", "\n\nfrom setup import init\n\n\n", 1), "b.py": using, "setup.py": GUARDED})
    done = commands.check(*UNSAFE, "a.py", "b.py")
    assert (done.status, done.out) == (0, b"")
    assert (commands.folder / "setup.py").read_text() == GUARDED.replace(
        "        nn.init", "        if m.bias is not None:\n            nn.init"
    )
    assert "8, 3, bias=False)" in (commands.folder / "a.py").read_text()
    assert "8, 3, bias=False)" in (commands.folder / "b.py").read_text()


@pytest.mark.skipif(os.name == "nt", reason="modes are of Unix")
def test_the_mode_stays(commands: Commands) -> None:
    commands.write({"a.py": MODEL})
    (commands.folder / "a.py").chmod(0o754)
    commands.check(*UNSAFE)
    assert (commands.folder / "a.py").read_text() == FIXED
    assert stat.S_IMODE((commands.folder / "a.py").stat().st_mode) == 0o754


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_link_stays_a_link(commands: Commands) -> None:
    commands.write({"real/a.py": MODEL})
    (commands.folder / "link.py").symlink_to("real/a.py")
    commands.check(*UNSAFE, "link.py")
    assert (commands.folder / "link.py").is_symlink()
    assert (commands.folder / "real/a.py").read_text() == FIXED


def test_no_temporary_files_are_left(commands: Commands) -> None:
    commands.write({"a.py": MODEL})
    commands.check(*UNSAFE)
    assert {path.name for path in commands.folder.iterdir()} == {"a.py"}


def test_a_read_only_file_is_left_alone_and_so_are_the_others(commands: Commands) -> None:
    commands.write({"a.py": MODEL, "b.py": MODEL})
    (commands.folder / "b.py").chmod(0o444)
    done = commands.check(*UNSAFE)
    assert (done.status, done.out) == (2, b"")
    assert "b.py: nothing was fixed, as the file is read-only" in done.err
    assert (commands.folder / "a.py").read_text() == MODEL
    assert (commands.folder / "b.py").read_text() == MODEL


CHANGED_WHILE_RUNNING = """
import sys, nnlint.engine
check = nnlint.engine.Engine.check
def check_and_be_overtaken(*arguments):
    with open("b.py", "a") as file:
        file.write("# a person was faster\\n")
    return check(*arguments)
nnlint.engine.Engine.check = check_and_be_overtaken
from nnlint.cli.main import lsp_check
sys.argv = ["lsp-check", "--no-cache", "--fix", "--unsafe-fixes", "."]
lsp_check()
"""


def test_a_file_that_was_changed_meanwhile_is_not_overwritten(commands: Commands) -> None:
    commands.write({"a.py": MODEL, "b.py": MODEL})
    # The texts are read when the engine asks for them; reading them before the change makes the run the one that is overtaken.
    program = CHANGED_WHILE_RUNNING.replace(
        "    with open", "    for path in arguments[1].paths():\n        arguments[1].text(path)\n    with open", 1
    )
    done = commands.python("-c", program)
    assert done.status == 2
    assert "b.py: nothing was fixed, as the file was changed while it was being checked; run again" in done.err
    assert (commands.folder / "a.py").read_text() == MODEL
    assert (commands.folder / "b.py").read_text().startswith(MODEL + "# a person was faster\n")


BROKEN_FIX = """
import dataclasses, sys, nnlint.engine
from nnlint.findings import FileEdit
from nnlint.text import Edit
check = nnlint.engine.Engine.check
def with_bad_edits(*arguments):
    result = check(*arguments)
    found = []
    for finding in result.findings:
        fixes = tuple(
            dataclasses.replace(fix, edits=tuple(FileEdit(Edit(edit.edit.span, "((("), edit.path) for edit in fix.edits))
            for fix in finding.fixes
        )
        found.append(dataclasses.replace(finding, fixes=fixes))
    return dataclasses.replace(result, findings=found)
nnlint.engine.Engine.check = with_bad_edits
from nnlint.cli.main import lsp_check
sys.argv = ["lsp-check", "--no-cache", "--fix", "--unsafe-fixes", "."]
lsp_check()
"""


def test_a_fix_that_would_break_the_file_is_not_applied(commands: Commands) -> None:
    commands.write({"a.py": MODEL})
    done = commands.python("-c", BROKEN_FIX)
    assert done.status == 2
    assert "error: a.py: the fix of NN501 would not leave valid Python" in done.err
    assert (commands.folder / "a.py").read_text() == MODEL


def test_diff_writes_nothing(commands: Commands) -> None:
    commands.write({"a.py": MODEL, "sub/b.py": MODEL, "c.py": CLEAN})
    assert commands.check("--diff").status == 0
    done = commands.check("--diff", "--unsafe-fixes")
    assert done.status == 1
    assert "Would fix 2 findings" in done.err
    assert (commands.folder / "a.py").read_text() == MODEL
    subprocess.run(["git", "apply", "-p0", "-"], cwd=commands.folder, input=done.out, check=True)
    assert (commands.folder / "a.py").read_text() == FIXED
    assert (commands.folder / "sub/b.py").read_text() == FIXED


def test_diff_of_a_last_line_without_an_end(commands: Commands) -> None:
    head, body = MODEL.split("    def __init__")
    init, forward = body.removesuffix("\n").split("\n\n")
    layer = "        self.conv = nn.Conv2d(3, 8, 3)\n"
    text = f"{head}{forward}\n\n    def __init__{init.replace(layer, '')}\n{layer}".removesuffix("\n")
    commands.write({"a.py": text})
    done = commands.check("--diff", "--unsafe-fixes")
    assert done.lines[-1] == "\\ No newline at end of file"
    subprocess.run(["git", "apply", "-p0", "-"], cwd=commands.folder, input=done.out, check=True)
    assert (commands.folder / "a.py").read_text() == text.replace("8, 3)", "8, 3, bias=False)")


def test_stdin(commands: Commands) -> None:
    done = commands.check("-", "--output-format", "concise", stdin=MODEL.encode())
    assert done.status == 1
    assert done.text.startswith("-:7:21: NN501 ")


def test_stdin_stands_where_its_name_says(commands: Commands) -> None:
    commands.write({"tests/nnlint.toml": 'ignore = ["NN501"]'})
    assert commands.check("-", "--stdin-filename", "tests/a.py", stdin=MODEL.encode()).status == 0
    done = commands.check("--stdin-filename", "b.py", "--output-format", "concise", stdin=MODEL.encode())
    assert done.text.startswith("b.py:7:21: NN501 ")


def test_stdin_is_checked_in_place_of_its_file(commands: Commands) -> None:
    commands.write({"a.py": MODEL})
    assert commands.check("-", "--stdin-filename", "a.py", stdin=FIXED.encode()).status == 0


def test_stdin_is_fixed_to_stdout(commands: Commands) -> None:
    data = codecs.BOM_UTF8 + MODEL.replace("\n", "\r\n").encode()
    done = commands.check("-", *UNSAFE, stdin=data)
    assert done.status == 0
    assert done.out == codecs.BOM_UTF8 + FIXED.replace("\n", "\r\n").encode()
    left = commands.check("-", "--fix", "--output-format", "concise", stdin=data)
    assert left.status == 1
    assert left.out == data
    assert "NN501" in left.err


def test_stdin_that_is_excluded_comes_out_as_it_was(commands: Commands) -> None:
    commands.write({"nnlint.toml": 'extend-exclude = ["gen"]'})
    done = commands.check("--stdin-filename", "gen/a.py", "--force-exclude", *UNSAFE, stdin=MODEL.encode())
    assert (done.status, done.text) == (0, MODEL)


def test_stdin_that_is_no_text(commands: Commands) -> None:
    done = commands.check("-", "--output-format", "concise", stdin=b"x = '\xff'\n")
    assert done.status == 1
    assert done.text.startswith("-:1:1: NN000 ")
    assert commands.check("-", *UNSAFE, stdin=b"x = '\xff'\n").out == b"x = '\xff'\n"


def test_diff_of_stdin(commands: Commands) -> None:
    done = commands.check("-", "--diff", "--unsafe-fixes", "--stdin-filename", "a.py", stdin=MODEL.encode())
    assert done.status == 1
    assert "+        self.conv = nn.Conv2d(3, 8, 3, bias=False)" in done.lines


def test_add_ignore(commands: Commands) -> None:
    commands.write({"a.py": MODEL, "b.py": BROKEN})
    done = commands.check("--add-ignore=old checkpoints", ".")
    assert done.status == 0, done.err
    assert "8, 3)  # nnlint: ignore[NN501] old checkpoints\n" in (commands.folder / "a.py").read_text()
    assert (commands.folder / "b.py").read_text() == BROKEN
    assert commands.check("a.py").status == 0


def test_add_ignore_takes_no_path_for_a_reason(commands: Commands) -> None:
    commands.write({"a.py": MODEL, "b.py": MODEL})
    commands.check("--add-ignore", "a.py")
    assert "# nnlint: ignore[NN501]\n" in (commands.folder / "a.py").read_text()
    assert (commands.folder / "b.py").read_text() == MODEL


def test_a_file_whose_folder_cannot_be_written(commands: Commands, tmp_path: Path) -> None:
    if os.name == "nt" or os.geteuid() == 0:
        pytest.skip("needs a person whom modes bind")
    commands.write({"locked/a.py": MODEL})
    (commands.folder / "locked").chmod(0o555)
    done = commands.check(*UNSAFE)
    (commands.folder / "locked").chmod(0o755)
    assert done.status == 2
    assert "locked/a.py: the fixed file cannot be written" in done.err
    assert (commands.folder / "locked/a.py").read_text() == MODEL
