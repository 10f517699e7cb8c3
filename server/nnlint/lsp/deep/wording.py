"""What a run came to, in words: a sentence for its end, a line for the lens, a paragraph for the hover."""

from __future__ import annotations

from nnlint.deep.worker.messages import Answer
from nnlint.findings import Finding, VerdictKind
from nnlint.lsp.deep.outcomes import Outcome
from nnlint.lsp.documents import Document

_LONGEST_REASON = 60


def summary(outcome: Outcome) -> str:
    """`Net: 2 confirmed, 1 refuted`, or why there is nothing to say."""
    if not outcome.has_answers:
        return f"{outcome.class_name}: no answer: {outcome.answer.problem}"
    return f"{outcome.class_name}: {', '.join(counts(outcome)) or 'nothing to confirm'}"


def counts(outcome: Outcome) -> list[str]:
    """How many findings came to what."""
    numbers = {
        "confirmed": outcome.count(VerdictKind.CONFIRMED),
        "refuted": outcome.count(VerdictKind.REFUTED),
        "discovered": len(outcome.discoveries),
        "without answer": outcome.count(VerdictKind.NO_ANSWER),
    }
    return [f"{number} {words}" for words, number in numbers.items() if number]


def short_reason(reason: str) -> str:
    """As much of a reason as has room over a line of code."""
    first = reason.split("\n", 1)[0].split("; ", 1)[0]
    return first if len(first) <= _LONGEST_REASON else f"{first[: _LONGEST_REASON - 1].rstrip()}…"


def about_finding(finding: Finding, outcome: Outcome | None, document: Document) -> str | None:
    """The verdict on a finding and what it rests on; `None` where there is none."""
    if finding.verdict is None:
        return None
    said = f"**Deep check:** {finding.verdict}"
    return said if outcome is None else "\n\n".join([said, *_circumstances(outcome, document)])


def about_class(outcome: Outcome, document: Document) -> str:
    """What the last run of a class said, of each finding a line."""
    if not outcome.has_answers:
        return f"**Deep check** of {summary(outcome)}"
    lines = [f"- {_where(finding, outcome)}: {verdict}" for finding, verdict in outcome.verdicts.items()]
    lines += [f"- {_where(finding, outcome)}: discovered: {finding.message}" for finding in outcome.discoveries]
    said = (f"**Deep check** of {summary(outcome)}", "\n".join(lines), *_circumstances(outcome, document))
    return "\n\n".join(part for part in said if part)


def _where(finding: Finding, outcome: Outcome) -> str:
    """`NN501 in line 7`, counted in the text that was run."""
    return f"{finding.code} in line {outcome.document.index.position(finding.span.start).line + 1}"


def _circumstances(outcome: Outcome, document: Document) -> list[str]:
    """How the model was built and run, and whether it still is what was run."""
    changed = "Something around it has changed since: run it again to be sure." if outcome.is_before_edits(document) else ""
    return [part for part in (_way(outcome.answer), changed) if part]


def _way(answer: Answer) -> str:
    if not answer.model:
        return ""
    parameters = "" if answer.parameters is None else f", {answer.parameters:,} parameters"
    versions = ", ".join(f"{name} {version}" for name, version in answer.versions.items())
    ran = ", ".join(part for part in (versions, f"{answer.seconds:.1f} s" if answer.seconds else "") if part)
    called = f" and called with `{answer.inputs}`" if answer.inputs else ""
    return f"Built as `{answer.model}` ({answer.origin}{parameters}){called}{f'; {ran}' if ran else ''}."
