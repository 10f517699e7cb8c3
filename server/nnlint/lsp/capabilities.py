"""What the connected client can do, read once from its capabilities, so that nothing else asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lsprotocol import types
from pygls.capabilities import get_capability

from nnlint.text import Encoding


@dataclass(frozen=True, slots=True)
class Client:
    """A client's abilities, each named for what the server does with it."""

    name: str
    encoding: Encoding
    pulls: bool
    reads_related: bool
    follows_code_links: bool
    reads_markdown: bool
    takes_code_actions: bool
    resolves_edits: bool
    shows_disabled: bool
    takes_versioned_edits: bool
    creates_files: bool
    confirms_edits: bool
    watches_files: bool
    has_configuration: bool
    registers_settings: bool
    opens_documents: bool
    shows_progress: bool
    refreshes_lenses: bool
    shows_recipes: bool

    @classmethod
    def of(cls, params: types.InitializeParams) -> Client:
        def can(path: str) -> Any:
            return get_capability(params.capabilities, path, None)

        published, pulled = "text_document.publish_diagnostics", "text_document.diagnostic"
        action, edit = "text_document.code_action", "workspace.workspace_edit"
        return cls(
            name=_name(params.client_info),
            encoding=_encoding(can("general.position_encodings")),
            # Without a refresh a client that pulls would show findings of a config or a file that has since changed.
            pulls=can(pulled) is not None and bool(can("workspace.diagnostics.refresh_support")),
            reads_related=bool(can(f"{published}.related_information") or can(f"{pulled}.related_information")),
            follows_code_links=bool(can(f"{published}.code_description_support") or can(f"{pulled}.code_description_support")),
            reads_markdown=types.MarkupKind.Markdown in (can("text_document.hover.content_format") or ()),
            takes_code_actions=can(f"{action}.code_action_literal_support") is not None,
            resolves_edits=bool(can(f"{action}.data_support")) and "edit" in (can(f"{action}.resolve_support.properties") or ()),
            shows_disabled=bool(can(f"{action}.disabled_support")),
            takes_versioned_edits=bool(can(f"{edit}.document_changes")),
            creates_files=types.ResourceOperationKind.Create in (can(f"{edit}.resource_operations") or ()),
            confirms_edits=bool(
                can(f"{action}.honors_change_annotations")
                and can(f"{edit}.change_annotation_support") is not None
                and can(f"{edit}.document_changes")
            ),
            watches_files=bool(can("workspace.did_change_watched_files.dynamic_registration")),
            has_configuration=bool(can("workspace.configuration")),
            registers_settings=bool(can("workspace.did_change_configuration.dynamic_registration")),
            opens_documents=bool(can("window.show_document.support")),
            shows_progress=bool(can("window.work_done_progress")),
            refreshes_lenses=bool(can("workspace.code_lens.refresh_support")),
            shows_recipes=_table(params.capabilities.experimental).get("nnlintRecipe") is True,
        )


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _name(info: types.ClientInfo | None) -> str:
    return "unknown" if info is None else f"{info.name} {info.version or ''}".strip()


def _encoding(offered: list[types.PositionEncodingKind | str] | None) -> Encoding:
    """The first encoding offered that is known, as pygls answers it; UTF-16 for clients that are silent."""
    known = {encoding.value: encoding for encoding in Encoding}
    words = [kind.value if isinstance(kind, types.PositionEncodingKind) else kind for kind in offered or ()]
    return next((known[word] for word in words if word in known), Encoding.UTF16)
