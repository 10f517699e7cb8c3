"""What an answer makes of findings. The answers are written down here; those of real runs are in tests/cli/test_deep_option.py."""

from __future__ import annotations

from dataclasses import replace

from nnlint.deep.verdicts import discovered, judge, merged, verdicts_of
from nnlint.deep.worker.messages import CONFIRMED, NO_ANSWER, REFUTED, Answer, Discovery, Place
from nnlint.deep.worker.messages import Verdict as Told
from nnlint.findings import Finding, Severity, Verdict, VerdictKind
from nnlint.rules import all_rules
from nnlint.settings import Settings
from nnlint.text import Span

PATH = "/project/net.py"
TEXT = """\
first = nn.Conv2d(3, 8, 3)
second = nn.Conv2d(8, 8, 3)  # nnlint: ignore[NN501]
third = nn.Conv2d(8, 8, 3)
"""
DEFAULT = Settings.default(all_rules())


def finding(code: str = "NN501", row: int = 1, path: str = PATH) -> Finding:
    rule = all_rules()[code]
    start = sum(len(line) for line in TEXT.splitlines(keepends=True)[: row - 1]) + TEXT.splitlines()[row - 1].index("nn.")
    return Finding(code, rule.name, f"{code} on row {row}", path, Span(start, TEXT.index(")", start) + 1), rule.severity)


def discovery(row: int, column: int = 0, end_column: int = 0, code: str = "NN501", path: str = PATH) -> Discovery:
    return Discovery(code, Place(path, row, column, row, end_column), "the bias changes nothing", {"wasted parameters": 8})


def default(_: str) -> Settings:
    return DEFAULT


def test_questions_are_numbered_in_the_order_of_the_findings() -> None:
    first, second, third = finding(row=1), finding(row=2), finding(row=3)
    answer = Answer((Told("2", REFUTED, "it matters"), Told("0", CONFIRMED, "it does not", {"largest change": 0.0})), problem="timed out")
    assert verdicts_of([first, second, third], answer) == {
        first: Verdict(VerdictKind.CONFIRMED, "it does not", (("largest change", 0.0),)),
        second: Verdict(VerdictKind.NO_ANSWER, "timed out"),
        third: Verdict(VerdictKind.REFUTED, "it matters"),
    }


def test_one_model_that_contradicts_a_finding_outweighs_others_that_confirm_it() -> None:
    one = finding()
    said = {kind: {one: Verdict(VerdictKind(kind), kind)} for kind in (CONFIRMED, REFUTED, NO_ANSWER)}
    assert merged([said[CONFIRMED], said[REFUTED], said[NO_ANSWER]]) == said[REFUTED]
    assert merged([said[NO_ANSWER], said[CONFIRMED]]) == merged([said[CONFIRMED], said[NO_ANSWER]]) == said[CONFIRMED]


def test_confirmed_findings_stand_louder_and_refuted_ones_go() -> None:
    confirmed, refuted, unanswered, unasked = findings = [finding(row=1), finding(row=2), finding(row=3), finding("NN502", row=3)]
    verdicts = {
        confirmed: Verdict(VerdictKind.CONFIRMED, "yes"),
        refuted: Verdict(VerdictKind.REFUTED, "no"),
        unanswered: Verdict(VerdictKind.NO_ANSWER, "why"),
    }
    judgment = judge(findings, verdicts, default)
    assert [(one.message, one.severity, one.verdict) for one in judgment.findings] == [
        (confirmed.message, Severity.WARNING, verdicts[confirmed]),
        (unanswered.message, Severity.INFO, verdicts[unanswered]),
        (unasked.message, Severity.INFO, None),
    ]
    assert judgment.refuted == (refuted,) and judgment.refuted[0].verdict == verdicts[refuted]
    quiet = replace(DEFAULT, severities={"NN501": Severity.INFO})
    assert [one.severity for one in judge([confirmed], verdicts, lambda _: quiet).findings] == [Severity.INFO]


def test_what_a_run_found_is_told_once_and_where_nothing_suppresses_it() -> None:
    answer = Answer(
        discoveries=(
            discovery(1, 9, 27),  # known
            discovery(2, 10, 28),  # suppressed
            discovery(3),  # a Python that knows rows alone
            discovery(3),
            discovery(1, 9, 27, path="/project/other.py"),
            discovery(1, 9, 27, code="NN999"),
        )
    )
    [new] = discovered(PATH, TEXT, [answer, answer], [finding(row=1)], DEFAULT)
    assert (new.code, new.name, new.message) == ("NN501", "bias-before-norm", "the bias changes nothing")
    assert TEXT[new.span.start : new.span.end] == "third = nn.Conv2d(8, 8, 3)"
    assert new.severity is Severity.WARNING
    assert new.verdict == Verdict(VerdictKind.CONFIRMED, "found by running the model (wasted parameters 8)", (("wasted parameters", 8),))
    assert discovered(PATH, TEXT, [answer], [], DEFAULT.without(frozenset({"NN501"}))) == []


def test_a_bias_that_is_cancelled_further_on_is_the_same_mistake_as_one_right_before_a_norm() -> None:
    answer = Answer(discoveries=(discovery(1, 9, 27),))
    assert discovered(PATH, TEXT, [answer], [finding("NN504", row=1)], DEFAULT) == []
    assert [TEXT[one.span.start : one.span.end] for one in discovered(PATH, TEXT, [answer], [finding("NN601", row=1)], DEFAULT)] == [
        "nn.Conv2d(3, 8, 3)"
    ]
