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
    found: dict[Place, list[str]] = {}
    by_file: defaultdict[str, set[Place]] = defaultdict(set)
    for place in places:
        by_file[place[0]].add(place)
    for file, wanted in sorted(by_file.items()):
        said = _said_of(folder / file)
        found.update((p, said.get(p[1:], ["never seen to be constructed"])) for p in wanted)
    return found


def _said_of(path: Path) -> dict[tuple[int, int], list[str]]:
    sources = disk_sources(Workspace().project_of(str(path)), [str(path)])
    program = Program(sources.text, sources.paths(), sources.import_roots, Parser())
    relevant = [p for p in sorted(program.paths | {str(path)}) if p == str(path) or program.mentions(p, "torch")]
    project = explore(program, relevant, [str(path)])
    module = program.module(str(path))
    if module is None:
        return {}
    index = LineIndex(module.parsed.text)
    said: dict[tuple[int, int], list[str]] = {}
    for construction in constructions(project, [str(path)]):
        if construction.span is not None:
            at = index.position(construction.span.start)
            said[at.line + 1, at.column + 1] = [f"not resolved: {construction.reason}"]
    for site, layers in project.layers.items():
        if site.path == str(path):
            at = index.position(project.span(site).start)
            words = dict.fromkeys(word for layer in layers for word in _fate(project, layer))
            said[at.line + 1, at.column + 1] = list(words)[:_SHOWN] + said.get((at.line + 1, at.column + 1), [])
    return said


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
