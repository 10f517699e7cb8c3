"""Keys by which constructions and calls are known again: equal for those that cannot be told apart.

A key holds the objects that count by identity, so that no other object takes their place in memory while it is in use.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from nnlint.dataflow import values as val
from nnlint.dataflow.arguments import Arguments
from nnlint.dataflow.values import Const, Symbol, Tensor, Unknown, Value

_DEPTH = 8
FRACTION = Symbol(("fraction",))


class Token:
    """Stands for a key within larger ones. Equal keys have one token, which compares by identity."""

    __slots__ = ("form",)

    def __init__(self, form: Hashable) -> None:
        self.form = form


class Keys:
    """Makes keys. Settings with hundreds of fields go through every constructor of a model: each state of theirs is kept once."""

    def __init__(self) -> None:
        self._tokens: dict[Hashable, Token] = {}
        self._shared: dict[Hashable, Hashable] = {}

    def of_arguments(self, arguments: Arguments, by_rank: bool = False) -> Token:
        """Equal for calls that cannot be told apart. Tensors count by identity, or `by_rank` (calls of `forward`)."""
        keywords = sorted(arguments.keywords.items())
        return self._token((
            tuple(self.of_value(v, by_rank) for v in arguments.positional),
            tuple(name for name, _ in keywords),
            tuple(self.of_value(v, by_rank) for _, v in keywords),
            arguments.has_open_positional,
            arguments.has_open_keywords,
            arguments.has_entry_keywords,
        ))  # fmt: skip

    def of_value(self, value: Value, by_rank: bool = False, depth: int = _DEPTH) -> Hashable:
        if depth == 0:
            return ("deep", value)

        def of_all(values: Iterable[Value]) -> tuple[Hashable, ...]:
            return tuple(self.of_value(v, by_rank, depth - 1) for v in values)

        match value:
            case Const(value=constant):
                if isinstance(constant, float) and 0 < constant < 1:
                    return FRACTION.key  # rates, momenta, epsilons: no rule asks for more than that they are fractions
                return self._share((type(constant).__name__, constant))
            case Tensor(node=node):
                return ("tensor", node.rank) if by_rank else ("tensor", node)
            case val.Sequence():
                return (value.kind, of_all(value.items))
            case val.Mapping_():
                names = self._share(tuple(k if not isinstance(k, Value) else "?" for k in value.entries))
                return (value.kind, names, self._token(of_all(value.entries.values())), value.is_open)
            case val.Layer():
                return ("layer", value.serial)
            case val.Instance():
                if value.is_module:
                    return ("module", value.context if value.context is not None else -value.serial)
                return ("object", value.definition, self._share(tuple(value.state)), self._token(of_all(value.state.values())))
            case val.Function(definition=definition, closure=closure, receiver=receiver):
                return ("function", definition, closure, None if receiver is None else self.of_value(receiver, by_rank, depth - 1))
            case val.Class(definition=definition, closure=closure):
                return ("class", definition, closure)
            case val.Partial(function=function, positional=positional, keywords=keywords):
                names = tuple(name for name, _ in keywords)
                return ("partial", self.of_value(function, by_rank, depth - 1), of_all(positional), names, of_all(v for _, v in keywords))
            case val.Lambda(node=node, frame=frame):
                return ("lambda", id(node), frame)
            case val.Choice(options=options):
                return ("choice", of_all(options))
            case val.Alternatives(runs=runs):
                return ("alternatives", tuple(of_all(run) for run in runs))
            case val.Repeated(run=run):
                return ("repeated", of_all(run))
            case Symbol(key=key):
                return self._share(("symbol", key))
            case val.AxisRun():
                return ("axes", value)
            case Unknown():
                return "unknown"
            case val.External(name=name):
                return ("external", name)
            case _:
                return ("other", value)

    def _token(self, key: Hashable) -> Token:
        found = self._tokens.get(key)
        if found is None:
            found = self._tokens[key] = Token(self._share(form_of(key)))
        return found

    def _share(self, key: Hashable) -> Hashable:
        """The first of equal keys."""
        return self._shared.setdefault(key, key)


def form_of(key: Hashable) -> Hashable:
    """A key of arguments without its numbers: equal for those that differ in numbers alone."""
    match key:
        case Token(form=form):
            return form
        case ("int" | "float" | "symbol", _):
            return "number"
        case ("tensor" | "layer" | "module" as kind, _):
            return kind
        case tuple():
            parts = tuple(map(form_of, key))
            return "numbers" if parts and set(parts) <= {"number", "numbers"} else parts
        case _:
            return key
