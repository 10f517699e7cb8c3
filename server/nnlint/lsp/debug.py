"""What a person is asked for who reports that something is wrong."""

from __future__ import annotations

import asyncio
import platform
import sys
from functools import partial
from importlib.metadata import version

from nnlint import __version__
from nnlint.lsp.documents import Document
from nnlint.lsp.projects import Projects
from nnlint.lsp.session import Session

_PATIENCE = 2.0


async def debug_information(session: Session) -> str:
    """Versions, settings and timings as lines of text; no line of the person's code."""
    client = session.client
    lines = [
        f"nnlint {__version__}, pygls {version('pygls')}, lsprotocol {version('lsprotocol')}, libcst {version('libcst')}",
        f"Python {platform.python_version()} at {sys.executable} on {platform.platform()}",
        f"Client: {client.name}; positions in {client.encoding.value}; diagnostics {'pulled' if client.pulls else 'pushed'}",
        f"Folders: {', '.join(session.roots.by_folder) or 'none'}",
        f"Settings: {session.roots.default}",
        *(f"Settings in {folder}: {preferences}" for folder, preferences in session.roots.by_folder.items()),
        f"Engine: {f'checking {session.analyst.busy_with}' if session.analyst.busy_with else 'idle'}",
        f"Deep check: {_deep(session)}",
        f"Open documents: {len(session.documents)}",
    ]
    for document in session.documents:
        lines.append(f"{document.uri} (version {document.version}, {len(document.text)} characters)")
        lines += await _surroundings(session, document)
        lines += _last_check(session, document)
    return "\n".join(lines)


def _deep(session: Session) -> str:
    deep = session.deep
    runs = ", ".join(f"{run.title} {run.state}" for run in deep) or "nothing running"
    trust = "" if deep.is_trusted else "; the workspace is not trusted"
    return f"{runs}; {len(deep.outcomes)} classes run{trust}"


async def _surroundings(session: Session, document: Document) -> list[str]:
    """What the worker knows of a document. It may be the very trouble that it is too busy to say."""
    asked = session.worker.run(partial(_ground, session.projects, document))
    try:
        return await asyncio.wait_for(asked, _PATIENCE)
    except TimeoutError:
        return ["    project and config: no answer, the engine is busy"]


def _ground(projects: Projects, document: Document) -> list[str]:
    ground = projects.ground_of(document.path)
    lines = [
        f"    project: {ground.project.folder or 'none'} ({len(ground.project.files)} Python files)",
        f"    import roots: {', '.join(ground.project.import_roots) or 'none'}",
        f"    config: {ground.config.config.path or 'built in'}{'' if projects.is_checked(document.path) else '; not checked'}",
    ]
    return lines if ground.error is None else [*lines, f"    config error: {ground.error}"]


def _last_check(session: Session, document: Document) -> list[str]:
    analysis = session.analyst.last(document.uri)
    if analysis is None:
        return ["    not checked since the last change"]
    kind = "first answer" if analysis.is_provisional else "last check"
    return [f"    {kind}: {len(analysis.findings)} findings in {analysis.seconds * 1000:.0f} ms"]
