"""Python's operators on abstract values."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from nnlint.dataflow import values as val
from nnlint.dataflow.values import UNKNOWN, Const, Symbol, Tensor, Unknown, Value, pattern_of

MAX_SYMBOL_DEPTH = 6

_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv, "%": operator.mod,
    "**": operator.pow, "&": operator.and_, "|": operator.or_, "^": operator.xor, "<<": operator.lshift, ">>": operator.rshift,
}  # fmt: skip
ORDER: dict[str, Callable[[Any, Any], bool]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
NUMBER = (int, float, bool)


def folded(word: str, left: Any, right: Any) -> Value:
    if word not in _BINARY:
        return UNKNOWN
    if word in ("**", "<<") and isinstance(right, int) and abs(right) > 64:
        return UNKNOWN
    if word == "*" and isinstance(left, (str, bytes)) | isinstance(right, (str, bytes)):
        return UNKNOWN
    try:
        result = _BINARY[word](left, right)
    except Exception:  # division by zero, str + int: the program would stop here
        return UNKNOWN
    return Const(result)


def folded_unary(word: str, value: Any) -> Value:
    try:
        return Const(-value if word == "-" else +value if word == "+" else ~value)
    except TypeError:
        return UNKNOWN


def symbol_depth(key: object) -> int:
    return 1 + max((symbol_depth(k) for k in key), default=0) if isinstance(key, tuple) else 0


# The first words of the keys of symbols that stand for numbers; a parameter may stand for anything.
_NUMBER_WORDS = frozenset({
    "-", "*", "/", "//", "either", "extreme", "index", "length", "loop", "number", "product", "range", "size",
    "builtins.int", "builtins.float", "math.floor", "math.ceil",
})  # fmt: skip


def _is_number_symbol(value: Value) -> bool:
    """Whether a symbol stands for a number. So does a sum with a number, which is otherwise a sum of anything."""
    if not isinstance(value, Symbol) or not isinstance(value.key, tuple) or not value.key:
        return False
    return value.key[0] in _NUMBER_WORDS or (value.key[0] == "+" and any(type(part) in (int, float) for part in value.key[1:]))


def is_count(value: Value) -> bool:
    """Whether a value is one number: a symbol for one, or a whole number above zero."""
    return _is_number_symbol(value) or (isinstance(value, Const) and type(value.value) is int and value.value > 0)


_CONVERSION = re.compile(r"%[-+ #0-9.]*[dsir]")


def _pattern_text(value: Const | Symbol) -> str | None:
    """The text of a string, `{}` standing for what is not known of it."""
    return value.value if isinstance(value, Const) and isinstance(value.value, str) else pattern_of(value)


def symbolic(word: str, left: Const | Symbol, right: Const | Symbol) -> Value:
    keys = [v.key if isinstance(v, Symbol) else v.value for v in (left, right)]
    texts = [_pattern_text(v) for v in (left, right)]
    if word == "+" and texts[0] is not None and texts[1] is not None:
        return Symbol(("pattern", texts[0] + texts[1], *(k for v, k in zip((left, right), keys, strict=True) if isinstance(v, Symbol))))
    if isinstance(left, Const) and isinstance(left.value, str):
        is_one = word == "%" and len(_CONVERSION.findall(left.value)) == 1
        return Symbol(("pattern", _CONVERSION.sub("{}", left.value), keys[1])) if is_one else Unknown("formatted text")
    if word in ("*", "+") and isinstance(left, Const):
        keys.reverse()
    if word in ("*", "//", "/") and keys[1] == 1 and isinstance(left, Symbol):
        return left
    key = (word, keys[0], keys[1])
    return Symbol(key) if symbol_depth(key) <= MAX_SYMBOL_DEPTH else Unknown("a long computation")


def is_same(left: Value, right: Value) -> bool | None:
    """Whether two values are the same object (`is`) or equal; `None` where that is not known."""
    if isinstance(left, Const) and isinstance(right, Const):
        return bool(left.value == right.value)
    if isinstance(left, Symbol) and isinstance(right, Symbol) and left == right and left.key != ("fraction",):
        return True
    if isinstance(left, (val.Class, val.External)) and isinstance(right, (val.Class, val.External)):
        if isinstance(left, val.Class) and isinstance(right, val.Class):
            return left.definition is right.definition
        return left == right
    settled = (Const, val.Class, val.External, val.Function, val.Lambda, val.Partial, val.Heap, Tensor, val.Method, val.ModuleValue)
    if isinstance(left, val.Heap) and left is right:
        return True
    if isinstance(left, settled) and isinstance(right, settled) and type(left) is not type(right):
        return False
    if (
        isinstance(left, val.Heap)
        and isinstance(right, val.Heap)
        and not (isinstance(left, val.Sequence) and isinstance(right, val.Sequence))
    ):
        return False
    return None


def compare(word: str, left: Value, right: Value) -> bool | None:
    if isinstance(left, val.Choice) or isinstance(right, val.Choice):
        lefts = left.options if isinstance(left, val.Choice) else (left,)
        rights = right.options if isinstance(right, val.Choice) else (right,)
        outcomes = {compare(word, a, b) for a in lefts for b in rights}
        return outcomes.pop() if len(outcomes) == 1 else None
    if word in ("is not", "!=", "not in"):
        positive = compare({"is not": "is", "!=": "==", "not in": "in"}[word], left, right)
        return None if positive is None else not positive
    if word in ("is", "=="):
        return is_same(left, right)
    if word == "in":
        return _contains(right, left)
    if isinstance(left, Const) and isinstance(right, Const):
        try:
            return bool(ORDER[word](left.value, right.value))
        except TypeError:
            return None
    if isinstance(left, Symbol) and left.key == ("fraction",) and isinstance(right, Const) and isinstance(right.value, NUMBER):
        # A number strictly between 0 and 1.
        if right.value <= 0:
            return word in (">", ">=")
        return word in ("<", "<=") if right.value >= 1 else None
    return None


def _contains(container: Value, item: Value) -> bool | None:
    if isinstance(container, Const) and isinstance(item, Const) and isinstance(container.value, str) and isinstance(item.value, str):
        return item.value in container.value
    if isinstance(container, val.Mapping_):
        if isinstance(item, Const) and item.value in container.entries:
            return True
        return None if container.is_open or not isinstance(item, Const) else False
    if isinstance(container, val.Sequence) and container.is_exact:
        outcomes = [is_same(item, i) for i in container.items]
        return True if True in outcomes else None if None in outcomes else False
    return None


def truth_of(value: Value) -> bool | None:
    """Whether a value counts as true, `None` where that is not known."""
    match value:
        case Const(value=constant):
            return bool(constant)
        case val.Sequence():
            certain = [i for i in value.items if not isinstance(i, (val.Alternatives, val.Repeated))]
            return True if certain else None if value.items else False
        case val.Mapping_():
            return True if value.entries else None if value.is_open else False
        case val.Choice(options=options):
            outcomes = {truth_of(o) for o in options}
            return outcomes.pop() if len(outcomes) == 1 else None
        case Symbol(key=("fraction",)):
            return True
        case (
            val.Function() | val.Class() | val.External() | val.Partial() | val.Lambda() | val.Instance() | val.Layer() | val.ModuleValue()
        ):
            return True
        case _:
            return None
