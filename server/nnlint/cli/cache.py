"""Remembers what was found in a project, as long as nothing that the engine could have read is different."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from nnlint import __version__
from nnlint.engine import CheckResult
from nnlint.findings import Applicability, FileEdit, Finding, Fix, Related, Severity
from nnlint.settings import Settings
from nnlint.text import Edit, Span
from nnlint.workspace import DiskSources

# All that is ever written lies in this folder of the cache, so that cleaning cannot take what is not ours.
_FOLDER = "findings-1"
_UNUSED_DAYS = 30


def default_folder() -> str:
    """The person's cache folder, or what `NNLINT_CACHE_DIR` names."""
    named = os.environ.get("NNLINT_CACHE_DIR")
    if named:
        return named
    import platformdirs

    return platformdirs.user_cache_dir("nnlint", appauthor=False)


class Cache:
    """One entry a project and list of files, replaced when they change. A cache that fails in any way is as good as none."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder, _FOLDER)

    def load(self, entry: str, key: str) -> CheckResult | None:
        """The result that was stored under this key; `None` where there is none."""
        file = self._file(entry)
        try:
            stored = json.loads(file.read_bytes())
            if stored["key"] != key:
                return None
            result = CheckResult([_finding(item) for item in stored["findings"]], left_out=int(stored["left_out"]))
            os.utime(file)
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return result

    def store(self, entry: str, key: str, result: CheckResult) -> None:
        data = json.dumps({"key": key, "findings": [_item(finding) for finding in result.findings], "left_out": result.left_out}).encode(
            "ascii"
        )
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / ".gitignore").write_text("*\n", "ascii")
            handle, temporary = tempfile.mkstemp(dir=self._folder)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(temporary, self._file(entry))
            self._prune()

    def clear(self) -> bool:
        """Removes all entries; says whether there were any. Raises `OSError`."""
        existed = self._folder.is_dir()
        if existed:
            shutil.rmtree(self._folder)
            with contextlib.suppress(OSError):
                self._folder.parent.rmdir()
        return existed

    def _file(self, entry: str) -> Path:
        return self._folder / f"{entry}.json"

    def _prune(self) -> None:
        oldest = time.time() - _UNUSED_DAYS * 24 * 3600
        for file in self._folder.iterdir():
            if file.stat().st_mtime < oldest and file.name != ".gitignore":
                file.unlink()


def entry_name(project: str, paths: Sequence[str]) -> str:
    return _digest([project, *paths])


def content_key(sources: DiskSources, paths: Sequence[str], settings_for: Callable[[str], Settings]) -> str:
    """Everything that the findings on `paths` depend on: nnlint itself, the settings, the import roots and every text of the project."""
    parts = [__version__, _own_code(), sys.version, *sources.import_roots]
    parts += [f"{path}\0{_settings_words(settings_for(path))}" for path in paths]
    for path in sources.paths():
        text = sources.text(path)
        parts += [path, f"problem {sources.problem(path)}" if text is None else f"text {text}"]
    return _digest(parts)


def _own_code() -> str:
    """What tells two states of nnlint with one version apart, as when it is being worked on."""
    package = Path(__file__).parent.parent
    files = sorted(package.rglob("*.py"))
    return _digest(f"{file}\0{status.st_mtime_ns}\0{status.st_size}" for file in files if (status := file.stat()))


def _settings_words(settings: Settings) -> str:
    fixable = None if settings.fixable is None else sorted(settings.fixable)
    sets = [sorted(codes) for codes in (settings.enabled, settings.safe_fixes, settings.unsafe_fixes, settings.unfixable)]
    return json.dumps([sets, fixable, sorted(settings.severities.items())])


def _digest(parts: Iterable[str]) -> str:
    digest = hashlib.blake2b(digest_size=20)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def _item(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "name": finding.name,
        "message": finding.message,
        "path": finding.path,
        "span": _pair(finding.span),
        "severity": int(finding.severity),
        "cell": finding.cell,
        "fixes": [
            [fix.message, fix.applicability.value, [[edit.path, _pair(edit.edit.span), edit.edit.content] for edit in fix.edits]]
            for fix in finding.fixes
        ],
        "related": [[related.path, _pair(related.span), related.message] for related in finding.related],
    }


def _finding(item: Any) -> Finding:
    return Finding(
        code=item["code"],
        name=item["name"],
        message=item["message"],
        path=item["path"],
        span=Span(*item["span"]),
        severity=Severity(item["severity"]),
        cell=item["cell"],
        fixes=tuple(
            Fix(message, Applicability(grade), tuple(FileEdit(Edit(Span(*span), content), path) for path, span, content in edits))
            for message, grade, edits in item["fixes"]
        ),
        related=tuple(Related(path, Span(*span), message) for path, span, message in item["related"]),
    )


def _pair(span: Span) -> list[int]:
    return [span.start, span.end]
