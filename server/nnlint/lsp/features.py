"""What the server answers to: each handler a few lines between the protocol and the session."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcContentModified, JsonRpcInvalidParams

from nnlint.deep.worker.messages import CHECK, RECIPE
from nnlint.lsp.actions import QUICK_FIX, REWRITE, SHOW_DOCUMENTATION, action_of, find_offer, is_light_bulb, kinds, offers
from nnlint.lsp.analyst import Urgency
from nnlint.lsp.debug import debug_information
from nnlint.lsp.deep.arguments import asked_for
from nnlint.lsp.deep.lens import CANCEL_DEEP_CHECK, DEEP_CHECK, DEEP_RECIPE
from nnlint.lsp.hover import hover_of_class, hover_of_findings, hover_of_suppression
from nnlint.lsp.language_server import Server
from nnlint.rule_url import rule_url

log = logging.getLogger(__name__)

PRINT_DEBUG_INFORMATION = "nnlint.printDebugInformation"
SHOW_GRAPH = "nnlint.showGraph"
DID_GRANT_TRUST = "nnlint/didGrantTrust"

_WATCHED = ("**/*.py", "**/nnlint.toml", "**/pyproject.toml")


def initialize(ls: Server, params: types.InitializeParams) -> None:
    ls.begin(params)
    if ls.session.client.pulls:
        options = types.DiagnosticOptions(inter_file_dependencies=True, workspace_diagnostics=False, identifier="nnlint")
        ls.feature(types.TEXT_DOCUMENT_DIAGNOSTIC, options)(pull_diagnostics)


def initialized(ls: Server, params: types.InitializedParams) -> None:
    client = ls.session.client
    registrations = []
    if client.watches_files:
        watchers = [types.FileSystemWatcher(pattern) for pattern in _WATCHED]
        options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
        registrations.append(types.Registration("nnlint-files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options))
    if client.registers_settings:
        section = types.DidChangeConfigurationRegistrationOptions("nnlint")
        registrations.append(types.Registration("nnlint-settings", types.WORKSPACE_DID_CHANGE_CONFIGURATION, section))
    if registrations:
        ls.client_register_capability(types.RegistrationParams(registrations))
    ls.session.start()


def shutdown(ls: Server, params: None) -> None:
    ls.exit_status = 0
    ls.session.stop()


def did_open(ls: Server, params: types.DidOpenTextDocumentParams) -> None:
    ls.session.open(params.text_document)


def did_change(ls: Server, params: types.DidChangeTextDocumentParams) -> None:
    ls.session.change(params)


def did_save(ls: Server, params: types.DidSaveTextDocumentParams) -> None:
    ls.session.save(params.text_document.uri)


def did_close(ls: Server, params: types.DidCloseTextDocumentParams) -> None:
    ls.session.close(params.text_document.uri)


def did_open_notebook(ls: Server, params: types.DidOpenNotebookDocumentParams) -> None:
    ls.session.open_notebook(params)


def did_change_notebook(ls: Server, params: types.DidChangeNotebookDocumentParams) -> None:
    ls.session.change_notebook(params)


def did_close_notebook(ls: Server, params: types.DidCloseNotebookDocumentParams) -> None:
    ls.session.close(params.notebook_document.uri)


def did_change_watched_files(ls: Server, params: types.DidChangeWatchedFilesParams) -> None:
    ls.session.files_changed(params.changes)


def did_change_configuration(ls: Server, params: types.DidChangeConfigurationParams) -> None:
    ls.session.settings_changed(params.settings)


def did_change_workspace_folders(ls: Server, params: types.DidChangeWorkspaceFoldersParams) -> None:
    ls.session.settings_changed()


async def pull_diagnostics(ls: Server, params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
    return await ls.session.publisher.pull(params.text_document.uri, params.previous_result_id)


async def hover(ls: Server, params: types.HoverParams) -> types.Hover | None:
    session = ls.session
    analyzed = await session.analyzed(params.text_document.uri, Urgency.TYPED)
    if analyzed is None:
        return None
    analysis, document = analyzed
    at, outcomes, client = params.position, session.deep.outcomes, session.client
    found = hover_of_findings(document, at, analysis, outcomes, client)
    return found or hover_of_suppression(document, at, client) or hover_of_class(document, at, outcomes, client)


async def code_action(ls: Server, params: types.CodeActionParams) -> list[types.CodeAction] | None:
    session, uri = ls.session, params.text_document.uri
    if not session.client.takes_code_actions:
        return None
    analyzed = await session.analyzed(uri, Urgency.AFFECTED if is_light_bulb(params.context) else Urgency.ASKED)
    if analyzed is None:
        return None
    analysis, document = analyzed
    confirms = session.preferences_for(analysis.target).confirm_unsafe_fixes
    actions = []
    for offer in offers(analysis, document, params.context, params.range, session.client):
        action = action_of(offer, analysis, session.client, confirms)
        if action.edit is not None and offer.kind in (QUICK_FIX, REWRITE) and session.client.resolves_edits:
            action.edit, action.data = None, {"uri": uri, "version": document.version, "key": offer.key}
        actions.append(action)
    return actions


async def resolve_code_action(ls: Server, action: types.CodeAction) -> types.CodeAction:
    """The edit of an action that was offered, if it is still what was looked at."""
    session, data = ls.session, action.data
    if not isinstance(data, dict):
        return action
    analyzed = await session.analyzed(data["uri"], Urgency.ASKED)
    if analyzed is None or analyzed[1].version != data["version"]:
        raise JsonRpcContentModified("the text has changed since this action was offered; ask for it again")
    analysis, _ = analyzed
    offer = find_offer(data["key"], analysis, session.client)
    if offer is not None:
        confirms = session.preferences_for(analysis.target).confirm_unsafe_fixes
        action.edit = action_of(offer, analysis, session.client, confirms).edit
    return action


async def code_lens(ls: Server, params: types.CodeLensParams) -> list[types.CodeLens]:
    return await ls.session.lenses(params.text_document.uri)


def did_grant_trust(ls: Server, params: Any) -> None:
    ls.session.grant_trust()


def cancel_progress(ls: Server, params: types.WorkDoneProgressCancelParams) -> None:
    ls.session.deep.cancel_token(params.token)


def deep_check(ls: Server, *arguments: Any) -> dict[str, object]:
    """Run the model of a class, to confirm or refute what was found in it. Answered at once: the run has a progress of its own.

    The arguments are a document's address and a class's name, or `{"uri": …, "className": …, "position": …, "python": …}`.
    """
    return ls.session.start_run(CHECK, asked_for(DEEP_CHECK, arguments))


def deep_recipe(ls: Server, *arguments: Any) -> dict[str, object]:
    """Run the training recipe on the model of a class; arguments and answer are those of `deep_check`."""
    return ls.session.start_run(RECIPE, asked_for(DEEP_RECIPE, arguments))


def cancel_deep_check(ls: Server, *arguments: Any) -> dict[str, object]:
    """End the run of a class, or without arguments all runs."""
    return ls.session.cancel_run(asked_for(CANCEL_DEEP_CHECK, arguments) if arguments else None)


async def print_debug_information(ls: Server, *arguments: Any) -> str:
    """What a person is asked for who reports that something is wrong; needs no arguments."""
    text = await debug_information(ls.session)
    log.info("%s", text)
    return text


async def show_graph(ls: Server, *arguments: Any) -> str:
    """The dataflow graph of a class's `forward()`, with what is known of the values in it.

    The arguments are a document's address and a class's name, or `{"uri": …, "position": …}` for the class at a position.
    """
    match arguments:
        case (str(uri), str(class_name)):
            return await ls.session.graph(uri, class_name)
        case ({"uri": str(uri), "position": {"line": int(line)}},):
            return await ls.session.graph_at(uri, line)
        case _:
            raise JsonRpcInvalidParams(f'{SHOW_GRAPH} takes a document and a class name, or {{"uri": …, "position": …}}')


async def show_documentation(ls: Server, code: str) -> None:
    """Open a rule's page in the client."""
    url = rule_url(code)
    if url is not None and ls.session.client.opens_documents:
        await ls.window_show_document_async(types.ShowDocumentParams(url, take_focus=True))


_FEATURES: dict[str, Callable[..., Any]] = {
    types.INITIALIZE: initialize,
    types.INITIALIZED: initialized,
    types.SHUTDOWN: shutdown,
    types.TEXT_DOCUMENT_DID_OPEN: did_open,
    types.TEXT_DOCUMENT_DID_CHANGE: did_change,
    types.TEXT_DOCUMENT_DID_SAVE: did_save,
    types.TEXT_DOCUMENT_DID_CLOSE: did_close,
    types.NOTEBOOK_DOCUMENT_DID_OPEN: did_open_notebook,
    types.NOTEBOOK_DOCUMENT_DID_CHANGE: did_change_notebook,
    types.NOTEBOOK_DOCUMENT_DID_CLOSE: did_close_notebook,
    types.WORKSPACE_DID_CHANGE_WATCHED_FILES: did_change_watched_files,
    types.WORKSPACE_DID_CHANGE_CONFIGURATION: did_change_configuration,
    types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: did_change_workspace_folders,
    types.TEXT_DOCUMENT_HOVER: hover,
    types.WINDOW_WORK_DONE_PROGRESS_CANCEL: cancel_progress,
    DID_GRANT_TRUST: did_grant_trust,
    types.CODE_ACTION_RESOLVE: resolve_code_action,
}
_COMMANDS: dict[str, Callable[..., Any]] = {
    PRINT_DEBUG_INFORMATION: print_debug_information,
    SHOW_GRAPH: show_graph,
    DEEP_CHECK: deep_check,
    DEEP_RECIPE: deep_recipe,
    CANCEL_DEEP_CHECK: cancel_deep_check,
    SHOW_DOCUMENTATION: show_documentation,
}


def register(server: Server) -> None:
    """Make a server answer."""
    for method, handler in _FEATURES.items():
        server.feature(method)(handler)
    server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(kinds(), resolve_provider=True))(code_action)
    server.feature(types.TEXT_DOCUMENT_CODE_LENS, types.CodeLensOptions(resolve_provider=False))(code_lens)
    for name, command in _COMMANDS.items():
        server.command(name)(command)
