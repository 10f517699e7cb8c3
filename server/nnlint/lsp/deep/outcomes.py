"""What runs said, kept and laid over later analyses for as long as the text that they spoke of stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from nnlint.deep.verdicts import discovered, judge, merged, verdicts_of
from nnlint.deep.worker.messages import Answer, Discovery, Place
from nnlint.findings import Finding, Verdict, VerdictKind
from nnlint.lsp.analysis import Analysis
from nnlint.lsp.documents import Document
from nnlint.text import Encoding, Span

# A finding by what does not change when other statements do: its code, the text of its statement, and its place there.
_Key = tuple[str, str, Span]


@dataclass(frozen=True)
class Outcome:
    """What one run of a class said of `findings`, and what it discovered. `document` is the class's file as it was run."""

    class_name: str
    document: Document
    answer: Answer
    findings: tuple[Finding, ...] = ()
    discoveries: tuple[Finding, ...] = ()
    is_outdated: bool = False
    """Whether another file, which the class may lean on, is not as it was run."""

    def holds_for(self, document: Document) -> bool:
        """Whether the class is word for word as it was when it was run."""
        now = _class_text(document, self.class_name)
        return now is not None and now == _class_text(self.document, self.class_name)

    def is_before_edits(self, document: Document) -> bool:
        """Whether something besides the class has changed since the run, so that another one may say something else."""
        return self.is_outdated or document.text != self.document.text

    def verdicts_on(self, findings: Iterable[Finding], document: Document) -> dict[Finding, Verdict]:
        """What the run said of those findings that stand in a statement which has not changed."""
        said = {}
        for finding in findings:
            key = _key(finding, document) if finding.path == document.path else None
            if key is not None and key in self._verdicts:
                said[finding] = self._verdicts[key]
        return said

    def discoveries_in(self, document: Document) -> Iterator[Discovery]:
        """What the run found in statements that have not changed, at its places in the text of now."""
        for discovery in self.answer.discoveries:
            place = _moved(discovery.place, self.document, document) if discovery.place.path == document.path else None
            if place is not None:
                yield replace(discovery, place=place)

    @cached_property
    def verdicts(self) -> dict[Finding, Verdict]:
        """What the run said of the findings that it was asked about."""
        return verdicts_of(self.findings, self.answer)

    def said(self, finding: Finding, document: Document) -> bool:
        """Whether a finding has its verdict from this run, or is a discovery of it."""
        asked = self.verdicts_on([finding], document).get(finding)
        found = any(one.code == finding.code and one.message == finding.message for one in self.discoveries)
        return finding.verdict is not None and (found if asked is None else asked == finding.verdict)

    @property
    def has_answers(self) -> bool:
        """Whether anything at all came of the run."""
        return not self.answer.problem or bool(self.discoveries) or self.count(VerdictKind.NO_ANSWER) < len(self.verdicts)

    def count(self, kind: VerdictKind) -> int:
        return sum(verdict.kind is kind for verdict in self.verdicts.values())

    @cached_property
    def _verdicts(self) -> dict[_Key, Verdict]:
        keyed = {_key(finding, self.document): verdict for finding, verdict in self.verdicts.items() if finding.path == self.document.path}
        return {key: verdict for key, verdict in keyed.items() if key is not None}


class Outcomes:
    """The last outcome of each class that was run."""

    def __init__(self) -> None:
        self._by_class: dict[tuple[str, str], Outcome] = {}
        self._laid: dict[str, tuple[Analysis, Analysis]] = {}

    def __len__(self) -> int:
        return len(self._by_class)

    def add(self, outcome: Outcome) -> None:
        self._by_class[outcome.document.uri, outcome.class_name] = outcome
        self._laid.clear()

    def others_changed(self, uri: str | None = None) -> None:
        """Something was changed outside of what was run: in the document of this address, or on the disk."""
        for key, outcome in self._by_class.items():
            if outcome.document.uri != uri:
                self._by_class[key] = replace(outcome, is_outdated=True)

    def of_class(self, document: Document, class_name: str) -> Outcome | None:
        """What was said of a class as it stands in a document now."""
        outcome = self._by_class.get((document.uri, class_name))
        return outcome if outcome is not None and outcome.holds_for(document) else None

    def on(self, finding: Finding, document: Document) -> Outcome | None:
        """The run whose verdict a finding carries."""
        return next((one for one in self._holding(document) if one.said(finding, document)), None)

    def laid_over(self, analysis: Analysis) -> Analysis:
        """The analysis with what the runs said: confirmed findings with their verdicts, refuted ones gone, discoveries added."""
        target = analysis.target
        outcomes = [*self._holding(target)]
        if not outcomes:
            return analysis
        known = self._laid.get(target.uri)
        if known is None or known[0] is not analysis:
            known = self._laid[target.uri] = analysis, _laid(analysis, outcomes)
        return known[1]

    def _holding(self, document: Document) -> Iterator[Outcome]:
        return (outcome for (uri, _), outcome in self._by_class.items() if uri == document.uri and outcome.holds_for(document))


def _laid(analysis: Analysis, outcomes: list[Outcome]) -> Analysis:
    target, settings = analysis.target, analysis.settings
    verdicts: Mapping[Finding, Verdict] = merged(outcome.verdicts_on(analysis.findings, target) for outcome in outcomes)
    judged = judge(analysis.findings, verdicts, lambda path: settings)
    found = [replace(outcome.answer, discoveries=tuple(outcome.discoveries_in(target))) for outcome in outcomes]
    new = discovered(target.path, target.text, found, analysis.findings, settings) if any(one.discoveries for one in found) else []
    return replace(analysis, findings=tuple(sorted((*judged.findings, *new), key=lambda f: (f.span, f.code))))


def _class_text(document: Document, class_name: str) -> str | None:
    spans = [found.statement for found in document.classes if found.name == class_name]
    return document.text[spans[0].start : spans[0].end] if spans else None


def _key(finding: Finding, document: Document) -> _Key | None:
    statement = _statement_at(finding.span.start, document)
    if statement is None:
        return None
    return finding.code, document.text[statement.start : statement.end], finding.span.shifted(-statement.start)


def _statement_at(offset: int, document: Document) -> Span | None:
    return next((span for span in document.statements if span.start <= offset < span.end), None)


def _moved(place: Place, before: Document, now: Document) -> Place | None:
    """A place of an earlier text in the text of now; `None` where its statement is not there any more."""
    old = _statement_at(before.index.line_span(min(place.row, before.index.line_count) - 1).start, before)
    if old is None:
        return None
    text = before.text[old.start : old.end]
    new = next((span for span in now.statements if now.text[span.start : span.end] == text), None)
    if new is None:
        return None
    rows = now.index.position(new.start, Encoding.UTF32).line - before.index.position(old.start, Encoding.UTF32).line
    return replace(place, row=place.row + rows, end_row=place.end_row + rows)
