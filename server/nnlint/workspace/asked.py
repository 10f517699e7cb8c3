"""Which files are checked where a folder is named: those that neither the config nor git leaves out."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import pairwise

from nnlint.workspace.gitignore import IGNORE_FILES, GitIgnore, ignore_inside
from nnlint.workspace.globs import PathPatterns
from nnlint.workspace.project import parents
from nnlint.workspace.walk import walk

ExcludesIn = Callable[[str], PathPatterns]


class _AskedFilter:
    """Each folder's own config says what is left out of it; `ignore is None` where git is not asked."""

    def __init__(self, excludes_in: ExcludesIn, ignore: GitIgnore | None, excludes: PathPatterns) -> None:
        self._excludes_in = excludes_in
        self._ignore = ignore
        self._excludes = excludes

    def entering(self, folder: str, names: Collection[str]) -> _AskedFilter:
        ignore = self._ignore and self._ignore.entering(folder, names)
        return _AskedFilter(self._excludes_in, ignore, self._excludes_in(folder))

    def skips(self, path: str, is_folder: bool) -> bool:
        return self._excludes.matches(path) or (self._ignore is not None and self._ignore.ignores(path, is_folder))


def files_to_check(folder: str, excludes_in: ExcludesIn, respect_gitignore: bool) -> list[str]:
    """The Python files below a named folder, sorted. That the folder itself is excluded does not matter: it was named."""
    ignore = ignore_inside(folder) if respect_gitignore else None
    return sorted(walk(folder, _AskedFilter(excludes_in, ignore, excludes_in(folder))))


def is_left_out(path: str, excludes_in: ExcludesIn, respect_gitignore: bool) -> bool:
    """Whether a file would not be checked if only a folder far above it were named."""
    upward = [path, *parents(path)]
    if any(excludes_in(folder).matches(part) for part, folder in pairwise(upward)):
        return True
    if not respect_gitignore:
        return False
    ignore = GitIgnore.outside(upward[1]).entering(upward[1], IGNORE_FILES)
    return ignore.ignores(path, is_folder=False) or ignore.ignores_any_part(upward[1])
