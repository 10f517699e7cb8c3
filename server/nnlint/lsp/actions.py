"""Code actions: what can be done about the findings at a place, and about all findings of a file at once.

A request for a kind is answered with that kind and kinds below it, with one exception on purpose: `source.fixAll` and
`source.fixAll.nnlint` mean the safe fixes alone. What is unsafe is applied only to a person's own word, `source.fixAll.nnlint.NN501`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lsprotocol import types

from nnlint.findings import Applicability, Assist, FileEdit, Finding, Fix
from nnlint.lsp.analysis import Analysis
from nnlint.lsp.capabilities import Client
from nnlint.lsp.convert import span_of
from nnlint.lsp.diagnostics import diagnostic_of
from nnlint.lsp.documents import Document
from nnlint.lsp.edits import best_fix, combined, workspace_edit
from nnlint.rules import all_rules
from nnlint.settings import UnknownSelector, select_rules
from nnlint.text import Edit, Span
from nnlint.workspace.suppress import ignore_file, ignore_line

SHOW_DOCUMENTATION = "nnlint.showDocumentation"
FIX_ALL = "source.fixAll.nnlint"
QUICK_FIX = types.CodeActionKind.QuickFix.value
REWRITE = types.CodeActionKind.RefactorRewrite.value

_UNSAFE = " (unsafe)"
_SHOWN_ONLY = "This fix is shown but not applied: the rule says so, or `fixable` or `unfixable` in the configuration"
# Codes that speak of the file itself, not of what it says: nothing to disable for a line.
_ABOUT_THE_FILE = "NN0"


@dataclass(frozen=True, slots=True)
class Offer:
    """An action before it is put into the protocol's words. `key` tells it from the others of the same version of a text."""

    key: str
    title: str
    kind: str
    edits: tuple[FileEdit, ...] = ()
    finding: Finding | None = None
    command: types.Command | None = None
    is_preferred: bool = False
    is_unsafe: bool = False
    disabled: str | None = None


def kinds() -> list[str]:
    """The kinds that an editor may be told to ask for, so that its settings can offer them."""
    return [QUICK_FIX, REWRITE, FIX_ALL, *(f"{FIX_ALL}.{code}" for code in all_rules())]


def is_light_bulb(context: types.CodeActionContext) -> bool:
    """Whether an editor looks by itself what could be done here, as some do after every key; saving asks for a source action."""
    only = _asked_kinds(context)
    return _is_automatic(context) and (only is None or all(_is_within(kind, QUICK_FIX) for kind in only))


def offers(
    analysis: Analysis, document: Document, context: types.CodeActionContext, range_: types.Range, client: Client
) -> Iterator[Offer]:
    """What can be done for a request, as the kinds and the range in it ask."""
    only = _asked_kinds(context)
    if only is None or any(_is_within(QUICK_FIX, kind) for kind in only):
        asked = span_of(range_, document.index, client.encoding)
        for finding in analysis.findings:
            part, span = analysis.target.place(finding.span)
            if part.uri == document.uri and _touch(span, asked):
                yield from (offer for offer in offers_for(finding, analysis, client) if client.shows_disabled or not offer.disabled)
    if only is None or any(_is_within(REWRITE, kind) for kind in only):
        asked = span_of(range_, document.index, client.encoding)
        for offer, assist in _assists(analysis, client):
            part, span = analysis.target.place(assist.span)
            if part.uri == document.uri and _touch(span, asked):
                yield offer
    for kind in _fix_all_kinds(only, _is_automatic(context)):
        yield from _fix_all(kind, analysis)


def offers_for(finding: Finding, analysis: Analysis, client: Client) -> Iterator[Offer]:
    """What can be done about one finding, the best first."""
    key = _key(finding)
    preferred = best_fix(finding)
    for number, fix in enumerate(finding.fixes):
        yield _quick_fix(f"{key}/fix{number}", finding, fix, fix is preferred)
    yield from _fix_rule(finding, analysis, f"{key}/rule")
    yield from _suppressions(finding, analysis, key)
    if client.opens_documents and finding.code in all_rules():
        title = f"Show documentation for {finding.code}"
        command = types.Command(title, SHOW_DOCUMENTATION, arguments=[finding.code])
        yield Offer(f"{key}/documentation", title, QUICK_FIX, finding=finding, command=command)


def find_offer(key: str, analysis: Analysis, client: Client) -> Offer | None:
    """The offer that had this key when the analysis was new."""
    if assisted := next((offer for offer, _ in _assists(analysis, client) if offer.key == key), None):
        return assisted
    about = (finding for finding in analysis.findings if key.startswith(_key(finding) + "/"))
    return next((offer for finding in about for offer in offers_for(finding, analysis, client) if offer.key == key), None)


def _assists(analysis: Analysis, client: Client) -> Iterator[tuple[Offer, Assist]]:
    """What the rules can do, but what is offered as a fix already, and new files that cannot be or are there."""
    fixes = [_texts(fix.edits) for finding in analysis.findings for fix in finding.fixes]
    for number, assist in enumerate(analysis.assists):
        edits, is_unsafe = assist.fix.edits, assist.fix.applicability is Applicability.UNSAFE
        if _texts(edits) not in fixes and all(_can_make(edit, client) for edit in edits):
            yield Offer(f"assist{number}", _title(assist.code, assist.fix), REWRITE, edits, is_unsafe=is_unsafe), assist


def _texts(edits: tuple[FileEdit, ...]) -> list[Edit]:
    return [edit.edit for edit in edits]


def _can_make(edit: FileEdit, client: Client) -> bool:
    return not edit.creates or (client.creates_files and edit.path is not None and not os.path.exists(edit.path))


def _key(finding: Finding) -> str:
    return f"{finding.code}@{finding.span.start}-{finding.span.end}"


def _quick_fix(key: str, finding: Finding, fix: Fix, is_preferred: bool) -> Offer:
    is_unsafe = fix.applicability is Applicability.UNSAFE
    title = _title(finding.code, fix)
    if fix.applicability is Applicability.DISPLAY:
        return Offer(key, title, QUICK_FIX, finding=finding, disabled=_SHOWN_ONLY)
    return Offer(key, title, QUICK_FIX, fix.edits, finding, is_preferred=is_preferred, is_unsafe=is_unsafe)


def _title(code: str, fix: Fix) -> str:
    is_unsafe = fix.applicability is Applicability.UNSAFE
    return f"{code}: {fix.message}{_UNSAFE if is_unsafe and 'unsafe' not in fix.message else ''}"


def _fix_rule(finding: Finding, analysis: Analysis, key: str) -> Iterator[Offer]:
    """The cure of all findings of a rule, where there are several."""
    alike = [other for other in analysis.findings if other.code == finding.code]
    fixes = _best_fixes(alike)
    if len(fixes) > 1:
        is_unsafe = any(fix.applicability is Applicability.UNSAFE for fix in fixes)
        title = f"Fix all {finding.code} ({finding.name}) in this file{_UNSAFE if is_unsafe else ''}"
        yield Offer(key, title, QUICK_FIX, combined(fixes, analysis.target.path), finding, is_unsafe=is_unsafe)


def _suppressions(finding: Finding, analysis: Analysis, key: str) -> Iterator[Offer]:
    if finding.code.startswith(_ABOUT_THE_FILE):
        return
    target = analysis.target
    on_line = ignore_line(finding.code, finding.span.start, target.index, target.scan)
    for where, edit in (("line", on_line), ("file", ignore_file(finding.code, target.index, target.scan))):
        if edit is not None:
            yield Offer(f"{key}/{where}", f"Disable {finding.code} for this {where}", QUICK_FIX, (FileEdit(edit),), finding)


def _fix_all_kinds(only: Sequence[str] | None, is_automatic: bool) -> list[str]:
    """The kinds of fixing everything that a request asks for."""
    if only is None:
        return [] if is_automatic else [FIX_ALL]
    of_rules = [kind for kind in only if kind.startswith(FIX_ALL + ".")]
    return [*([FIX_ALL] if any(_is_within(FIX_ALL, kind) for kind in only) else []), *dict.fromkeys(of_rules)]


def _fix_all(kind: str, analysis: Analysis) -> Iterator[Offer]:
    """The fixes of `source.fixAll.nnlint`, or of the rules that a kind below it names; nothing where nothing is to fix."""
    if kind == FIX_ALL:
        title = "Fix all that is safe to fix (nnlint)"
        fixes = [fix for fix in _best_fixes(analysis.findings) if fix.applicability is Applicability.SAFE]
    else:
        selector = kind.removeprefix(FIX_ALL + ".")
        try:
            codes = select_rules(selector, all_rules())
        except UnknownSelector:
            return
        chosen = [finding for finding in analysis.findings if finding.code in codes]
        title, fixes = f"Fix all {selector} (nnlint)", _best_fixes(chosen)
    if fixes:
        yield Offer(kind, title, kind, combined(fixes, analysis.target.path))


def _best_fixes(findings: Iterable[Finding]) -> list[Fix]:
    return [fix for finding in findings if (fix := best_fix(finding))]


def _asked_kinds(context: types.CodeActionContext) -> list[str] | None:
    return None if context.only is None else [str(getattr(kind, "value", kind)) for kind in context.only]


def _is_automatic(context: types.CodeActionContext) -> bool:
    return context.trigger_kind == types.CodeActionTriggerKind.Automatic


def _is_within(kind: str, asked: str) -> bool:
    """Whether a kind is the one that was asked for, or below it."""
    return not asked or kind == asked or kind.startswith(asked + ".")


def _touch(one: Span, other: Span) -> bool:
    return one.start <= other.end and other.start <= one.end


def action_of(offer: Offer, analysis: Analysis, client: Client, confirms: bool) -> types.CodeAction:
    """The whole action; `confirms` is whether a person wants to be asked before what is unsafe."""
    question = "May change what the program computes, or which checkpoints load" if offer.is_unsafe and confirms else None
    return types.CodeAction(
        title=offer.title,
        kind=offer.kind,
        diagnostics=[diagnostic_of(offer.finding, analysis, client)] if offer.finding else None,
        is_preferred=offer.is_preferred or None,
        disabled=types.CodeActionDisabled(offer.disabled) if offer.disabled else None,
        edit=workspace_edit(offer.edits, analysis, client, question) if offer.edits else None,
        command=offer.command,
    )
