"""`# nnlint: deep Net(num_classes=10), input=(4, 3, 32, 32)`: how a model is built and called, said in a comment."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from nnlint.syntax.parser import ParsedFile
from nnlint.text import LineIndex

_COMMENT = re.compile(r"#\s*nnlint\s*:\s*deep\b(?P<text>.*)", re.IGNORECASE)
_KEYWORDS = ("input", "target", "loss")
_EXAMPLE = "# nnlint: deep Net(num_classes=10), input=(4, 3, 32, 32)"


@dataclass(frozen=True, slots=True)
class Pragma:
    """One comment. `model`, `input`, `target` and `loss` are expressions as written, empty where not given.

    `called` is the last name of what the model's expression calls; `offset` is where the comment starts, `row` its line from 1.
    `problem` says why it cannot be used, and what would help.
    """

    row: int
    offset: int
    model: str = ""
    called: str = ""
    input: str = ""
    target: str = ""
    loss: str = ""
    problem: str = ""


def pragmas_in(parsed: ParsedFile) -> list[Pragma]:
    """The pragmas of a file in the order of the text."""
    if "nnlint" not in parsed.text.lower():
        return []
    index = LineIndex(parsed.text)
    found = []
    for span in parsed.scan.comments:
        match = _COMMENT.match(parsed.text[span.start : span.end])
        if match is not None:
            found.append(_read(match["text"].strip(), index.position(span.start).line + 1, span.start))
    return found


def _read(text: str, row: int, offset: int) -> Pragma:
    source = f"f({text}\n)"  # a comment behind the arguments ends with the line
    try:
        call = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        call = None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        return Pragma(row, offset, problem=f"{text!r} cannot be read as the arguments of a call; write it like `{_EXAMPLE}`")
    problem = next(_problems(call), "")
    if problem:
        return Pragma(row, offset, problem=problem)
    given = {k.arg: ast.get_source_segment(source, k.value) or "" for k in call.keywords if k.arg is not None}
    model = call.args[0] if call.args else None
    written = "" if model is None else ast.get_source_segment(source, model) or ""
    return Pragma(row, offset, written, _called(model), **given)


def _problems(call: ast.Call) -> Iterator[str]:
    if not call.args and not call.keywords:
        yield f"it says neither a model nor an input; write it like `{_EXAMPLE}`"
    if len(call.args) > 1:
        yield f"only the first item may be without a name, which is the model; name the others, as in `{_EXAMPLE}`"
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        yield f"the first item has to be the model, not what is unpacked; write it like `{_EXAMPLE}`"
    for keyword in call.keywords:
        if keyword.arg is None or keyword.arg not in _KEYWORDS:
            near = difflib.get_close_matches(keyword.arg or "", _KEYWORDS, n=1, cutoff=0.5)
            cure = f"did you mean `{near[0]}=`?" if near else f"it takes {', '.join(f'`{word}=`' for word in _KEYWORDS)}"
            yield f"it has no `{keyword.arg or '**'}`; {cure}"


def _called(model: ast.expr | None) -> str:
    """`Net` of `Net(10)`, `nets.Net(10)` and `Net.small()`'s first capital name: the class that an expression names, else the function."""
    function = model.func if isinstance(model, ast.Call) else model
    names: list[str] = []
    while isinstance(function, ast.Attribute):
        names.append(function.attr)
        function = function.value
    if isinstance(function, ast.Name):
        names.append(function.id)
    return next((name for name in names if name[:1].isupper()), names[0] if names else "")
