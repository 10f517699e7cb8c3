"""Documents under incremental changes, against a plain splice of the text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from nnlint.lsp.convert import position_of
from nnlint.lsp.documents import Document
from nnlint.text import Encoding

# Line ends, what `str.splitlines` takes for some, and characters of one to four bytes and one to two UTF-16 units.
ALPHABET = "ab \t\n\r\f\v\x1c\x85\u2028\u2029é日😀"
TEXTS = st.text(ALPHABET, max_size=40)


def is_between_return_and_feed(text: str, offset: int) -> bool:
    """No position of the protocol points there."""
    return text[offset - 1 : offset + 1] == "\r\n" and offset > 0


@given(text=TEXTS, edits=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), TEXTS), max_size=5), encoding=st.sampled_from(Encoding))
def test_changes_are_splices_in_every_encoding(text: str, edits: list[tuple[int, int, str]], encoding: Encoding) -> None:
    document = Document("file:///a.py", "/a.py", text)
    changes: list[types.TextDocumentContentChangeEvent] = []
    for first, second, new in edits:
        start, end = sorted((min(first, len(text)), min(second, len(text))))
        if is_between_return_and_feed(text, start) or is_between_return_and_feed(text, end):
            continue
        index = Document("file:///a.py", "/a.py", text).index
        range_ = types.Range(position_of(start, index, encoding), position_of(end, index, encoding))
        changes.append(types.TextDocumentContentChangePartial(range_, new))
        text = text[:start] + new + text[end:]
    changed = document.changed(changes, 7, encoding)
    assert (changed.text, changed.version) == (text, 7)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        pytest.param((0, 99), (0, 99), "one!\ntwo", id="behind the end of a line"),
        pytest.param((9, 0), (9, 0), "one\ntwo!", id="behind the last line"),
        pytest.param((1, 1), (0, 1), "one\nt!wo", id="an end before the start"),
    ],
)
def test_positions_outside_of_the_text_are_taken_as_the_nearest_inside(start: tuple[int, int], end: tuple[int, int], expected: str) -> None:
    range_ = types.Range(types.Position(*start), types.Position(*end))
    document = Document("file:///a.py", "/a.py", "one\ntwo")
    assert document.changed([types.TextDocumentContentChangePartial(range_, "!")], 2, Encoding.UTF16).text == expected


def test_a_snapshot_stays_as_it_was_when_its_document_changes() -> None:
    before = Document("file:///a.py", "/a.py", "one", 1)
    before.changed([types.TextDocumentContentChangeWholeDocument("two")], 2, Encoding.UTF16)
    assert (before.text, before.version) == ("one", 1)


CLASSES = """\
import torch

class First:
    def method(self):
        return 1


text = 1

@decorator
class Second(torch.nn.Module):
    note = '''
class Third:
'''

    x = (
1)
"""


@pytest.mark.parametrize(
    ("line", "name"),
    [(0, None), (2, "First"), (4, "First"), (7, None), (9, "Second"), (10, "Second"), (15, "Second"), (99, "Second")],
)
def test_the_class_that_a_line_belongs_to_is_found(line: int, name: str | None) -> None:
    assert Document("file:///a.py", "/a.py", CLASSES).class_at(line) == name
