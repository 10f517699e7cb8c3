"""Drawings of dataflow graphs as text, Mermaid, Graphviz's dot and SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nnlint.dataflow.drawing import Drawing, DrawnNode
from nnlint.dataflow.picture import more_ways, picture

MAX_WAYS = 3  # of running one method that are shown, unless all are asked for


def render(drawings: Sequence[Drawing], output_format: str, shows_all: bool = False) -> str:
    """One document of all drawings. Raises `KeyError` for a format that is not in `FORMATS`."""
    shown = list(drawings) if shows_all else list(drawings[:MAX_WAYS])
    titled = [Drawing(_title(drawing, at, len(drawings)), drawing.nodes, drawing.results) for at, drawing in enumerate(shown, 1)]
    return _WRITERS[output_format](titled, len(drawings) - len(shown))


def _title(drawing: Drawing, at: int, count: int) -> str:
    return drawing.title if count == 1 else f"{drawing.title} ({at} of {count} ways to build and call it)"


# --- text ---


def _text(drawings: Sequence[Drawing], left_out: int) -> str:
    blocks = ["\n".join([drawing.title, *_lines(drawing)]) for drawing in drawings]
    if left_out:
        blocks.append(more_ways(left_out))
    return "\n\n".join(blocks) + "\n"


def _lines(drawing: Drawing) -> list[str]:
    heads = [f"%{node.number} = {node.name}({', '.join(f'%{n}' for n in node.reads)})" for node in drawing.nodes]
    columns = [[*heads], [n.kind for n in drawing.nodes], [n.shape for n in drawing.nodes], [n.place for n in drawing.nodes]]
    widths = [min(_WIDEST, max(map(len, column), default=0)) for column in columns]
    lines = []
    for node, cells in zip(drawing.nodes, zip(*columns, strict=True), strict=True):
        line = "  ".join(f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True) if width)
        lines.append(f"  {line}".rstrip())
        lines += [f"       · {fact}" for fact in node.facts]
    if drawing.results:
        lines.append(f"  return {', '.join(f'%{n}' for n in drawing.results)}")
    return lines


_WIDEST = 44

# --- Mermaid ---


def _mermaid(drawings: Sequence[Drawing], left_out: int) -> str:
    lines = ["flowchart TD"]
    for at, drawing in enumerate(drawings):
        lines.append(f"  subgraph g{at}[{_quoted(drawing.title)}]")
        for node in drawing.nodes:
            lines.append(f"    g{at}n{node.number}[{_quoted('<br/>'.join(map(_html, label_lines(node))))}]")
        for node in drawing.nodes:
            lines += [f"    g{at}n{read} --> g{at}n{node.number}" for read in node.reads]
        for number in drawing.results:
            lines.append(f"    g{at}n{number} --> g{at}result([return])")
        lost = [f"g{at}n{node.number}" for node in drawing.nodes if node.is_lost]
        if lost:
            lines.append(f"    class {','.join(lost)} lost")
        lines.append("  end")
    lines.append("  classDef lost stroke:#c33,stroke-dasharray:4")
    if left_out:
        lines.append(f"  %% {more_ways(left_out)}")
    return "\n".join(lines) + "\n"


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', "&quot;") + '"'


# --- dot ---


def _dot(drawings: Sequence[Drawing], left_out: int) -> str:
    lines = ["digraph forward {", '  node [shape=box, fontname="monospace", fontsize=10];']
    for at, drawing in enumerate(drawings):
        lines += [f"  subgraph cluster_{at} {{", f"    label={_dot_string([drawing.title])};"]
        for node in drawing.nodes:
            style = ", style=dashed, color=red" if node.is_lost else ""
            lines.append(f"    g{at}n{node.number} [label={_dot_string(label_lines(node))}{style}];")
        for node in drawing.nodes:
            lines += [f"    g{at}n{read} -> g{at}n{node.number};" for read in node.reads]
        if drawing.results:
            lines.append(f"    g{at}result [label=return, shape=oval];")
            lines += [f"    g{at}n{number} -> g{at}result;" for number in drawing.results]
        lines.append("  }")
    if left_out:
        lines.append(f"  // {more_ways(left_out)}")
    return "\n".join([*lines, "}"]) + "\n"


def _dot_string(lines: Sequence[str]) -> str:
    return '"' + "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in lines) + '"'


# --- SVG ---


def _svg(drawings: Sequence[Drawing], left_out: int) -> str:
    return picture([(drawing, [label_lines(node) for node in drawing.nodes]) for drawing in drawings], left_out)


def label_lines(node: DrawnNode) -> list[str]:
    """What a box says: name and kind, shape and place, facts."""
    head = f"{node.name}: {node.kind}" if node.kind else node.name
    return [head, *filter(None, ["  ".join(filter(None, [node.shape, node.place]))]), *node.facts]


_WRITERS: dict[str, Callable[[Sequence[Drawing], int], str]] = {"text": _text, "mermaid": _mermaid, "dot": _dot, "svg": _svg}
FORMATS = tuple(_WRITERS)
