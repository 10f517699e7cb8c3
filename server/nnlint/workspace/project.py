"""Where a project begins and which files are in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from nnlint.workspace.gitignore import IGNORE_FILES, GitIgnore, ignore_inside
from nnlint.workspace.globs import PathPatterns
from nnlint.workspace.walk import DEFAULT_EXCLUDES, TooManyFolders, walk

_MARKS = ("pyproject.toml", ".git")
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


class ProjectFinder:
    """Finds the projects of folders, and remembers what it has looked at."""

    def __init__(self, named: Collection[str], config_file: Callable[[str], str | None]) -> None:
        """`config_file` gives the config file that holds in a folder."""
        self._named = frozenset(named)
        self._config_file = config_file
        self._found: dict[str, tuple[str, bool]] = {}
        self._marked: dict[str, str | None] = {}
        self._ignores: dict[tuple[str, str], GitIgnore | None] = {}

    def project_folder(self, folder: str) -> tuple[str, bool]:
        """The project's folder for files in `folder`, and whether it was marked or named as such.

        It is the folder of the nearest config, else of the nearest `pyproject.toml` or `.git`, else the outermost of the named
        folders that holds it, else `folder`; the last two widened to the whole of a package. A project does not reach into what it
        ignores or what every project excludes (`site-packages`, `node_modules`): a package that lies there is looked at for itself.
        """
        if folder not in self._found:
            self._found[folder] = self._find(folder)
        return self._found[folder]

    def _find(self, folder: str) -> tuple[str, bool]:
        config = self._config_file(folder)
        for found in (config and os.path.dirname(config), self._marked_folder(folder)):
            if found is not None and self._ignore_in(folder, found) is not None:
                return found, True
        holding = [f for f in (folder, *parents(folder)) if f in self._named]
        return topmost_package(holding[-1] if holding else folder), bool(holding)

    def _marked_folder(self, folder: str) -> str | None:
        """The nearest folder with a `pyproject.toml` or `.git`."""
        if folder not in self._marked:
            parent = os.path.dirname(folder)
            is_marked = any(os.path.exists(os.path.join(folder, name)) for name in _MARKS)
            self._marked[folder] = folder if is_marked else None if parent == folder else self._marked_folder(parent)
        return self._marked[folder]

    def _ignore_in(self, folder: str, project: str) -> GitIgnore | None:
        """What git ignores in a folder of the project; `None` where the project leaves the folder itself out."""
        if (folder, project) not in self._ignores:
            self._ignores[folder, project] = self._look_up_ignore(folder, project)
        return self._ignores[folder, project]

    def _look_up_ignore(self, folder: str, project: str) -> GitIgnore | None:
        if folder == project:
            return ignore_inside(project).entering(project, IGNORE_FILES)
        above = self._ignore_in(os.path.dirname(folder), project)
        if above is None or _DEFAULT_PATTERNS.matches(folder) or above.ignores(folder, is_folder=True):
            return None
        return above.entering(folder, IGNORE_FILES)


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
