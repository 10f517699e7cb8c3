"""Path patterns mean what they mean in ruff's config."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlint.workspace.globs import PathPatterns, glob_to_regex


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("legacy", "/r/legacy", True),
        ("legacy", "/r/deep/legacy", True),
        ("legacy/", "/r/legacy", True),
        ("./legacy", "/r/legacy", True),
        ("legacy", "/r/legacy2", False),
        ("*_pb2.py", "/r/a/b_pb2.py", True),
        ("a/*.py", "/r/a/x.py", True),
        ("a/*.py", "/r/a/deep/x.py", True),
        ("a/*.py", "/r/b/a/x.py", False),
        ("**/a/*.py", "/r/b/a/x.py", True),
        ("**/x.py", "/r/x.py", True),
        ("tests/**", "/r/tests/unit/x.py", True),
        ("tests/**", "/elsewhere/tests/x.py", False),
        ("/abs/x.py", "/abs/x.py", True),
        ("x?.py", "/r/x1.py", True),
        ("x[0-3].py", "/r/x2.py", True),
        ("x[!0-3].py", "/r/x2.py", False),
        ("{a,b}/x.py", "/r/b/x.py", True),
        ("{a,b}/x.py", "/r/c/x.py", False),
        ("a+b(1).py", "/r/a+b(1).py", True),
        ("x[.py", "/r/x[.py", True),
    ],
)
def test_pattern(pattern: str, path: str, matches: bool) -> None:
    assert PathPatterns([(pattern, "/r")]).matches(path) is matches


def test_a_pattern_is_relative_to_the_folder_it_was_written_in() -> None:
    patterns = PathPatterns([("a/x.py", "/one"), ("a/y.py", "/two")])
    assert patterns.matches("/one/a/x.py")
    assert not patterns.matches("/two/a/x.py")


def test_a_file_in_an_excluded_folder_is_excluded_with_it() -> None:
    patterns = PathPatterns([("legacy", "/r")])
    assert not patterns.matches("/r/legacy/deep/x.py")
    assert patterns.matches_any_part("/r/legacy/deep/x.py")


@given(st.text("ab*?[]{}!,/-^\\.", max_size=12))
def test_every_text_is_a_pattern(pattern: str) -> None:
    PathPatterns([(pattern, "/r")]).matches("/r/a/b")
    assert isinstance(glob_to_regex(pattern), str)
