"""Attributes of objects in programs: what is not known of them is a thing of its own, the same at every look."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from nnlint.dataflow import values as val
from nnlint.dataflow.classes import MODULE_METHODS, Classes
from nnlint.dataflow.programs.objects import Thing, identity
from nnlint.dataflow.programs.trace import Kind
from nnlint.dataflow.values import Unknown, Value

if TYPE_CHECKING:
    from nnlint.dataflow.programs.runner import ProgramInterpreter

_WRAPPED = frozenset({"module", "_orig_mod"})  # how DataParallel and torch.compile call the module that they wrap


class ProgramClasses(Classes):
    interpreter: ProgramInterpreter

    def __init__(self, interpreter: ProgramInterpreter) -> None:
        super().__init__(interpreter)
        self._parts: dict[tuple[Hashable, str], Thing] = {}

    def attribute(self, holder: Value, name: str) -> Value:
        if self.interpreter.hidden:
            return holder if isinstance(holder, Thing) else super().attribute(holder, name)
        if name == "grad" and not isinstance(holder, val.External):
            self.interpreter.emit(Kind.READ, self.interpreter.last_site, holder)
        if name == "training":
            self.interpreter.emit(Kind.ASKED, self.interpreter.last_site or self.interpreter.assigning, holder)
        if isinstance(holder, Thing):
            if name not in holder.state:
                holder.state[name] = Thing(holder.reason, name=name, receiver=holder)
            return holder.state[name]  # type: ignore[no-any-return]
        if name == "training" and _is_module(holder):
            return self.part(holder, name, "")
        found = super().attribute(holder, name)
        if isinstance(holder, val.Instance) and name in _WRAPPED and not isinstance(found, (val.Heap, val.Function)):
            return holder
        if isinstance(found, Unknown) and not isinstance(found, Thing):
            return self.part(holder, name, found.reason)
        if (
            isinstance(found, val.Method)
            and found.receiver is holder
            and isinstance(holder, val.Instance)
            and not self._is_known(holder, name)
        ):
            return self.part(holder, name, f"`{name}` is not set")
        return found

    def _is_known(self, holder: val.Instance, name: str) -> bool:
        """Whether the name is a method that the object has from torch or Python."""
        return (holder.is_module and name in MODULE_METHODS) or name.startswith("__") or bool(set(holder.state) & {"__items__"})

    def part(self, holder: Value, name: str, reason: str) -> Thing:
        """The unknown thing that an object has by this name, the same at every look."""
        key = (identity(holder), name)
        if key not in self._parts:
            self._parts[key] = Thing(reason, name=name, receiver=holder)
        return self._parts[key]


def _is_module(value: Value) -> bool:
    return (isinstance(value, (val.Instance, val.Sequence, val.Mapping_)) and value.is_module) or isinstance(value, val.Layer)
