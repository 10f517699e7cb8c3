"""Signatures of torch's layers, functions and tensor methods, and binding of call arguments to them.

The data is generated from torch by `scripts/generate_torch_signatures.py` and tested against the installed torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TypeVar

T = TypeVar("T")


class _NoDefault:
    def __repr__(self) -> str:
        return "NO_DEFAULT"


NO_DEFAULT = _NoDefault()


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    default: object  # NO_DEFAULT where the argument must be given; `...` where the default is no literal
    kind: str  # "positional", "keyword", "*" or "**"


@dataclass(frozen=True, slots=True)
class Signature:
    parameters: tuple[Parameter, ...]

    def index(self, name: str) -> int | None:
        """The position at which `name` may be given, `None` where it is keyword-only or unknown."""
        positional = [p.name for p in self.parameters if p.kind == "positional"]
        return positional.index(name) if name in positional else None

    def bind(self, positional: Sequence[T], keywords: Mapping[str, T]) -> dict[str, T]:
        """The given arguments by parameter name. What does not fit is dropped: this is analysis, not a call.

        Surplus positional arguments of a `*shape` parameter are bound as `shape[0]`, `shape[1]`, …
        """
        bound: dict[str, T] = {}
        names = [p for p in self.parameters if p.kind in ("positional", "*")]
        at = 0
        for value in positional:
            if at >= len(names):
                break
            parameter = names[at]
            if parameter.kind == "*":
                count = len([n for n in bound if n.startswith(parameter.name + "[")])
                bound[f"{parameter.name}[{count}]"] = value
            else:
                bound[parameter.name] = value
                at += 1
        known = {p.name for p in self.parameters}
        open_ended = any(p.kind == "**" for p in self.parameters)
        for name, value in keywords.items():
            if name in known or open_ended:
                bound[name] = value
        return bound

    def default(self, name: str) -> object:
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter.default
        return NO_DEFAULT


@cache
def _data() -> dict[str, list[list[object]]]:
    text = (files("nnlint.semantics") / "torch_signatures.json").read_text(encoding="utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


@cache
def layer_signatures() -> frozenset[str]:
    """The dotted names of all of torch's module classes."""
    return frozenset(name for name in _data() if name.startswith("torch.nn.") and name.count(".") == 2)


@cache
def signature(name: str) -> Signature | None:
    """The signature of a torch layer (`torch.nn.Conv2d`), function (`torch.cat`) or tensor method (`torch.Tensor.view`)."""
    rows = _data().get(name)
    if rows is None:
        return None
    parameters = []
    keyword_only = False
    for row in rows:
        written = str(row[0])
        if written == "*":
            keyword_only = True
            continue
        star = "**" if written.startswith("**") else "*" if written.startswith("*") else ""
        default: object = NO_DEFAULT if len(row) == 1 else row[1]
        if default == "...":
            default = ...
        if isinstance(default, list):
            default = tuple(default)
        kind = star or ("keyword" if keyword_only else "positional")
        parameters.append(Parameter(written.lstrip("*"), default, kind))
        keyword_only = keyword_only or star == "*"
    return Signature(tuple(parameters))
