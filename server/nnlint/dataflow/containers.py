"""Lists, tuples, dictionaries and torch's module containers: their items, their methods, and calling a Sequential."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from nnlint.dataflow import values as val
from nnlint.dataflow.arguments import Arguments
from nnlint.dataflow.caller_base import CallerBase
from nnlint.dataflow.classes import ITEMS, LAYER
from nnlint.dataflow.frames import Frame
from nnlint.dataflow.graph import JOIN
from nnlint.dataflow.operators import truth_of
from nnlint.dataflow.transfer import find_row
from nnlint.dataflow.values import NONE, UNKNOWN, Const, Symbol, Tensor, Unknown, Value, flattened, pattern_of

if TYPE_CHECKING:
    from nnlint.semantics.definitions import Site

_GROWING = frozenset({"append", "extend", "insert", "__iadd__"})


class Containers(CallerBase):
    """Mixed into the caller: what Python and torch do with containers."""

    # --- items ---

    def items_of(self, value: Value) -> tuple[Value, ...]:
        """What iterating over a value gives; `Repeated` and `Alternatives` stand for parts of unknown number."""
        match value:
            case val.Sequence():
                return value.items
            case val.Mapping_():
                keys = tuple(k if isinstance(k, Value) else Const(k) for k in value.entries)
                return (*keys, val.Repeated((UNKNOWN,))) if value.is_open else keys
            case val.Instance() if ITEMS in value.state:
                return self.items_of(value.state[ITEMS])
            case Const(value=str() as text):
                return tuple(Const(c) for c in text)
            case Tensor():
                return (val.Repeated((self.part(value, -1),)),)
            case val.Choice(options=options):
                runs = tuple(dict.fromkeys(self.items_of(o) for o in options if o != NONE))
                return runs[0] if len(runs) == 1 else (val.Alternatives(runs),)
            case val.Instance():
                found = self.interpreter.classes.find_method(value.definition, value.closure, "__iter__")
                if found is not None and found[0].node.is_generator:
                    return self.items_of(self.inline(found[0], found[1], value, _no_arguments(), None, None))
                self.interpreter.escape(value, "iterated over")
                return (val.Repeated((Unknown("items of an object"),)),)
            case _:
                self.interpreter.escape(value, "iterated over")
                return (val.Repeated((Symbol(("item", self.interpreter.next_serial())),)),)

    def map_items(self, items: Iterable[Value], change: Callable[[Value], Value]) -> tuple[Value, ...]:
        """The items with each one changed, in the same structure."""
        out: list[Value] = []
        for item in items:
            match item:
                case val.Repeated(run=run):
                    out.append(val.Repeated(self.map_items(run, change)))
                case val.Alternatives(runs=runs):
                    out.append(val.Alternatives(tuple(self.map_items(run, change) for run in runs)))
                case _:
                    out.append(change(item))
        return tuple(out)

    def union_of(self, items: Iterable[Value]) -> Value:
        """One value that stands for any of the items."""

        inside = list(dict.fromkeys(flattened(items)))
        if len(inside) > val.MAX_ALTERNATIVES:
            for item in inside:
                self.interpreter.escape(item, "one of many items")
            return Unknown("one of many items")
        return self.interpreter.join_all(inside) if inside else UNKNOWN

    def item(self, holder: Value, key: Value) -> Value:
        """`holder[key]`."""
        match holder:
            case Tensor():
                return self._tensor_item(holder, key)
            case val.Sequence():
                return self._sequence_item(holder, key)
            case val.Mapping_():
                return self._mapping_item(holder, key)
            case val.Instance() if ITEMS in holder.state:
                return self.item(holder.state[ITEMS], key)
            case val.Instance():
                found = self.interpreter.classes.find_method(holder.definition, holder.closure, "__getitem__")
                if found is not None:
                    return self.inline(found[0], found[1], holder, Arguments([key]), None, None)
                if isinstance(key, Const) and isinstance(key.value, str) and key.value in holder.state:
                    return holder.state[key.value]  # type: ignore[no-any-return]
                self.interpreter.escape(holder, "an item of an object")
                return Unknown(f"an item of a `{holder.definition.name}`")
            case val.Choice(options=options):
                found_values = [self.item(o, key) for o in options if o != NONE]
                return self.interpreter.join_all(found_values) if found_values else UNKNOWN
            case Const(value=str() as text) if (
                isinstance(key, Const) and isinstance(key.value, int) and -len(text) <= key.value < len(text)
            ):
                return Const(text[key.value])
            case Const(value=str() as text) if isinstance(key, val.SliceValue):
                bounds = [_bound(b) for b in (key.lower, key.upper, key.step)]
                return UNKNOWN if "?" in bounds else Const(text[slice(*bounds)])
            case val.External() | val.Class():
                return holder  # `list[int]`, `Generic[T]`
            case _:
                return self.interpreter.unknown_operation([holder, key], "an item of something unknown")

    def _sequence_item(self, holder: val.Sequence, key: Value) -> Value:
        items = holder.items
        if isinstance(key, val.SliceValue):
            return self._slice(holder, key)
        self.dimensions.note_selector(key)
        run = val.axis_run_of(items[0]) if len(items) == 1 else None
        if run is not None:
            index_known = isinstance(key, Const) and isinstance(key.value, int)
            return size_in(run, key.value) if index_known else Unknown("the size of an unknown axis")  # type: ignore[attr-defined]
        if isinstance(key, Const) and isinstance(key.value, int):
            index = int(key.value)
            certain = items if index >= 0 else items[::-1]
            at = index if index >= 0 else -index - 1
            for position, item in enumerate(certain):
                if isinstance(item, (val.Alternatives, val.Repeated)):
                    break
                if position == at:
                    return item
            else:
                return Unknown("an index out of range")
        if isinstance(key, Const) and isinstance(key.value, str) and holder.names is not None and key.value in holder.names:
            return items[holder.names.index(key.value)]
        return self.union_of(items)

    def _slice(self, holder: val.Sequence, key: val.SliceValue) -> Value:
        bounds = [_bound(b) for b in (key.lower, key.upper, key.step)]
        if holder.is_exact and "?" not in bounds:
            names = None if holder.names is None else holder.names[slice(*bounds)]
            made = self.interpreter.sequence(holder.items[slice(*bounds)], holder.kind)
            made.names = names
            return made
        run = val.axis_run_of(holder.items[0]) if len(holder.items) == 1 else None
        if run is not None and "?" not in bounds and bounds[2] in (None, 1):
            return self.interpreter.sequence(_cut_run(run, bounds[0] or 0, bounds[1]), holder.kind)
        if bounds[0] in (None, 0) and bounds[1] is None and bounds[2] in (None, 1):
            return self.interpreter.sequence(holder.items, holder.kind)
        if isinstance(bounds[0], int) and bounds[0] > 0 and bounds[1] is None and bounds[2] is None:
            head = holder.items[: bounds[0]]
            if not any(isinstance(i, (val.Alternatives, val.Repeated)) for i in head):
                return self.interpreter.sequence(holder.items[bounds[0] :], holder.kind)
        return self.interpreter.sequence((val.Repeated((self.union_of(holder.items),)),) if holder.items else (), holder.kind)

    def attributes_of(self, instance: val.Instance) -> val.Mapping_:
        """`module._modules` or `object.__dict__`: what is kept under which name."""
        entries = {k: v for k, v in instance.state.items() if k not in (ITEMS, LAYER) and (not instance.is_module or _is_module(v))}
        view = self.interpreter.mapping({}, "attributes")
        view.state.update(entries=entries, of=instance)
        return view

    def _mapping_item(self, holder: val.Mapping_, key: Value) -> Value:
        self.dimensions.note_selector(key)
        pattern = pattern_of(key)
        if pattern is not None and pattern in holder.entries:
            return holder.entries[pattern]
        if isinstance(key, Const):
            if key.value in holder.entries:
                return holder.entries[key.value]
            return Unknown(f"the key {key.value!r} of a dictionary that is not known to have it")
        if isinstance(key, val.Choice) and not holder.is_open:
            return self.interpreter.join_all([self._mapping_item(holder, o) for o in key.options])
        if not holder.entries or holder.is_open:
            for value in holder.entries.values():
                self.interpreter.escape(value, "taken by an unknown key")
            return Unknown("taken by an unknown key")
        return self.union_of(holder.entries.values())

    def _tensor_item(self, holder: Tensor, key: Value) -> Value:
        if holder.node.arguments.get("returns several") is not None and isinstance(key, (Const, Symbol)):
            return self.part(holder, key.value if isinstance(key, Const) and isinstance(key.value, int) else -1)
        return self.operation("torch.Tensor.__getitem__", {"input": holder, "index": key}, None)

    def part(self, whole: Tensor, index: int) -> Value:
        """One of the tensors that an operation returns, or that iterating over a tensor gives."""
        node = self.interpreter.here(whole)
        several = node.arguments.get("returns several") is not None
        operation = "part" if several else "torch.unbind.part"
        rank = node.rank if several else None if node.rank is None else node.rank - 1
        part = self.interpreter.graph.add(operation, (node,), rank=rank, output=index)
        if several and rank is None and (row := find_row(operation)) is not None and row.rank is not None:
            part.rank = row.rank(part)
        return Tensor(part)

    def shape(self, tensor: Tensor) -> Value:
        node = tensor.node
        if node.rank is None:
            return self.interpreter.sequence((val.Repeated((val.AxisRun(node),)),), "tuple")
        return self.interpreter.sequence([Symbol(("size", node, axis)) for axis in range(node.rank)], "tuple")

    def unpack_run(self, run: val.AxisRun, count: int, stars: list[int]) -> list[Value]:
        """`b, *rest, c = x.shape`."""
        head = stars[0] if stars else count
        tail = count - head - 1
        sizes = [size_in(run, i) for i in range(head)]
        if stars:
            middle = val.AxisRun(run.node, run.front + head, run.back + tail)
            sizes += [self.interpreter.sequence((val.Repeated((middle,)),)), *(size_in(run, i) for i in range(-tail, 0))]
        return sizes

    # --- methods of containers ---

    def container_method(self, receiver: Value, name: str, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
        if isinstance(receiver, val.Sequence):
            if name in _GROWING or name in ("pop", "remove", "clear", "reverse", "sort"):
                return self._change_sequence(receiver, name, arguments)
            if name in ("copy", "__iter__"):
                return self.interpreter.sequence(receiver.items, receiver.kind)
            if name == "__len__":
                return Const(len(receiver.items)) if receiver.is_exact else Symbol(("length", receiver.serial))
            if name == "__getitem__" and arguments.positional:
                return self.item(receiver, arguments.positional[0])
            if name in ("index", "count"):
                return self._index_of(receiver, arguments)
            if name in ("add", "update") and receiver.kind == "set":
                return self._change_sequence(receiver, "append" if name == "add" else "extend", arguments)
        if isinstance(receiver, val.Mapping_):
            found = self._mapping_method(receiver, name, arguments)
            if found is not None:
                return found
        if isinstance(receiver, (val.Sequence, val.Mapping_)) and receiver.is_module:
            return self.module_method(receiver, name, arguments, site, frame)
        self.interpreter.escape(receiver, f"method `{name}` of a container")
        return self.interpreter.unknown_operation(arguments.all, f"method `{name}` of a container", site)

    def _change_sequence(self, receiver: val.Sequence, name: str, arguments: Arguments) -> Value:
        given = arguments.positional
        items = receiver.items
        result: Value = NONE
        match name:
            case "append" if given:
                items = (*items, given[0])
                result = receiver if receiver.is_module else NONE
            case "extend" | "__iadd__" if given:
                items = (*items, *self.items_of(given[0]))
                result = receiver if receiver.is_module else NONE
            case "insert" if (
                len(given) == 2
                and isinstance(given[0], Const)
                and isinstance(given[0].value, int)
                and (receiver.is_exact or given[0].value == 0)
            ):
                changed = list(items)
                changed.insert(given[0].value, given[1])
                items = tuple(changed)
            case "pop" if receiver.is_exact and items and (not given or (isinstance(given[0], Const) and isinstance(given[0].value, int))):
                at = given[0].value if given and isinstance(given[0], Const) else -1
                if -len(items) <= at < len(items):
                    changed = list(items)
                    result = changed.pop(at)
                    items = tuple(changed)
            case "pop" if not given and items and not isinstance(items[-1], (val.Alternatives, val.Repeated)):
                result, items = items[-1], items[:-1]
            case "clear":
                items = ()
            case "reverse" if receiver.is_exact:
                items = items[::-1]
            case _:
                self.interpreter.escape(receiver, f"`{name}` of a list")
                items = (val.Repeated((Unknown(f"an item of a list after `{name}`"),)),)
                result = Unknown(f"what `{name}` of a list gives")
        self.interpreter.mutate(receiver, "items", items)
        return result

    def _index_of(self, receiver: val.Sequence, arguments: Arguments) -> Value:
        wanted = arguments.positional[0] if arguments.positional else None
        if receiver.is_exact and wanted in receiver.items:
            return Const(receiver.items.index(wanted))
        return Symbol(("index", self.interpreter.next_serial()))

    def _mapping_method(self, receiver: val.Mapping_, name: str, arguments: Arguments) -> Value | None:
        given = arguments.positional
        if receiver.kind == "attributes" and name not in ("items", "values", "keys", "get", "copy", "__getitem__"):
            return self._change_attributes(receiver, name, arguments)
        unknown_rest = (val.Repeated((UNKNOWN,)),) if receiver.is_open else ()
        match name:
            case "items":
                pairs = [
                    self.interpreter.sequence((k if isinstance(k, Value) else Const(k), v), "tuple") for k, v in receiver.entries.items()
                ]
                rest = (val.Repeated((self.interpreter.sequence((UNKNOWN, UNKNOWN), "tuple"),)),) if receiver.is_open else ()
                return self.interpreter.sequence((*pairs, *rest))
            case "values":
                return self.interpreter.sequence((*receiver.entries.values(), *unknown_rest))
            case "keys":
                return self.interpreter.sequence(self.items_of(receiver))
            case "get" | "pop" | "setdefault" if given:
                return self._get(receiver, name, given)
            case "update":
                return self._update(receiver, arguments)
            case "copy":
                # What is changed in a copy of `object.__dict__` changes no attribute.
                kind = "dict" if receiver.kind == "attributes" else receiver.kind
                made = self.interpreter.mapping(dict(receiver.entries), kind, receiver.is_open)
                made.state["entry"] = receiver.is_entry
                return made
            case "__getitem__" if given:
                return self.item(receiver, given[0])
        return None

    def _get(self, receiver: val.Mapping_, name: str, given: list[Value]) -> Value:
        key = given[0]
        default = given[1] if len(given) > 1 else NONE
        if not isinstance(key, Const):
            return self._mapping_item(receiver, key)
        found = receiver.entries.get(key.value)
        if found is None:
            if name == "setdefault":
                self.interpreter.set_item(receiver, key, default)
            return Unknown(f"key {key.value!r} of an unknown dictionary") if receiver.is_open else default
        if name == "pop":
            self.interpreter.mutate(receiver, "entries", {k: v for k, v in receiver.entries.items() if k != key.value})
        return found

    def _change_attributes(self, receiver: val.Mapping_, name: str, arguments: Arguments) -> Value:
        if name != "update" or arguments.is_open or not all(isinstance(a, val.Mapping_) for a in arguments.positional):
            self.open_up(receiver.state["of"], f"`{name}` of its attributes")
            return UNKNOWN
        given = [entry for a in arguments.positional if isinstance(a, val.Mapping_) for entry in a.entries.items()]
        for key, value in (*given, *arguments.keywords.items()):
            self.interpreter.set_item(receiver, key if isinstance(key, Value) else Const(key), value)
        return NONE

    def _update(self, receiver: val.Mapping_, arguments: Arguments) -> Value:
        entries = dict(receiver.entries)
        is_open = receiver.is_open or arguments.has_open_keywords
        for other in arguments.positional:
            if isinstance(other, val.Mapping_):
                entries |= other.entries
                is_open = is_open or other.is_open
            else:
                is_open = True
        entries |= arguments.keywords
        self.interpreter.mutate(receiver, "entries", entries)
        self.interpreter.mutate(receiver, "open", is_open)
        return NONE

    def forget(self, value: Value, reason: str) -> None:
        """Unknown code may have changed a container: its contents escape, and what it holds is unknown."""
        if isinstance(value, val.Sequence):
            self.interpreter.escape(value, reason)
            self.interpreter.mutate(value, "items", (val.Repeated((UNKNOWN,)),))
        elif isinstance(value, val.Mapping_):
            self.interpreter.escape(value, reason)
            self.interpreter.mutate(value, "open", True)

    # --- module containers ---

    def construct_container(self, kind: str, arguments: Arguments) -> Value:
        """`nn.Sequential`, `nn.ModuleList` or `nn.ModuleDict` with these arguments."""
        if arguments.has_open_keywords:
            return self.interpreter.unknown_operation(arguments.all, f"an `nn.{kind}` of unknown contents")
        given = arguments.positional
        if kind == "ModuleDict":
            source = given[0] if given else arguments.keywords.get("modules")
            if isinstance(source, val.Mapping_):
                return self.interpreter.mapping(dict(source.entries), kind, source.is_open)
            made = self.interpreter.mapping({}, kind, source is not None)
            if source is not None:
                self._fill_from_pairs(made, source)
            return made
        if kind == "ModuleList":
            source = given[0] if given else arguments.keywords.get("modules")
            return self.interpreter.sequence(() if source is None or source == NONE else self.items_of(source), kind)
        if len(given) == 1 and isinstance(given[0], val.Mapping_):
            made_sequence = self.interpreter.sequence(tuple(given[0].entries.values()), kind)
            if given[0].is_open:
                self.interpreter.mutate(made_sequence, "items", (*made_sequence.items, val.Repeated((UNKNOWN,))))
            elif all(isinstance(k, str) for k in given[0].entries):
                made_sequence.names = tuple(given[0].entries)
            return made_sequence
        return self.interpreter.sequence(given, kind)

    def _fill_from_pairs(self, made: val.Mapping_, source: Value) -> None:
        pairs = self.items_of(source)
        keys = [p.items[0] if isinstance(p, val.Sequence) and p.is_exact and len(p.items) == 2 else None for p in pairs]
        if all(isinstance(k, Const) for k in keys):
            made.state["entries"] = {
                k.value: p.items[1] for k, p in zip(keys, pairs, strict=True) if isinstance(k, Const) and isinstance(p, val.Sequence)
            }
            made.state["open"] = False

    def apply_items(self, items: tuple[Value, ...], arguments: Arguments, site: Site | None) -> Value:
        """Runs a Sequential: each item on the result of the one before."""

        current = arguments
        for item in items:
            match item:
                case val.Repeated(run=run):
                    result = self._apply_repeated(run, current, site)
                case val.Alternatives(runs=runs):
                    result = self.interpreter.join_all([self.apply_items(run, current, site) for run in runs])
                case _:
                    result = self.call(item, current, site)
            current = Arguments([result])
        return current.positional[0] if current.positional else NONE

    def _apply_repeated(self, run: tuple[Value, ...], arguments: Arguments, site: Site | None) -> Value:

        given = arguments.positional[0] if arguments.positional else UNKNOWN
        if not isinstance(given, Tensor):
            return self.interpreter.join(given, self.apply_items(run, arguments, site))
        start = self.interpreter.here(given)
        join = self.interpreter.graph.add(JOIN, (start,), rank=start.rank)
        result = self.apply_items(run, Arguments([Tensor(join)]), site)
        if isinstance(result, Tensor):
            self.interpreter.graph.link(join, self.interpreter.here(result))
            return Tensor(join)
        return self.interpreter.join(Tensor(join), result)

    def children(self, module: Value, name: str) -> Value:
        """The submodules of a module, in the order of registration where that is known."""
        named = name.startswith("named")
        found: list[tuple[str, Value]] = []
        match module:
            case val.Instance() if not name.endswith("modules"):
                found = [(k, v) for k, v in module.state.items() if k != ITEMS and _is_module(v)]
            case val.Sequence() if module.is_exact and not name.endswith("modules"):
                found = [(str(i), v) for i, v in enumerate(module.items)]
            case val.Mapping_() if not module.is_open and not name.endswith("modules"):
                found = [(str(k), v) for k, v in module.entries.items()]
            case _:
                found = [("?", v) for v in (*self._groups(module), Unknown("some submodule"))]
                keyed = [self.interpreter.sequence((UNKNOWN, v), "tuple") if named else v for _, v in found]
                return self.interpreter.sequence([val.Repeated((v,)) for v in keyed])
        return self.interpreter.sequence([self.interpreter.sequence((Const(k), v), "tuple") if named else v for k, v in found])

    def _groups(self, module: Value) -> list[Value]:
        """The torch layers below a module, those of one class as one value: what loops over `modules()` do, they do to all of them."""
        by_target: dict[str, list[val.Layer]] = {}
        for layer in _layers_below(module):
            by_target.setdefault(layer.target, []).append(layer)
        return [
            val.Layer({}, target, {}, layers[0].site, members=tuple(layers), serial=self.interpreter.next_serial())
            for target, layers in by_target.items()
        ]

    def get_by_name(self, holder: Value, name: str) -> Value:
        """`getattr(holder, name)` as `get_submodule` takes it: digits index containers."""
        if isinstance(holder, val.Instance) and name in holder.state:
            return holder.state[name]  # type: ignore[no-any-return]
        if name.isdigit() and (isinstance(holder, val.Sequence) or (isinstance(holder, val.Instance) and ITEMS in holder.state)):
            return self.item(holder, Const(int(name)))
        if isinstance(holder, val.Mapping_):
            return self.item(holder, Const(name))
        return self.interpreter.classes.attribute(holder, name)

    def open_up(self, holder: Value, reason: str, own_layers_only: bool = False, pattern: str = "") -> None:
        """Somebody unknown may use the layers that a module holds directly: none of them can be judged any more."""
        if isinstance(holder, val.Layer):
            self.escape_layer(holder, reason)
        elif isinstance(holder, (val.Sequence, val.Mapping_, val.Choice)):
            for part in val.parts_of(holder):
                if not (own_layers_only and isinstance(part, val.Instance)):
                    self.open_up(part, reason)
        elif isinstance(holder, val.Instance):
            if LAYER in holder.state:
                self.open_up(holder.state[LAYER], reason)
            if not own_layers_only:
                for key, part in list(holder.state.items()):
                    if isinstance(part, (val.Layer, val.Sequence, val.Mapping_, val.Choice)) and str(key).startswith(pattern):
                        self.open_up(part, reason)

    def note_mode(self, module: Value, name: str, arguments: Arguments, frame: Frame | None) -> None:
        """`train()` and `eval()`: a submodule switched to eval mode by its model's own code stays frozen as far as is known."""
        flag = arguments.get(0, "mode")
        freezes = name == "eval" or (name == "train" and flag is not None and truth_of(flag) is False)
        receiver = None if frame is None else frame.receiver
        if not isinstance(receiver, val.Instance) or not receiver.is_module or module is receiver:
            return
        if freezes:
            self.freeze(module, frame)
        elif name == "train" and (flag is None or truth_of(flag)):
            self._thaw(module, frame)

    def freeze(self, module: Value, frame: Frame | None, depth: int = 6) -> None:
        from nnlint.dataflow.torch_calls import FROZEN

        if isinstance(module, val.Layer):
            if FROZEN not in module.origin.marks:
                self._frozen_in[module.origin] = frame
            module.mark(FROZEN, "switched to eval mode")
        elif depth:
            for part in val.parts_of(module):
                if _is_module(part):
                    self.freeze(part, frame, depth - 1)

    def _thaw(self, module: Value, frame: Frame | None, depth: int = 6) -> None:
        """What one function freezes for a moment and puts back into training mode was never frozen for anybody else."""
        from nnlint.dataflow.torch_calls import FROZEN

        if isinstance(module, val.Layer):
            if self._frozen_in.get(module.origin) is frame:
                module.origin.marks.pop(FROZEN, None)
        elif depth:
            for part in val.parts_of(module):
                if _is_module(part):
                    self._thaw(part, frame, depth - 1)


def size_in(run: val.AxisRun, index: int) -> Value:
    """The size of one axis of a run, counted from either end."""
    return Symbol(("size", run.node, run.front + index if index >= 0 else index - run.back))


def _cut_run(run: val.AxisRun, lower: int, upper: int | None) -> tuple[Value, ...]:
    """`run[lower:upper]`: single sizes where both ends are counted from one side, else a shorter run."""
    if upper is None and lower < 0:
        return tuple(size_in(run, i) for i in range(lower, 0))
    if upper is not None and (lower < 0) == (upper < 0):
        return tuple(size_in(run, i) for i in range(lower, upper))
    if lower < 0 or (upper is not None and upper >= 0):
        return (val.Repeated((UNKNOWN,)),)
    return (val.Repeated((val.AxisRun(run.node, run.front + lower, run.back - (upper or 0)),)),)


def _is_module(value: Value) -> bool:
    match value:
        case val.Layer():
            return True
        case val.Instance() | val.Sequence() | val.Mapping_():
            return value.is_module
        case val.Choice(options=options):
            return any(_is_module(o) for o in options)
        case _:
            return False


def _layers_below(module: Value, depth: int = 12) -> list[val.Layer]:
    if isinstance(module, val.Layer):
        return [module]
    if depth == 0 or not _is_module(module):
        return []
    return [layer for part in val.parts_of(module) for layer in _layers_below(part, depth - 1)]


def _bound(value: Value) -> Any:
    if value == NONE:
        return None
    return value.value if isinstance(value, Const) and isinstance(value.value, int) else "?"


def _no_arguments() -> Arguments:

    return Arguments()
