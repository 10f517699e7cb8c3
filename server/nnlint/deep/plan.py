"""Which models answer which findings: from findings, or the name of a class, to requests for the worker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from nnlint.dataflow.model_calls import ModelCalls, Subject
from nnlint.deep.ways import Ways
from nnlint.deep.worker.messages import CHECK, Limits, Place, Question, Request, Way
from nnlint.engine import Sources, model_calls
from nnlint.findings import Finding
from nnlint.text import LineIndex, Span
from nnlint.workspace import DeepSettings

PROVABLE = frozenset(
    {"NN501", "NN502", "NN503", "NN504", "NN401", "NN402", "NN404", "NN406", "NN204", "NN601", "NN602", "NN603"}
)  # the rules whose findings a run can confirm or refute


class NoPlan(LookupError):
    """A class that no run can build; says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One run: the request, and the findings that its questions stand for (the id of a question is the number of its finding)."""

    request: Request
    findings: tuple[Finding, ...]
    class_name: str
    path: str


def plans_for_findings(
    sources: Sources, findings: Iterable[Finding], settings: DeepSettings | None = None
) -> tuple[list[Plan], list[tuple[Finding, str]]]:
    """The runs that answer findings of one project, in the order of the text, and the findings that no run can answer, with the reason.

    Findings of rules that speak of no model are among the latter.
    """
    unanswerable: list[tuple[Finding, str]] = []
    asked: list[Finding] = []
    for finding in findings:
        if finding.code in PROVABLE:
            asked.append(finding)
        else:
            unanswerable.append((finding, f"{finding.code} is about a program, which a run of its model cannot judge"))
    if not asked:
        return [], unanswerable
    paths = {path for finding in asked for path in (finding.path, *(r.path for r in finding.related))}
    planner = _Planner(sources, model_calls(sources, sorted(paths)), settings or DeepSettings())
    for finding in asked:
        problem = planner.add(finding)
        if problem:
            unanswerable.append((finding, problem))
    return planner.plans(), unanswerable


def plan_for_class(
    sources: Sources, path: str, class_name: str, findings: Iterable[Finding] = (), settings: DeepSettings | None = None
) -> Plan:
    """The run that builds one class, and asks those of the findings that its model can answer; raises `NoPlan`."""
    calls = model_calls(sources, [path])
    planner = _Planner(sources, calls, settings or DeepSettings())
    subject = Subject(path, class_name, None, frozenset({(path, class_name)}))
    ways = planner.ways.own(subject)
    if not ways.found:
        raise NoPlan(ways.problem)
    return planner.plan(subject, ways.found, [f for f in findings if planner.is_part(f, subject)])


@dataclass(slots=True)
class _Group:
    """Findings that the same ways of building serve."""

    subject: Subject
    ways: tuple[Way, ...]
    findings: list[Finding] = field(default_factory=list)


class _Planner:
    """Gathers the findings of one project by the ways that build what they stand in."""

    def __init__(self, sources: Sources, calls: ModelCalls, settings: DeepSettings) -> None:
        self._sources = sources
        self._calls = calls
        self._settings = settings
        self._groups: dict[tuple[Way, ...], _Group] = {}
        self._indexes: dict[str, LineIndex] = {}
        self.ways = Ways(calls, settings)

    def add(self, finding: Finding) -> str:
        """Takes a finding in; says why where no run can answer it."""
        problem = "it stands in no class and no function that builds a model"
        for subject in self._subjects(finding):
            ways = self.ways.of(subject)
            if ways.found:
                group = self._groups.setdefault(ways.found, _Group(subject, ways.found))
                group.findings.append(finding)
                return ""
            problem = ways.problem or problem
        return problem

    def plans(self) -> list[Plan]:
        return [self.plan(group.subject, group.ways, group.findings) for group in self._groups.values()]

    def is_part(self, finding: Finding, subject: Subject) -> bool:
        """Whether a model of the subject's class can answer a finding."""
        return finding.code in PROVABLE and any(not s.owners.isdisjoint(subject.owners) for s in self._subjects(finding))

    def plan(self, subject: Subject, ways: tuple[Way, ...], findings: Sequence[Finding]) -> Plan:
        limits = Limits() if self._settings.timeout is None else Limits(seconds=self._settings.timeout)
        request = Request(
            task=CHECK,
            name=subject.name,
            roots=tuple(self._sources.import_roots),
            ways=ways,
            questions=tuple(self._question(number, finding) for number, finding in enumerate(findings)),
            limits=limits,
        )
        return Plan(request, tuple(findings), subject.name, subject.path)

    def _subjects(self, finding: Finding) -> Iterator[Subject]:
        """What the finding stands in, and what the places stand in that it names besides."""
        for path, span in ((finding.path, finding.span), *((r.path, r.span) for r in finding.related)):
            subject = self._calls.subject(path, span)
            if subject is not None:
                yield subject

    def _question(self, number: int, finding: Finding) -> Question:
        related = tuple(self._place(r.path, r.span) for r in finding.related)
        return Question(str(number), finding.code, self._place(finding.path, finding.span), related)

    def _place(self, path: str, span: Span) -> Place:
        if path not in self._indexes:
            self._indexes[path] = LineIndex(self._sources.text(path) or "")
        start, end = (self._indexes[path].position(offset) for offset in (span.start, span.end))
        return Place(path, start.line + 1, start.column + 1, end.line + 1, end.column + 1)
