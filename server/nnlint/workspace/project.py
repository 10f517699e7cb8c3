"""Where a project begins and which files are in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from nnlint.workspace.config import config_file_in
from nnlint.workspace.gitignore import IGNORE_FILES, GitIgnore, ignore_inside
from nnlint.workspace.globs import PathPatterns
from nnlint.workspace.walk import DEFAULT_EXCLUDES, TooManyFolders, walk

_DEFAULT_PATTERNS = PathPatterns([(name, "") for name in DEFAULT_EXCLUDES])
# A lone file somewhere on the disk, with nothing that marks a project around it, is not worth a walk through the whole of a home folder.
_UNMARKED_FOLDERS = 2_000


@dataclass(frozen=True, slots=True)
class Project:
    """A folder whose files are read for definitions and callers. All paths are absolute."""

    folder: str
    import_roots: tuple[str, ...]
    files: tuple[str, ...]


def parents(path: str) -> Iterator[str]:
    """The folders above a path, the nearest first."""
    while (parent := os.path.dirname(path)) != path:
        yield parent
        path = parent


def topmost_package(folder: str) -> str:
    """The outermost package that the folder is in or is; the folder itself where it is no package."""
    if not _is_package(folder):
        return folder
    parent = os.path.dirname(folder)
    return topmost_package(parent) if _is_package(parent) else folder


def _is_package(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "__init__.py"))


def project_folder(folder: str, named: Collection[str]) -> tuple[str, bool]:
    """The project's folder for files in `folder`, and whether something marks it as a project.

    It is the folder of the nearest config, else of the nearest `pyproject.toml` or `.git`, else the outermost of the `named` folders
    that holds it, else `folder`; the last two widened to the whole of a package. A project does not reach into what it ignores or
    what every project excludes (`site-packages`, `node_modules`): a package that lies there is looked at for itself.
    """
    upward = [folder, *parents(folder)]
    marks: tuple[Callable[[str], bool], ...] = (lambda f: config_file_in(f) is not None, _has_mark)
    for mark in marks:
        found = next(filter(mark, upward), None)
        if found is not None and not _leaves_out(found, folder):
            return found, True
    holding = [f for f in upward if f in named]
    return topmost_package(holding[-1] if holding else folder), bool(holding)


def _has_mark(folder: str) -> bool:
    return any(os.path.exists(os.path.join(folder, name)) for name in ("pyproject.toml", ".git"))


def _leaves_out(project: str, folder: str) -> bool:
    """Whether a folder in a project is none of its own."""
    ignore = ignore_inside(project)
    for part in reversed([f for f in (folder, *parents(folder)) if len(f) > len(project)]):
        ignore = ignore.entering(os.path.dirname(part), IGNORE_FILES)
        if _DEFAULT_PATTERNS.matches(part) or ignore.ignores(part, is_folder=True):
            return True
    return False


def import_roots(folder: str, extra: Collection[str]) -> tuple[str, ...]:
    """Where Python would look for the project's modules: its folder (the one above where it is itself a package), `src`, and `extra`."""
    base = os.path.dirname(folder) if _is_package(folder) else folder
    inner = os.path.join(base, "src")
    roots = [base, *([inner] if os.path.isdir(inner) and not _is_package(inner) else []), *extra]
    return tuple(dict.fromkeys(roots))


class _ProjectFilter:
    """Leaves out what no project calls its own. The config's `exclude` does not count: what is not reported still defines and calls."""

    def __init__(self, ignore: GitIgnore) -> None:
        self._ignore = ignore

    def entering(self, folder: str, names: Collection[str]) -> _ProjectFilter:
        ignore = self._ignore.entering(folder, names)
        return self if ignore is self._ignore else _ProjectFilter(ignore)

    def skips(self, path: str, is_folder: bool) -> bool:
        return (is_folder and _DEFAULT_PATTERNS.matches(path)) or self._ignore.ignores(path, is_folder)


def project_files(folder: str, marked: bool, extra_roots: Collection[str]) -> tuple[str, ...]:
    """The project's Python files, sorted. Without a mark and in a vast tree, only those directly in its folder and in packages there."""
    try:
        found = set(_files_below(folder, None if marked else _UNMARKED_FOLDERS))
    except TooManyFolders:
        found = set(_files_beside(folder))
    for root in extra_roots:
        found.update(_files_below(root, None))
    return tuple(sorted(found))


def _files_below(folder: str, max_folders: int | None) -> Iterator[str]:
    return walk(folder, _ProjectFilter(ignore_inside(folder)), max_folders)


def _files_beside(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_file() and entry.name.endswith(".py"):
                yield entry.path
            elif entry.is_dir() and _is_package(entry.path):
                yield from _files_below(entry.path, None)
