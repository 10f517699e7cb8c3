"""Findings in the words of the protocol."""

from __future__ import annotations

from lsprotocol import types

from nnlint.findings import Finding, Related, Severity, VerdictKind
from nnlint.lsp.analysis import Analysis
from nnlint.lsp.capabilities import Client
from nnlint.lsp.convert import range_of
from nnlint.rule_url import rule_url
from nnlint.workspace import ConfigError

SOURCE = "nnlint"

_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
    Severity.HINT: types.DiagnosticSeverity.Hint,
}


def diagnostics_of(analysis: Analysis, client: Client) -> dict[str, list[types.Diagnostic]]:
    """The diagnostics of each document that the target consists of, by address; empty lists for those without any."""
    by_uri: dict[str, list[types.Diagnostic]] = {part.uri: [] for part in analysis.target.parts}
    for finding in analysis.findings:
        document, _ = analysis.target.place(finding.span)
        by_uri[document.uri].append(diagnostic_of(finding, analysis, client))
    return by_uri


def diagnostic_of(finding: Finding, analysis: Analysis, client: Client) -> types.Diagnostic:
    document, span = analysis.target.place(finding.span)
    url = rule_url(finding.code) if client.follows_code_links else None
    return types.Diagnostic(
        range=range_of(span, document.index, client.encoding),
        message=_message(finding),
        severity=_SEVERITIES[finding.severity],
        code=finding.code,
        code_description=types.CodeDescription(url) if url else None,
        source=SOURCE,
        data={"verdict": finding.verdict.as_json()} if finding.verdict else None,
        related_information=[_related(place, analysis, client) for place in finding.related] if client.reads_related else None,
    )


def _message(finding: Finding) -> str:
    """What a run has confirmed is said with its proof."""
    if finding.verdict is None or finding.verdict.kind is not VerdictKind.CONFIRMED:
        return finding.message
    return f"{finding.message} – {finding.verdict}"


def _related(related: Related, analysis: Analysis, client: Client) -> types.DiagnosticRelatedInformation:
    document, span = analysis.locate(related.path, related.span)
    location = types.Location(document.uri, range_of(span, document.index, client.encoding))
    return types.DiagnosticRelatedInformation(location, related.message)


def diagnostics_of_config(error: ConfigError) -> list[types.Diagnostic]:
    """What is wrong with a config file, shown on the line at fault, or on its first one."""
    line = (error.row or 1) - 1
    return [
        types.Diagnostic(
            range=types.Range(types.Position(line, 0), types.Position(line + 1, 0)),
            message=f"{error.message} (the last config that could be read stays in force)",
            severity=types.DiagnosticSeverity.Error,
            source=SOURCE,
        )
    ]
