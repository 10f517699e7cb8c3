"""Drawings as an SVG picture: boxes in rows, each below all that it reads, with lines between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from nnlint.dataflow.drawing import Drawing

_CHARACTER, _LINE, _PADDING, _GAP, _BETWEEN_ROWS, _MARGIN = 6.7, 15, 8, 24, 36, 20  # pixels
_RETURN = "return"


@dataclass(frozen=True, slots=True)
class _Box:
    lines: tuple[str, ...]
    left: float
    top: float
    is_lost: bool = False

    @property
    def width(self) -> float:
        return _width(self.lines)

    @property
    def height(self) -> float:
        return _height(self.lines)


def _width(lines: Sequence[str]) -> float:
    return max(map(len, lines)) * _CHARACTER + 2 * _PADDING


def _height(lines: Sequence[str]) -> float:
    return len(lines) * _LINE + 2 * _PADDING


def more_ways(count: int) -> str:
    return f"… and {count} more way{'' if count == 1 else 's'}, shown with --all"


def picture(drawings: Sequence[tuple[Drawing, Sequence[list[str]]]], left_out: int) -> str:
    """One picture of drawings, each with the lines that its nodes' boxes show, one below the other."""
    parts: list[str] = []
    top, width = float(_MARGIN), 0.0
    for drawing, labels in drawings:
        parts.append(_words(_MARGIN, top + _LINE, drawing.title, "title"))
        boxes = _placed(drawing, labels, top + 2 * _LINE)
        parts += _lines(drawing, boxes)
        for box in boxes.values():
            parts += _drawn(box)
        width = max(width, *(box.left + box.width for box in boxes.values()))
        top = max(box.top + box.height for box in boxes.values()) + 2 * _BETWEEN_ROWS
    if left_out:
        parts.append(_words(_MARGIN, top, more_ways(left_out), "title"))
    size = f'width="{width + _MARGIN:.0f}" height="{top + _MARGIN:.0f}" viewBox="0 0 {width + _MARGIN:.0f} {top + _MARGIN:.0f}"'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', _STYLE, *parts, "</svg>"]) + "\n"


_STYLE = """<style>
  svg { background: white } text { font: 11px monospace; fill: #222; white-space: pre } .title { font-weight: bold }
  rect { fill: #f6f8fa; stroke: #57606a } .lost { stroke: #cf222e; stroke-dasharray: 4 } path { fill: none; stroke: #8c959f }
</style>"""


def _placed(drawing: Drawing, labels: Sequence[list[str]], top: float) -> dict[int, _Box]:
    """Boxes by number (0 for what is returned): each row as high as its highest box, all rows centred."""
    rows: dict[int, list[int]] = {}
    row_of: dict[int, int] = {}
    for node in drawing.nodes:
        row_of[node.number] = 1 + max((row_of.get(read, -1) for read in node.reads), default=-1)  # loops read what comes later
        rows.setdefault(row_of[node.number], []).append(node.number)
    texts = {node.number: tuple(lines) for node, lines in zip(drawing.nodes, labels, strict=True)}
    if drawing.results:
        rows[max(rows) + 1] = [0]
        texts[0] = (_RETURN,)
    lost = {node.number for node in drawing.nodes if node.is_lost}
    widths = {row: sum(_width(texts[n]) for n in members) + _GAP * (len(members) - 1) for row, members in rows.items()}
    boxes: dict[int, _Box] = {}
    for row in sorted(rows):
        left = _MARGIN + (max(widths.values()) - widths[row]) / 2
        for number in rows[row]:
            boxes[number] = _Box(texts[number], left, top, number in lost)
            left += boxes[number].width + _GAP
        top += max(boxes[number].height for number in rows[row]) + _BETWEEN_ROWS
    return boxes


def _lines(drawing: Drawing, boxes: dict[int, _Box]) -> Iterator[str]:
    pairs = [(read, node.number) for node in drawing.nodes for read in node.reads]
    for source, target in [*pairs, *((number, 0) for number in drawing.results)]:
        above, below = boxes[source], boxes[target]
        x, y = above.left + above.width / 2, above.top + above.height
        end, bottom = below.left + below.width / 2, below.top
        middle = (y + bottom) / 2
        yield f'<path d="M{x:.1f},{y:.1f} C{x:.1f},{middle:.1f} {end:.1f},{middle:.1f} {end:.1f},{bottom:.1f}"/>'


def _drawn(box: _Box) -> Iterator[str]:
    style = ' class="lost"' if box.is_lost else ""
    yield f'<rect x="{box.left:.1f}" y="{box.top:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="4"{style}/>'
    for at, line in enumerate(box.lines, 1):
        yield _words(box.left + _PADDING, box.top + _PADDING / 2 + at * _LINE, line)


def _words(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}"{f" class={chr(34)}{style}{chr(34)}" if style else ""}>{escape(text)}</text>'
