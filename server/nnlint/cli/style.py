"""Colours, where they are wanted, and text made fit for a terminal."""

from __future__ import annotations

import os
import unicodedata
from typing import TextIO

_SGR = {
    "error": "1;31",
    "warning": "1;33",
    "info": "1;36",
    "hint": "1;34",
    "strong": "1",
    "gutter": "34",
    "note": "1;32",
    "help": "1;36",
    "added": "32",
    "removed": "31",
    "quiet": "2",
}
_TAB = "    "
# Characters that reorder what stands around them; a terminal would show code that is not there.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Style:
    """Paints words for a terminal, or leaves them plain."""

    def __init__(self, colored: bool = False) -> None:
        self.colored = colored

    def paint(self, text: str, role: str) -> str:
        return f"\x1b[{_SGR[role]}m{text}\x1b[0m" if self.colored and text else text


def wants_color(choice: str, stream: TextIO) -> bool:
    """Whether to write colours: `--color` decides, then the usual variables, then whether a person is looking."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") != "0" or os.environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def printable(text: str) -> str:
    """Text that cannot steer the terminal: tabs widened, control characters shown as symbols."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(char: str) -> str:
    if char == "\t":
        return _TAB
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if 0x7F <= code <= 0x9F or char in _BIDI or 0xD800 <= code <= 0xDFFF:
        return "\N{REPLACEMENT CHARACTER}"
    return char


def width(text: str) -> int:
    """The terminal cells that `printable(text)` takes."""
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(map(_cells, printable(text)))


def _cells(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
