"""Writes the signatures of torch's layers, functions and tensor methods to `server/nnlint/semantics/torch_signatures.json`.

Run it under an interpreter that has torch: `python scripts/generate_torch_signatures.py`. A test compares the file with
the torch that is installed there. Python functions are inspected; the signatures of compiled ones are read from the
beginning of their docstrings, where torch documents them.
"""

from __future__ import annotations

import inspect
import json
import re
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "server/nnlint/semantics/torch_signatures.json"
_LITERALS = (type(None), bool, int, float, str)


def _parameter(name: str, default: object, star: str = "") -> list[Any]:
    """`[name, star]`, and the default as a third element where there is one (`...` for one that is no literal)."""
    if default is inspect.Parameter.empty:
        return [star + name]
    if isinstance(default, tuple) and all(isinstance(d, _LITERALS) for d in default):
        return [star + name, list(default)]
    return [star + name, default if isinstance(default, _LITERALS) else "..."]


def _inspected(function: Callable[..., Any]) -> list[list[Any]]:
    out = []
    keyword_only = False
    for p in inspect.signature(function).parameters.values():
        star = "*" if p.kind is p.VAR_POSITIONAL else "**" if p.kind is p.VAR_KEYWORD else ""
        if p.kind is p.VAR_POSITIONAL:
            keyword_only = True
        if p.kind is p.KEYWORD_ONLY and not keyword_only:
            out.append(["*"])
            keyword_only = True
        out.append(_parameter(p.name, p.default, star))
    return out


def _documented(function: Any) -> list[list[Any]] | None:
    """The signature with which a compiled function's docstring begins."""
    doc = (getattr(function, "__doc__", None) or "").strip()
    match = re.match(r"(?:torch\.)?[\w.]+\(([^()]*(?:\([^()]*\)[^()]*)*)\)\s*(?:->|\n|$)", doc)
    if match is None:
        return None
    try:
        scope: dict[str, Any] = {}
        text = re.sub(r"\b(?:Tensor|int|float|bool|list of \w+)\s+(?=\w)", "", match[1])
        exec(f"def f({text}): ...", {"torch": __import__("torch"), "__builtins__": {}}, scope)  # torch's own documentation
        return _inspected(scope["f"])
    except (SyntaxError, NameError, AttributeError, TypeError):
        return None


def _constructor(layer: type) -> list[list[Any]]:
    """The parameters of a layer class; of one that takes anything by its own signature, those of its first overload that are named."""
    found = _inspected(layer.__init__)[1:]  # type: ignore[misc]
    if found[:2] != [["*args"], ["**kwargs"]]:
        return found
    overloads = [_inspected(overload)[1:] for overload in typing.get_overloads(layer.__init__)]  # type: ignore[misc]
    return next((o for o in overloads if not any(p[0].startswith("*") for p in o)), found)


def signatures() -> Iterator[tuple[str, list[list[Any]]]]:
    import torch
    from torch import nn

    for name, value in sorted(vars(nn).items()):
        if isinstance(value, type) and issubclass(value, nn.Module):
            yield f"torch.nn.{name}", _constructor(value)
    spaces = [
        ("torch.nn.functional", vars(torch.nn.functional)),
        ("torch", vars(torch)),
        ("torch.Tensor", {n: getattr(torch.Tensor, n) for n in dir(torch.Tensor)}),
    ]
    for prefix, space in spaces:
        for name, value in sorted(space.items()):
            if name.startswith("_") or isinstance(value, type) or not callable(value):
                continue
            found = _documented(value)
            if found is None and inspect.isfunction(value):
                found = _inspected(value)
            if found is not None:
                if prefix == "torch.Tensor":
                    found = [["input"], *(found[1:] if found and found[0][0] in ("self", "input") else found)]
                yield f"{prefix}.{name}", found


def _plain_names(parameters: list[list[Any]]) -> list[str]:
    """The names that can be given by position; none where there is a star argument among them."""
    names = [p[0] for p in parameters]
    plain = names[: names.index("*")] if "*" in names else names
    return [] if any(name.startswith("*") for name in plain) else plain


def render() -> str:
    found = dict(signatures())
    for name in ("max", "min", "median"):  # documented by their overload without `dim`
        for prefix in ("torch", "torch.Tensor"):
            found[f"{prefix}.{name}"] = [["input"], ["dim", None], ["keepdim", False]]
    for name, parameters in found.items():
        # Where torch documents several overloads (`mean`, `max`), the method's first line is the fuller one.
        method = found.get(name.replace("torch.", "torch.Tensor.", 1), [])
        if name.count(".") == 1 and len(method) > len(parameters):
            found[name] = method
    for name, parameters in found.items():
        # `mul(value)` of tensors is `mul(input, other)`: one name for one parameter.
        function = found.get(name.replace("torch.Tensor.", "torch.", 1)) if name.startswith("torch.Tensor.") else None
        plain = [_plain_names(p) for p in (function or [], parameters)]
        if len(plain[0]) == len(plain[1]) == 2 and plain[0][0] == "input":
            parameters[1][0] = plain[0][1]
    lines = [f"  {json.dumps(name)}: {json.dumps(parameters)}" for name, parameters in found.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
