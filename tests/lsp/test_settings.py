"""Which rules run: config files as they change, the editor's settings over them, and folders that each have their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types

from tests.lsp.conftest import StartEditor
from tests.lsp.editor import Editor
from tests.lsp.texts import NET

pytestmark = pytest.mark.asyncio

IGNORE = '[tool.nnlint]\nignore = ["NN501"]\n'
WARN = '[tool.nnlint.severity]\nNN501 = "warning"\n'
BROKEN = '[tool.nnlint]\nignore = ["NN501"\n'
UNKNOWN_KEY = '[tool.nnlint]\nselect = ["ALL"]\nignroe = ["NN501"]\n'
# One that tells the server of changed files, pulls and is refreshed; and one that the server must look for itself and push to.
PROFILES = ["vscode-1.105", "neovim-0.11"]


async def say_that_it_changed(editor: Editor, path: Path) -> None:
    """Tell of a changed file, where the client watches files for the server."""
    watched = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
    if any(registration.method == watched for registration in editor.registrations):
        event = types.FileEvent(path.as_uri(), types.FileChangeType.Changed)
        editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))


async def wait_for_codes(editor: Editor, uri: str, codes: list[str], refreshes: int) -> None:
    """Wait until a document has these diagnostics without anything being typed: after a refresh, or by a push."""
    if editor.pulls:
        await editor.wait_until(lambda: editor.refreshes > refreshes)
        report = await editor.pull(uri)
        assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
        assert [item.code for item in report.items] == codes
    else:
        await editor.wait_for_push(uri, lambda params: [item.code for item in params.diagnostics] == codes)


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_changed_config_holds_at_once(start: StartEditor, profile: str) -> None:
    editor = await start(profile)
    buffer = editor.open(NET)
    assert await buffer.codes() == ["NN501"]
    for text, codes in ((IGNORE, []), ("[tool.nnlint]\n", ["NN501"]), (IGNORE, [])):
        refreshes = editor.refreshes
        await say_that_it_changed(editor, editor.write("pyproject.toml", text))
        await wait_for_codes(editor, buffer.uri, codes, refreshes)


@pytest.mark.parametrize("profile", PROFILES)
async def test_while_a_config_does_not_parse_the_last_good_one_holds_and_the_config_says_so(start: StartEditor, profile: str) -> None:
    editor = await start(profile)
    editor.write("pyproject.toml", WARN)
    config = editor.uri("pyproject.toml")
    buffer = editor.open(NET)
    [found] = await buffer.diagnostics()
    assert found.severity == types.DiagnosticSeverity.Warning

    refreshes = editor.refreshes
    await say_that_it_changed(editor, editor.write("pyproject.toml", BROKEN))
    if editor.pulls:
        await wait_for_codes(editor, buffer.uri, ["NN501"], refreshes)
    [problem] = (await editor.wait_for_push(config, lambda params: bool(params.diagnostics))).diagnostics
    assert problem.severity == types.DiagnosticSeverity.Error
    assert problem.source == "nnlint"
    buffer.edit("import torch.nn as nn\n", "import torch.nn as nn\n\n")
    [found] = await buffer.diagnostics()
    assert found.severity == types.DiagnosticSeverity.Warning

    refreshes = editor.refreshes
    await say_that_it_changed(editor, editor.write("pyproject.toml", IGNORE))
    await wait_for_codes(editor, buffer.uri, [], refreshes)
    await editor.wait_for_push(config, lambda params: not params.diagnostics)


async def test_an_unknown_key_is_shown_on_its_line_with_the_right_one(start: StartEditor) -> None:
    editor = await start("neovim-0.11")
    editor.write("pyproject.toml", UNKNOWN_KEY)
    buffer = editor.open(NET)
    assert await buffer.codes() == ["NN501"]
    [problem] = (await editor.wait_for_push(editor.uri("pyproject.toml"), lambda params: bool(params.diagnostics))).diagnostics
    assert problem.range.start.line == 2
    assert "'ignore'" in problem.message


async def test_a_file_that_the_config_excludes_is_not_checked(start: StartEditor) -> None:
    editor = await start()
    editor.write("pyproject.toml", '[tool.nnlint]\nextend-exclude = ["generated"]\n')
    assert await editor.open(NET, "generated/model.py").codes() == []
    assert await editor.open(NET, "written/model.py").codes() == ["NN501"]


async def test_each_file_has_its_nearest_config(start: StartEditor) -> None:
    editor = await start()
    editor.write("pyproject.toml", WARN)
    editor.write("inner/nnlint.toml", 'ignore = ["NN501"]\n')
    [found] = await editor.open(NET, "model.py").diagnostics()
    assert found.severity == types.DiagnosticSeverity.Warning
    assert await editor.open(NET, "inner/model.py").codes() == []


async def test_folders_of_one_window_keep_their_own_configs(start: StartEditor, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, config in ((one, IGNORE), (other, WARN)):
        folder.mkdir()
        (folder / "pyproject.toml").write_text(config)
    editor = await start(folders=[one, other])
    assert await editor.open(NET, "one/model.py").codes() == []
    [found] = await editor.open(NET, "other/model.py").diagnostics()
    assert found.severity == types.DiagnosticSeverity.Warning


async def test_a_path_with_spaces_and_accents_is_found(start: StartEditor) -> None:
    editor = await start()
    editor.write("my mödels/pyproject.toml", IGNORE)
    assert await editor.open(NET, "my mödels/net.py").codes() == []


@pytest.mark.parametrize(
    ("settings", "codes"),
    [
        pytest.param({"ignore": ["NN501"]}, [], id="a rule ignored"),
        pytest.param({"select": ["NN502"]}, [], id="another rule selected"),
        pytest.param({"select": [], "ignore": []}, ["NN501"], id="empty lists, which mean that nothing is set"),
        pytest.param({"enable": False}, [], id="switched off"),
        pytest.param({"interpreter": "/usr/bin/python3", "trace": {"server": "off"}}, ["NN501"], id="settings of the client alone"),
    ],
)
@pytest.mark.parametrize("way", ["options", "settings"])
async def test_the_editors_settings_hold(start: StartEditor, way: str, settings: dict[str, object], codes: list[str]) -> None:
    editor = await start("push-only" if way == "options" else "vscode-1.105", **{way: settings})
    assert await editor.open(NET).codes() == codes


async def test_the_editors_settings_go_over_the_config_file(start: StartEditor) -> None:
    editor = await start(settings={"extendSelect": ["bias-before-norm"], "severity": {"NN501": "error"}})
    editor.write("pyproject.toml", IGNORE)
    [found] = await editor.open(NET).diagnostics()
    assert found.severity == types.DiagnosticSeverity.Error


async def test_a_setting_that_cannot_be_used_is_logged_and_the_others_hold(start: StartEditor) -> None:
    editor = await start(settings={"ignore": ["NN999"], "severity": {"NN501": "error"}})
    [found] = await editor.open(NET).diagnostics()
    assert found.severity == types.DiagnosticSeverity.Error
    assert any("NN999" in message.message for message in editor.client.log_messages)


async def test_changed_settings_hold_at_once_for_a_client_that_is_asked_for_them(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    buffer = editor.open(NET)
    assert await buffer.codes() == ["NN501"]
    refreshes = editor.refreshes
    editor.client.set_configuration({"ignore": ["NN501"]}, section="nnlint")
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(None))
    await wait_for_codes(editor, buffer.uri, [], refreshes)


async def test_changed_settings_hold_at_once_for_a_client_that_sends_them(start: StartEditor) -> None:
    editor = await start("push-only")
    buffer = editor.open(NET)
    assert await buffer.codes() == ["NN501"]
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams({"nnlint": {"ignore": ["NN501"]}}))
    await wait_for_codes(editor, buffer.uri, [], 0)


async def test_each_folder_of_one_window_has_its_own_settings(start: StartEditor, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    editor = await start(folders=[one, other])
    editor.client.set_configuration({"nnlint": {"ignore": ["NN501"]}}, scope_uri=one.as_uri())
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(None))
    await editor.settle()
    assert await editor.open(NET, "one/model.py").codes() == []
    assert await editor.open(NET, "other/model.py").codes() == ["NN501"]


async def test_a_folder_that_is_opened_later_has_its_settings_too(start: StartEditor, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    editor = await start(folders=[one])
    editor.client.set_configuration({"nnlint": {"ignore": ["NN501"]}}, scope_uri=other.as_uri())
    added = types.WorkspaceFoldersChangeEvent([types.WorkspaceFolder(other.as_uri(), "other")], [])
    editor.client.workspace_did_change_workspace_folders(types.DidChangeWorkspaceFoldersParams(added))
    await editor.settle()
    assert await editor.open(NET, "other/model.py").codes() == []


async def test_the_server_asks_to_be_told_of_configs_and_sources_where_the_client_can(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    await editor.wait_until(lambda: len(editor.registrations) == 2)
    options = {registration.method: registration.register_options for registration in editor.registrations}
    patterns = {watcher["globPattern"] for watcher in options[types.WORKSPACE_DID_CHANGE_WATCHED_FILES]["watchers"]}
    assert patterns == {"**/*.py", "**/nnlint.toml", "**/pyproject.toml"}
    assert options[types.WORKSPACE_DID_CHANGE_CONFIGURATION] == {"section": "nnlint"}
    other = await start("neovim-0.11")
    await other.settle()
    assert other.registrations == []
