"""Unknown things that can be told apart: two uses of one loader, model or optimizer are uses of the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

from nnlint.dataflow import values as val
from nnlint.dataflow.values import Symbol, Tensor, Unknown, Value

COMPARISON = "=="  # the name of what comes of comparing something unknown


@dataclass(slots=True, eq=False)
class Thing(Unknown):
    """Something unknown with an identity.

    It was `made_by` a call of something `of` values, or is the attribute `name` of `receiver`. `state` holds the attributes that
    it was asked for or given.
    """

    name: str = ""
    receiver: Value | None = None
    made_by: Value | None = None
    of: tuple[Value, ...] = ()
    state: dict[Any, Any] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


def identity(value: Value) -> Hashable:
    """Equal for values that are the same object at run time."""
    match value:
        case Thing() | val.Heap():
            return id(value)
        case Symbol(key=key):
            return ("symbol", key)
        case Tensor(node=node):
            return ("node", id(node))
        case _:
            return ("other", id(value))


def holders(value: Value) -> Iterator[Value]:
    """The value, then what it is a part of, outwards: a submodule's module, the object of an attribute."""
    seen = 0
    at: Value | None = value
    while at is not None and seen < 30:
        yield at
        seen += 1
        match at:
            case Thing(receiver=Value() as receiver):
                at = receiver
            case Symbol(key=("attribute", inner, _)):
                at = Symbol(inner)
            case val.Heap(owner=owner) if owner is not None:
                at = owner
            case _:
                at = None


def maker(value: Value) -> str:
    """The dotted name of what made an unknown thing: `torch.optim.Adam`, `accelerate.Accelerator`; empty where that is unknown."""
    match value:
        case Thing(made_by=val.External(name=name)):
            return name
        case Thing(made_by=Thing(receiver=Value() as receiver, name=name)):
            made = maker(receiver)
            return f"{made}.{name}" if made else ""
        case Thing(made_by=val.Method(receiver=receiver, name=name)):
            made = maker(receiver)
            return f"{made}.{name}" if made else ""
        case _:
            return ""


def own_name(value: Value) -> str:
    """What the code calls an unknown thing: the last name of a parameter or attribute."""
    match value:
        case Symbol(key=("attribute", _, str() as name)) | Thing(name=name) if name:
            return name
        case Symbol(key=("parameter", *_, str() as name)):
            return name
        case _:
            return ""


def may_be_same(one: Value, other: Value) -> bool:
    """Whether two things may be one object: not where each was constructed, or where the code calls them differently.

    The items of a collection have no names of their own, so any two of them may be the same.
    """
    if identity(one) == identity(other):
        return True
    if is_item(one) or is_item(other):
        return True
    return own_name(one) == own_name(other) != "" and not (maker(one) and maker(other))


def is_item(value: Value) -> bool:
    """Whether a thing came out of a collection, or of data: nothing made it, and it is no attribute."""
    return isinstance(value, Thing) and value.made_by is None and value.receiver is None
