"""Squiggles: what is said of a document, where, how, and to which client."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
from lsprotocol import types

from tests.lsp.conftest import StartEditor
from tests.lsp.texts import LAYER, MENDED, NET

pytestmark = pytest.mark.asyncio

PROFILES = ["vscode-1.105", "neovim-0.12", "neovim-0.11", "push-only"]
PULLING = ["vscode-1.105", "neovim-0.12"]
PUSHED_TO = ["neovim-0.11", "push-only"]


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_bias_before_a_norm_is_marked_at_its_layer(start: StartEditor, profile: str) -> None:
    buffer = (await start(profile)).open(NET)
    [found] = await buffer.diagnostics()
    assert (found.code, found.source, found.severity) == ("NN501", "nnlint", types.DiagnosticSeverity.Information)
    assert found.message
    assert buffer.text_in(found.range) == LAYER


@pytest.mark.parametrize("profile", PROFILES)
async def test_typing_the_cure_takes_the_squiggle_away_and_undoing_it_brings_it_back(start: StartEditor, profile: str) -> None:
    buffer = (await start(profile)).open(NET)
    assert await buffer.codes() == ["NN501"]
    buffer.edit(LAYER, MENDED)
    assert await buffer.codes() == []
    buffer.edit(MENDED, LAYER)
    assert await buffer.codes() == ["NN501"]


@pytest.mark.parametrize("profile", PROFILES)
async def test_half_typed_code_elsewhere_neither_silences_nor_moves_a_finding(start: StartEditor, profile: str) -> None:
    buffer = (await start(profile)).open(NET)
    buffer.edit("import torch.nn as nn\n", "import torch.nn as nn\n\ndef half(a, (\n")
    marked = [buffer.text_in(found.range) for found in await buffer.diagnostics() if found.code == "NN501"]
    assert marked == [LAYER]


async def test_what_does_not_parse_is_an_error(start: StartEditor) -> None:
    buffer = (await start()).open("def half(a, (\n")
    [found] = await buffer.diagnostics()
    assert (found.code, found.severity) == ("NN000", types.DiagnosticSeverity.Error)


async def test_a_suppressed_finding_is_not_shown(start: StartEditor) -> None:
    buffer = (await start()).open(NET.replace(LAYER, f"{LAYER}  # nnlint: ignore[NN501]"))
    assert await buffer.codes() == []


async def test_related_places_lead_from_the_layer_by_the_norm_to_the_call(start: StartEditor) -> None:
    buffer = (await start()).open(NET)
    [found] = await buffer.diagnostics()
    related = found.related_information or []
    assert [place.location.uri for place in related] == [buffer.uri] * len(related)
    places = [buffer.text_in(place.location.range) for place in related]
    assert "nn.BatchNorm2d(8)" in places
    assert any("self.conv(x)" in place for place in places)
    assert all(place.message for place in related)


async def test_a_client_that_reads_no_related_places_gets_none(start: StartEditor) -> None:
    [found] = await (await start("push-only")).open(NET).diagnostics()
    assert found.related_information is None
    assert found.code_description is None


async def test_the_code_links_to_a_page_that_is_there(start: StartEditor) -> None:
    [found] = await (await start("vscode-1.105")).open(NET).diagnostics()
    assert found.code_description is not None
    address = urlsplit(found.code_description.href)
    assert address.scheme == "file"
    with open(url2pathname(address.path), encoding="utf-8") as page:
        assert "bias-before-norm (NN501)" in page.read()


@pytest.mark.parametrize("profile", PULLING)
async def test_a_client_that_pulls_and_can_be_refreshed_is_never_pushed_to(start: StartEditor, profile: str) -> None:
    editor = await start(profile)
    provider = editor.capabilities.diagnostic_provider
    assert provider is not None
    assert provider.inter_file_dependencies
    assert not provider.workspace_diagnostics
    buffer = editor.open(NET)
    assert await buffer.codes() == ["NN501"]
    buffer.edit(LAYER, MENDED)
    assert await buffer.codes() == []
    assert editor.published == []


@pytest.mark.parametrize("profile", PUSHED_TO)
async def test_a_client_that_does_not_pull_or_cannot_be_refreshed_is_pushed_to(start: StartEditor, profile: str) -> None:
    editor = await start(profile)
    assert editor.capabilities.diagnostic_provider is None
    buffer = editor.open(NET)
    assert await buffer.codes() == ["NN501"]
    assert {(params.uri, params.version) for params in editor.published} == {(buffer.uri, 1)}


async def test_a_pull_for_what_the_client_has_already_is_answered_unchanged(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    buffer = editor.open(NET)
    first = await editor.pull(buffer.uri)
    assert isinstance(first, types.RelatedFullDocumentDiagnosticReport)
    assert first.result_id is not None
    second = await editor.pull(buffer.uri, first.result_id)
    assert isinstance(second, types.RelatedUnchangedDocumentDiagnosticReport)
    assert second.result_id == first.result_id
    buffer.edit("import torch.nn as nn\n", "\nimport torch.nn as nn\n")
    third = await editor.pull(buffer.uri, first.result_id)
    assert isinstance(third, types.RelatedFullDocumentDiagnosticReport)
    assert third.result_id != first.result_id


async def test_a_pull_for_a_document_that_is_not_open_is_empty(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    report = await editor.pull(editor.uri("elsewhere.py"))
    assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
    assert not report.items


@pytest.mark.parametrize("profile", PROFILES)
async def test_an_unsaved_buffer_is_checked_without_any_folder(start: StartEditor, profile: str) -> None:
    buffer = (await start(profile, folders=[])).open(NET, uri="untitled:Untitled-1")
    [found] = await buffer.diagnostics()
    assert buffer.text_in(found.range) == LAYER
    place = (found.related_information or [None])[0]
    assert place is None or place.location.uri == buffer.uri


async def test_a_document_of_another_language_is_left_alone(start: StartEditor) -> None:
    editor = await start("neovim-0.11")
    editor.open("def half(a, (\n", "notes.txt", language="plaintext")
    python = editor.open(NET)
    assert await python.codes() == ["NN501"]
    assert {params.uri for params in editor.published} == {python.uri}


async def test_closing_a_document_takes_its_diagnostics_back(start: StartEditor) -> None:
    editor = await start("neovim-0.11")
    buffer = editor.open(NET)
    assert await buffer.codes() == ["NN501"]
    buffer.close()
    await editor.wait_for_push(buffer.uri, lambda params: not params.diagnostics)


LAYERS = "import torch.nn as nn\n\nNORM = nn.BatchNorm2d\n"
USER = """\
import torch.nn as nn

from layers import NORM


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = NORM(8)

    def forward(self, x):
        return self.norm(self.conv(x))
"""


@pytest.mark.parametrize("profile", PROFILES)
async def test_what_is_typed_in_one_file_counts_in_another_that_imports_it(start: StartEditor, profile: str) -> None:
    editor = await start(profile)
    editor.write("pyproject.toml", "")
    layers = editor.open(LAYERS, "layers.py")
    user = editor.open(USER, "user.py")
    assert await user.codes() == ["NN501"]
    layers.edit("NORM = nn.BatchNorm2d", "NORM = nn.Softplus")
    if editor.pulls:
        assert await user.codes() == []
    else:
        await editor.wait_for_push(user.uri, lambda params: not params.diagnostics)


async def test_a_text_that_goes_back_and_forth_ends_with_what_holds_for_its_last_version(start: StartEditor) -> None:
    editor = await start("neovim-0.11")
    buffer = editor.open(NET)
    for _ in range(20):
        buffer.edit(LAYER, MENDED)
        buffer.edit(MENDED, LAYER)
    assert await buffer.codes() == ["NN501"]
    versions = [params.version or 0 for params in editor.published]
    assert versions == sorted(versions)
    assert len(versions) < buffer.version, "every version was checked: none was overtaken"
