"""Path patterns as ruff's users write them: `build`, `*_pb2.py`, `tests/**`, `{a,b}/*.py`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

_FLAGS = re.IGNORECASE if os.name == "nt" else 0
_SPECIAL = re.compile(r"[*?\[{]")
_SPECIAL_INSIDE = re.compile(r"[\\^&~|\[]|-(?=-)")


def posix(path: str) -> str:
    """A path with forward slashes, which is what patterns are written in."""
    return path.replace(os.sep, "/") if os.sep != "/" else path


def glob_to_regex(pattern: str) -> str:
    """A regular expression for whole paths. `*` and `?` cross folders as they do in ruff; `**/` also stands for no folder at all."""
    pieces: list[str] = []
    at, depth = 0, 0
    while at < len(pattern):
        piece, at, depth = _next_piece(pattern, at, depth)
        pieces.append(piece)
    return "".join(pieces) + ")" * depth


def _next_piece(pattern: str, at: int, depth: int) -> tuple[str, int, int]:
    char = pattern[at]
    if pattern.startswith("**/", at):
        return "(?:.*/)?", at + 3, depth
    if char == "*":
        end = at + 2 if pattern.startswith("**", at) else at + 1
        return ".*", end, depth
    if char == "[" and (end := pattern.find("]", at + 2)) != -1 and (members := _members(pattern[at + 1 : end])):
        return members, end + 1, depth
    if char == "{" and "}" in pattern[at:]:
        return "(?:", at + 1, depth + 1
    if char == "}" and depth:
        return ")", at + 1, depth - 1
    if char == "," and depth:
        return "|", at + 1, depth
    return "." if char == "?" else re.escape(char), at + 1, depth


def _members(inside: str) -> str | None:
    """The regular expression of `[inside]`; `None` where it is no set of characters, such as one with a range that runs backwards."""
    negated = inside[0] in "!^"
    plain = _SPECIAL_INSIDE.sub(r"\\\g<0>", inside[negated:])
    expression = f"[{'^' if negated else ''}{plain}]"
    try:
        re.compile(expression)
    except re.error:
        return None
    return expression


class PathPatterns:
    """A set of patterns; each is compared with a path's last part and, joined to the folder it was written in, with the whole path."""

    def __init__(self, patterns: Iterable[tuple[str, str]]) -> None:
        """`patterns` pairs each pattern with its folder."""
        self._plain_names: set[str] = set()
        expressions: list[str] = []
        for pattern, folder in patterns:
            bare = posix(pattern).removeprefix("./").rstrip("/")
            if not _SPECIAL.search(bare) and "/" not in bare and not _FLAGS:
                self._plain_names.add(bare)
            else:
                expressions += _expressions(bare, posix(folder))
        self._regex = re.compile("|".join(expressions), _FLAGS | re.DOTALL) if expressions else None

    def __bool__(self) -> bool:
        return bool(self._plain_names) or self._regex is not None

    def matches(self, path: str) -> bool:
        """Whether a pattern fits this absolute path."""
        whole = posix(path)
        name = whole.rpartition("/")[2]
        if name in self._plain_names:
            return True
        # The zero byte keeps the two readings of a pattern apart: no path can hold it.
        return self._regex is not None and (self._regex.fullmatch("\0" + name) is not None or self._regex.fullmatch(whole) is not None)

    def matches_any_part(self, path: str) -> bool:
        """Whether a pattern fits this absolute path or a folder above it."""
        return any(self.matches(part) for part in _upward(path))


def _expressions(pattern: str, folder: str) -> Iterator[str]:
    body = glob_to_regex(pattern)
    if "/" not in pattern:
        yield f"\0(?:{body})"
    prefix = "" if os.path.isabs(pattern) else re.escape(folder.rstrip("/") + "/")
    yield f"{prefix}(?:{body})"


def _upward(path: str) -> Iterator[str]:
    while True:
        yield path
        parent = os.path.dirname(path)
        if parent == path:
            return
        path = parent
