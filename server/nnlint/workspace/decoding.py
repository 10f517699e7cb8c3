"""Source files between bytes and text: PEP 263 cookies and byte-order marks; line ends stay as they are."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from nnlint.workspace.errors import UnreadableSource


@dataclass(frozen=True, slots=True)
class SourceText:
    """A decoded file: the text without a byte-order mark, and the encoding (`utf-8-sig` with one) that takes it back."""

    text: str
    encoding: str

    def encode(self, text: str) -> bytes:
        """The bytes of a text in this file's encoding; raises `UnicodeEncodeError` for what it cannot hold."""
        return text.encode(self.encoding)


def decode_source(data: bytes) -> SourceText:
    """The text of a file's bytes, as Python would read it; raises `UnreadableSource`."""
    encoding = _declared_encoding(data)
    try:
        return SourceText(data.decode(encoding), encoding)
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        message = f"line {row} is not {encoding} (byte 0x{byte:02x}): save it as UTF-8, or name its encoding in a `# coding:` comment"
        raise UnreadableSource(message) from None
    except (LookupError, ValueError) as error:
        raise UnreadableSource(f"the encoding {encoding!r} cannot be used: {error}") from None


def _declared_encoding(data: bytes) -> str:
    head = data.split(b"\n", 2)[:2]
    if not data.startswith(codecs.BOM_UTF8) and not any(b"coding" in line for line in head):
        return "utf-8"
    # A slow import, for the few files that need it.
    import io
    import tokenize

    try:
        return tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    except (SyntaxError, LookupError, ValueError) as error:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        raise UnreadableSource(f"the encoding that the file declares cannot be used: {message}") from None


def read_source(path: str) -> SourceText:
    """A file's text; raises `UnreadableSource`."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise UnreadableSource(f"the file cannot be read: {error.strerror or error}") from None
    return decode_source(data)
