"""Suppression comments: `# nnlint: ignore[…]`, `ignore-file[…]`, `off[…]` … `on[…]`, and `# noqa: …`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from nnlint.syntax.parser import ParsedFile
from nnlint.syntax.scanner import Scan
from nnlint.text import Span

_COMMENT = re.compile(r"#\s*nnlint\s*:\s*(?P<word>ignore-file|ignore|off|on)\s*(?:\[(?P<codes>[^\]]*)\])?", re.IGNORECASE)
_NOQA = re.compile(r"#\s*noqa\s*:\s*(?P<codes>[A-Z]+\d+(?:[\s,]+[A-Z]+\d+)*)", re.IGNORECASE)
_SELECTOR = re.compile(r"[\w-]+")


class Scope(Enum):
    LINE = "ignore"
    FILE = "ignore-file"
    RANGE = "off"


@dataclass(frozen=True, slots=True)
class Selector:
    """One rule named in a comment, at its place; `name` is empty where the comment names none and means all."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Suppression:
    """A comment and the code points that it covers."""

    scope: Scope
    comment: Span  # from `#` to the end of what nnlint reads
    covers: Span
    selectors: tuple[Selector, ...]
    is_noqa: bool = False


def suppressions_in(parsed: ParsedFile) -> list[Suppression]:
    """The file's suppressions in the order of their comments. Text that looks like one inside a string is none."""
    text = parsed.text
    if "nnlint" not in text.lower() and "noqa" not in text.lower():
        return []
    found: list[Suppression] = []
    scanned = parsed.scan
    comments = list(_read_comments(text, scanned.comments))
    for at, (word, comment, selectors, is_noqa) in enumerate(comments):
        match word:
            case "ignore":
                found.append(Suppression(Scope.LINE, comment, _statement_head(scanned, comment.start), selectors, is_noqa))
            case "ignore-file":
                found.append(Suppression(Scope.FILE, comment, Span(0, len(text)), selectors))
            case "off":
                found.append(
                    Suppression(Scope.RANGE, comment, Span(comment.end, _range_end(comments[at + 1 :], selectors, len(text))), selectors)
                )
    return found


def _read_comments(text: str, comments: Iterable[Span]) -> Iterator[tuple[str, Span, tuple[Selector, ...], bool]]:
    for span in comments:
        comment = text[span.start : span.end]
        for match in _COMMENT.finditer(comment):
            yield match["word"].lower(), _spanned(match, span), _selectors(match, span), False
        noqa = _NOQA.search(comment)
        if noqa is not None:
            mine = tuple(s for s in _selectors(noqa, span) if s.name.upper().startswith("NN"))
            if mine:
                yield "ignore", _spanned(noqa, span), mine, True


def _spanned(match: re.Match[str], comment: Span) -> Span:
    return Span(comment.start + match.start(), comment.start + match.end())


def _selectors(match: re.Match[str], comment: Span) -> tuple[Selector, ...]:
    codes = match["codes"]
    start = comment.start + match.start("codes")
    if codes is None:
        return (Selector("", _spanned(match, comment)),)
    return tuple(Selector(m.group(), Span(start + m.start(), start + m.end())) for m in _SELECTOR.finditer(codes))


def _range_end(later: list[tuple[str, Span, tuple[Selector, ...], bool]], selectors: tuple[Selector, ...], end: int) -> int:
    """Where a range ends: at the first `on` that names nothing or any of its rules."""
    names = {s.name.upper() for s in selectors}
    for word, comment, others, _ in later:
        if word == "on" and ({o.name.upper() for o in others} & (names | {""}) or "" in names):
            return comment.start
    return end


def _statement_head(scanned: Scan, offset: int) -> Span:
    """The logical line that a comment stands in: a statement, or the head of a compound one. A comment of its own covers its line."""
    for line in scanned.lines:
        if line.start <= offset < line.end:
            return Span(line.start, line.end)
    return Span(offset, offset)
