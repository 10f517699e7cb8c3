"""Where a project begins, what is in it, and what is checked when a folder is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nnlint.workspace import Workspace, project
from tests.workspace.conftest import Tree


def names(root: Path, paths: object) -> set[str]:
    return {os.path.relpath(path, root).replace(os.sep, "/") for path in paths}


def folder_of(root: Path, name: str, named: tuple[str, ...] = ()) -> str:
    found = Workspace(named=[str(root / n) for n in named]).project_of(str(root / name))
    return os.path.relpath(found.folder, root).replace(os.sep, "/")


@pytest.mark.parametrize(
    ("marks", "name", "folder"),
    [
        (("a/nnlint.toml", "a/b/pyproject.toml"), "a/b/c/m.py", "a"),
        (("a/pyproject.toml", ".git/HEAD"), "a/b/m.py", "a"),
        ((".git/HEAD",), "a/b/m.py", "."),
        ((".git/HEAD", "a/nnlint.toml"), "b/m.py", "."),
    ],
    ids=["the nearest config", "the nearest pyproject", "the repository", "a config beside does not count"],
)
def test_the_project_of_a_file(tree: Tree, marks: tuple[str, ...], name: str, folder: str) -> None:
    root = tree({name: "", **dict.fromkeys(marks, "")})
    assert folder_of(root, name) == folder


def test_an_unmarked_project_is_the_folder_that_was_named(tree: Tree) -> None:
    root = tree({"a/b/c/m.py": "", "a/n.py": ""})
    assert folder_of(root, "a/b/c/m.py", ("a",)) == "a"
    assert folder_of(root, "a/b/c/m.py", ("a/b", "a")) == "a"
    assert folder_of(root, "a/b/c/m.py") == "a/b/c"


@pytest.mark.parametrize("named", ["pkg", "pkg/sub", None])
def test_an_unmarked_package_is_a_project_whose_modules_are_imported_from_above(tree: Tree, named: str | None) -> None:
    root = tree({"pkg/__init__.py": "", "pkg/sub/__init__.py": "", "pkg/sub/m.py": "", "beside.py": ""})
    found = Workspace(named=[str(root / named)] if named else []).project_of(str(root / "pkg/sub/m.py"))
    assert found.folder == str(root / "pkg")
    assert found.import_roots == (str(root),)
    assert names(root, found.files) == {"pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/m.py"}


def test_import_roots(tree: Tree) -> None:
    root = tree({"nnlint.toml": 'src = ["lib", "../outside"]', "src/a/__init__.py": "", "lib/b.py": "", "m.py": ""})
    found = Workspace().project_of(str(root / "m.py"))
    outside = str(root.parent / "outside")
    assert found.import_roots == (str(root), str(root / "src"), str(root / "lib"), outside)


def test_source_folders_outside_are_read_for_definitions(tree: Tree) -> None:
    root = tree({"net/nnlint.toml": 'src = ["../shared"]', "net/m.py": "", "shared/layers.py": ""})
    assert names(root, Workspace().project_of(str(root / "net/m.py")).files) == {"net/m.py", "shared/layers.py"}


LISTED = {
    "m.py": "",
    "deep/er/n.py": "",
    "notes.txt": "",
    ".venv/lib/x.py": "",
    "env/pyvenv.cfg": "",
    "env/lib/x.py": "",
    "node_modules/x/y.py": "",
    "build/x.py": "",
    "dist/x.py": "",
    "a/site-packages/x.py": "",
    "__pycache__/x.py": "",
    "runs/x.py": "",
    "runs/keep/y.py": "",
    "deep/ignored.py": "",
    "deep/kept.py": "",
    "secret/x.py": "",
    "generated/x.py": "",
    ".git/info/exclude": "secret/\n",
    ".gitignore": "runs/*\n!runs/keep/\nignored.py\n",
    "deep/.gitignore": "kept.py\n!ignored.py\n",
    "nnlint.toml": 'extend-exclude = ["generated"]',
}


def test_what_a_project_is_and_what_is_checked_in_it(tree: Tree) -> None:
    root = tree(LISTED)
    workspace = Workspace(named=[str(root)])
    checked = {"m.py", "deep/er/n.py", "runs/keep/y.py", "deep/ignored.py"}
    assert names(root, workspace.files_to_check(str(root))) == checked
    # What is only excluded from the report still defines and calls.
    assert names(root, workspace.project_of(str(root / "m.py")).files) == checked | {"generated/x.py"}


def test_git_need_not_be_respected(tree: Tree) -> None:
    root = tree(LISTED)
    found = names(root, Workspace().files_to_check(str(root), respect_gitignore=False))
    assert {"runs/x.py", "secret/x.py", "deep/kept.py"} <= found
    assert not {"generated/x.py", ".venv/lib/x.py", "env/lib/x.py"} & found


def test_own_excludes_take_the_place_of_the_built_in_ones(tree: Tree) -> None:
    root = tree({"nnlint.toml": 'exclude = ["m.py"]', "m.py": "", "build/x.py": ""})
    assert names(root, Workspace().files_to_check(str(root))) == {"build/x.py"}


def test_each_folder_is_excluded_by_its_own_config(tree: Tree) -> None:
    root = tree({"a/nnlint.toml": 'extend-exclude = ["x.py"]', "a/x.py": "", "a/y.py": "", "b/x.py": ""})
    assert names(root, Workspace().files_to_check(str(root))) == {"a/y.py", "b/x.py"}


def test_a_named_folder_is_checked_though_it_is_excluded(tree: Tree) -> None:
    root = tree({".git/HEAD": "", ".gitignore": "corpus/\n", "corpus/net/__init__.py": "", "corpus/net/m.py": "", "build/x.py": ""})
    workspace = Workspace()
    assert names(root, workspace.files_to_check(str(root / "corpus"))) == {"corpus/net/__init__.py", "corpus/net/m.py"}
    assert names(root, workspace.files_to_check(str(root / "build"))) == {"build/x.py"}


@pytest.mark.parametrize("above", ["corpus", "site-packages"])
def test_a_package_that_its_project_leaves_out_is_a_project_of_its_own(tree: Tree, above: str) -> None:
    root = tree({".git/HEAD": "", ".gitignore": "corpus/\n", "m.py": "", f"{above}/net/__init__.py": "", f"{above}/net/m.py": ""})
    found = Workspace().project_of(str(root / above / "net/m.py"))
    assert found.folder == str(root / above / "net")
    assert found.import_roots == (str(root / above),)
    assert names(root / above, found.files) == {"net/__init__.py", "net/m.py"}


def test_left_out(tree: Tree) -> None:
    root = tree(LISTED)
    workspace = Workspace()
    left_out = {name for name in LISTED if name.endswith(".py") and workspace.is_left_out(str(root / name))}
    assert left_out == {name for name in LISTED if name.endswith(".py")} - {
        "m.py", "deep/er/n.py", "runs/keep/y.py", "deep/ignored.py", "env/lib/x.py"
    }  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_links_make_no_circles(tree: Tree) -> None:
    root = tree({".git/HEAD": "", "a/m.py": ""})
    (root / "a/up").symlink_to(root, target_is_directory=True)
    (root / "a/link.py").symlink_to(root / "a/m.py")
    (root / "a/broken.py").symlink_to(root / "nowhere.py")
    assert names(root, Workspace().project_of(str(root / "a/m.py")).files) == {"a/m.py", "a/link.py"}


def test_a_lone_file_in_a_vast_tree_reads_only_its_surroundings(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "_UNMARKED_FOLDERS", 3)
    root = tree({"m.py": "", "pkg/__init__.py": "", "pkg/n.py": "", **{f"data{i}/x.py": "" for i in range(5)}})
    assert names(root, Workspace().project_of(str(root / "m.py")).files) == {"m.py", "pkg/__init__.py", "pkg/n.py"}
    named = Workspace(named=[str(root)]).project_of(str(root / "m.py"))
    assert "data3/x.py" in names(root, named.files)
