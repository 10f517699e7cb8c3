"""What git ignores: `.gitignore` and `.ignore` files from the repository's top down, and `.git/info/exclude`.

A person's global excludes are not read: what is checked may not depend on whose machine it is.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

# In the order in which they speak; the later overrides the earlier.
IGNORE_FILES = (".gitignore", ".ignore")


@dataclass(frozen=True, slots=True)
class GitIgnore:
    """The ignore files that reach a folder: `spec` of one folder, then those above it. `spec is None` where that folder has none."""

    folder: str
    spec: GitIgnoreSpec | None = None
    above: GitIgnore | None = None

    @classmethod
    def outside(cls, folder: str) -> GitIgnore:
        """What reaches `folder` from above it in its repository; nothing where it is in none. Its own files are `entering`'s to read."""
        chain = [folder]
        while not os.path.exists(os.path.join(chain[-1], ".git")):
            parent = os.path.dirname(chain[-1])
            if parent == chain[-1]:
                return cls(folder)
            chain.append(parent)
        ignore = cls(chain[-1], _read_specs(chain[-1], (os.path.join(".git", "info", "exclude"),)))
        for below in reversed(chain[1:]):
            ignore = ignore.entering(below, IGNORE_FILES)
        return ignore

    def entering(self, folder: str, names: Collection[str]) -> GitIgnore:
        """The ignore files that reach the entries of `folder`, of which `names` are some."""
        spec = _read_specs(folder, [name for name in IGNORE_FILES if name in names])
        return self if spec is None else GitIgnore(folder, spec, self)

    def ignores(self, path: str, is_folder: bool) -> bool:
        """Whether git ignores the path, given that it does not ignore the folder that holds it."""
        at: GitIgnore | None = self
        while at is not None:
            if at.spec is not None:
                relative = os.path.relpath(path, at.folder) if os.sep != "/" else path[len(at.folder.rstrip("/")) + 1 :]
                verdict = at.spec.check_file(relative.replace(os.sep, "/") + ("/" if is_folder else "")).include
                if verdict is not None:
                    return verdict
            at = at.above
        return False

    def ignores_any_part(self, path: str) -> bool:
        """Whether git ignores the folder `path` or one that holds it."""
        at: GitIgnore | None = self
        while at is not None:
            if len(at.folder) >= len(path):
                at = at.above
            elif at.ignores(path, is_folder=True):
                return True
            else:
                path = os.path.dirname(path)
        return False


def ignore_inside(folder: str) -> GitIgnore:
    """What is ignored in a folder that a person named: where the folder itself is ignored, only what its own files say."""
    ignore = GitIgnore.outside(folder)
    return GitIgnore(folder) if ignore.ignores_any_part(folder) else ignore


def _read_specs(folder: str, names: Collection[str]) -> GitIgnoreSpec | None:
    lines: list[str] = []
    for name in names:
        try:
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                lines += file.read().splitlines()
        except OSError:
            continue
    if not any(line.strip() for line in lines):
        return None
    # A slow import that a tree without ignore files does not need.
    from pathspec import GitIgnoreSpec

    return _compile(GitIgnoreSpec, lines)


def _compile(spec_type: type[GitIgnoreSpec], lines: list[str]) -> GitIgnoreSpec:
    """The spec of the lines that are patterns; as git does, a line that is none is passed over."""
    try:
        return spec_type.from_lines(lines)
    except ValueError:
        return spec_type.from_lines([line for line in lines if _is_pattern(spec_type, line)])


def _is_pattern(spec_type: type[GitIgnoreSpec], line: str) -> bool:
    try:
        spec_type.from_lines([line])
    except ValueError:
        return False
    return True
