"""Texts come out of files as Python reads them, and go back byte for byte."""

from __future__ import annotations

import codecs

import pytest

from nnlint.workspace.decoding import decode_source, read_source
from nnlint.workspace.errors import UnreadableSource


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"x = 1\n", "x = 1\n"),
        ("ä = '漢'\n".encode(), "ä = '漢'\n"),
        (codecs.BOM_UTF8 + b"x = 1\n", "x = 1\n"),
        (b"a = 1\r\nb = 2\r\n", "a = 1\r\nb = 2\r\n"),
        (b"a = 1\rb = 2\r", "a = 1\rb = 2\r"),
        (b"# -*- coding: latin-1 -*-\ns = '\xe9'\n", "# -*- coding: latin-1 -*-\ns = 'é'\n"),
        (b"#!/usr/bin/env python\n# vim: set fileencoding=cp1252 :\ns = '\x80'\n", None),
        (b"encoding = 'latin-1'\ncoding = 1\n", "encoding = 'latin-1'\ncoding = 1\n"),
        (b"", ""),
    ],
)
def test_there_and_back(data: bytes, text: str | None) -> None:
    source = decode_source(data)
    assert text is None or source.text == text
    assert source.encode(source.text) == data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a = 1\ns = '\xff'\n", ("line 2", "utf-8", "0xff", "coding:")),
        (b"# coding: no-such-thing\n", ("no-such-thing",)),
        (b"# coding: rot13\n", ("rot13",)),
        (codecs.BOM_UTF8 + b"# coding: latin-1\n", ("utf-8",)),
        (b"# coding: ascii\n\nx = '\xff'\n", ("line 3", "ascii", "0xff")),
    ],
)
def test_what_cannot_be_decoded_says_why(data: bytes, words: tuple[str, ...]) -> None:
    with pytest.raises(UnreadableSource) as error:
        decode_source(data)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_a_missing_file_is_unreadable(tmp_path: object) -> None:
    with pytest.raises(UnreadableSource, match="cannot be read"):
        read_source(f"{tmp_path}/missing.py")
