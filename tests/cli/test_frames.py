"""Source frames show the right lines with marks under the right characters, whatever the text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nnlint.cli.frames import Frame
from nnlint.cli.style import Style, width
from nnlint.text import LineIndex, Span


def lines(text: str, start: int, end: int, context: int = 1) -> list[str]:
    gutter = len(str(text.count("\n", 0, end) + 1))
    return list(Frame(gutter, "error", context).lines(LineIndex(text), Span(start, end), Style()))


def test_one_line_with_its_neighbours() -> None:
    assert lines("a\nbcd\ne\nf\n", 3, 5) == ["  |", "1 | a", "2 | bcd", "  |  ^^", "3 | e", "  |"]


def test_without_neighbours() -> None:
    assert lines("a\nbcd\ne\n", 2, 5, context=0) == ["  |", "2 | bcd", "  | ^^^", "  |"]


def test_several_lines() -> None:
    text = "f(\n    a,\n\n    b)\n"
    shown = ["1 | f(", "  | ^^", "2 |     a,", "  |     ^^", "3 |", "4 |     b)", "  |     ^^"]
    assert lines(text, 0, len(text) - 1, 0) == ["  |", *shown, "  |"]


def test_the_middle_of_many_lines_is_left_out() -> None:
    text = "".join(f"x{number}\n" for number in range(10, 30))
    shown = lines(text, 0, len(text) - 1, 0)
    assert [line for line in shown if "^" not in line] == [
        "   |", " 1 | x10", " 2 | x11", " 3 | x12", " … |", "18 | x27", "19 | x28", "20 | x29", "   |"
    ]  # fmt: skip


def test_the_end_of_a_text() -> None:
    assert lines("ab\n", 3, 3) == ["  |", "1 | ab", "2 |", "  | ^", "  |"]
    assert lines("ab", 2, 2) == ["  |", "1 | ab", "  |   ^", "  |"]


def test_line_ends_of_every_kind() -> None:
    assert lines("a\r\nb\rc\fd\u2028e\n", 3, 4) == ["  |", "1 | a", "2 | b", "  | ^", "3 | c␌d\u2028e", "  |"]


@given(st.text(st.characters() | st.sampled_from("\t\r\n 漢😀\u0301\u202e\x1b"), min_size=1, max_size=40), st.data())
def test_every_frame_is_printable_and_has_marks(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    shown = lines(text, start, end)
    assert any("^" in line for line in shown)
    assert not any(char in "\x1b\r\n\t\u202e" for line in shown for char in line)
    assert all(width(line) < 400 for line in shown)
