"""einops: patterns such as `b n (h d) -> b h n d`, written out as the reshapes, permutations and reductions of torch that they are.

Source: einops' documentation of `rearrange`, `reduce`, `repeat` and `einsum`, and of the layers of the same names.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlint.dataflow import values as val
from nnlint.dataflow.arguments import Arguments
from nnlint.dataflow.frames import Frame
from nnlint.dataflow.graph import NARROWED
from nnlint.dataflow.transfer.products import times
from nnlint.dataflow.transfer.sizes import size_of
from nnlint.dataflow.values import Const, Tensor, Value

if TYPE_CHECKING:
    from nnlint.dataflow.calls import Caller
    from nnlint.semantics.definitions import Site

_GROUP = re.compile(r"\(([^()]*)\)|(\S+)")
_NAME = re.compile(r"[A-Za-z_]\w*$")
_REDUCTIONS = {"mean": "torch.mean", "sum": "torch.sum", "max": "torch.amax", "min": "torch.amin"}
_ELLIPSIS = "..."
Group = tuple[str, ...]  # the axes that are one axis of the tensor, outermost first; none for one of size one


@dataclass(frozen=True, slots=True)
class Pattern:
    """Both sides of a pattern, its ellipsis written out."""

    before: tuple[Group, ...]
    after: tuple[Group, ...]

    @property
    def names_before(self) -> list[str]:
        return [name for group in self.before for name in group]

    @property
    def names_after(self) -> list[str]:
        return [name for group in self.after for name in group]


def read_pattern(text: str, rank: int | None) -> Pattern | None:
    """The pattern for a tensor of the rank; `None` where it is not understood, or the rank does not fit it."""
    left, arrow, right = text.partition("->")
    before, after = _groups(left), _groups(right)
    if not arrow or before is None or after is None:
        return None
    if (_ELLIPSIS,) in before:
        if rank is None or rank < len(before) - 1:
            return None
        hidden = [(f"{_ELLIPSIS}{axis}",) for axis in range(rank - len(before) + 1)]
        before, after = _written_out(before, hidden), _written_out(after, hidden)
    elif rank is not None and rank != len(before):
        return None
    pattern = Pattern(tuple(before), tuple(after))
    is_understood = all(len(set(names)) == len(names) and _ELLIPSIS not in names for names in (pattern.names_before, pattern.names_after))
    return pattern if is_understood else None


def _groups(side: str) -> list[Group] | None:
    out: list[Group] = []
    for inner, name in _GROUP.findall(side):
        names = tuple(inner.split()) if not name else () if name == "1" else (name,)
        if not all(n == _ELLIPSIS or _NAME.match(n) for n in names):
            return None
        out.append(names)
    return out


def _written_out(groups: Sequence[Group], hidden: Sequence[Group]) -> list[Group]:
    return [part for group in groups for part in (hidden if group == (_ELLIPSIS,) else (group,))]


# --- what the calls do ---


def rearrange(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value | None:
    return _applied(caller, arguments, site, None)


def reduce(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value | None:
    by = arguments.get(2, "reduction")
    operation = _REDUCTIONS.get(by.value) if isinstance(by, Const) and isinstance(by.value, str) else None
    return None if operation is None else _applied(caller, arguments, site, operation)


def repeat(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value | None:
    return _applied(caller, arguments, site, None)


def _applied(caller: Caller, arguments: Arguments, site: Site | None, reduction: str | None) -> Value | None:
    given, text = arguments.get(0, "tensor"), arguments.get(1, "pattern")
    if not isinstance(given, Tensor) or not isinstance(text, Const) or not isinstance(text.value, str) or arguments.is_open:
        return None
    node = caller.interpreter.here(given)
    pattern = read_pattern(text.value, node.rank)
    if pattern is None:
        return None
    if node.rank is None:
        node = node.graph.add(NARROWED, (node,), arguments={"input": Tensor(node)}, rank=len(pattern.before))
    steps = _Steps(caller, site, {k: v for k, v in arguments.keywords.items() if k not in ("tensor", "pattern", "reduction")})
    return steps.run(Tensor(node), pattern, reduction)


class _Steps:
    """The operations that a pattern is made of. `sizes` holds the size of each named axis as it becomes known."""

    def __init__(self, caller: Caller, site: Site | None, sizes: dict[str, Value]) -> None:
        self.caller = caller
        self.site = site
        self.sizes = sizes

    def run(self, tensor: Value, pattern: Pattern, reduction: str | None) -> Value | None:
        before, after = pattern.names_before, pattern.names_after
        reduced, repeated = [n for n in before if n not in after], [n for n in after if n not in before]
        if (reduced and reduction is None) or any(name not in self.sizes for name in repeated):
            return None
        tensor = self._split(tensor, pattern.before)
        if reduced:
            axes = self._tuple([Const(before.index(name)) for name in reduced])
            tensor = self._do(reduction or "", tensor, dim=axes)
            before = [name for name in before if name not in reduced]
        kept = [name for name in after if name in before]
        if kept != before:
            tensor = self._do("torch.permute", tensor, dims=self._tuple([Const(before.index(name)) for name in kept]))
        if repeated:
            tensor = self._shaped(tensor, [Const(1) if name in repeated else self.sizes[name] for name in after])
            tensor = self._do("torch.Tensor.expand", tensor, **{"size[0]": self._tuple([self.sizes[name] for name in after])})
        if any(len(group) != 1 for group in pattern.after):
            return self._shaped(tensor, [self._product(group) for group in pattern.after])
        return tensor

    def _split(self, tensor: Value, groups: Sequence[Group]) -> Value:
        """One axis for each name."""
        assert isinstance(tensor, Tensor)
        for axis, group in enumerate(groups):
            unknown = [name for name in group if name not in self.sizes]
            if len(unknown) == 1:
                self.sizes[unknown[0]] = self._rest(size_of(tensor.node, axis), [n for n in group if n in self.sizes])
        if all(len(group) == 1 for group in groups):
            return tensor
        return self._shaped(tensor, [self.sizes.get(name, Const(-1)) for group in groups for name in group])

    def _rest(self, whole: Value, others: Sequence[str]) -> Value:
        """What is left of a size beside those of other names."""
        left, right = times([whole]), times([self.sizes[name] for name in others])
        return whole if not others else Const(-1) if left is None or right is None else (left / right).value

    def _product(self, group: Group) -> Value:
        whole = times(self.sizes.get(name, Const(-1)) for name in group)
        return Const(-1) if whole is None else whole.value

    def _shaped(self, tensor: Value, sizes: list[Value]) -> Value:
        return self._do("torch.reshape", tensor, shape=self._tuple(sizes))

    def _tuple(self, items: Sequence[Value]) -> Value:
        return self.caller.interpreter.sequence(items, "tuple")

    def _do(self, operation: str, tensor: Value, **arguments: Value) -> Value:
        return self.caller.operation(operation, {"input": tensor, **arguments}, self.site)


def einsum(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value | None:
    """`einsum(q, k, "b h i d, b h j d -> b h i j")`, with a letter for each name."""
    *tensors, text = arguments.positional or [val.NONE]
    if not isinstance(text, Const) or not isinstance(text.value, str) or arguments.is_open or arguments.keywords:
        return None
    names = list(dict.fromkeys(re.findall(r"[A-Za-z_]\w*", text.value)))
    if len(names) > len(string.ascii_letters) or "(" in text.value:
        return None
    letters = dict(zip(names, string.ascii_letters, strict=False))
    equation = re.sub(r"[A-Za-z_]\w*", lambda match: letters[match[0]], text.value).replace(" ", "")
    operands = caller.interpreter.sequence(tensors, "tuple")
    return caller.operation("torch.einsum", {"equation": Const(equation), "operands": operands}, site)


def layer(function: str) -> Callable[[Caller, Arguments, Site | None, Frame | None], Value | None]:
    """`Rearrange("b c h w -> b (h w) c")`: the function, waiting for its tensor."""

    def make(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value | None:
        names = ("pattern", "reduction")[: len(arguments.positional)]
        if arguments.is_open or len(names) != len(arguments.positional):
            return None
        keywords = {**dict(zip(names, arguments.positional, strict=True)), **arguments.keywords}
        return val.Partial(val.External(function), (), tuple(keywords.items()))

    return make


MODELS = {
    "einops.rearrange": rearrange, "einops.reduce": reduce, "einops.repeat": repeat, "einops.einsum": einsum,
    "einops.layers.torch.Rearrange": layer("einops.rearrange"), "einops.layers.torch.Reduce": layer("einops.reduce"),
}  # fmt: skip
