"""Python's built-ins and standard library, as far as model code uses them: one function each, found by a table."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nnlint.dataflow import einops_calls
from nnlint.dataflow import values as val
from nnlint.dataflow.arguments import Arguments
from nnlint.dataflow.classes import ITEMS, LAYER
from nnlint.dataflow.dimensions import DIMENSIONS
from nnlint.dataflow.frames import Frame
from nnlint.dataflow.operators import MAX_SYMBOL_DEPTH, symbol_depth, truth_of
from nnlint.dataflow.values import FALSE, NONE, TRUE, UNKNOWN, Const, Symbol, Tensor, Unknown, Value, choice, parameter_of, pattern_of
from nnlint.semantics.definitions import ClassDefinition, Site
from nnlint.semantics.signatures import signature

if TYPE_CHECKING:
    from nnlint.dataflow.calls import Caller

_MAX_RANGE = 1_000
_MAX_COMBINATIONS = 16  # the pixels of a grid are no parts of a model
_FIELD = re.compile(r"\{[^{}]*\}")
_STRING_METHODS = frozenset({
    "lower", "upper", "strip", "lstrip", "rstrip", "startswith", "endswith", "replace", "format", "join", "split", "rsplit", "capitalize",
    "title", "isdigit", "find", "count", "partition", "rpartition",
})  # fmt: skip
_NUMBER_TYPES = {"builtins.int": int, "builtins.float": float, "builtins.str": str, "builtins.bool": bool}
# Packages whose functions neither call modules nor keep tensors that matter.
_HARMLESS = (
    "builtins.print",
    "logging.",
    "warnings.",
    "time.",
    "os.",
    "sys.",
    "math.",
    "random.",
    "typing.",
    "json.",
    "re.",
    "pathlib.",
    "builtins.id",
    "builtins.repr",
)


def call_python(caller: Caller, name: str, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    """A call of something from outside the project that is not torch."""
    model = _MODELS.get(name)
    if model is not None:
        result = model(caller, arguments, site, frame)
        if result is not None:
            return result
    if name.startswith("math.") and all(isinstance(a, Const) for a in arguments.positional):
        return _math(name, arguments)
    if name.startswith("math."):
        keys = [a.key if isinstance(a, Symbol) else a.value for a in arguments.positional if isinstance(a, (Const, Symbol))]
        is_known = len(keys) == len(arguments.positional) and symbol_depth(tuple(keys)) < MAX_SYMBOL_DEPTH
        return Symbol((name, *keys)) if is_known else Symbol(("number", caller.interpreter.next_serial()))
    if name.startswith(_HARMLESS):
        return Unknown(f"`{name.removeprefix('builtins.')}()`")
    if name.startswith("builtins.") and name.endswith(("Error", "Exception", "Warning")):
        return Unknown("an exception")
    return caller.interpreter.unknown_operation(arguments.all, f"`{name.removeprefix('builtins.')}` is not followed", site)


def call_method(caller: Caller, receiver: Value, name: str, arguments: Arguments, site: Site | None) -> Value:
    """A method of a constant, a function or an unknown object."""
    if isinstance(receiver, Const) and isinstance(receiver.value, str) and name in _STRING_METHODS:
        return _string_method(caller, receiver.value, name, arguments)
    if (parameter := parameter_of(receiver)) is not None:
        reason = f"`{name}()` of the parameter `{parameter}`, which no caller seen gives"
        return caller.interpreter.unknown_operation(arguments.all, reason, site)
    if isinstance(receiver, (Const, Symbol)):
        return caller.interpreter.unknown_operation(arguments.all, f"method `{name}` of a constant", site)
    return caller.interpreter.unknown_operation([receiver, *arguments.all], f"method `{name}` of something unknown", site)


def _string_method(caller: Caller, text: str, name: str, arguments: Arguments) -> Value:
    plain = [_plain(a) for a in arguments.positional]
    keywords = {k: _plain(v) for k, v in arguments.keywords.items()}
    if any(p is _NOT_PLAIN for p in (*plain, *keywords.values())):
        if name == "format":
            return Symbol(("pattern", _FIELD.sub("{}", text)))
        return Symbol(("text", caller.interpreter.next_serial()))
    try:
        result = getattr(text, name)(*plain, **keywords)
    except Exception:  # the program would stop here
        return UNKNOWN
    return (
        caller.interpreter.sequence([Const(r) for r in result], "list" if isinstance(result, list) else "tuple")
        if isinstance(result, (list, tuple))
        else Const(result)
    )


_NOT_PLAIN: Any = object()


def _plain(value: Value) -> Any:
    """The Python value of a constant or of an exact container of constants."""
    if isinstance(value, Const):
        return value.value
    if isinstance(value, val.Sequence) and value.is_exact:
        items = [_plain(i) for i in value.items]
        return _NOT_PLAIN if any(i is _NOT_PLAIN for i in items) else tuple(items) if value.kind == "tuple" else items
    return _NOT_PLAIN


def _math(name: str, arguments: Arguments) -> Value:
    function = getattr(math, name.partition(".")[2], None)
    try:
        return Const(function(*[_plain(a) for a in arguments.positional])) if function is not None else UNKNOWN
    except Exception:  # the program would stop here
        return UNKNOWN


# --- numbers and sequences ---


def _range(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    bounds = [_plain(a) for a in arguments.positional]
    if bounds and all(isinstance(b, int) for b in bounds) and (len(bounds) < 3 or bounds[2]):
        numbers = range(*bounds[:3])
        if len(numbers) <= _MAX_RANGE:
            return caller.interpreter.sequence([Const(n) for n in numbers])
    return caller.interpreter.sequence([val.Repeated((Symbol(("range", caller.interpreter.next_serial())),))])


def _len(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    value = arguments.positional[0] if arguments.positional else UNKNOWN
    if isinstance(value, val.Instance) and ITEMS in value.state:
        value = value.state[ITEMS]
    if isinstance(value, val.Sequence):
        return Const(len(value.items)) if value.is_exact else Symbol(("length", value.serial, len(value.items)))
    if isinstance(value, val.Mapping_) and not value.is_open:
        return Const(len(value.entries))
    if isinstance(value, Const) and isinstance(value.value, str):
        return Const(len(value.value))
    return Symbol(("size", value.node, 0)) if isinstance(value, Tensor) else Unknown("a length")


def _enumerate(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value | None:
    if not arguments.positional:
        return None
    start = _plain(arguments.get(1, "start") or Const(0))
    items = caller.items_of(arguments.positional[0])
    out: list[Value] = []
    known = isinstance(start, int)
    for at, item in enumerate(items):
        if isinstance(item, (val.Alternatives, val.Repeated)):
            known = False
            out += caller.map_items(
                (item,), lambda v: caller.interpreter.sequence((Symbol(("index", caller.interpreter.next_serial())), v), "tuple")
            )
        else:
            index = Const(start + at) if known else Symbol(("index", caller.interpreter.next_serial()))
            out.append(caller.interpreter.sequence((index, item), "tuple"))
    return caller.interpreter.sequence(out)


def _zip(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    rows = [caller.items_of(a) for a in arguments.positional]
    exact = [r for r in rows if not any(isinstance(i, (val.Alternatives, val.Repeated)) for i in r)]
    if len(exact) == len(rows):
        return caller.interpreter.sequence([caller.interpreter.sequence(column, "tuple") for column in zip(*rows, strict=False)])
    if exact:
        count = min(len(r) for r in exact)
        columns = [[r[i] if r in exact else caller.union_of(r) for r in rows] for i in range(count)]
        return caller.interpreter.sequence([caller.interpreter.sequence(c, "tuple") for c in columns])
    return caller.interpreter.sequence([val.Repeated((caller.interpreter.sequence([caller.union_of(r) for r in rows], "tuple"),))])


def _to_sequence(kind: str) -> _Model:
    def convert(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
        if not arguments.positional:
            return caller.interpreter.sequence((), kind)
        return caller.interpreter.sequence(caller.items_of(arguments.positional[0]), kind)

    return convert


def _reversed(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    items = caller.items_of(arguments.positional[0]) if arguments.positional else ()
    return caller.interpreter.sequence(items[::-1])


def _sorted(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    items = caller.items_of(arguments.positional[0]) if arguments.positional else ()
    plain = [_plain(i) for i in items]
    if not arguments.keywords and not any(p is _NOT_PLAIN for p in plain):
        try:
            return caller.interpreter.sequence([Const(p) for p in sorted(plain)])
        except TypeError:
            return UNKNOWN
    return caller.interpreter.sequence([val.Repeated((caller.union_of(items),))] if items else [])


def _map(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value | None:
    if len(arguments.positional) < 2:
        return None
    function, *rest = arguments.positional
    if len(rest) == 1:
        return caller.interpreter.sequence(caller.map_items(caller.items_of(rest[0]), lambda v: caller.call_simply(function, v, site=site)))
    columns = _zip(caller, type(arguments)(list(rest)), site, frame)
    assert isinstance(columns, val.Sequence)
    changed = caller.map_items(columns.items, lambda v: caller.call(function, type(arguments)(list(caller.items_of(v))), site, frame))
    return caller.interpreter.sequence(changed)


def _filter(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value | None:
    if len(arguments.positional) != 2:
        return None
    function, source = arguments.positional
    out: list[Value] = []
    for item in caller.items_of(source):
        if isinstance(item, (val.Alternatives, val.Repeated)):
            out.append(item)
            continue
        truth = truth_of(item if function == NONE else caller.call_simply(function, item))
        if truth is not False:
            out.append(item if truth else val.Alternatives(((item,), ())))
    return caller.interpreter.sequence(out)


def _sum(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value | None:
    if not arguments.positional:
        return None
    items = caller.items_of(arguments.positional[0])
    start = arguments.get(1, "start")
    total: Value | None = start
    for item in items:
        if isinstance(item, (val.Alternatives, val.Repeated)):
            return caller.interpreter.unknown_operation([*items, *([start] if start else [])], "a sum of unknown length", site)
        total = item if total is None else caller.interpreter.binary("+", total, item, site)
    return Const(0) if total is None else total


def _extreme(largest: bool) -> _Model:
    def pick(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
        given = arguments.positional
        values = caller.items_of(given[0]) if len(given) == 1 else tuple(given)
        plain = [_plain(v) for v in values]
        if values and not any(p is _NOT_PLAIN for p in plain) and not arguments.keywords:
            try:
                return Const(max(plain) if largest else min(plain))
            except TypeError:
                return UNKNOWN
        return Symbol(("extreme", caller.interpreter.next_serial()))

    return pick


def _number(name: str) -> _Model:
    def convert(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value | None:
        if not arguments.positional:
            return Const(_NUMBER_TYPES[name]())
        value = arguments.positional[0]
        plain = _plain(value)
        if plain is not _NOT_PLAIN:
            try:
                return Const(_NUMBER_TYPES[name](plain))
            except (TypeError, ValueError, OverflowError):
                return UNKNOWN
        if name == "builtins.bool":
            truth = truth_of(value)
            return Symbol(("bool", caller.interpreter.next_serial())) if truth is None else Const(truth)
        if isinstance(value, Symbol):
            return Symbol((name, value.key)) if name != "builtins.str" else Symbol(("pattern", "{}", value.key))
        tensors = list(val.tensors_in(value))
        for tensor in tensors:
            caller.interpreter.escape_node(tensor.node, f"`{name}`")
        if not tensors and name != "builtins.str":
            return Symbol(("number", caller.interpreter.next_serial()))
        return Unknown(f"`{name.removeprefix('builtins.')}()`")

    return convert


def _abs(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value | None:
    value = arguments.positional[0] if arguments.positional else UNKNOWN
    if isinstance(value, Tensor):
        return caller.operation("torch.abs", {"input": value}, site)
    plain = _plain(value)
    return Const(abs(plain)) if isinstance(plain, (int, float)) else None


def _any_all(is_any: bool) -> _Model:
    def decide(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
        outcomes = (
            [None if isinstance(i, (val.Alternatives, val.Repeated)) else truth_of(i) for i in caller.items_of(arguments.positional[0])]
            if arguments.positional
            else []
        )
        if is_any in outcomes:
            return Const(is_any)
        return Symbol(("any", caller.interpreter.next_serial())) if None in outcomes else Const(not is_any)

    return decide


# --- objects ---


def _isinstance(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    if len(arguments.positional) != 2:
        return UNKNOWN
    value, kinds = arguments.positional
    options = value.options if isinstance(value, val.Choice) else (value,)
    wanted = caller.items_of(kinds) if isinstance(kinds, val.Sequence) else (kinds,)
    outcomes = {_is_instance_of_any(caller, o, wanted) for o in options}
    outcome = outcomes.pop() if len(outcomes) == 1 else None
    return Symbol(("isinstance", caller.interpreter.next_serial())) if outcome is None else Const(outcome)


def _is_instance_of_any(caller: Caller, value: Value, kinds: tuple[Value, ...]) -> bool | None:
    outcomes = [_is_instance(caller, value, kind) for kind in kinds]
    return True if True in outcomes else None if None in outcomes else False


_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "builtins.int": (int,), "builtins.float": (float,), "builtins.str": (str,), "builtins.bool": (bool,), "builtins.bytes": (bytes,),
    "numbers.Number": (int, float), "numbers.Integral": (int,), "builtins.complex": (complex,), "numbers.Real": (int, float),
}  # fmt: skip
_SEQUENCE_TYPES = {
    "builtins.list": ("list",), "builtins.tuple": ("tuple",), "builtins.set": ("set",), "torch.nn.Sequential": ("Sequential",),
    "torch.nn.ModuleList": ("ModuleList",), "collections.abc.Sequence": ("list", "tuple"),
    "collections.abc.Iterable": ("list", "tuple", "set"), "typing.Sequence": ("list", "tuple"), "typing.Iterable": ("list", "tuple", "set"),
    "torch.nn.Module": ("Sequential", "ModuleList"), "typing.List": ("list",), "typing.Tuple": ("tuple",),
}  # fmt: skip


def _is_instance(caller: Caller, value: Value, kind: Value) -> bool | None:
    if isinstance(value, (Unknown, Symbol)):
        return None
    name = kind.name if isinstance(kind, val.External) else None
    match value:
        case Const(value=constant):
            if isinstance(kind, val.Class) or name in _SEQUENCE_TYPES or (name or "").startswith("torch."):
                return (
                    isinstance(constant, str)
                    if name in ("collections.abc.Sequence", "collections.abc.Iterable", "typing.Sequence", "typing.Iterable")
                    else False
                )
            return isinstance(constant, _PYTHON_TYPES[name]) if name in _PYTHON_TYPES else False if name in _NO_CONSTANTS else None
        case val.Sequence():
            return (
                value.kind in _SEQUENCE_TYPES[name]
                if name in _SEQUENCE_TYPES
                else False
                if name is not None or isinstance(kind, val.Class)
                else None
            )
        case val.Mapping_():
            if name in ("builtins.dict", "collections.OrderedDict", "typing.Dict", "collections.abc.Mapping", "typing.Mapping"):
                return value.kind == "dict"
            return value.is_module if name in ("torch.nn.ModuleDict", "torch.nn.Module") else False
        case Tensor():
            return True if name == "torch.Tensor" else False if name is not None or isinstance(kind, val.Class) else None
        case val.Layer():
            return _layer_is(value.target, name)
        case val.Instance():
            if isinstance(kind, val.Class):
                return any(base is kind.definition for base, _ in caller.interpreter.classes.order(value.definition, value.closure))
            bases = caller.interpreter.classes.bases(value.definition, value.closure)
            if name in bases or (name == "torch.nn.Module" and value.is_module):
                return True
            return None if None in bases or name is None else False
        case val.Function() | val.Class() | val.External() | val.Partial() | val.Lambda():
            if isinstance(value, (val.Class, val.External)) and name == "builtins.type":
                return True
            return name == "functools.partial" if isinstance(value, val.Partial) else False
        case _:
            return None


_NO_CONSTANTS = frozenset({
    "builtins.dict", "builtins.type", "functools.partial", "types.FunctionType", "types.LambdaType", "types.MethodType", "types.ModuleType",
})  # fmt: skip
_FAMILIES = {
    "torch.nn.modules.conv._ConvNd": ("torch.nn.Conv", "torch.nn.LazyConv"),
    "torch.nn.modules.batchnorm._BatchNorm": ("torch.nn.BatchNorm", "torch.nn.SyncBatchNorm"),
    "torch.nn.modules.instancenorm._InstanceNorm": ("torch.nn.InstanceNorm",),
}  # fmt: skip


def _layer_is(target: str, name: str | None) -> bool | None:
    if name is None:
        return False
    if name in ("torch.nn.Module", target):
        return True
    family = next((prefixes for known, prefixes in _FAMILIES.items() if known.endswith(name.rpartition(".")[2])), None)
    if family is not None:
        return target.startswith(family)
    return target.removeprefix("torch.nn.Lazy") == name.removeprefix("torch.nn.") if target.startswith("torch.nn.Lazy") else False


def _getattr(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    if len(arguments.positional) < 2:
        return UNKNOWN
    holder, key, *default = arguments.positional
    pattern = pattern_of(key)
    if pattern is not None and isinstance(holder, val.Instance) and pattern in holder.state:
        return holder.state[pattern]  # type: ignore[no-any-return]
    if pattern is not None and isinstance(holder, val.External):
        caller.dimensions.note_selector(key)
        names = [pattern.replace("{}", str(n)) for n in DIMENSIONS]
        found = [val.External(f"{holder.name}.{name}") for name in names]
        if pattern.count("{}") == 1 and all(signature(one.name) is not None for one in found):
            return choice(list(found))
    if isinstance(key, Const) and isinstance(key.value, str):
        if default and isinstance(holder, val.Instance) and _has(caller, holder, key.value) is False:
            return default[0]
        return caller.interpreter.classes.attribute(holder, key.value)
    for one in holder.options if isinstance(holder, val.Choice) else (holder,):
        caller.open_up(one, "taken by an unknown name")
    options = key.options if isinstance(key, val.Choice) else ()
    if options and all(isinstance(o, Const) for o in options):
        return caller.interpreter.join_all([caller.interpreter.classes.attribute(holder, str(o.value)) for o in options])  # type: ignore[attr-defined]
    return Unknown("an attribute of unknown name")


def _setattr(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    if len(arguments.positional) == 3:
        holder, key, value = arguments.positional
        name = key.value if isinstance(key, Const) and isinstance(key.value, str) else pattern_of(key)
        if name is not None:
            caller.interpreter.set_attribute(holder, name, value)
        else:
            caller.interpreter.escape(value, "stored under an unknown name")
            caller.open_up(value, "stored under an unknown name")
    return NONE


def _has(caller: Caller, holder: val.Instance, name: str) -> bool | None:
    if name in holder.state:
        return True
    classes = caller.interpreter.classes
    for base, _ in classes.order(holder.definition, holder.closure):
        if isinstance(base, ClassDefinition) and (name in base.methods or name in base.assigned):
            return True
    return None if None in classes.bases(holder.definition, holder.closure) or LAYER in holder.state else False


def _hasattr(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    if len(arguments.positional) == 2:
        holder, key = arguments.positional
        if isinstance(holder, val.Instance) and isinstance(key, Const) and isinstance(key.value, str):
            outcome = _has(caller, holder, key.value)
            if outcome is not None:
                return Const(outcome)
        if isinstance(holder, val.Layer) and isinstance(key, Const) and key.value in ("weight", "bias"):
            return TRUE
    return Symbol(("hasattr", caller.interpreter.next_serial()))


def _namespace(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    made = _dict(caller, arguments, site, frame)
    assert isinstance(made, val.Mapping_)
    made.kind = "namespace"
    for key, value in made.entries.items():
        if isinstance(value, val.Mapping_) and value.kind == "dict" and arguments.positional:
            # Libraries of settings wrap the inner ones too.
            made.entries[key] = _namespace(caller, type(arguments)([value]), site, frame)  # type: ignore[index]
    return made


def _namedtuple(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value | None:
    """The class of a named tuple: a call of it is a tuple whose items have names."""
    fields = arguments.get(1, "field_names")
    names = caller.items_of(fields) if isinstance(fields, val.Sequence) else ()
    if isinstance(fields, Const) and isinstance(fields.value, str):
        names = tuple(Const(name) for name in fields.value.replace(",", " ").split())
    if not names or not all(isinstance(n, Const) and isinstance(n.value, str) for n in names):
        return None
    keywords = (("defaults", arguments.keywords["defaults"]),) if "defaults" in arguments.keywords else ()
    return val.Partial(val.External("collections.namedtuple()"), (caller.interpreter.sequence(names, "tuple"),), keywords)


def _named_tuple(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value | None:
    fields, *given = arguments.positional
    names = [str(n.value) for n in caller.items_of(fields) if isinstance(n, Const)]
    rest = arguments.keywords.get("defaults")
    defaults = list(caller.items_of(rest)) if isinstance(rest, val.Sequence) else []
    values = dict(zip(names[len(names) - len(defaults) :], defaults, strict=False)) | dict(zip(names, given, strict=False))
    values |= {k: v for k, v in arguments.keywords.items() if k in names}
    if arguments.is_open or len(values) < len(names):
        return None
    made = caller.interpreter.sequence([values[n] for n in names], "tuple")
    made.names = tuple(names)
    return made


def _import_module(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value | None:
    name = arguments.get(0, "name")
    if frame is None or not isinstance(name, Const) or not isinstance(name.value, str) or name.value.startswith("."):
        return None
    definition = caller.interpreter.program.import_name(frame.module, name.value, None)
    return None if definition is None else caller.interpreter.definition_value(definition)


def _isclass(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    value = arguments.positional[0] if arguments.positional else UNKNOWN
    if isinstance(value, val.Class) or val.is_layer_class(value):
        return TRUE
    settled = (Const, val.Function, val.Lambda, val.Partial, val.Heap, Tensor)
    return FALSE if isinstance(value, settled) else Symbol(("isclass", caller.interpreter.next_serial()))


def _from_iterable(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    """The items of the items, `Repeated` and `Alternatives` of them kept in their places."""

    def inner(items: tuple[Value, ...]) -> list[Value]:
        out: list[Value] = []
        for item in items:
            match item:
                case val.Repeated(run=run):
                    out.append(val.Repeated(tuple(inner(run))))
                case val.Alternatives(runs=runs):
                    out.append(val.Alternatives(tuple(tuple(inner(run)) for run in runs)))
                case _:
                    out += caller.items_of(item)
        return out

    return caller.interpreter.sequence(inner(caller.items_of(arguments.positional[0]))) if arguments.positional else UNKNOWN


def _pairwise(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    items = caller.items_of(arguments.positional[0]) if arguments.positional else ()
    if not any(isinstance(i, (val.Alternatives, val.Repeated)) for i in items):
        return caller.interpreter.sequence([caller.interpreter.sequence(pair, "tuple") for pair in itertools.pairwise(items)])
    either = caller.union_of(items)
    return caller.interpreter.sequence([val.Repeated((caller.interpreter.sequence((either, either), "tuple"),))])


def _product(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value | None:
    rows = [caller.items_of(a) for a in arguments.positional]
    if arguments.keywords:
        return None
    is_exact = not any(isinstance(i, (val.Alternatives, val.Repeated)) for row in rows for i in row)
    if not is_exact or math.prod(len(row) for row in rows) > _MAX_COMBINATIONS:
        either = caller.interpreter.sequence([caller.union_of(row) for row in rows], "tuple")
        return caller.interpreter.sequence([val.Repeated((either,))])
    return caller.interpreter.sequence([caller.interpreter.sequence(combination, "tuple") for combination in itertools.product(*rows)])


def _islice(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value | None:
    if len(arguments.positional) < 2:
        return None
    source, *bounds = arguments.positional
    lower, upper, step = (NONE, bounds[0], NONE) if len(bounds) == 1 else (*bounds, NONE)[:3]
    return caller.item(caller.interpreter.sequence(caller.items_of(source)), val.SliceValue(lower, upper, step))


def _callable(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    value = arguments.positional[0] if arguments.positional else UNKNOWN
    if isinstance(value, (val.Function, val.Class, val.External, val.Partial, val.Lambda, val.Layer, val.Method)):
        return TRUE
    is_data = isinstance(value, (Const, Tensor)) or (isinstance(value, (val.Sequence, val.Mapping_)) and not value.is_module)
    return FALSE if is_data else Symbol(("callable", caller.interpreter.next_serial()))


def _type(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    match arguments.positional[0] if arguments.positional else UNKNOWN:
        case val.Instance(definition=definition, closure=closure):
            return val.Class(definition, closure)
        case val.Layer(target=target):
            return val.External(target)
        case Const(value=constant):
            return val.External(f"builtins.{type(constant).__name__}")
        case val.Sequence() as sequence:
            return val.External(f"torch.nn.{sequence.kind}" if sequence.is_module else f"builtins.{sequence.kind}")
        case _:
            return UNKNOWN


def _super(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    if len(arguments.positional) == 2 and isinstance(arguments.positional[0], val.Class):
        return val.Super(arguments.positional[0].definition, arguments.positional[1])
    return UNKNOWN


def _dict(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    made = caller.interpreter.mapping({})
    is_open, is_entry = arguments.has_open_keywords, arguments.has_entry_keywords
    for source in arguments.positional:
        if isinstance(source, val.Mapping_):
            made.state["entries"] = {**made.entries, **source.entries}
            is_open, is_entry = is_open or source.is_open, is_entry or source.is_entry
        else:
            before = dict(made.entries)
            pairs = caller.items_of(source)
            for pair in pairs:
                if isinstance(pair, val.Sequence) and pair.is_exact and len(pair.items) == 2 and isinstance(pair.items[0], Const):
                    before[pair.items[0].value] = pair.items[1]
                else:
                    is_open = True
            made.state["entries"] = before
    made.state["entries"] = {**made.entries, **arguments.keywords}
    made.state["open"] = is_open
    made.state["entry"] = is_entry
    return made


def _partial(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    if not arguments.positional or arguments.is_open:
        return caller.interpreter.unknown_operation(arguments.all, "`partial` of unknown arguments", site)
    return val.Partial(arguments.positional[0], tuple(arguments.positional[1:]), tuple(arguments.keywords.items()))


def _deepcopy(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    from nnlint.dataflow.contexts import copy_of

    return copy_of(caller.interpreter, arguments.positional[0]) if arguments.positional else UNKNOWN


def _replaced(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value | None:
    """`dataclasses.replace(settings, bias=False)`: a copy with other values."""
    original = arguments.positional[0] if arguments.positional else None
    if not isinstance(original, val.Instance) or original.is_module or arguments.has_open_keywords:
        return None
    made = val.Instance(
        dict(original.state), original.definition, original.closure, is_module=False, serial=caller.interpreter.next_serial()
    )
    for name, value in arguments.keywords.items():
        caller.interpreter.mutate(made, name, value)
    return made


def _vars(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    for value in arguments.positional:
        caller.open_up(value, "`vars()` of it is taken")
    return UNKNOWN


def _reduce(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    given = arguments.positional
    if len(given) < 2:
        return UNKNOWN
    items = list(caller.items_of(given[1]))
    if any(isinstance(i, (val.Alternatives, val.Repeated)) for i in items) or (not items and len(given) < 3):
        return caller.interpreter.unknown_operation(arguments.all, "`reduce` over unknown items", site)
    total = given[2] if len(given) > 2 else items.pop(0)
    for item in items:
        total = caller.call_simply(given[0], total, item, site=site)
    return total


def _chain(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    return caller.interpreter.sequence([item for a in arguments.positional for item in caller.items_of(a)])


def _repeat(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    count = _plain(arguments.positional[1]) if len(arguments.positional) > 1 else None
    if isinstance(count, int) and 0 <= count <= _MAX_RANGE:
        return caller.interpreter.sequence([arguments.positional[0]] * count)
    return caller.interpreter.sequence([val.Repeated((arguments.positional[0],))]) if arguments.positional else UNKNOWN


def _first(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    return arguments.positional[0] if arguments.positional else UNKNOWN


def _next(caller: Caller, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
    return caller.union_of(caller.items_of(arguments.positional[0])) if arguments.positional else UNKNOWN


_Model = Callable[["Caller", "Arguments", "Site | None", "Frame | None"], "Value | None"]

_MODELS: dict[str, _Model] = {
    "builtins.range": _range, "builtins.len": _len, "builtins.enumerate": _enumerate, "builtins.zip": _zip,
    "builtins.list": _to_sequence("list"), "builtins.tuple": _to_sequence("tuple"), "builtins.set": _to_sequence("set"),
    "builtins.frozenset": _to_sequence("set"), "builtins.iter": _to_sequence("list"), "builtins.reversed": _reversed,
    "builtins.sorted": _sorted, "builtins.map": _map, "builtins.filter": _filter, "builtins.sum": _sum, "builtins.max": _extreme(True),
    "builtins.min": _extreme(False), "builtins.int": _number("builtins.int"), "builtins.float": _number("builtins.float"),
    "builtins.str": _number("builtins.str"), "builtins.bool": _number("builtins.bool"), "builtins.abs": _abs,
    "builtins.round": _number("builtins.int"), "builtins.any": _any_all(True), "builtins.all": _any_all(False),
    "builtins.isinstance": _isinstance, "builtins.getattr": _getattr, "builtins.setattr": _setattr, "builtins.hasattr": _hasattr,
    "builtins.callable": _callable, "builtins.type": _type, "builtins.super": _super, "builtins.dict": _dict,
    "collections.OrderedDict": _dict, "typing.OrderedDict": _dict, "functools.partial": _partial, "copy.deepcopy": _deepcopy,
    "dataclasses.replace": _replaced, "copy.replace": _replaced, "attrs.evolve": _replaced, "attr.evolve": _replaced,
    "copy.copy": _deepcopy, "builtins.vars": _vars, "functools.reduce": _reduce, "itertools.chain": _chain, "itertools.repeat": _repeat,
    "itertools.chain.from_iterable": _from_iterable, "itertools.pairwise": _pairwise, "itertools.product": _product,
    "importlib.import_module": _import_module, "types.SimpleNamespace": _namespace, "argparse.Namespace": _namespace,
    "easydict.EasyDict": _namespace, "addict.Dict": _namespace,
    "omegaconf.OmegaConf.create": _namespace, "omegaconf.DictConfig": _namespace, "ml_collections.ConfigDict": _namespace,
    "munch.Munch": _namespace, "box.Box": _namespace, "yacs.config.CfgNode": _namespace,
    "collections.namedtuple": _namedtuple, "collections.namedtuple()": _named_tuple, "itertools.islice": _islice,
    "inspect.isclass": _isclass, "collections.deque": _to_sequence("list"),
    "typing.cast": lambda c, a, s, f: a.positional[1] if len(a.positional) > 1 else UNKNOWN,
    "builtins.next": _next, "itertools.tee": _first, **einops_calls.MODELS,
}  # fmt: skip
