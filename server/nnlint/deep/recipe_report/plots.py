"""Plots as SVG that takes the width of its column: positions are shares of the plot, labels stand in the margin that the page leaves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from nnlint.deep.answer_words import number_words
from nnlint.deep.recipe_report.recipe import Bars, Curve

_LOUD_SHARE = 2 / 3  # from here on a share is one to look at
_MOST_POINTS = 400
_FEWEST_BARS = 3


def curve_plot(curve: Curve, title: str) -> str:
    """The loss by steps on a logarithmic scale, with the loss that was to be reached; empty where there is nothing to draw."""
    points = [(step, loss) for step, loss in enumerate(curve.losses) if math.isfinite(loss) and loss > 0]
    if len(points) < 2 or curve.goal <= 0:
        return ""
    low = math.log10(min(curve.goal, *(loss for _, loss in points))) - 0.08
    high = math.log10(max(curve.goal, *(loss for _, loss in points))) + 0.04
    last = points[-1][0]

    def x(step: float) -> float:
        return 100 * step / last

    def y(loss: float) -> float:
        return 100 * (high - math.log10(loss)) / (high - low)

    stride = math.ceil(len(points) / _MOST_POINTS)
    line = " ".join(f"{x(step):.2f},{y(loss):.2f}" for step, loss in [*points[::stride], points[-1]])
    end_step, end_loss = points[-1]
    parts = [
        _grid((y(10.0**n), value_words(10.0**n, False)) for n in _powers(low, high)),
        _steps(last),
        '<svg width="100%" height="100%" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">'
        f'<polygon class="below" points="0,100 {line} {x(end_step):.2f},100"/><polyline class="curve" points="{line}"/></svg>',
        f'<line class="goal" x1="0" x2="100%" y1="{y(curve.goal):.2f}%" y2="{y(curve.goal):.2f}%"/>',
        f'<text class="goal-words" x="0" y="{y(curve.goal):.2f}%" dx="6" dy="-6">1 % of the first loss</text>',
        f'<circle class="end" cx="{x(end_step):.2f}%" cy="{y(end_loss):.2f}%" r="5"/>',
    ]
    words = f"{title}: from {number_words(points[0][1])} to {number_words(end_loss)} in {end_step} steps, on a logarithmic scale"
    return _svg("plot", words, parts)


def bar_plot(bars: Bars) -> str:
    """A bar for each layer, from the input to the output; lengths on a logarithmic scale. Empty where there is nothing to compare."""
    values = [value if math.isfinite(value) else 0.0 for _, value in bars.values]
    positive = [value for value in values if value > 0]
    if not positive or len(values) < _FEWEST_BARS:
        return ""
    if bars.is_share:
        low, high, ticks = 0.0, 1.0, [(100.0, "0 %"), (50.0, "50 %"), (0.0, "100 %")]
    else:
        low, high = math.floor(math.log10(min(positive)) - 0.3), math.ceil(math.log10(max(positive)) + 0.01)
        ticks = [(100 * (high - n) / (high - low), value_words(10.0**n, False)) for n in _powers(low, high)]
    width = 100 / len(values)
    rows = []
    for number, ((name, value), drawn) in enumerate(zip(bars.values, values, strict=True)):
        height = 100 * (drawn if bars.is_share else (math.log10(drawn) - low) / (high - low) if drawn > 0 else 0.0)
        loud = " loud" if bars.is_share and drawn > _LOUD_SHARE else ""
        rows.append(
            f'<rect class="bar{loud}" x="{width * (number + 0.12):.3f}%" width="{width * 0.76:.3f}%" y="{100 - height:.2f}%" '
            f'height="{height:.2f}%"><title>{escape(name)}: {value_words(value, bars.is_share)}</title></rect>'
        )
    ends = ('<text x="0" y="100%" dy="18">first layer</text>', '<text x="100%" y="100%" dy="18" text-anchor="end">last layer</text>')
    narrow = f"max-width:{160 + 44 * len(values)}px"
    return _svg("plot bars", f"{bars.title}: {len(values)} layers", [_grid(ticks), *rows, *ends], narrow)


def value_words(value: float, is_share: bool) -> str:
    """`25%`, or a number as short as an axis wants it."""
    if is_share:
        return f"{value:.0%}"
    return number_words(value) if value >= 0.001 or value == 0 else f"{value:.0e}"


def _svg(classes: str, label: str, parts: Sequence[str], style: str = "") -> str:
    styled = f' style="{style}"' if style else ""
    return f'<svg class="{classes}" role="img" aria-label="{escape(label)}"{styled}>{"".join(parts)}</svg>'


def _grid(ticks: Iterable[tuple[float, str]]) -> str:
    """Horizontal lines at shares of the height from the top, with their words to the left."""
    return "".join(
        f'<line class="grid" x1="0" x2="100%" y1="{at:.2f}%" y2="{at:.2f}%"/>'
        f'<text x="0" y="{at:.2f}%" dx="-10" dy="4" text-anchor="end">{escape(words)}</text>'
        for at, words in ticks
    )


def _steps(last: int) -> str:
    """Words below for some round steps."""
    rough = max(1.0, last / 5)
    magnitude = 10 ** math.floor(math.log10(rough))
    stride = next(magnitude * n for n in (1, 2, 5, 10) if magnitude * n >= rough)
    return "".join(
        f'<text x="{100 * step / last:.2f}%" y="100%" dy="20" text-anchor="middle">{step or "step 0"}</text>'
        for step in range(0, last + 1, stride)
    )


def _powers(low: float, high: float) -> list[int]:
    """The powers of ten between two logarithms, six at most."""
    powers = range(math.ceil(low), math.floor(high) + 1)
    return list(powers[:: max(1, math.ceil(len(powers) / 6))])
