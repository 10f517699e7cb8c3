"""The recipe's report in its three formats, from answers as the worker gives them and as a hostile process might."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from nnlint.deep.recipe_report import html as html_report
from nnlint.deep.recipe_report import json as json_report
from nnlint.deep.recipe_report import text as text_report
from nnlint.deep.recipe_report.recipe import Recipe
from nnlint.deep.worker.messages import Answer

HOSTILE = "Net<script>alert('1')</script>&\"\x1b[31m\n"
VOID = frozenset({"meta"})


def check(status: str = "pass", **fields: Any) -> dict[str, Any]:
    plain = {"id": "a-check", "title": "A check", "status": status, "sentence": "It is so.", "cure": "", "numbers": {}, "names": {}}
    return {**plain, "bars": None, "curve": None, **fields}


def recipe(*checks: dict[str, Any], name: str = "Net", **fields: Any) -> Recipe:
    details = {"objective": {"name": "cross-entropy over 10 classes", "reason": "it is (4, 10)"}, "checks": list(checks)}
    answer = Answer(
        model="Net()", origin="constructor defaults", inputs="(4, 3, 32, 32)", parameters=1234567, seconds=12.34, details=details
    )
    return Recipe(name, "models/net.py", Answer(**{**vars(answer), **fields}))


CURVE = {"losses": [2.3, 1.1, 0.4, 0.02], "goal": 0.023}
NORMS = {"title": "Length of the gradient, by layer", "unit": "norm", "values": [["a", 12.0], ["b", 0.5], ["c", 0.0]]}
SHARES = {"title": "Units that are zero", "unit": "share", "values": [["relu", 0.9], ["relu2", 0.1], ["relu3", 0.0]]}
FULL = recipe(
    check(curve=CURVE, numbers={"first loss": 2.3}),
    check("warn", bars=SHARES, cure="lower the bias"),
    check("fail", bars=NORMS, names={"read, but without a gradient": ["cut.weight", "cut.bias"]}),
    check("not applicable"),
)


class Page(HTMLParser):
    """What a page consists of. Raises where elements do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_the_page_stands_by_itself() -> None:
    text = html_report.render([FULL])
    page = Page(text)
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "form", "base", "a"})
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name in ("src", "href", "xlink:href", "action", "srcset") for name in attributes)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.S)
    assert not re.search(r"url\(|@import|expression\(|https?:", style)
    assert "<head>" in text


def test_the_page_can_be_read_without_seeing_it() -> None:
    page = Page(html_report.render([FULL, recipe(name="Other")]))
    assert page.of("html") == [{"lang": "en"}]
    assert len(page.of("title")) > 0
    plots = [svg for svg in page.of("svg") if svg.get("role") == "img"]
    assert [svg["aria-label"].split(":")[0] for svg in plots] == ["Loss by step", "Units that are zero", "Length of the gradient, by layer"]
    assert all(svg.get("aria-hidden") == "true" for svg in page.of("svg") if svg.get("role") != "img")
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a} == set(ids)
    assert [len(page.of(tag)) for tag in ("main", "h1", "h2")] == [1, 2, 4]


def test_a_status_is_told_in_words_too() -> None:
    words = Page(html_report.render([FULL])).words
    assert all(word in words for word in ("Passed", "Warning", "Failed", "Not applicable", "1 passed", "1 warning", "1 failed"))


def test_words_of_user_code_stay_words() -> None:
    shown = check("fail", title=HOSTILE, sentence=HOSTILE, cure=HOSTILE, numbers={HOSTILE: 1.0}, names={HOSTILE: [HOSTILE]})
    shown["bars"] = {"title": HOSTILE, "unit": "norm", "values": [[HOSTILE, n] for n in (1.0, 2.0, 3.0)]}
    hostile = recipe(shown, name=HOSTILE, model=HOSTILE, origin=HOSTILE, inputs=HOSTILE, problem=HOSTILE, versions={HOSTILE: HOSTILE})
    page = Page(html_report.render([Recipe(HOSTILE, HOSTILE, hostile.answer)]))
    assert not page.of("script")
    assert sum("<script>alert('1')</script>" in word for word in page.words) >= 8
    text = text_report.render([Recipe(HOSTILE, HOSTILE, hostile.answer)])
    assert "\x1b" not in text
    assert json.loads(json_report.render([hostile]))[0]["checks"][0]["status"] == "fail"


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"checks": "none", "objective": 3},
        {"checks": [3, {"status": "splendid"}, {"status": "pass", "numbers": [1], "names": 2, "bars": {"values": [["a"], ["b", "c"]]}}]},
        {"checks": [check(curve={"losses": ["a"], "goal": 1}), check(curve={"losses": [1.0], "goal": "b"}), check(bars={"values": []})]},
        {
            "checks": [
                check(curve={"losses": [1, 1], "goal": 0}),
                check(curve={"losses": [math.inf, math.nan, -1.0, 0.0, 2.0], "goal": 0.01}),
            ]
        },
        {"checks": [check(numbers={"a": math.inf, "b": math.nan, "c": -math.inf, "d": 1e300, "e": True})]},
        {"checks": [check(bars={"title": "t", "unit": "norm", "values": [["a", math.inf], ["b", 1e-30], ["c", 1e30], ["d", -1.0]]})]},
        {"checks": [check(bars={"title": "t", "unit": "share", "values": [["a", 0.0], ["b", 0], ["c", 0.0]]})]},
    ],
)
def test_whatever_the_worker_says_is_shown_as_far_as_it_makes_sense(details: dict[str, Any]) -> None:
    shown = Recipe("Net", "net.py", Answer(details=details))
    page = html_report.render([shown])
    Page(page)
    assert not re.search(r'="[^"]*(nan|inf)[^"]*%?"', page)
    assert text_report.render([shown]).startswith("Net in net.py\n")
    json.loads(json_report.render([shown]), parse_constant=lambda name: pytest.fail(name))


def test_the_text_says_what_there_is_in_lines_that_fit() -> None:
    lines = text_report.render([FULL]).splitlines()
    assert lines[0] == "Net in models/net.py"
    assert "  Parameters  1,234,567" in lines
    assert any("█" in line and "3 steps" in line for line in lines)
    assert "        read, but without a gradient: cut.weight, cut.bias" in lines
    assert "        cure: lower the bias" in lines
    assert lines[-1] == "1 passed, 1 warning, 1 failed, 1 not applicable."
    assert max(map(len, lines)) <= 100


def test_colors_change_nothing_but_colors() -> None:
    painted = text_report.render([FULL], lambda text, role: f"\x1b[1m{text}\x1b[0m")
    assert re.sub(r"\x1b\[\dm", "", painted) == text_report.render([FULL])


def test_a_reason_takes_the_place_of_checks_that_were_not_made() -> None:
    failed = Recipe("Net", "net.py", Answer(problem="torch is not installed in /usr/bin/python3"))
    assert not failed.has_failed
    assert "torch is not installed" in text_report.render([failed])
    assert "torch is not installed" in "".join(Page(html_report.render([failed])).words)
    assert json.loads(json_report.render([failed]))[0]["problem"] == "torch is not installed in /usr/bin/python3"


def test_json_is_what_the_documentation_shows() -> None:
    (found,) = json.loads(json_report.render([FULL]))
    page = (Path(__file__).parents[2] / "docs" / "deep.md").read_text("utf-8")
    (example,) = json.loads(re.findall(r"```json\n(\[\{\"class\".*?)```", page, re.S)[0])
    assert found.keys() == example.keys()
    assert found["checks"][0].keys() == example["checks"][0].keys()
    assert {item["status"] for item in found["checks"]} == {"pass", "warn", "fail", "not applicable"}


def test_the_curve_falls_from_the_upper_left_to_the_lower_right() -> None:
    page = html_report.render([recipe(check(curve=CURVE))])
    (points,) = re.findall(r'<polyline class="curve" points="([^"]*)"', page)
    places = [tuple(map(float, point.split(","))) for point in points.split()]
    assert [x for x, _ in places] == pytest.approx([0, 100 / 3, 200 / 3, 100, 100], abs=0.01)
    heights = [y for _, y in places]
    assert heights == sorted(heights)
    (goal,) = re.findall(r'class="goal" x1="0" x2="100%" y1="([\d.]+)%"', page)
    assert heights[2] < float(goal) < heights[3]
