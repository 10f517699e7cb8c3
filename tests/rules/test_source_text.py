"""The edits that rules can ask for, on text as people write it: each row is a text, and what is left of it afterwards.

The places that an edit is about are calls of `here()` and `there()`, wherever they stand.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

import pytest

from nnlint.dataflow.source_text import Edits, SourceText
from nnlint.semantics.definitions import Site
from nnlint.semantics.program import Program
from nnlint.syntax import lowered as low
from nnlint.syntax.expressions import Part
from nnlint.syntax.parser import Parser
from nnlint.syntax.statements import Enclosing
from nnlint.text import apply_edits
from tests.rules.checking import ROOT, MemorySources

PATH = f"{ROOT}/train.py"

Make = Callable[[SourceText, Site], Edits]


def source_text(text: str) -> SourceText:
    sources = MemorySources({"train.py": text})
    return SourceText(program=Program(sources.text, sources.paths(), sources.import_roots, Parser()))


def call_of(source: SourceText, name: str) -> Site:
    """The only call of a function or method of this name."""
    assert source.program is not None
    module = source.program.module(PATH)
    assert module is not None
    found = []
    for placed in module.parsed.blocks:
        for node in low.nodes_in(placed.block.body):
            if isinstance(node, low.Call) and getattr(node.function, "id", getattr(node.function, "name", None)) == name:
                found.append(Site(PATH, placed.name, node.index))
    (site,) = found
    return site


def edited(text: str, make: Make) -> str | None:
    """The text after the edits that `make` gives for the call of `here`; it must still be Python."""
    source = source_text(text)
    edits = make(source, call_of(source, "here"))
    if edits is None:
        return None
    assert all(edit.path == PATH for edit in edits)
    after = apply_edits(text, [edit.edit for edit in edits])
    ast.parse(after)
    return after


def rows(table: dict[str, tuple[str, str]] | dict[str, tuple[str, str, str]]) -> pytest.MarkDecorator:
    names = ("before", "after") if len(next(iter(table.values()))) == 2 else ("before", "change", "after")
    return pytest.mark.parametrize(names, table.values(), ids=table)


# --- inserting ---------------------------------------------------------------------------------------------------------

BEFORE = {
    "top level": ("a()\nhere()\n", "a()\nnew()\nhere()\n"),
    "in an expression over lines": ("x = f(\n    1,\n    here(),\n)\n", "new()\nx = f(\n    1,\n    here(),\n)\n"),
    "backslash": ("x = 1 + \\\n    here()\n", "new()\nx = 1 + \\\n    here()\n"),
    "comment above stays above": ("if x:\n    # why\n    here()  # what\n", "if x:\n    # why\n    new()\n    here()  # what\n"),
    "tabs": ("for x in y:\n\tif x:\n\t\there()\n", "for x in y:\n\tif x:\n\t\tnew()\n\t\there()\n"),
    "carriage returns": ("if x:\r\n    here()\r\n", "if x:\r\n    new()\r\n    here()\r\n"),
    "header of a loop": ("if x:\n  for a in here():\n    pass\n", "if x:\n  new()\n  for a in here():\n    pass\n"),
    "condition of an elif": ("if x:\n    a()\nelif here():\n    b()\n", "new()\nif x:\n    a()\nelif here():\n    b()\n"),
    "decorator": ("@other\n@here()\ndef f():\n    pass\n", "new()\n@other\n@here()\ndef f():\n    pass\n"),
    "default of a parameter": ("class A:\n    def f(x=here()): pass\n", "class A:\n    new()\n    def f(x=here()): pass\n"),
    "inside a member of a class": (
        "class A:\n    x = 1\n\n    def f(self):\n        # é🎯\n        return [here() for _ in self]\n",
        "class A:\n    x = 1\n\n    def f(self):\n        # é🎯\n        new()\n        return [here() for _ in self]\n",
    ),
    "header of a loop on one line": ("for x in here(): a()\n", "new()\nfor x in here(): a()\n"),
}
BEFORE_REFUSED = {
    "joined by a semicolon": "a(); here()\n",
    "in front of a semicolon": "here(); a()\n",
    "body on the line of its head": "for x in y: here()\n",
    "body of an else on its line": "if x:\n    a()\nelse: here()\n",
    "class on one line": "class A: x = here()\n",
}


@rows(BEFORE)
def test_insert_before(before: str, after: str) -> None:
    assert edited(before, lambda source, site: source.insert_before(site, "new()")) == after


@pytest.mark.parametrize("text", BEFORE_REFUSED.values(), ids=BEFORE_REFUSED)
def test_no_insertion_into_shared_lines(text: str) -> None:
    assert edited(text, lambda source, site: source.insert_before(site, "new()")) is None
    assert edited(text, lambda source, site: source.insert_after(site, "new()")) is None


AFTER = {
    "last line without a line end": ("if x:\n    here()", "if x:\n    here()\n    new()"),
    "comment behind": ("here()  # what\nb()\n", "here()  # what\nnew()\nb()\n"),
    "statement over lines": ("  \nf(\n  here(),\n)  # c\n\nb()\n", "  \nf(\n  here(),\n)  # c\nnew()\n\nb()\n"),
    "comments of the body stay with it": (
        "for x in here():\n    a()\n\n    # of the body\n# of b\nb()\n",
        "for x in here():\n    a()\n\n    # of the body\nnew()\n# of b\nb()\n",
    ),
    "carriage return alone": ("if x:\r    here()\rb()\r", "if x:\r    here()\r    new()\rb()\r"),
}


@rows(AFTER)
def test_insert_after(before: str, after: str) -> None:
    assert edited(before, lambda source, site: source.insert_after(site, "new()")) == after


def test_inserted_levels_take_the_indentation_of_the_file() -> None:
    code = "for batch in loader:\n    if batch:\n        step(batch)\n\ndone()"
    text = "def f():\n\there()\n"
    expected = "def f():\n\tfor batch in loader:\n\t\tif batch:\n\t\t\tstep(batch)\n\n\tdone()\n\there()\n"
    assert edited(text, lambda source, site: source.insert_before(site, code)) == expected


def test_a_level_is_what_the_statement_is_indented_by_and_not_what_an_import_is() -> None:
    text = "from a import (\n        b,\n)\nif b:\n  here()\n"
    after = edited(text, lambda source, site: source.insert_after(site, "if c:\n    new()"))
    assert after == text + "  if c:\n    new()\n"


LOOP = {
    "comment behind the head": ("for x in y:  # each\n    here()\n", "for x in y:  # each\n    new()\n    here()\n"),
    "comments and blanks before the first": (
        "while True:\n\n    # first\n    a()\n    here()\n",
        "while True:\n    new()\n\n    # first\n    a()\n    here()\n",
    ),
    "head over lines": ("for x in f(\n    here(),\n):\n    a()\n", "for x in f(\n    here(),\n):\n    new()\n    a()\n"),
    "innermost": (
        "for e in y:\n  for x in e:\n    if x:\n      here()\n",
        "for e in y:\n  for x in e:\n    new()\n    if x:\n      here()\n",
    ),
    "tabs, carriage returns": ("for x in y:\r\n\tif x:\r\n\t\there()\r\n", "for x in y:\r\n\tnew()\r\n\tif x:\r\n\t\there()\r\n"),
    "first statement decorated": (
        "for x in y:\n    @a\n    def f(): pass\n    here()\n",
        "for x in y:\n    new()\n    @a\n    def f(): pass\n    here()\n",
    ),
}
LOOP_REFUSED = {
    "body on the line of its head": "for x in y: here()\n",
    "no loop": "if x:\n    here()\n",
    "loop outside the function": "for x in y:\n    def f():\n        here()\n",
    "comprehension": "def f():\n    return [here() for x in y]\n",
}


@rows(LOOP)
def test_insert_first_in_loop(before: str, after: str) -> None:
    assert edited(before, lambda source, site: source.insert_first(site, Enclosing.LOOP, "new()")) == after


@pytest.mark.parametrize("text", LOOP_REFUSED.values(), ids=LOOP_REFUSED)
def test_no_loop_to_insert_into(text: str) -> None:
    assert edited(text, lambda source, site: source.insert_first(site, Enclosing.LOOP, "new()")) is None


def test_a_loop_further_out() -> None:
    text = "for e in y:\n    a()\n    for x in e:\n        here()\n"
    after = "for e in y:\n    new()\n    a()\n    for x in e:\n        here()\n"
    assert edited(text, lambda source, site: source.insert_first(site, Enclosing.LOOP, "new()", outward=1)) == after
    around = "for e in y:\n    a()\n    new()\n    for x in e:\n        here()\n"
    assert edited(text, lambda source, site: source.insert_around(site, Enclosing.LOOP, "new()")) == around


FUNCTION = {
    "docstring": ('def f():\n    """Doc."""  # d\n    here()\n', 'def f():\n    """Doc."""  # d\n    new()\n    here()\n'),
    "docstring over lines": (
        'def f():\n    """Doc.\n\n    More.\n    """\n\n    here()\n',
        'def f():\n    """Doc.\n\n    More.\n    """\n    new()\n\n    here()\n',
    ),
    "method": (
        "class A:\n    a = 1\n    @b\n    def f(\n        self,\n    ):  # head\n        for x in y: here()\n",
        "class A:\n    a = 1\n    @b\n    def f(\n        self,\n    ):  # head\n        new()\n        for x in y: here()\n",
    ),
    "inner function": ("def f():\n    def g():\n        here()\n", "def f():\n    def g():\n        new()\n        here()\n"),
}  # fmt: skip


@rows(FUNCTION)
def test_insert_first_in_function(before: str, after: str) -> None:
    assert edited(before, lambda source, site: source.insert_first(site, Enclosing.FUNCTION, "new()")) == after


@pytest.mark.parametrize("text", ["def f(): here()\n", 'def f():\n    "Doc."; here()\n', "here()\n"])
def test_no_function_to_insert_into(text: str) -> None:
    assert edited(text, lambda source, site: source.insert_first(site, Enclosing.FUNCTION, "new()")) is None


# --- deleting, moving, wrapping ----------------------------------------------------------------------------------------

DELETED = {
    "one line": ("a()\nhere()  # gone\nb()\n", "a()\nb()\n"),
    "several lines": ("if x:\n    y = f(\n        here(),\n    )\n    # kept\n    b()\n", "if x:\n    # kept\n    b()\n"),
    "last line without a line end": ("a()\nhere()", "a()\n"),
    "at the top level, alone": ("here()\n", ""),
}
DELETED_REFUSED = {
    "its body would be empty": "if x:\n    # why\n    here()\n",
    "compound": "a()\nif here():\n    b()\n",
    "joined": "here(); a()\n",
    "member of a class": "class A:\n    x = here()\n",
}


@rows(DELETED)
def test_delete_statement(before: str, after: str) -> None:
    assert edited(before, lambda source, site: source.delete_statement(site)) == after


@pytest.mark.parametrize("text", DELETED_REFUSED.values(), ids=DELETED_REFUSED)
def test_what_cannot_be_deleted(text: str) -> None:
    assert edited(text, lambda source, site: source.delete_statement(site)) is None


MOVED = {
    "to the next line": ("for x in y:\n    here()  # c\n    there()\n    b()\n", "for x in y:\n    there()\n    here()  # c\n    b()\n"),
    "over others, out of a body": (
        "for x in y:\n    if x:\n        a()\n        here()\n    there(\n        x\n    )  # t\n",
        "for x in y:\n    if x:\n        a()\n    there(\n        x\n    )  # t\n    here()\n",
    ),
    "up": ("there()\r\na()\r\nhere()", "there()\r\nhere()\r\na()\r\n"),
    "between blocks of a script": ("here()\nimport a\n\nfor x in there():\n    b()\n", "import a\n\nfor x in there():\n    b()\nhere()\n"),
}


@rows(MOVED)
def test_move_after(before: str, after: str) -> None:
    assert edited(before, lambda source, site: source.move_after(site, call_of(source, "there"))) == after


def test_move_before() -> None:
    text = "for x in y:\n    there()\n    a()\n    here()  # c\n"
    after = "for x in y:\n    here()  # c\n    there()\n    a()\n"
    assert edited(text, lambda source, site: source.move_before(site, call_of(source, "there"))) == after


@pytest.mark.parametrize(
    "text", ["here(\n    1,\n)\nthere()\n", "here(); there()\n", "if x:\n    here()\nthere()\n", "here()\nif x: there()\n"]
)
def test_what_cannot_be_moved(text: str) -> None:
    assert edited(text, lambda source, site: source.move_after(site, call_of(source, "there"))) is None


WRAPPED = {
    "one statement": ("def f():\n    x = here() or there()  # c\n", "def f():\n    with w:\n        x = here() or there()  # c\n"),
    "a run with comments, blanks and brackets": (
        "def f():\n  a()\n  here()\n\n  # between\n  b(\n      1,\n  )\n  there()\n  c()\n",
        "def f():\n  a()\n  with w:\n    here()\n\n    # between\n    b(\n        1,\n    )\n    there()\n  c()\n",
    ),
    "from the depth of one to the depth of another": (
        "def f():\n\tif x:\n\t\there()\n\tfor a in b:\n\t\tthere()\n",
        "def f():\n\twith w:\n\t\tif x:\n\t\t\there()\n\t\tfor a in b:\n\t\t\tthere()\n",
    ),
    "blocks of a script": (
        "a()\r\nn = here()\r\n\r\nfor x in y:\r\n    n += there()\r\nprint(n)\r\n",
        "a()\r\nwith w:\r\n    n = here()\r\n\r\n    for x in y:\r\n        n += there()\r\nprint(n)\r\n",
    ),
    "a loop on one line": ("for x in here(): there()\n", "with w:\n    for x in here(): there()\n"),
    "a backslash": ("x = here() + \\\n  1\nthere()\n", "with w:\n    x = here() + \\\n      1\n    there()\n"),
    "the body of an else": (
        "if x:\n    a()\nelse:\n    here()\n    there()\n",
        "if x:\n    a()\nelse:\n    with w:\n        here()\n        there()\n",
    ),
}  # fmt: skip
WRAPPED_REFUSED = {
    "a string over lines": 'here()\nx = """a\nb"""\nthere()\n',
    "an f-string over lines": 'def f():\n    here(f"""{x}\n""")\n    there()\n',
    "a string with a backslash": "here('a\\\nb')\nthere()\n",
    "a joined line": "here()\na(); b()\nthere()\n",
    "the wrong way round": "there()\nhere()\n",
    "members of a class": "class A:\n    x = here()\n    y = there()\n\n    def f(self): pass\n",
}


@rows(WRAPPED)
def test_wrap(before: str, after: str) -> None:
    assert edited(before, lambda source, site: source.wrap(site, call_of(source, "there"), "with w")) == after


@pytest.mark.parametrize("text", WRAPPED_REFUSED.values(), ids=WRAPPED_REFUSED)
def test_what_cannot_be_wrapped(text: str) -> None:
    assert edited(text, lambda source, site: source.wrap(site, call_of(source, "there"), "with w")) is None


# --- expressions -------------------------------------------------------------------------------------------------------

UNWRAPPED = {
    "name": ("y = here(x, dim=1)\n", "y = x\n"),
    "operator where any may stand": ("return_ = [here(a + b)]\nf(here=1)\n", "return_ = [(a + b)]\nf(here=1)\n"),
    "operator as an argument": ("f(here(a + b, 1), 2)\n", "f(a + b, 2)\n"),
    "operator as a value": ("y = here(a + b)\n", "y = a + b\n"),
    "operator as an operand": ("y = 2 * here(a + b)\n", "y = 2 * (a + b)\n"),
    "operator with brackets of its own": ("y = 2 * here((a + b), 1)\n", "y = 2 * (a + b)\n"),
    "under a minus": ("y = -here(a - b)\n", "y = -(a - b)\n"),
    "in front of a dot": ("y = here(a @ b).log()\n", "y = (a @ b).log()\n"),
    "star argument": ("f(*here(a or b))\n", "f(*(a or b))\n"),
    "walrus": ("y = here(z := x)\n", "y = (z := x)\n"),
    "generator": ("y = here(a for a in b)\n", "y = (a for a in b)\n"),
    "conditional": ("y = 1 + here(a if b else c, dim=0)\n", "y = 1 + (a if b else c)\n"),
    "lines of its own brackets": ("y = here(\n    f(\n        x\n    ),\n    dim=1,\n)\n", "y = f(\n        x\n    )\n"),
    "lines that need brackets": ("y = here(\n    a\n    + b\n)\n", "y = (a\n    + b)\n"),
    "dots on lines of their own": ("y = here(\n    a\n    .b()\n)\n", "y = (a\n    .b())\n"),
    "comments inside the operand": ("y = here(f(\n    x,  # in\n))\n", "y = f(\n    x,  # in\n)\n"),
    "keyword": ("y = here(input=x, dim=1)\n", "y = x\n"),
}


@rows(UNWRAPPED)
def test_unwrap_call(before: str, after: str) -> None:
    assert edited(before, lambda source, site: source.unwrap_call(site)) == after


def test_unwrap_method_call() -> None:
    unwrap: Make = lambda source, site: source.unwrap_call(site, Part.VALUE)  # noqa: E731
    assert edited("f(self.fc(x).here(dim=1).sum())\n", unwrap) == "f(self.fc(x).sum())\n"
    assert edited("y = 2 * (a + b).here(-1)\n", unwrap) == "y = 2 * (a + b)\n"
    assert edited("y = (\n    a\n    .b()\n    .here()\n)\n", unwrap) == "y = (a\n    .b())\n"
    assert edited("y = here(x)\n", unwrap) is None


@pytest.mark.parametrize("text", ["y = here(\n    x,  # logits\n    dim=1,\n)\n", "y = here(*x)\n", "y = here()\n"])
def test_what_cannot_be_unwrapped(text: str) -> None:
    assert edited(text, lambda source, site: source.unwrap_call(site)) is None


def test_callee() -> None:
    assert edited("y = a.b.here(x, 1)\n", lambda source, site: source.replace_callee(site, "F.relu")) == "y = F.relu(x, 1)\n"
    assert edited("y = f(\n  x\n).here (2)\n", lambda source, site: source.rename_method(site, "reshape")) == "y = f(\n  x\n).reshape (2)\n"
    assert edited("y = here(x)\n", lambda source, site: source.rename_method(site, "reshape")) is None


APPENDED = {
    "name": ("here(a)\n", "here(a.z())\n"),
    "sum": ("here(a + b)\n", "here((a + b).z())\n"),
    "sum in brackets": ("here((a + b))\n", "here((a + b).z())\n"),
    "minus": ("here(-a)\n", "here((-a).z())\n"),
    "index": ("here(a[0])\n", "here(a[0].z())\n"),
    "conditional over lines": ("here(\n    a if b\n    else c,  # c\n)\n", "here(\n    (a if b\n    else c).z(),  # c\n)\n"),
    "comparison": ("here(a == b)\n", "here((a == b).z())\n"),
    "call": ("here(f(a), b)\n", "here(f(a).z(), b)\n"),
}


@rows(APPENDED)
def test_append_to_argument(before: str, after: str) -> None:
    assert edited(before, lambda source, site: source.append(site, ".z()", 0)) == after


def test_append_to_parts_of_assignments_and_operations() -> None:
    source = source_text("total += loss * n\n")
    assert source.program is not None
    module = source.program.module(PATH)
    assert module is not None
    block = module.parsed.blocks[0]
    indices = {type(n): n.index for n in low.nodes_in(block.block.body) if isinstance(n, (low.AugmentedAssign, low.Binary))}
    assignment, product = (Site(PATH, block.name, indices[kind]) for kind in (low.AugmentedAssign, low.Binary))

    def after(edits: Edits) -> str:
        assert edits is not None
        return apply_edits(module.parsed.text, [edit.edit for edit in edits])

    assert after(source.append(assignment, ".detach()", Part.VALUE)) == "total += (loss * n).detach()\n"
    assert after(source.append(product, ".detach()", Part.LEFT)) == "total += loss.detach() * n\n"
    assert after(source.append(product, ".item()", Part.RIGHT)) == "total += loss * n.item()\n"
    assert source.append(product, ".item()", Part.VALUE) is None
    assert source.written(product, Part.LEFT) == "loss"


REMOVED = {
    "last": ("f(a, here(1))\n", "f(a)\n"),
    "first": ("f(here(1), a)\n", "f(a)\n"),
    "middle": ("f(a, here(1), b)\n", "f(a, b)\n"),
    "alone": ("f(here(1))\n", "f()\n"),
    "trailing comma": ("f(a, here(1),)\n", "f(a,)\n"),
    "own line": ("f(\n    a,\n    here(1),  # gone\n    b,  # kept\n)\n", "f(\n    a,\n    b,  # kept\n)\n"),
    "own line, last": ("f(\n    a,  # kept\n    here(1),\n)\n", "f(\n    a,  # kept\n)\n"),
    "own line, last without a comma": ("f(\n    a,  # kept\n    here(1)  # gone\n)\n", "f(\n    a  # kept\n)\n"),
    "own line, closed on it": ("f(a,  # kept\n  here(1))\n", "f(a  # kept\n  )\n"),
    "under the first": ("f(a,\n  here(1))\n", "f(a)\n"),
    "comment behind a line that it shares": ("f(\n    a, here(1),  # both\n    b\n)\n", "f(\n    a,   # both\n    b\n)\n"),
    "list": ("x = [a, here(1)]\n", "x = [a]\n"),
    "list added": ("x += [here(1)]\n", "x += []\n"),
    "pair in a list": ("f(D([('a', a), ('b', here(1))]))\n", "f(D([('a', a)]))\n"),
    "pair on its own line": ("D([\n    ('a', a),\n    ('b', here(1)),\n])\n", "D([\n    ('a', a),\n])\n"),
    "blanks before the comma": ("f(a , here(1) , b)\n", "f(a , b)\n"),
}


@rows(REMOVED)
def test_remove_item(before: str, after: str) -> None:
    assert edited(before, lambda source, site: source.remove_item(site)) == after


@pytest.mark.parametrize(
    "text", ["f(a=here())\n", "x = (a, here())\n", "f(*here())\n", "x = here()\n", "f(a + here())\n", "x = {'a': here()}\n"]
)
def test_what_is_no_item(text: str) -> None:
    assert edited(text, lambda source, site: source.remove_item(site)) is None


# --- names -------------------------------------------------------------------------------------------------------------

SPELLINGS = {
    "module": ("import torch\nhere()\n", "torch.no_grad", "torch.no_grad"),
    "alias": ("import torch as th\nhere()\n", "torch.nn.functional.softmax", "th.nn.functional.softmax"),
    "the nearest of several": (
        "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\nhere()\n",
        "torch.nn.functional.softmax",
        "F.softmax",
    ),
    "imported itself": ("import torch\nfrom torch import no_grad as off\nhere()\n", "torch.no_grad", "off"),
    "submodule without alias": ("import torch.nn.functional\nhere()\n", "torch.no_grad", "torch.no_grad"),
    "from": ("from torch import nn\nhere()\n", "torch.nn.CrossEntropyLoss", "nn.CrossEntropyLoss"),
    "another spelling of the same": ("from torch import sigmoid\nhere()\n", "torch.nn.functional.sigmoid", "sigmoid"),
}
UNSPEAKABLE = {
    "not imported": "import numpy as np\nhere()\n",
    "only a part": "from torch import nn\nhere()\n",
    "bound again": "import torch\ntorch = 3\nhere()\n",
    "a parameter of that name": "import torch\ndef f(torch): here()\n",
    "a variable of that name": "import torch\ndef f():\n    for torch in x: here()\n",
    "perhaps not there": "try:\n    import torch\nexcept ImportError:\n    torch = None\nhere()\n",
    "the project's own": "from .torch import no_grad\nhere()\n",
}


@pytest.mark.parametrize(("text", "target", "written"), SPELLINGS.values(), ids=SPELLINGS)
def test_spelling(text: str, target: str, written: str) -> None:
    source = source_text(text)
    assert source.spelling(call_of(source, "here"), target) == written


@pytest.mark.parametrize("text", UNSPEAKABLE.values(), ids=UNSPEAKABLE)
def test_no_spelling(text: str) -> None:
    source = source_text(text)
    assert source.spelling(call_of(source, "here"), "torch.no_grad") is None
