"""What a value was computed from, as far as gradients flow back: losses, and the calls of models behind them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from nnlint.dataflow import values as val
from nnlint.dataflow.graph import Node
from nnlint.dataflow.programs.objects import Thing, identity
from nnlint.dataflow.values import Symbol, Tensor, Value, tensors_in

_CUT = frozenset({"torch.detach", "torch.Tensor.detach", "torch.argmax", "torch.eq", "torch.gt", "torch.lt", "torch.ge", "torch.le"})
_CUT_METHODS = frozenset({"detach", "item", "numpy", "tolist", "argmax", "data"})
_MAX_STEPS = 5_000


def parts(value: Value) -> list[Value]:
    """The tensors and unknown things that a value is, or holds."""
    if isinstance(value, (Thing, Symbol)):
        return [value]
    found: list[Value] = list(tensors_in(value))
    stack = [(value, 4)]
    while stack:
        at, depth = stack.pop()
        if isinstance(at, (Thing, Symbol)):
            found.append(at)
        elif depth and not (isinstance(at, (val.Sequence, val.Mapping_, val.Instance)) and at.is_module):
            stack += [(part, depth - 1) for part in val.parts_of(at)]
    return found


def sources(value: Value, is_cut: bool = True) -> Iterator[Value]:
    """Everything that a value was computed from, itself first; where `is_cut`, only what a gradient can flow back to."""
    seen: set[Hashable] = set()
    stack = parts(value)
    while stack and len(seen) < _MAX_STEPS:
        at = stack.pop()
        key = identity(at)
        if key in seen:
            continue
        seen.add(key)
        yield at
        match at:
            case Tensor(node=node):
                stack += _of_node(node, is_cut)
            case Thing(name=name) if is_cut and name in _CUT_METHODS:
                continue
            case Thing(receiver=None, made_by=None, of=of):
                # An item of something: what a parameter is a collection of is data, not the work of a model.
                stack += [p for v in of for p in parts(v) if not isinstance(p, Symbol)]
            case Thing(receiver=receiver, made_by=made_by, of=of):
                if is_cut and isinstance(made_by, Thing) and made_by.name in _CUT_METHODS:
                    continue
                if is_cut and isinstance(made_by, val.Method) and made_by.name in _CUT_METHODS:
                    continue
                stack += [p for v in (receiver, made_by, *of) if v is not None for p in parts(v)]
            case Symbol(key=("attribute", key, _)):
                stack.append(Symbol(key))


def _of_node(node: Node, is_cut: bool) -> list[Value]:
    if is_cut and node.operation in _CUT:
        return []
    found: list[Value] = [Tensor(n) for n in node.inputs]
    for argument in node.arguments.values():
        found += parts(argument)
    return found


def keys_behind(value: Value, is_cut: bool = True) -> frozenset[Hashable]:
    """The identities of everything that a value was computed from."""
    return frozenset(identity(v) for v in sources(value, is_cut))
