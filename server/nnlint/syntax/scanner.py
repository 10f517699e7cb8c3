"""Cuts a text into logical lines without parsing it, so that half-typed code costs only its own line.

Tolerant by design: every text has logical lines, whatever is wrong with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nnlint.text import Span

# Everything that decides where a logical line ends. What lies between the matches is of no interest here.
_TOKEN = re.compile(
    r"""
      (?P<comment>\#[^\r\n]*)
    | (?P<triple>\"\"\"|''')
    | (?P<string>"(?:[^"\\\r\n]|\\(?:\r\n|[\s\S]))*"|'(?:[^'\\\r\n]|\\(?:\r\n|[\s\S]))*')
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<continuation>\\(?:\r\n|\n|\r))
    | (?P<newline>\r\n|\n|\r)
    | (?P<quote>["'])
    """,
    re.VERBOSE,
)
_TRIPLE_END = {'"""': re.compile(r'(?:\\[\s\S]|[^\\])*?"""'), "'''": re.compile(r"(?:\\[\s\S]|[^\\])*?'''")}
_LINE_END = re.compile(r"\r\n|\n|\r|\Z")
_INDENT = re.compile(r"[ \t\f]*")
# Keywords that start a statement and can stand nowhere inside brackets: what precedes them was left open.
_FRESH_START = re.compile(
    r"[ \t]*(?:(?:async[ \t]+)?def[ \t]+\w|class[ \t]+\w|import[ \t]+\w|@\w|return\b|with[ \t]+\w|while[ \t]+\w|raise\b|try[ \t]*:)"
)
_DEFINITION = re.compile(r"[ \t]*(?:(?:async[ \t]+)?def[ \t]+\w+[ \t]*\(|class[ \t]+\w+[ \t]*[(:])")
_WORD = re.compile(r"@|\w+|")
_LONG_LINE = 4_000
_CHAIN = re.compile(r"[)\]]\s*[.(\[]")
_OPERATOR_RUN = re.compile(r"[^,(){}\[\]#\"']+")
_OPERATOR = re.compile(r"[-+*/%&|^@<>=]+|\b(?:and|or|not|if|lambda|in|is)\b|\.")
_BACKSLASH_END = re.compile(r"\\(?:\r\n|\n|\r)\Z")

MAX_NESTING = 200  # CPython's own limit ("too many nested parentheses")
MAX_INDENTS = 99  # CPython's own limit ("too many levels of indentation")
MAX_CHAIN = 1_000  # libcst's recursive conversion overflows the C stack at some 1,500 links


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """One statement, or the head of a compound one, from its first character to the end of its last physical line."""

    start: int  # of the indentation
    end: int  # behind the line end
    indent: int  # columns, tabs to the next multiple of eight
    word: str  # the first word, or "@"
    nesting: int  # deepest bracket
    is_open: bool = False  # a bracket or string in it never closes
    chain: int = 0  # longest chain of calls or operators, counted only in very long lines


@dataclass(frozen=True, slots=True)
class Scan:
    lines: tuple[LogicalLine, ...]
    comments: tuple[Span, ...]


def _indent_width(text: str) -> int:
    width = 0
    for character in text:
        width = (width // 8 + 1) * 8 if character == "\t" else width + 1 if character == " " else 0
    return width


def _longest_chain(text: str) -> int:
    operators = max((len(_OPERATOR.findall(run)) for run in _OPERATOR_RUN.findall(text)), default=0)
    return max(operators, len(_CHAIN.findall(text)))


def scan(text: str, *, close_strings_at_definitions: bool = False) -> Scan:
    """The logical lines and comments of `text`.

    A bracket left open ends at a line that starts a statement which cannot stand inside brackets. With
    `close_strings_at_definitions` so does a triple-quoted string, at a line that looks like a `def` or `class`:
    the second try where the first leaves broken blocks, as after typing a lone triple quote.
    """
    lines: list[LogicalLine] = []
    comments: list[Span] = []
    start = 0
    depth = nesting = 0
    is_open = False
    size = len(text)
    position = 0

    def finish(end: int) -> None:
        nonlocal start, depth, nesting, is_open
        indent_end = _INDENT.match(text, start).end()  # type: ignore[union-attr]
        if indent_end < end and text[indent_end] not in "#\r\n":
            word = _WORD.match(text, indent_end).group()  # type: ignore[union-attr]
            chain = _longest_chain(text[start:end]) if end - start > _LONG_LINE else 0
            indent = _indent_width(text[start:indent_end])
            lines.append(LogicalLine(start, end, indent, word, nesting, is_open or depth > 0, chain))
        start = end
        depth = nesting = 0
        is_open = False

    while True:
        match = _TOKEN.search(text, position)
        if match is None:
            break
        kind = match.lastgroup
        position = match.end()
        if kind == "newline":
            if depth == 0:
                finish(position)
            elif _FRESH_START.match(text, position):
                is_open = True
                finish(position)
        elif kind == "open":
            depth += 1
            nesting = max(nesting, depth)
        elif kind == "close":
            depth = max(depth - 1, 0)
        elif kind == "comment":
            comments.append(Span(match.start(), position))
        elif kind == "triple":
            end = _string_end(text, position, match.group(), close_strings_at_definitions)
            if end is None:
                is_open = True
                position = size if not close_strings_at_definitions else _definition_after(text, position)
                finish(position)
            else:
                position = end
        elif kind == "quote":  # never closed on its line
            is_open = True
            position = _LINE_END.search(text, position).start()  # type: ignore[union-attr]
    if start < size:
        is_open = is_open or _BACKSLASH_END.search(text, max(start, size - 2)) is not None
        finish(size)
    return Scan(tuple(lines), tuple(comments))


def _string_end(text: str, position: int, quote: str, stop_at_definitions: bool) -> int | None:
    match = _TRIPLE_END[quote].match(text, position)
    if match is None:
        return None
    if stop_at_definitions and _definition_after(text, position) < match.end():
        return None
    return match.end()


def _definition_after(text: str, position: int) -> int:
    """The start of the first line behind `position` that looks like a definition, else the end of the text."""
    at = position
    while True:
        match = _LINE_END.search(text, at)
        if match is None or match.end() >= len(text):
            return len(text)
        at = match.end()
        if _DEFINITION.match(text, at):
            return at
