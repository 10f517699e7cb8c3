"""Why nnlint says nothing of a construction call: what became of its bias, in each instance that the analysis knows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path

from nnlint.dataflow.coverage import constructions
from nnlint.dataflow.explore import explore
from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.redundancy import has_bias
from nnlint.dataflow.shift import trace_bias
from nnlint.dataflow.values import Layer, Unknown
from nnlint.semantics.definitions import Site
from nnlint.semantics.program import Program
from nnlint.syntax.parser import Parser
from nnlint.text import LineIndex
from nnlint.workspace import Workspace, disk_sources

Place = tuple[str, int, int]
_SHOWN = 3


def reasons(folder: Path, places: Collection[Place]) -> dict[Place, list[str]]:
    """What the analysis says of the calls at `places`: file relative to the folder, row and column from 1."""
    wanted = sorted({str(folder / place[0]) for place in places})
    if not wanted:
        return {}
    sources = disk_sources(Workspace().project_of(wanted[0]), wanted)
    program = Program(sources.text, sources.paths(), sources.import_roots, Parser())
    relevant = [path for path in sorted(program.paths | set(wanted)) if path in wanted or program.mentions(path, "torch")]
    said = _said(explore(program, relevant, wanted), program, wanted)
    return {place: said.get((str(folder / place[0]), *place[1:])) or ["never seen to be constructed"] for place in places}


def _said(project: ProjectGraph, program: Program, wanted: list[str]) -> dict[Place, list[str]]:
    indexes = {path: LineIndex(module.parsed.text) for path in wanted if (module := program.module(path)) is not None}

    def place(path: str, offset: int) -> Place:
        at = indexes[path].position(offset)
        return path, at.line + 1, at.column + 1

    said: defaultdict[Place, list[str]] = defaultdict(list)
    for site, layers in project.layers.items():
        if site.path in indexes:
            words = dict.fromkeys(word for layer in layers for word in _fate(project, layer))
            said[place(site.path, project.span(site).start)] += list(words)[:_SHOWN]
    for construction in constructions(project, indexes):
        if construction.span is not None:
            said[place(construction.path, construction.span.start)].append(f"not resolved: {construction.reason}")
    return dict(said)


def _fate(project: ProjectGraph, layer: Layer) -> Iterator[str]:
    biased = has_bias(layer)
    if biased is False:
        return
    given = layer.arguments.get("bias")
    if biased is None:
        yield f"bias unknown: {given.reason if isinstance(given, Unknown) else 'by its value'}"
        return
    if layer.marks:
        yield f"not judged: {', '.join(layer.marks.values())}"
        return
    trace = trace_bias(project.calls_of(layer))
    if trace.loss is not None:
        yield f"{trace.loss.reason}{_at(project, trace.loss.node.site)}"
    elif not trace.cancelled_by:
        yield "nothing uses it"
    else:
        yield "redundant in this instance"


def _at(project: ProjectGraph, site: Site | None) -> str:
    module = None if site is None or project.program is None else project.program.module(site.path)
    if site is None or module is None:
        return ""
    row = LineIndex(module.parsed.text).position(project.span(site).start).line + 1
    return f" ({Path(site.path).name}:{row})"
