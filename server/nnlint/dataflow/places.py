"""Where values are put: targets of assignments, attributes, items; and what a branch's test says about them."""

from __future__ import annotations

from collections.abc import Callable

from nnlint.dataflow import values as val
from nnlint.dataflow.frames import Frame
from nnlint.dataflow.graph import CONSTANT, INPUT, WRITTEN_IN_PART
from nnlint.dataflow.heap import MISSING
from nnlint.dataflow.machine import Machine
from nnlint.dataflow.operators import compare, truth_of
from nnlint.dataflow.values import FALSE, NONE, UNKNOWN, Const, Tensor, Unknown, Value, choice, flattened, own
from nnlint.syntax import lowered as low


class Places(Machine):
    """Assignment and narrowing."""

    def assign(self, frame: Frame, target: low.Node, value: Value) -> None:
        match target:
            case low.Name(id=name):
                self.assign_name(frame, name, value)
            case low.Attribute(value=inner, name=name):
                self.set_attribute(self.evaluate(frame, inner), name, value)
            case low.Subscript(value=inner, item=item):
                self.set_item(self.evaluate(frame, inner), self.evaluate(frame, item), value)
            case low.Display(items=items):
                for part, inner_target in zip(self.unpack(value, items), items, strict=True):
                    self.assign(frame, inner_target.value if isinstance(inner_target, low.Starred) else inner_target, part)
            case low.Starred(value=inner):
                self.assign(frame, inner, value)
            case _:
                self.escape(value, "assigned to something that is not understood")

    def assign_name(self, frame: Frame, name: str, value: Value) -> None:
        if name in frame.outer_names:
            self.escape(value, f"assigned to the {frame.outer_names[name]} `{name}`")
            at = frame.parent
            while at is not None:
                if name in at.env:
                    self.journal.write(at.env, name, self.join(at.env[name], value), at.born)
                    return
                at = at.parent
            self._globals[frame.module.path, name] = Unknown(f"`{name}` is assigned in a function")
            return
        self.journal.write(frame.env, name, value, frame.born)

    def unpack(self, value: Value, targets: tuple[low.Node, ...]) -> list[Value]:
        """The parts that an assignment to several targets gives them."""
        stars = [i for i, t in enumerate(targets) if isinstance(t, low.Starred)]
        if isinstance(value, Tensor):
            node = value.node
            return [self.caller.part(value, i if not stars or i < stars[0] else -1) for i in range(len(targets))] if node else []
        if isinstance(value, val.Choice):
            columns = [self.unpack(o, targets) for o in value.options if o != NONE]
            return [self.join_all(list(column)) for column in zip(*columns, strict=True)] if columns else [UNKNOWN] * len(targets)
        items = self.caller.items_of(value)
        run = val.axis_run_of(items[0]) if len(items) == 1 else None
        if run is not None:
            return self.caller.unpack_run(run, len(targets), stars)
        exact = not any(isinstance(i, (val.Alternatives, val.Repeated)) for i in items)
        if exact and not stars and len(items) == len(targets):
            return list(items)
        if exact and stars and len(items) >= len(targets) - 1:
            head, tail = stars[0], len(targets) - stars[0] - 1
            middle = self.sequence(items[head : len(items) - tail])
            return [*items[:head], middle, *items[len(items) - tail :]]
        inside = list(flattened(items))
        union = self.join_all(inside) if inside else UNKNOWN
        return [self.sequence((val.Repeated((union,)),)) if i in stars else union for i in range(len(targets))]

    def set_attribute(self, holder: Value, name: str, value: Value) -> None:
        match holder:
            case val.Instance():
                self.escape_stored(holder, value, name)
                self.mutate(holder, name, value)
            case val.Mapping_(kind="namespace"):
                self.set_item(holder, Const(name), value)
            case val.Layer() | val.Sequence() | val.Mapping_():
                if isinstance(holder, val.Layer) and name in ("weight", "bias"):
                    self.caller.replace_parameter(holder, name, value)
                self.escape_stored(holder, value, name)
                self.mutate(holder, name, value)
            case val.Choice(options=options):
                for option in options:
                    if isinstance(option, val.Heap):
                        self.set_attribute(option, name, self.join(option.state.get(name, MISSING), value))
            case Tensor(node=node):
                if name == "requires_grad" and value == FALSE:
                    self.caller.note_frozen_bias(node)
                self.escape(value, f"stored in `{name}`")
            case val.Class() | val.Function() | val.External() | Const():
                self.escape(value, f"stored in `{name}`")
            case _:
                self.escape(value, f"stored in `{name}` of something unknown")

    def escape_stored(self, holder: val.Heap, value: Value, name: str) -> None:
        """Tensors kept on a module outlive the call: anybody may read them there."""
        if isinstance(holder, val.Instance) and not holder.is_module:
            return
        for tensor in val.tensors_in(value):
            if tensor.node.operation not in (CONSTANT, INPUT):
                self.escape_node(tensor.node, f"kept in `self.{name}`")

    def set_item(self, holder: Value, key: Value, value: Value) -> None:
        match holder:
            case val.Mapping_(kind="attributes"):
                self.caller.call_simply(val.External("builtins.setattr"), holder.state["of"], key, value)
            case val.Mapping_() if isinstance(key, Const):
                self.mutate(holder, "entries", {**holder.entries, key.value: value})
                own(value, holder)
            case val.Mapping_():
                self.mutate(holder, "entries", {**holder.entries, key: value})
                self.mutate(holder, "open", True)
                own(value, holder)
            case val.Sequence() if (
                isinstance(key, Const)
                and isinstance(key.value, int)
                and holder.is_exact
                and -len(holder.items) <= key.value < len(holder.items)
            ):
                items = list(holder.items)
                items[key.value] = value
                self.mutate(holder, "items", tuple(items))
            case val.Sequence():
                self.mutate(
                    holder,
                    "items",
                    tuple(choice([i, value]) if not isinstance(i, (val.Alternatives, val.Repeated)) else i for i in holder.items),
                )
            case val.Instance() if "__items__" in holder.state:
                self.set_item(holder.state["__items__"], key, value)
            case Tensor(node=node):
                # What the variable holds from here on is no longer what the operation computed.
                self.escape_node(node, WRITTEN_IN_PART)
                self.escape(value, "written into a tensor")
            case _:
                self.escape(value, "stored in something unknown")

    # --- narrowing ---

    def narrow(self, frame: Frame, test: low.Node, outcome: bool) -> None:
        match test:
            case low.Unary(operator="not", operand=operand):
                self.narrow(frame, operand, not outcome)
            case low.Boolean(operator=word, left=left, right=right) if (word == "and") is outcome:
                self.narrow(frame, left, outcome)
                self.narrow(frame, right, outcome)
            case low.Name() | low.Attribute():
                self._narrow_place(frame, test, lambda v: truth_of(v) is not (not outcome))
            case low.Compare(left=low.Name() | low.Attribute() as place, comparisons=((word, other),)) if word in (
                "is",
                "is not",
                "==",
                "!=",
            ):
                expected = self.evaluate(frame, other)
                same = outcome is (word in ("is", "=="))
                self._narrow_place(
                    frame, place, lambda v: compare(word.replace("is not", "is").replace("!=", "=="), v, expected) is not (not same)
                )

    def _narrow_place(self, frame: Frame, place: low.Node, keep: Callable[[Value], bool]) -> None:
        value = self.evaluate(frame, place)
        if not isinstance(value, val.Choice):
            return
        options = [o for o in value.options if keep(o)]
        if not options or len(options) == len(value.options):
            return
        if isinstance(place, low.Name) and place.id in frame.env:
            self.journal.write(frame.env, place.id, choice(options), frame.born)
        elif isinstance(place, low.Attribute):
            holder = self.evaluate(frame, place.value)
            if isinstance(holder, val.Instance) and place.name in holder.state:
                # Not a mutation: the object is the same, only better known here.
                self.journal.write(holder.state, place.name, choice(options))
