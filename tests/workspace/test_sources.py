"""Snapshots of the disk stay as they were, and buffers lie over them."""

from __future__ import annotations

from nnlint.workspace import OverlaySources, Workspace, check_files, disk_sources
from tests.workspace.conftest import Tree


def test_a_text_stays_as_it_was_first_read(tree: Tree) -> None:
    root = tree({".git/HEAD": "", "a.py": "x = 1\n", "b.py": "y = 1\n"})
    a, b = str(root / "a.py"), str(root / "b.py")
    project = Workspace().project_of(a)
    sources = disk_sources(project)
    assert sources.text(a) == "x = 1\n"
    (root / "a.py").write_text("x = 22\n")
    assert sources.text(a) == "x = 1\n"
    fresh = sources.refreshed(project.import_roots, [a])
    assert fresh.text(a) == "x = 22\n"
    assert fresh.text(b) is None
    assert sources.text(b) == "y = 1\n"


def test_only_files_of_the_project_have_texts(tree: Tree) -> None:
    root = tree({"p/.git/HEAD": "", "p/a.py": "", "outside.py": "x = 1\n"})
    sources = disk_sources(Workspace().project_of(str(root / "p/a.py")))
    assert sources.text(str(root / "outside.py")) is None
    asked = disk_sources(Workspace().project_of(str(root / "p/a.py")), [str(root / "outside.py")])
    assert asked.text(str(root / "outside.py")) == "x = 1\n"
    assert asked.paths() == (str(root / "outside.py"), str(root / "p/a.py"))


def test_buffers_lie_over_files(tree: Tree) -> None:
    root = tree({".git/HEAD": "", "a.py": "disk\n", "b.py": b"\xff"})
    a, b = str(root / "a.py"), str(root / "b.py")
    disk = disk_sources(Workspace().project_of(a))
    over = OverlaySources(disk, {a: "buffer\n", "untitled:1": "new\n", b: "mended\n"})
    assert [over.text(path) for path in (a, b, "untitled:1")] == ["buffer\n", "mended\n", "new\n"]
    assert over.problem(b) is None
    assert disk.problem(b) is not None
    assert set(over.paths()) == {a, b, "untitled:1"}
    assert disk.text(a) == "disk\n"
    assert over.import_roots == disk.import_roots


def test_what_cannot_be_read_is_a_finding(tree: Tree) -> None:
    root = tree({"nnlint.toml": 'severity = {NN000 = "warning"}', "a.py": "x = 1\n", "b.py": b"\xff\n", "c.py": b"\xff\n"})
    workspace = Workspace()
    paths = [str(root / name) for name in ("a.py", "b.py")]
    result = check_files(disk_sources(workspace.project_of(paths[0])), paths, workspace.settings_for)
    [finding] = result.findings
    assert (finding.code, finding.path, finding.severity.label) == ("NN000", paths[1], "warning")
    assert "utf-8" in finding.message


def test_what_cannot_be_read_may_be_ignored(tree: Tree) -> None:
    root = tree({"nnlint.toml": 'per-file-ignores = {"b.py" = ["NN000"]}', "b.py": b"\xff\n"})
    workspace = Workspace()
    path = str(root / "b.py")
    assert check_files(disk_sources(workspace.project_of(path)), [path], workspace.settings_for).findings == []
