"""For a terminal: a paragraph a check, and the loss curve as a row of blocks."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterator, Sequence

from nnlint.deep.answer_words import in_one_line, number_words
from nnlint.deep.recipe_report.recipe import FAIL, NOT_APPLICABLE, PASS, WARN, Check, Curve, Recipe

Paint = Callable[[str, str], str]

_WIDTH = 100
_WORDS = {PASS: ("pass", "added"), WARN: ("warn", "warning"), FAIL: ("fail", "error"), NOT_APPLICABLE: ("–", "quiet")}
_BLOCKS = "▁▂▃▄▅▆▇█"
_MOST_BLOCKS = 48
_MOST_NAMES = 12


def render(recipes: Sequence[Recipe], paint: Paint = lambda text, role: text) -> str:
    """`paint` gives words a color by their role: `strong`, `quiet`, `error`, `warning`, `added`, `help`."""
    return "\n".join("".join(f"{line}\n" for line in _lines(recipe, paint)) for recipe in recipes)


def _lines(recipe: Recipe, paint: Paint) -> Iterator[str]:
    yield f"{paint(in_one_line(recipe.name), 'strong')} in {in_one_line(recipe.path)}"
    for word, value in recipe.facts:
        yield from _wrapped(value, f"  {paint(word, 'quiet')}", len(word) + 2, 14)
    if recipe.answer.problem:
        yield from _wrapped(in_one_line(recipe.answer.problem), f"  {paint('No answer', 'error')}", 11, 14)
    for check in recipe.checks:
        yield ""
        yield from _check(check, paint)
    if recipe.checks:
        yield ""
        yield f"{recipe.summary}."


def _check(check: Check, paint: Paint) -> Iterator[str]:
    word, role = _WORDS[check.status]
    yield f"  {paint(f'{word:<4}', role)}  {paint(check.title, 'strong')}"
    yield from _wrapped(check.sentence, "", 0, 8)
    if check.curve is not None and (line := _sparkline(check.curve)):
        yield f"        {line}"
    for title, names in check.names.items():
        more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
        yield from _wrapped(f"{title}: {', '.join(names[:_MOST_NAMES])}{more}", "", 0, 8)
    if check.cure:
        yield from _wrapped(check.cure, f"        {paint('cure:', 'help')}", 13, 14)


def _wrapped(text: str, head: str, head_width: int, indent: int) -> list[str]:
    """The lines of a paragraph, indented, its first one behind a head that may hold colors."""
    lines = textwrap.wrap(text, _WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent, break_on_hyphens=False)
    return [head + lines[0][head_width:], *lines[1:]] if lines else []


def _sparkline(curve: Curve) -> str:
    """The losses as blocks, a block for several steps where there are many, on a logarithmic scale from the lowest to the highest one."""
    losses = [loss for loss in curve.losses if math.isfinite(loss) and loss > 0]
    if not losses:
        return ""
    low, high = math.log(min(losses)), math.log(max(losses))
    count = min(len(losses), _MOST_BLOCKS)
    shown = [losses[number * (len(losses) - 1) // max(1, count - 1)] for number in range(count)]
    blocks = "".join(_BLOCKS[round((math.log(loss) - low) / ((high - low) or 1) * (len(_BLOCKS) - 1))] for loss in shown)
    return f"{number_words(losses[0])} {blocks} {number_words(losses[-1])} (logarithmic, {len(curve.losses) - 1} steps)"
