"""What the worker says, made fit to be shown: its words come from a process in which the user's code runs."""

from __future__ import annotations

import math

from nnlint.deep.worker.messages import Answer


def facts_of(answer: Answer) -> tuple[tuple[str, str], ...]:
    """How a model was built and called, a word and a value each; what is not known is left out."""
    told = (
        ("Parameters", "" if answer.parameters is None else f"{answer.parameters:,}"),
        ("Built as", answer.model),
        ("Origin", answer.origin),
        ("Input", answer.inputs),
        ("Ran with", ", ".join(f"{name} {version}" for name, version in sorted(answer.versions.items()))),
        ("Took", f"{answer.seconds:.1f} s" if answer.seconds else ""),
    )
    return tuple((word, in_one_line(value)) for word, value in told if value)


def number_words(value: float) -> str:
    """A number as a person reads it: four digits, thousands apart, no exponent where it can be helped."""
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "not a number")
    if value == int(value) and abs(value) < 1e12:
        return f"{int(value):,}"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def in_one_line(text: str) -> str:
    """Words of a user's code in one line, without characters that steer a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in " ".join(text.split()))
