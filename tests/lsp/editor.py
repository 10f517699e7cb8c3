"""An editor to test the server with: the real process over stdio, a recorded client's capabilities, and buffers that hold what is typed."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cattrs import Converter
from lsprotocol import converters, types
from pygls.protocol import default_converter
from pytest_lsp import LanguageClient
from pytest_lsp.client import DEFAULT_CLIENT_FEATURES, register_lsp_features

PROFILES = Path(__file__).parent / "profiles"
SERVER = (sys.executable, "-m", "nnlint", "server")
PATIENCE = 30.0
RUN_PATIENCE = 180.0  # torch alone takes seconds to import, and more of them on a busy machine


def read_profile(name: str) -> tuple[types.ClientInfo, types.ClientCapabilities]:
    """A recorded client by the name of its file in `profiles/`."""
    recorded = json.loads((PROFILES / f"{name}.json").read_text("utf-8"))
    structure = converters.get_converter().structure
    return structure(recorded["clientInfo"], types.ClientInfo), structure(recorded["capabilities"], types.ClientCapabilities)


@dataclass
class Buffer:
    """A document as the editor shows it."""

    editor: Editor
    uri: str
    text: str
    version: int = 1

    def replace(self, text: str) -> None:
        """Type a wholly other text."""
        self._send(text, [types.TextDocumentContentChangeWholeDocument(text)])

    def edit(self, old: str, new: str) -> None:
        """Replace the one occurrence of `old`, as an incremental change."""
        assert self.text.count(old) == 1, f"{self.text.count(old)} times {old!r}"
        start = self.text.index(old)
        change = types.TextDocumentContentChangePartial(self.range(start, start + len(old)), new)
        self._send(self.text[:start] + new + self.text[start + len(old) :], [change])

    def _send(self, text: str, changes: list[types.TextDocumentContentChangeEvent]) -> None:
        self.text = text
        self.version += 1
        identifier = types.VersionedTextDocumentIdentifier(self.version, self.uri)
        self.editor.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, changes))

    def save(self) -> None:
        self.editor.client.text_document_did_save(types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(self.uri)))

    def close(self) -> None:
        self.editor.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(self.uri)))

    def position(self, offset: int) -> types.Position:
        """Where an offset stands in the session's encoding. Counted here anew, line by line, not by nnlint's own means."""
        before = self.text[: offset - 1 if self.text[max(offset - 1, 0) : offset + 1] == "\r\n" else offset]
        before = before.replace("\r\n", "\n").replace("\r", "\n")
        line = before.rpartition("\n")[2]
        return types.Position(before.count("\n"), self.editor.width(line))

    def range(self, start: int, end: int) -> types.Range:
        return types.Range(self.position(start), self.position(end))

    def range_of(self, part: str) -> types.Range:
        """The range of the one occurrence of a part of the text."""
        assert self.text.count(part) == 1, f"{self.text.count(part)} times {part!r}"
        return self.range(self.text.index(part), self.text.index(part) + len(part))

    def offset(self, position: types.Position) -> int:
        return next(at for at in range(len(self.text) + 1) if self.position(at) == position)

    def text_in(self, range_: types.Range) -> str:
        return self.text[self.offset(range_.start) : self.offset(range_.end)]

    async def diagnostics(self) -> list[types.Diagnostic]:
        """What the editor shows for the text as it is: pulled or pushed, as the server offers."""
        return list(await self.editor.diagnostics(self))

    async def codes(self) -> list[str]:
        return [str(diagnostic.code) for diagnostic in await self.diagnostics()]

    async def actions(
        self, at: types.Range | str, only: Sequence[str] | None = None, trigger: types.CodeActionTriggerKind | None = None
    ) -> list[types.CodeAction]:
        """The code actions at a range, or at the one occurrence of a part of the text."""
        range_ = self.range_of(at) if isinstance(at, str) else at
        context = types.CodeActionContext([], only, trigger)
        params = types.CodeActionParams(types.TextDocumentIdentifier(self.uri), range_, context)
        found = await self.editor.client.text_document_code_action_async(params)
        return [action for action in found or [] if isinstance(action, types.CodeAction)]

    async def action(self, at: str, titled: str, **request: Any) -> types.CodeAction:
        """The one action at a part of the text whose title holds these words."""
        actions = await self.actions(at, **request)
        found = [action for action in actions if titled in action.title]
        assert len(found) == 1, [action.title for action in actions]
        return found[0]

    async def fix_all(self, kind: str) -> list[types.CodeAction]:
        """What saving with this kind among the code actions on save asks for."""
        return await self.actions(self.range(0, len(self.text)), [kind], types.CodeActionTriggerKind.Automatic)

    async def apply(self, action: types.CodeAction) -> None:
        """Do what an action says, in this buffer and any other that is open."""
        if action.edit is None and action.command is None:
            action = await self.editor.client.code_action_resolve_async(action)
        assert action.edit is not None
        self.editor.apply(action.edit)

    async def lenses(self) -> list[types.CodeLens]:
        """What stands over the lines of the text."""
        params = types.CodeLensParams(types.TextDocumentIdentifier(self.uri))
        return list(await self.editor.client.text_document_code_lens_async(params) or [])

    async def hover(self, at: str) -> types.Hover | None:
        position = self.position(self.text.index(at))
        return await self.editor.client.text_document_hover_async(types.HoverParams(types.TextDocumentIdentifier(self.uri), position))


@dataclass
class Editor:
    """One client connected to one server process."""

    client: LanguageClient
    folder: Path
    capabilities: types.ServerCapabilities = field(default_factory=types.ServerCapabilities)
    published: list[types.PublishDiagnosticsParams] = field(default_factory=list)
    registrations: list[types.Registration] = field(default_factory=list)
    refreshes: int = 0
    lens_refreshes: int = 0
    buffers: dict[str, Buffer] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def pulls(self) -> bool:
        return self.capabilities.diagnostic_provider is not None

    @property
    def exit_status(self) -> int | None:
        assert self.client._server is not None
        return self.client._server.returncode

    @property
    def pid(self) -> int:
        assert self.client._server is not None
        return self.client._server.pid

    def width(self, text: str) -> int:
        """How many units of the session's encoding a text takes."""
        encoding = self.capabilities.position_encoding or "utf-16"
        unit = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
        return len(text.encode(f"{encoding}-le" if unit > 1 else encoding, "surrogatepass")) // unit

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def write(self, name: str, text: str) -> Path:
        """Write a file of the folder, as another program would."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8"))
        return path

    def open(self, text: str, name: str = "model.py", *, uri: str | None = None, language: str = "python") -> Buffer:
        """Open a buffer, of a file in the folder or of another address."""
        buffer = Buffer(self, uri or self.uri(name), text)
        self.buffers[buffer.uri] = buffer
        item = types.TextDocumentItem(buffer.uri, language, buffer.version, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return buffer

    async def diagnostics(self, buffer: Buffer) -> Sequence[types.Diagnostic]:
        if self.pulls:
            report = await self.pull(buffer.uri)
            assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
            return report.items
        version = buffer.version
        return (await self.wait_for_push(buffer.uri, lambda params: params.version == version)).diagnostics

    async def pull(self, uri: str, previous: str | None = None) -> types.DocumentDiagnosticReport:
        params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri), previous_result_id=previous)
        return await self.client.text_document_diagnostic_async(params)

    async def wait_for_push(self, uri: str, fits: Callable[[types.PublishDiagnosticsParams], bool]) -> types.PublishDiagnosticsParams:
        """The last that was published for an address, once it fits."""

        def found() -> types.PublishDiagnosticsParams | None:
            last = next((params for params in reversed(self.published) if params.uri == uri), None)
            return last if last is not None and fits(last) else None

        await self.wait_until(lambda: found() is not None)
        params = found()
        assert params is not None
        return params

    async def wait_until(self, holds: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Wait for something that the server says to make this true."""
        async with asyncio.timeout(patience):
            while not holds():
                self._news.clear()
                await self._news.wait()

    def apply(self, edit: types.WorkspaceEdit) -> None:
        """Make a workspace edit, as strictly as the protocol allows: right versions, no overlaps, open documents and new files only."""
        by_uri: dict[str, list[types.TextEdit]] = {uri: list(edits) for uri, edits in (edit.changes or {}).items()}
        for change in edit.document_changes or []:
            if isinstance(change, types.CreateFile):
                assert change.uri not in self.buffers
                self.open("", uri=change.uri)
                continue
            assert isinstance(change, types.TextDocumentEdit)
            assert change.text_document.version in (None, self.buffers[change.text_document.uri].version)
            by_uri[change.text_document.uri] = [e for e in change.edits if isinstance(e, types.TextEdit | types.AnnotatedTextEdit)]
        for uri, edits in by_uri.items():
            buffer = self.buffers[uri]
            buffer.replace(apply_text_edits(buffer, edits))

    async def execute(self, command: str, *arguments: Any) -> Any:
        return await self.client.workspace_execute_command_async(types.ExecuteCommandParams(command, list(arguments)))

    def take_messages(self) -> list[str]:
        """What has popped up in front of the person since this was last asked."""
        taken, self.client.messages[:] = [message.message for message in self.client.messages], []
        return taken

    async def ending(self, number: int = 1) -> str:
        """The last word of this work of those that showed a progress, once it is done."""
        progress = self.client.progress_reports

        def ended() -> types.WorkDoneProgressEnd | None:
            news = [*progress.values()][number - 1][-1:] if len(progress) >= number else []
            return news[0] if news and isinstance(news[0], types.WorkDoneProgressEnd) else None

        await self.wait_until(lambda: ended() is not None, RUN_PATIENCE)
        end = ended()
        assert end is not None
        return end.message or ""

    async def settle(self) -> None:
        """Return when the server has dealt with everything sent so far."""
        await self.execute("nnlint.printDebugInformation")


def apply_text_edits(buffer: Buffer, edits: Sequence[types.TextEdit]) -> str:
    """The buffer's text after edits, none of which may overlap."""
    text, end = buffer.text, len(buffer.text) + 1
    for edit in sorted(edits, key=lambda edit: buffer.offset(edit.range.start), reverse=True):
        start, stop = buffer.offset(edit.range.start), buffer.offset(edit.range.end)
        assert stop <= end, "edits overlap"
        text, end = text[:start] + edit.new_text + text[stop:], start
    return text


async def start_editor(
    profile: str,
    folder: Path,
    *,
    options: Any = None,
    settings: Any = None,
    folders: Sequence[Path] | None = None,
    encodings: Sequence[types.PositionEncodingKind] | None = None,
    experimental: Any = None,
    server: Sequence[str] = SERVER,
) -> Editor:
    """Start a server and introduce a client to it.

    `folders` are those open in the client, the test's folder if nothing is said; `encodings` and `experimental` go in place
    of the profile's.
    """
    info, capabilities = read_profile(profile)
    if encodings is not None and capabilities.general is not None:
        capabilities.general.position_encodings = encodings
    capabilities.experimental = experimental
    client = LanguageClient(converter_factory=_converter)
    editor = Editor(client, folder)
    _listen(editor)
    if settings is not None:
        client.set_configuration({"nnlint": settings})
    await client.start_io(*server, cwd=str(folder))
    roots = [folder] if folders is None else folders
    result = await client.initialize_session(
        types.InitializeParams(
            capabilities,
            client_info=info,
            root_uri=roots[0].as_uri() if roots else None,
            workspace_folders=[types.WorkspaceFolder(root.as_uri(), root.name) for root in roots],
            initialization_options=options,
        )
    )
    editor.capabilities = result.capabilities
    return editor


async def stop_editor(editor: Editor) -> None:
    if editor.exit_status is None:
        await asyncio.wait_for(editor.client.shutdown_session(), PATIENCE)
    await editor.client.stop()


def _converter() -> Converter:
    """pygls's converter, which would take an action that has a command for a bare command."""
    converter = default_converter()

    def structure(value: Any, _: Any) -> types.Command | types.CodeAction:
        is_command = isinstance(value.get("command"), str)
        return converter.structure(value, types.Command if is_command else types.CodeAction)

    converter.register_structure_hook(types.Command | types.CodeAction, structure)
    return converter


def _listen(editor: Editor) -> None:
    def publish(client: LanguageClient, params: types.PublishDiagnosticsParams) -> None:
        editor.published.append(params)
        editor._news.set()

    def refresh(client: LanguageClient, params: None) -> None:
        editor.refreshes += 1
        editor._news.set()

    def refresh_lenses(client: LanguageClient, params: None) -> None:
        editor.lens_refreshes += 1
        editor._news.set()

    def announced(method: str) -> Callable[[LanguageClient, Any], Any]:
        """What pytest-lsp does with a message, and waking who waits for it."""
        keep = DEFAULT_CLIENT_FEATURES[method]

        def handle(client: LanguageClient, params: Any) -> Any:
            result = keep(client, params)
            editor._news.set()
            return result

        return handle

    def register(client: LanguageClient, params: types.RegistrationParams) -> None:
        editor.registrations += params.registrations
        editor._news.set()

    own = {
        types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS: publish,
        types.WORKSPACE_DIAGNOSTIC_REFRESH: refresh,
        types.WORKSPACE_CODE_LENS_REFRESH: refresh_lenses,
        types.CLIENT_REGISTER_CAPABILITY: register,
    }
    own |= {method: announced(method) for method in (types.PROGRESS, types.WINDOW_SHOW_MESSAGE, types.WINDOW_LOG_MESSAGE)}
    register_lsp_features(editor.client, {**DEFAULT_CLIENT_FEATURES, **own})
