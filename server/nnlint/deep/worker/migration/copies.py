"""The copies of a model's weights in a checkpoint: under which key, with which prefixes, and what else is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..problems import NoAnswer

_COMPILED = "_orig_mod."  # what `torch.compile()` puts in front of the keys of what it wraps
_COUNTER = "num_batches_tracked"  # torch itself fills it in where a checkpoint is older than it
_DEPTH = 8
_SHOWN = 3


@dataclass(frozen=True)
class Copy:
    """One copy. `keys` has the checkpoint's key for each of the model's, `where` is the way to `holder`, for people."""

    where: str
    prefix: str
    holder: MutableMapping[str, Any]
    keys: dict[str, str]

    def __str__(self) -> str:
        return f"{self.where or 'the file itself'}{f' (keys begin with {self.prefix})' if self.prefix else ''}"

    def unexpected(self, known: Iterable[str]) -> list[str]:
        """The keys, without their prefix, that the model does not have."""
        known = set(known)
        return [key for key in self.keys if key not in known]


def copies_of(content: Any, wanted: Sequence[str]) -> list[Copy]:
    """Every copy of weights in which all `wanted` keys are; raises `NoAnswer` where there is none."""
    found: list[Copy] = []
    best: tuple[int, str] | None = None
    needed = [key for key in wanted if not key.endswith(_COUNTER)]
    for where, holder in mappings_in(content):
        plain = {key.replace(_COMPILED, ""): key for key in holder if isinstance(key, str)}
        for prefix in _prefixes(plain, needed):
            missing = [key for key in needed if prefix + key not in plain]
            if not missing:
                own = {key[len(prefix) :]: stored for key, stored in plain.items() if key.startswith(prefix)}
                found.append(Copy(where, prefix, holder, own))
            elif best is None or len(missing) < best[0]:
                best = len(missing), f"{where or 'it'} lacks {listed(missing)}"
    if not found:
        raise NoAnswer(best[1] if best is not None else "it holds no weights of such a model")
    return [_without_others(copy, found) for copy in found]


def mappings_in(content: Any, where: str = "", depth: int = _DEPTH) -> Iterator[tuple[str, MutableMapping[Any, Any]]]:
    """The mappings in nested containers, outermost first, each with the way to it as Python would write it."""
    if isinstance(content, dict):
        yield where, content
        parts: Iterable[tuple[Any, Any]] = content.items()
    elif isinstance(content, (list, tuple)):
        parts = enumerate(content)
    else:
        return
    for key, value in parts if depth else ():
        yield from mappings_in(value, f"{where}[{key!r}]", depth - 1)


def refuse_partial_copies(content: Any, copies: Sequence[Copy], names: Iterable[str], shapes: Sequence[tuple[int, ...]]) -> None:
    """Raises `NoAnswer` where a bias stands that is to go, but not what it is folded into: in averages of the parameters alone, say.

    `shapes` are those of all parameters, in order: an average may be a plain list of them.
    """
    owned = {(id(copy.holder), key) for copy in copies for key in copy.keys.values()}
    endings = tuple(names)
    for where, holder in mappings_in(content):
        for key, value in holder.items():
            plain = key.replace(_COMPILED, "") if isinstance(key, str) and isinstance(value, Tensor) else ""
            if (id(holder), key) not in owned and any(plain == name or plain.endswith(f".{name}") for name in endings):
                raise NoAnswer(f"{where}[{key!r}] is another copy of a bias that goes, without the rest of the model to fold it into")
            if isinstance(value, (list, tuple)) and [tuple(v.shape) for v in value if isinstance(v, Tensor)] == list(shapes) != []:
                raise NoAnswer(f"{where}[{key!r}] is a list of tensors like the model's parameters; without names they cannot be matched")


def listed(keys: Sequence[str]) -> str:
    """The first of several keys, and how many more there are."""
    shown = ", ".join(f"`{key}`" for key in keys[:_SHOWN])
    return shown if len(keys) <= _SHOWN else f"{shown} and {len(keys) - _SHOWN} more"


def _prefixes(keys: Iterable[str], needed: Sequence[str]) -> list[str]:
    """What may stand in front of the model's own keys: what does in front of any of the first ones."""
    found = {key[: -len(one)]: None for one in needed[:_SHOWN] for key in keys if key.endswith(one)}
    return [prefix for prefix in found if not prefix or prefix.endswith(".")]


def _without_others(copy: Copy, copies: Sequence[Copy]) -> Copy:
    """The copy without the keys of copies with longer prefixes in the same mapping."""
    longer = [
        other.prefix[len(copy.prefix) :]
        for other in copies
        if other.holder is copy.holder and len(other.prefix) > len(copy.prefix) and other.prefix.startswith(copy.prefix)
    ]
    if not longer:
        return copy
    return Copy(copy.where, copy.prefix, copy.holder, {k: v for k, v in copy.keys.items() if not k.startswith(tuple(longer))})
