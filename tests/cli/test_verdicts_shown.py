"""How each format shows a verdict, and that it shows nothing where no model was asked."""

from __future__ import annotations

import json

import pytest

from nnlint.cli.report import Report
from nnlint.cli.reporters import renderer
from nnlint.cli.style import Style
from nnlint.findings import Finding, Severity, Verdict, VerdictKind
from nnlint.text import Span
from tests.cli.conftest import MODEL

PATH = "/project/net.py"
START = MODEL.index("nn.Conv2d")
SPAN = Span(START, START + len("nn.Conv2d(3, 8, 3)"))
CONFIRMED = Verdict(VerdictKind.CONFIRMED, "no output moves: max |Δ| 2e-15", (("max |Δ|", 2e-15), ("floor", float("inf"))))
UNANSWERED = Verdict(VerdictKind.NO_ANSWER, "nothing says what `width` is\n\x1b[31m100 % red")


def rendered(output_format: str, verdict: Verdict | None) -> str:
    finding = Finding("NN501", "bias-before-norm", "bias of `Conv2d` is cancelled", PATH, SPAN, Severity.INFO, verdict=verdict)
    return renderer(output_format)(Report([finding], lambda _: "net.py", lambda _: MODEL, Style()))


def test_full_has_a_note_below_the_source() -> None:
    plain, shown = rendered("full", None).splitlines(), rendered("full", CONFIRMED).splitlines()
    note = "note: confirmed: no output moves: max |Δ| 2e-15"
    at = shown.index(note)
    assert shown[:at] + shown[at + 1 :] == plain
    assert "^^^" in "".join(shown[:at])


def test_a_reason_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in rendered("full", UNANSWERED)
    assert rendered("full", UNANSWERED).count("\n") == rendered("full", CONFIRMED).count("\n")


@pytest.mark.parametrize("output_format", ["concise", "grouped"])
def test_a_line_ends_with_the_kind_of_the_verdict(output_format: str) -> None:
    plain = rendered(output_format, None)
    assert rendered(output_format, CONFIRMED) == plain[:-1] + " [confirmed]\n"
    assert rendered(output_format, UNANSWERED) == plain[:-1] + " [no answer]\n"


def test_github_has_it_in_the_message() -> None:
    assert rendered("github", CONFIRMED) == rendered("github", None)[:-1] + "%0A  confirmed: no output moves: max |Δ| 2e-15\n"
    assert rendered("github", UNANSWERED).endswith("%0A  no answer: nothing says what `width` is%0A\x1b[31m100 %25 red\n")


@pytest.mark.parametrize("output_format", ["json", "json-lines"])
def test_json_has_the_numbers(output_format: str) -> None:
    found = json.loads(rendered(output_format, CONFIRMED), parse_constant=pytest.fail)
    [item] = found if output_format == "json" else [found]
    assert item["verdict"] == {
        "kind": "confirmed",
        "message": "no output moves: max |Δ| 2e-15",
        "numbers": {"max |Δ|": 2e-15, "floor": "inf"},
    }
