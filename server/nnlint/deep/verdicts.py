"""What runs of models said, laid over the findings: confirmed ones carry the proof, refuted ones go, new ones come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from nnlint.deep.worker import messages
from nnlint.engine import admit
from nnlint.findings import Finding, Severity, Verdict, VerdictKind
from nnlint.rules import all_rules
from nnlint.settings import Settings
from nnlint.text import LineIndex, Position, Span

# What several models say of one finding: one that contradicts it counts most, one that could not be run least.
_WEIGHTS = (VerdictKind.NO_ANSWER, VerdictKind.CONFIRMED, VerdictKind.REFUTED)


@dataclass(frozen=True, slots=True)
class Judgment:
    """Findings after a deep check: those that stand, each with its verdict if there is one, and those that the models refute."""

    findings: tuple[Finding, ...]
    refuted: tuple[Finding, ...]


def verdicts_of(findings: Sequence[Finding], answer: messages.Answer) -> dict[Finding, Verdict]:
    """What an answer says of the findings that its questions, numbered in this order, stood for. Each has a verdict."""
    told = {verdict.id: verdict for verdict in answer.verdicts}
    return {finding: _verdict(told.get(str(number)), answer) for number, finding in enumerate(findings)}


def _verdict(told: messages.Verdict | None, answer: messages.Answer) -> Verdict:
    if told is None:
        return Verdict(VerdictKind.NO_ANSWER, answer.problem or "the run ended without a word about it")
    return Verdict(VerdictKind(told.kind), told.message, tuple(told.numbers.items()))


def merged(verdicts: Iterable[Mapping[Finding, Verdict]]) -> dict[Finding, Verdict]:
    """One verdict a finding, whichever of several models it was asked of. Among equal words the first holds."""
    strongest: dict[Finding, Verdict] = {}
    for one in verdicts:
        for finding, verdict in one.items():
            known = strongest.get(finding)
            if known is None or _WEIGHTS.index(verdict.kind) > _WEIGHTS.index(known.kind):
                strongest[finding] = verdict
    return strongest


def judge(findings: Iterable[Finding], verdicts: Mapping[Finding, Verdict], settings_for: Callable[[str], Settings]) -> Judgment:
    """Lays verdicts over findings; those that nobody was asked about stay as they are, and the order stays."""
    stand, refuted = [], []
    for finding in findings:
        verdict = verdicts.get(finding)
        if verdict is None:
            stand.append(finding)
        elif verdict.kind is VerdictKind.REFUTED:
            refuted.append(replace(finding, verdict=verdict))
        else:
            stand.append(replace(finding, verdict=verdict, severity=_severity(finding, verdict, settings_for(finding.path))))
    return Judgment(tuple(stand), tuple(refuted))


def _severity(finding: Finding, verdict: Verdict, settings: Settings) -> Severity:
    """What was seen to happen is a warning at least, unless the person's settings say how loud the rule is to be."""
    if verdict.kind is not VerdictKind.CONFIRMED or finding.code in settings.severities:
        return finding.severity
    return max(finding.severity, Severity.WARNING)


def discovered(path: str, text: str, answers: Iterable[messages.Answer], known: Iterable[Finding], settings: Settings) -> list[Finding]:
    """What runs found in a file without being asked, as the settings and comments of the file let it be said, sorted.

    `known` are the findings that were there before: a mistake of the same kind at the same place is not told twice.
    """
    index = LineIndex(text)
    taken = [(finding.code[:3], finding.span) for finding in known if finding.path == path]
    new: dict[tuple[str, Span], Finding] = {}
    for discovery in (one for answer in answers for one in answer.discoveries if one.place.path == path):
        span = _span(discovery.place, index)
        if discovery.code in all_rules() and not any(_overlap(span, other) for kind, other in taken if discovery.code.startswith(kind)):
            new.setdefault((discovery.code, span), _finding(discovery, path, span, settings))
    return admit(path, text, new.values(), settings)


def _finding(discovery: messages.Discovery, path: str, span: Span, settings: Settings) -> Finding:
    rule = all_rules()[discovery.code]
    measured = ", ".join(f"{name} {number:.3g}" for name, number in discovery.numbers.items())
    found = f"found by running the model{f' ({measured})' if measured else ''}"
    verdict = Verdict(VerdictKind.CONFIRMED, found, tuple(discovery.numbers.items()))
    finding = Finding(rule.code, rule.name, discovery.message, path, span, rule.severity, verdict=verdict)
    return replace(finding, severity=_severity(finding, verdict, settings))


def _span(place: messages.Place, index: LineIndex) -> Span:
    """The place in the text. Where the Python that ran the model knows rows alone, what stands on the row."""
    if place.column > 0:
        ends = Position(place.row - 1, place.column - 1), Position(place.end_row - 1, place.end_column - 1)
        return Span(index.offset(ends[0]), index.offset(ends[1]))
    whole = index.line_span(min(place.row, index.line_count) - 1)
    line = index.text[whole.start : whole.end]
    return Span(whole.start + len(line) - len(line.lstrip()), whole.start + len(line.rstrip()))


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end
