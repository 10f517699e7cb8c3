"""Every rule's page holds for what the engine does: Bad is flagged just there, Good is clean, and the fix makes Good of Bad."""

from __future__ import annotations

import re

import pytest

from nnlint.rule import Rule
from nnlint.rules import all_rules
from tests.rules.checking import apply_fixes, check_files, mark_of
from tests.rules.literate import MAIN_FILE, read_marks, without_marks

by_rule = pytest.mark.parametrize("rule", all_rules().values(), ids=all_rules())
NO_FIX = "There is no fix"


@by_rule
def test_the_page_has_its_parts(rule: Rule) -> None:
    assert rule.page.startswith(f"# {rule.name} ({rule.code})\n\n")
    assert rule.summary.endswith(".")
    headings = re.findall(r"^## (.+)$", rule.page, re.MULTILINE)
    assert [h for h in headings if h in ("Why", "Bad", "Good", "Fix safety")] == ["Why", "Bad", "Good", "Fix safety"]
    assert all(rule.section(heading) for heading in headings)
    assert len(rule.examples("Bad")) == len(rule.examples("Good")) > 0


@by_rule
def test_bad_is_flagged_just_there(rule: Rule) -> None:
    for bad in rule.examples("Bad"):
        files = {MAIN_FILE: bad}
        expected = [(m.row, m.start, m.end, m.code) for m in read_marks(MAIN_FILE, bad)]
        found = [mark_of(finding, files) for finding in check_files(files)]
        assert {m.code for m in read_marks(MAIN_FILE, bad)} == {rule.code}
        assert [(m.row, m.start, m.end, m.code) for m in found] == expected


@by_rule
def test_good_is_clean(rule: Rule) -> None:
    for good in rule.examples("Good"):
        assert check_files({MAIN_FILE: good}) == []


@by_rule
def test_the_fix_makes_good_of_bad(rule: Rule) -> None:
    for bad, good in zip(rule.examples("Bad"), rule.examples("Good"), strict=True):
        files = {MAIN_FILE: without_marks(bad)}
        findings = check_files(files)
        if rule.section("Fix safety").startswith(NO_FIX):
            assert not any(f.fixes for f in findings)
        else:
            assert apply_fixes(files, [(f, f.fixes[0]) for f in findings]) == {MAIN_FILE: good}
