"""Which models answer which findings: from findings, or the name of a class, to requests for the worker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nnlint.dataflow.models import Models, Subject
from nnlint.deep.ways import FoundWays, Ways
from nnlint.deep.worker.messages import CHECK, Limits, Place, Question, Request, Way
from nnlint.engine import Sources, models_of
from nnlint.findings import Finding
from nnlint.semantics.definitions import Site
from nnlint.text import LineIndex, Span
from nnlint.workspace import DeepSettings

# The rules whose findings a run can confirm or refute.
PROVABLE = frozenset({"NN501", "NN502", "NN503", "NN504", "NN401", "NN402", "NN404", "NN406", "NN204", "NN601", "NN602", "NN603"})
_MAX_WAYS = 8


class NoPlan(LookupError):
    """A class that nothing is known to build; says why, and what would help."""


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
    """The runs that answer findings of one project, in the order of the findings, and the findings that no run can answer, each with
    the reason: those of rules that speak of no model are among them."""
    asked: list[Finding] = []
    unanswerable: list[tuple[Finding, str]] = []
    for finding in findings:
        problem = _why_not(finding)
        if problem:
            unanswerable.append((finding, problem))
        else:
            asked.append(finding)
    if asked:
        planner = _Planner(sources, sorted(_paths(asked)), settings)
        for finding in asked:
            problem = planner.add(finding)
            if problem:
                unanswerable.append((finding, problem))
        return planner.plans(), unanswerable
    return [], unanswerable


def plan_for_class(sources: Sources, path: str, name: str, findings: Iterable[Finding] = (), settings: DeepSettings | None = None) -> Plan:
    """The run that builds a class, or what a function returns; raises `NoPlan`. It asks those of the findings that stand in the class or
    in what it holds."""
    asked = [finding for finding in findings if not _why_not(finding)]
    planner = _Planner(sources, sorted({path, *_paths(asked)}), settings)
    subject = planner.models.named(path, name)
    if subject is None:
        raise NoPlan(f"{path} has no class `{name}` at its top level, and no function of that name that returns a model")
    found = planner.ways.own(subject)
    if not found.ways:
        raise NoPlan(found.problem)
    return planner.plan(_Group(subject, found, [f for f in asked if planner.is_part(f, subject)]))


def _why_not(finding: Finding) -> str:
    if finding.code not in PROVABLE:
        return f"{finding.code} is about more than a model, so that no run of one can judge it"
    if not finding.path.endswith(".py"):
        return "only what stands in a Python file that is saved can be run; move the model to one"
    return ""


def _paths(findings: Iterable[Finding]) -> set[str]:
    return {path for finding in findings for path in (finding.path, *(r.path for r in finding.related))}


@dataclass(slots=True)
class _Group:
    """Findings that one run is to answer."""

    subject: Subject
    found: FoundWays
    findings: list[Finding] = field(default_factory=list)

    def also_tries(self, ways: Iterable[Way]) -> None:
        """Takes in further ways, behind those that are there."""
        merged = tuple(dict.fromkeys((*self.found.ways, *ways)))[:_MAX_WAYS]
        self.found = FoundWays(merged, self.found.hints)


class _Planner:
    """Gathers the findings of one project by the way that is best for each."""

    def __init__(self, sources: Sources, paths: list[str], settings: DeepSettings | None) -> None:
        self._sources = sources
        self._settings = settings or DeepSettings()
        self._groups: dict[Way, _Group] = {}
        self._indexes: dict[str, LineIndex] = {}
        self.models: Models = models_of(sources, paths)
        self.ways = Ways(self.models, self._settings)

    def add(self, finding: Finding) -> str:
        """Takes a finding in; says why where no run can answer it."""
        problem = ""
        subjects = list(self._subjects(finding))
        layers = frozenset(s.layer for s in subjects if s.layer is not None)
        for subject in subjects:
            found = self.ways.holding(subject, _without(layers, subject.layer))
            if found.ways:
                group = self._groups.setdefault(found.ways[0], _Group(subject, found))
                group.also_tries(found.ways)
                group.findings.append(finding)
                return ""
            problem = problem or found.problem
        return problem or "it stands outside of all code that is understood"

    def plans(self) -> list[Plan]:
        return [self.plan(group) for group in self._groups.values()]

    def is_part(self, finding: Finding, subject: Subject) -> bool:
        """Whether a finding stands in a class or function, or in what objects of the class, or those that they hold, run."""
        parts = self.models.parts(subject)
        for stands_in in self._subjects(finding):
            if (stands_in.path, stands_in.name) == (subject.path, subject.name) or not stands_in.owners.isdisjoint(parts):
                return True
        return False

    def plan(self, group: _Group) -> Plan:
        limits = Limits() if self._settings.timeout is None else Limits(seconds=self._settings.timeout)
        name = group.subject.name or "the model"
        request = Request(
            task=CHECK,
            name=name,
            roots=tuple(self._sources.import_roots),
            ways=group.found.ways,
            questions=tuple(self._question(number, finding) for number, finding in enumerate(group.findings)),
            hints=group.found.hints,
            limits=limits,
        )
        return Plan(request, tuple(group.findings), name, group.subject.path)

    def _subjects(self, finding: Finding) -> Iterator[Subject]:
        """What the finding stands in, and what the places stand in that it names besides."""
        for path, span in ((finding.path, finding.span), *((r.path, r.span) for r in finding.related)):
            subject = self.models.subject(path, span)
            if subject is not None:
                yield subject

    def _question(self, number: int, finding: Finding) -> Question:
        related = tuple(self._place(r.path, r.span) for r in finding.related)
        return Question(str(number), finding.code, self._place(finding.path, finding.span), related)

    def _place(self, path: str, span: Span) -> Place:
        if path not in self._indexes:
            self._indexes[path] = LineIndex(self._sources.text(path) or "")
        return place_in(path, self._indexes[path], span)


def place_in(path: str, index: LineIndex, span: Span) -> Place:
    """A stretch of a file, `index` being that of its text, as the worker knows places."""
    start, end = index.position(span.start), index.position(span.end)
    return Place(path, start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def _without(layers: frozenset[Site], own: Site | None) -> frozenset[Site]:
    return layers if own is None else layers - {own}
