"""Edits of texts as workspace edits of the protocol, and the choice of fixes that can be made together."""

from __future__ import annotations

from collections.abc import Iterable

from lsprotocol import types

from nnlint.findings import Applicability, FileEdit, Finding, Fix
from nnlint.lsp.addresses import uri_of
from nnlint.lsp.analysis import Analysis
from nnlint.lsp.capabilities import Client
from nnlint.lsp.convert import range_of
from nnlint.lsp.documents import Document
from nnlint.text import Edit, edits_overlap

_QUESTION = "unsafe"


def best_fix(finding: Finding) -> Fix | None:
    """The fix to apply where nobody chooses: the safest, among equals the first."""
    applicable = [fix for fix in finding.fixes if fix.applicability is not Applicability.DISPLAY]
    return min(applicable, key=lambda fix: fix.applicability is not Applicability.SAFE, default=None)


def combined(fixes: Iterable[Fix], own_path: str) -> tuple[FileEdit, ...]:
    """The edits of as many fixes as fit together, each whole or not at all, the earlier first. A later run finds the rest."""
    taken: dict[str, list[Edit]] = {}
    for fix in fixes:
        by_path: dict[str, list[Edit]] = {}
        for file_edit in fix.edits:
            by_path.setdefault(file_edit.path or own_path, []).append(file_edit.edit)
        if not any(edits_overlap(edits, taken.get(path, ())) for path, edits in by_path.items()):
            for path, edits in by_path.items():
                taken.setdefault(path, []).extend(edits)
    return tuple(FileEdit(edit, path) for path, edits in taken.items() for edit in edits)


def workspace_edit(file_edits: Iterable[FileEdit], analysis: Analysis, client: Client, question: str | None = None) -> types.WorkspaceEdit:
    """The edits as the client takes them: with versions where it can, and with a `question` to be answered first where it can.

    New files are for clients that can create some. One that is there by then is kept: no client empties it.
    """
    file_edits = [*file_edits]
    created = {uri_of(e.path) for e in file_edits if e.creates and e.path is not None}
    by_document: dict[str, tuple[Document, list[types.TextEdit]]] = {}
    for path, edit in sorted({(file_edit.path or analysis.target.path, file_edit.edit) for file_edit in file_edits}):
        document, span = analysis.locate(path, edit.span)
        changes = by_document.setdefault(document.uri, (document, []))[1]
        changes.append(types.TextEdit(range_of(span, document.index, client.encoding), edit.content))
    if not client.takes_versioned_edits and not created:
        return types.WorkspaceEdit(changes={uri: edits for uri, (_, edits) in by_document.items()})
    asks = question is not None and client.confirms_edits
    return types.WorkspaceEdit(
        document_changes=[
            *(types.CreateFile(uri, options=types.CreateFileOptions(ignore_if_exists=True)) for uri in sorted(created)),
            *(
                types.TextDocumentEdit(
                    types.OptionalVersionedTextDocumentIdentifier(uri, document.version),
                    [types.AnnotatedTextEdit(_QUESTION, edit.range, edit.new_text) for edit in edits] if asks else edits,
                )
                for uri, (document, edits) in by_document.items()
            ),
        ],
        change_annotations={_QUESTION: types.ChangeAnnotation(question, needs_confirmation=True)} if question and asks else None,
    )
