"""For a browser or a panel of the editor: one page that stands by itself, without scripts and without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from nnlint.deep.answer_words import number_words
from nnlint.deep.recipe_report.plots import bar_plot, curve_plot, value_words
from nnlint.deep.recipe_report.recipe import FAIL, NOT_APPLICABLE, PASS, STATUSES, WARN, Bars, Check, Recipe

_CLASSES = {PASS: "pass", WARN: "warn", FAIL: "fail", NOT_APPLICABLE: "none"}
_WORDS = {PASS: "Passed", WARN: "Warning", FAIL: "Failed", NOT_APPLICABLE: "Not applicable"}
_ICONS = {
    PASS: '<path d="M2.5 8.5 6 12l7.5-8"/>',
    WARN: '<path d="M8 2.5 14.5 13.5h-13zM8 7v3M8 12v.01"/>',
    FAIL: '<path d="m3.5 3.5 9 9m0-9-9 9"/>',
    NOT_APPLICABLE: '<path d="M3.5 8h9"/>',
}
_MOST_OPEN = 6  # names; longer lists are folded


def render(recipes: Sequence[Recipe]) -> str:
    names = ", ".join(recipe.name for recipe in recipes)
    style = Path(__file__).with_name("page.css").read_text("utf-8")
    articles = "".join(_article(f"recipe-{number}", recipe) for number, recipe in enumerate(recipes))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Training recipe: {escape(names)} – nnlint</title>
<style>
{style}</style>
</head>
<body>
<main>
{articles}<footer>Written by <code>nnlint deep --recipe</code>, after Andrej Karpathy’s “A Recipe for Training Neural Networks”.
The batch is random: the report is about the model, not about data.</footer>
</main>
</body>
</html>
"""


def _article(anchor: str, recipe: Recipe) -> str:
    tally = "".join(f"<li>{_badge(status, words)}</li>" for status in STATUSES if (words := recipe.counted(status)))
    facts = "".join(f"<div><dt>{escape(word)}</dt><dd>{escape(value)}</dd></div>" for word, value in recipe.facts)
    reason = recipe.objective[1]
    parts = (
        f'<ul class="tally" aria-label="Summary">{tally}</ul>' if tally else "",
        f'<dl class="facts">{facts}</dl>' if facts else "",
        f'<p class="why">Why this loss: {escape(reason)}.</p>' if reason else "",
        f'<p class="problem" role="alert"><b>No answer:</b> {escape(recipe.answer.problem)}</p>' if recipe.answer.problem else "",
        *(_check(f"{anchor}-{number}", check) for number, check in enumerate(recipe.checks)),
    )
    return f"""<article aria-labelledby="{anchor}">
<p class="eyebrow">Training recipe</p>
<h1 id="{anchor}">{escape(recipe.name)}</h1>
<p class="path">{escape(recipe.path)}</p>
{chr(10).join(filter(None, parts))}
</article>
"""


def _badge(status: str, words: str) -> str:
    icon = f'<svg viewBox="0 0 16 16" aria-hidden="true">{_ICONS[status]}</svg>'
    return f'<span class="badge {_CLASSES[status]}">{icon}{escape(words)}</span>'


def _check(anchor: str, check: Check) -> str:
    return f"""<section class="check {_CLASSES[check.status]}" aria-labelledby="{anchor}">
<header><h2 id="{anchor}">{escape(check.title)}</h2>{_badge(check.status, _WORDS[check.status])}</header>
{chr(10).join(_parts(check))}
</section>"""


def _parts(check: Check) -> Iterator[str]:
    yield f"<p>{escape(check.sentence)}</p>"
    if check.cure:
        yield f'<p class="cure"><b>What helps:</b> {escape(check.cure)}</p>'
    if check.numbers:
        shown = "".join(f"<div><dt>{escape(name)}</dt><dd>{number_words(value)}</dd></div>" for name, value in check.numbers.items())
        yield f'<dl class="numbers">{shown}</dl>'
    if check.curve is not None and (plot := curve_plot(check.curve, "Loss by step")):
        yield f"<figure><figcaption>Loss by step, logarithmic</figcaption>{plot}</figure>"
    if check.bars is not None:
        yield from _bars(check.bars)
    for title, names in check.names.items():
        items = "".join(f"<li>{escape(name)}</li>" for name in names)
        opened = " open" if len(names) <= _MOST_OPEN else ""
        yield f'<details{opened}><summary>{escape(title)} ({len(names):,})</summary><ul class="names">{items}</ul></details>'


def _bars(bars: Bars) -> Iterator[str]:
    if plot := bar_plot(bars):
        yield f"<figure><figcaption>{escape(bars.title)}{'' if bars.is_share else ', logarithmic'}</figcaption>{plot}</figure>"
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{value_words(value, bars.is_share)}</td></tr>" for name, value in bars.values)
    head = f'<tr><th scope="col">Layer</th><th scope="col">{"Share" if bars.is_share else "Length"}</th></tr>'
    table = f'<div class="scroll" tabindex="0"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'
    count = "one layer" if len(bars.values) == 1 else f"{len(bars.values):,} layers"
    yield f"<details><summary>The numbers of {count}</summary>{table}</details>"
