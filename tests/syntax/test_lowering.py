"""Both ways of lowering give the same nodes with the same indices: an index from CPython's tree is looked up in libcst's."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnlint.syntax import lowered as low
from nnlint.syntax.parser import Parser, _lowered_by_libcst, _lowered_by_python, parsable_text

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(p for p in (ROOT / "server" / "nnlint" / "dataflow").glob("*.py") if p.stat().st_size)

EVERYTHING = '''
import a.b.c as d, e
from . import f as g, h
from ..i.j import *
@decorate(1)
async def function(a, /, b: int = call(1), *rest: call(2), c=call(3), d, **others) -> call(4):
    """A string."""
    global x, y
    async with one(1) as (p, q), two(2): await three(3)
    async for i in four(4): yield i
    else: yield from five(5)
    del a, b[six(6)]
    del (a, b)
    assert seven(7), eight(8)
    return [*nine(9), *rest] + (1,) + {2, 3} - -4 ** ~5.5 % +6j @ x // y
class C(base(1), *bases, metaclass=meta(2), **keywords):
    a: int = one(1)
    b: two(2)
    c = d = three(3)
    c += four(4)
    @property
    def f(self): return (yield)
    def g(self): nonlocal_ = lambda *a, b=five(5), **c: (yield six(6))
f(one(1), *two(2), a=three(3), *four(4), b=five(5), **six(6), **seven(7))
x[one(1) : two(2) : three(3), 4]
x[1,] = x[(1, 2)] = x[...]
{one(1): two(2), **three(3), "a" 'b': b"c" b"d", r"\\d": None}
[one(x) for x in two(2) if three(3) if four(4) for y in five(5)]
{one(x): two(2) for x in three(3)}
{x async for x in y}
(one(x) for x in y)
f"{one(1)} {{}} {two(2)!r:>{three(3)}} {four(4)=}" "tail" f"{five(5):.3f}"
one(1) < two(2) is not three(3) not in four(4) != five(5)
one(1) if two(2) else three(3)
one(1) and two(2) and three(3) or not four(4) and (five(5) or six(6))
one(1) - two(2) * three(3) - four(4)
(n := one(1))
if one(1): two(2)
elif three(3): four(4)
elif five(5): six(6)
else:
    if seven(7): eight(8)
    else: nine(9)
for a, *b in one(1):
    if a: break
    continue
else: two(2)
while one(1): two(2)
else: raise three(3) from four(4)
try: one(1)
except two(2) as e: three(3)
except (A, B): pass
else: four(4)
finally: five(5)
match one(1):
    case 1 | "two" | None if two(2): three(3)
    case [a, b] | {"k": v} | C(x=1): four(4)
    case name: five(5)
'''


def dump(node: object) -> object:
    """A node as nested tuples. Of an f-string the values only: libcst keeps its text as written, with escapes."""
    match node:
        case low.FormattedString(parts=parts):
            return "FormattedString", tuple(value for part in parts for value in values_of(part))
        case low.Node():
            return type(node).__name__, *(dump(field) for field in node.fields())
        case tuple():
            return tuple(dump(item) for item in node)
        case _:
            return type(node).__name__, repr(node)


def values_of(part: low.Node) -> list[object]:
    if isinstance(part, low.FormattedString):
        return [value for inner in part.parts for value in values_of(inner)]
    return [] if isinstance(part, low.Constant) else [dump(part)]


@pytest.mark.parametrize("text", [EVERYTHING, *(path.read_text("utf-8") for path in FILES)], ids=["everything", *(p.stem for p in FILES)])
def test_both_parsers_lower_alike(text: str) -> None:
    blocks = Parser().parse(text).blocks
    assert blocks
    for placed in blocks:
        source, _ = parsable_text(placed.block.kind, placed.block.text)
        by_libcst, problem = _lowered_by_libcst(source)
        assert problem is None
        assert dump(_lowered_by_python(source)) == dump(by_libcst)
