"""Every address of a rule's page leads to a file that holds the page."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from nnlint.rule_url import rule_url
from nnlint.rules import all_rules


@pytest.mark.parametrize("code", all_rules())
def test_the_page_of_a_rule_is_where_its_address_says(code: str) -> None:
    url = rule_url(code)
    assert url is not None
    address = urlsplit(url)
    assert address.scheme == "file"
    assert all_rules()[code].page.splitlines()[0] in Path(url2pathname(address.path)).read_text("utf-8")


def test_a_code_without_a_rule_has_no_address() -> None:
    assert rule_url("NN999") is None
