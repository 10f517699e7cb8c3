"""Every literate case: what the engine finds is what the carets say, and every fix does what a fix must."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from nnlint.findings import Finding
from nnlint.rules import all_rules
from tests.rules.checking import apply_fixes, check_files, mark_of, relative
from tests.rules.literate import Case, Mark, read_cases

HERE = Path(__file__).parent
CASES = [case for file in sorted(HERE.glob("nn*.md")) for case in read_cases(file)]
by_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.source}-{case}")


@cache
def _check(case_index: int) -> list[Finding]:
    return check_family(CASES[case_index], CASES[case_index].files)


def check_family(case: Case, files: dict[str, str]) -> list[Finding]:
    """The findings of a case's own mistake (`nn401.md`: NN4xx) in its files, or in what became of them."""
    return check_files(files, [code for code in all_rules() if code.startswith(case.source[:3].upper())])


def findings_of(case: Case) -> list[Finding]:
    """The findings of a case, computed once; only those of its own mistake (`nn401.md`: NN4xx): others are not its subject."""
    return _check(CASES.index(case))


def _place(mark: Mark) -> tuple[str, int, int, int, str]:
    return mark.path, mark.row + 1, mark.start + 1, mark.end + 1, mark.code


def _tally(findings: list[Finding]) -> Counter[tuple[str, str]]:
    return Counter((relative(f.path), f.code) for f in findings)


@by_case
def test_findings_are_where_the_carets_are(case: Case) -> None:
    expected = sorted(_place(m) for m in case.marks if m.code in all_rules() and not m.is_known_miss)
    assert sorted(_place(mark_of(f, case.files)) for f in findings_of(case)) == expected


@by_case
def test_a_fix_is_offered_unless_the_case_says_no_fix(case: Case) -> None:
    with_fix = {_place(m) for m in case.marks if m.has_fix}
    for finding in findings_of(case):
        place = _place(mark_of(finding, case.files))
        assert bool(finding.fixes) == (place in with_fix), place


@by_case
def test_each_fix_cures_its_finding_and_nothing_else(case: Case) -> None:
    before = findings_of(case)
    for finding in before:
        for fix in finding.fixes:
            fixed = apply_fixes(case.files, [(finding, fix)])
            for text in fixed.values():
                ast.parse(text)
            after = check_family(case, fixed)
            assert _tally(after) == _tally(before) - Counter([(relative(finding.path), finding.code)])


@by_case
def test_all_fixes_together_leave_nothing_to_fix(case: Case) -> None:
    findings = [f for f in findings_of(case) if f.fixes]
    if not findings:
        return
    fixed = apply_fixes(case.files, [(f, f.fixes[0]) for f in findings])
    assert not [f for f in check_family(case, fixed) if f.fixes]


@by_case
def test_the_last_fix_of_each_one_after_another_leaves_nothing_to_fix(case: Case) -> None:
    files, findings = case.files, [f for f in findings_of(case) if f.fixes]
    if all(len(f.fixes) == 1 for f in findings):
        return
    for left in range(len(findings), 0, -1):
        assert len(findings) == left
        files = apply_fixes(files, [(findings[0], findings[0].fixes[-1])])
        findings = [f for f in check_family(case, files) if f.fixes]
    assert not findings


def test_the_cases_are_many() -> None:
    tally = Counter((case.source, case.section) for case in CASES)
    assert tally["nn501", "True positives"] >= 60
    assert tally["nn501", "Traps"] >= 60
    assert tally["nn502", "True positives"] >= 25
    assert tally["nn502", "Traps"] >= 25
    for code in ("nn201", "nn202", "nn203", "nn205", "nn401", "nn402", "nn403", "nn404", "nn406", "nn601", "nn602", "nn603"):
        assert min(tally[code, "True positives"], tally[code, "Traps"]) >= 12
