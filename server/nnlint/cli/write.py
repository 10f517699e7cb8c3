"""Writes fixed files: all or none, each in one step, keeping encoding, byte-order mark, line ends and mode."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Mapping

from nnlint.cli.errors import UsageMistake
from nnlint.workspace import DiskSources

Names = Callable[[str], str]


def write_fixed(texts: Iterable[tuple[DiskSources, Mapping[str, str]]], name: Names) -> None:
    """Replaces files by their fixed texts. Raises `UsageMistake`, before anything is written, where one cannot be written safely."""
    contents = {path: _content(path, text, disk, name(path)) for disk, fixed in texts for path, text in sorted(fixed.items())}
    for path, data in contents.items():
        try:
            _replace(path, data)
        except OSError as error:
            raise UsageMistake(f"{name(path)}: the fixed file cannot be written: {error.strerror or error}") from None


def _content(path: str, text: str, sources: DiskSources, name: str) -> bytes:
    """The bytes of a fixed file, once it is sure that they may replace what is there."""
    source = sources.source(path)
    if source is None:
        raise UsageMistake(f"{name}: nothing was fixed, as the file cannot be read")
    try:
        with open(path, "rb") as file:
            now = file.read()
        mode = os.stat(path).st_mode
    except OSError as error:
        raise UsageMistake(f"{name}: nothing was fixed, as the file can no longer be read: {error.strerror or error}") from None
    if not mode & stat.S_IWUSR or not os.access(path, os.W_OK):
        raise UsageMistake(f"{name}: nothing was fixed, as the file is read-only")
    try:
        before, after = source.encode(source.text), source.encode(text)
    except UnicodeEncodeError as error:
        raise UsageMistake(f"{name}: nothing was fixed, as {source.encoding} cannot hold the fixed text: {error.reason}") from None
    if before != now:
        raise UsageMistake(f"{name}: nothing was fixed, as the file was changed while it was being checked; run again")
    return after


def _replace(path: str, data: bytes) -> None:
    """One step: whoever reads the file, or pulls the plug, finds the old or the new text whole. A link stays a link."""
    target = os.path.realpath(path)
    handle, temporary = tempfile.mkstemp(prefix=".nnlint-", dir=os.path.dirname(target))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(target, temporary)
        _keep_owner(target, temporary)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _keep_owner(target: str, temporary: str) -> None:
    """Where the person may: else the file belongs to who runs this, as after any edit."""
    if not hasattr(os, "chown"):
        return
    status = os.stat(target)
    with contextlib.suppress(OSError):
        os.chown(temporary, status.st_uid, status.st_gid)
