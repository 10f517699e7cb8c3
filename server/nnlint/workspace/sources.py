"""The texts of a project, as the engine asks for them: from the disk, and with open buffers laid over it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nnlint.workspace.decoding import SourceText, read_source
from nnlint.workspace.errors import UnreadableSource


@dataclass(frozen=True, slots=True)
class _Read:
    """What reading a file gave, and the state of the file just before."""

    stamp: tuple[int, int, int] | None
    source: SourceText | None
    problem: str | None = None


class DiskSources:
    """The Python files of a project on disk. A snapshot: a file is read when it is first asked for, and then stays as it was."""

    def __init__(self, import_roots: Sequence[str], paths: Iterable[str]) -> None:
        self._import_roots = tuple(import_roots)
        self._known = frozenset(paths)
        self._paths = tuple(sorted(self._known))
        self._reads: dict[str, _Read] = {}

    @property
    def import_roots(self) -> Sequence[str]:
        return self._import_roots

    def paths(self) -> Sequence[str]:
        return self._paths

    def __contains__(self, path: str) -> bool:
        return path in self._known

    def text(self, path: str) -> str | None:
        source = self.source(path)
        return None if source is None else source.text

    def source(self, path: str) -> SourceText | None:
        """The file's text with its encoding; `None` where there is no such readable file in the project."""
        return self._read(path).source if path in self._known else None

    def problem(self, path: str) -> str | None:
        """Why a file of the project cannot be read; `None` where it can."""
        return self._read(path).problem if path in self._known else None

    def read_all(self) -> None:
        """Makes the snapshot one of this moment."""
        for path in self._paths:
            self._read(path)

    def refreshed(self, import_roots: Sequence[str], paths: Iterable[str]) -> DiskSources:
        """A new snapshot of the disk as it is now, with these files. Texts whose files did not change are taken over."""
        fresh = DiskSources(import_roots, paths)
        kept = fresh._known & self._reads.keys()
        fresh._reads = {path: self._reads[path] for path in kept if self._reads[path].stamp == _stamp(path)}
        return fresh

    def _read(self, path: str) -> _Read:
        read = self._reads.get(path)
        if read is None:
            stamp = _stamp(path)
            try:
                read = _Read(stamp, read_source(path))
            except UnreadableSource as error:
                read = _Read(stamp, None, str(error))
            # Two threads may read at once; all see what was stored first.
            read = self._reads.setdefault(path, read)
        return read


def _stamp(path: str) -> tuple[int, int, int] | None:
    """What changes when a file is written; `None` where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


class OverlaySources:
    """Sources with some texts replaced or added: open buffers, standard input, files that are being fixed. Immutable as well."""

    def __init__(self, below: DiskSources | OverlaySources, texts: Mapping[str, str], problems: Mapping[str, str] | None = None) -> None:
        """`problems` are the texts that came but cannot be read, each with the reason."""
        self._below = below
        self._texts = dict(texts)
        self._problems = dict(problems or {})
        added = [path for path in (*self._texts, *self._problems) if path not in below]
        self._paths = tuple(sorted([*below.paths(), *added])) if added else below.paths()

    @property
    def import_roots(self) -> Sequence[str]:
        return self._below.import_roots

    def paths(self) -> Sequence[str]:
        return self._paths

    def __contains__(self, path: str) -> bool:
        return path in self._texts or path in self._problems or path in self._below

    def text(self, path: str) -> str | None:
        if path in self._problems:
            return None
        replaced = self._texts.get(path)
        return self._below.text(path) if replaced is None else replaced

    def problem(self, path: str) -> str | None:
        """Why a file of the project cannot be read; `None` where it can."""
        return None if path in self._texts else self._problems.get(path) or self._below.problem(path)
