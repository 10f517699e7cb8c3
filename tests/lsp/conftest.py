"""Editors that a test can start; each is shut down in order at its end, and none may have been shown a message."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest_asyncio

from tests.lsp.editor import Editor, start_editor, stop_editor

StartEditor = Callable[..., Awaitable[Editor]]


@pytest_asyncio.fixture
async def start(tmp_path: Path) -> AsyncIterator[StartEditor]:
    """Starts editors by the names of their profiles, in the test's folder if no other is named."""
    started: list[Editor] = []

    async def start_one(profile: str = "vscode-1.105", folder: Path = tmp_path, **options: object) -> Editor:
        started.append(await start_editor(profile, folder, **options))
        return started[-1]

    yield start_one
    for editor in started:
        await stop_editor(editor)
        assert [message.message for message in editor.client.messages] == []
