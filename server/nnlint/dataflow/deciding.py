"""Who decided what a call constructs: the argument of a caller that comes to the call as a parameter.

`nn.Conv2d(a, b, 3, bias=use_bias)` in a helper, and `norm_layer(b)` in a block, do what a caller says. The trail goes from the
names in such an expression through assignments and parameters to the outermost call that still passes them on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nnlint.semantics.definitions import Site
from nnlint.semantics.program import Program
from nnlint.syntax import lowered as low

_RECEIVERS = ("self", "cls")
_MAX_HOPS = 4  # assignments followed within one function


@dataclass(frozen=True, slots=True)
class Decision:
    """The argument at `position` of the call at `site`, which is passed for `parameter`."""

    site: Site
    position: int
    parameter: str


def deciding_argument(program: Program, site: Site, argument: str, position: int | None, callers: Sequence[Site]) -> Decision | None:
    """Who decided the value of an argument of the call at `site`, reached through `callers` (innermost first)."""
    call = call_at(program, site)
    given = None if call is None else _passed(call, argument, position)
    return None if given is None or call is None else _follow(program, site, call.arguments[given].value, callers)


def deciding_class(program: Program, site: Site, callers: Sequence[Site]) -> Decision | None:
    """Who decided what is called at `site`."""
    call = call_at(program, site)
    return None if call is None else _follow(program, site, call.function, callers)


def _follow(program: Program, site: Site, expression: low.Node, callers: Sequence[Site]) -> Decision | None:
    decided: Decision | None = None
    wanted = tuple(_names(expression))
    for caller in callers:
        function = function_at(program, site)
        call = call_at(program, caller)
        if function is None or call is None:
            break
        wanted = _through_assignments(function, wanted)
        found = next(iter(_arguments(function, call, wanted)), None)
        if found is not None:
            decided = Decision(caller, *found)
            wanted = tuple(_names(call.arguments[found[0]].value))
        else:
            wanted = tuple(name for name in wanted if "." in name)  # an attribute is the same in all methods
        if not wanted:
            break
        site = caller
    return decided


def _arguments(function: low.FunctionDef, call: low.Call, wanted: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The arguments of a call that are bound to wanted parameters: their positions and the parameters' names."""
    parameters = function.parameters
    positional = [p.name for p in (*parameters.positional_only, *parameters.positional)]
    offset = 1 if positional[:1] and positional[0] in _RECEIVERS else 0
    known = {*positional, *(p.name for p in parameters.keyword_only)}
    for name in wanted:
        if name in known:
            at = positional.index(name) - offset if name in positional else None
            found = _passed(call, name, at)
            if found is not None:
                yield found, name


def _passed(call: low.Call, name: str, position: int | None) -> int | None:
    """The index of the argument that is given by keyword or at a position."""
    for at, argument in enumerate(call.arguments):
        if argument.keyword == name:
            return at
        if argument.star == "*" and position is not None and at <= position:
            position = None
        if at == position and argument.keyword is None and not argument.star:
            return at
    return None


def _through_assignments(function: low.FunctionDef, names: Sequence[str]) -> tuple[str, ...]:
    """The names, and behind them those that they were assigned from in the function, the nearest first."""
    assigned: dict[str, list[low.Node]] = {}
    for node in low.nodes_in(function.body):
        if isinstance(node, low.Assign) and node.value is not None:
            for target in node.targets:
                for name in _names(target):
                    assigned.setdefault(name, []).append(node.value)
    found = dict.fromkeys(names)
    for _ in range(_MAX_HOPS):
        found |= {more: None for name in found for value in assigned.get(name, ()) for more in _names(value)}
    return tuple(found)


def _names(expression: low.Node) -> Iterator[str]:
    """The variables in an expression; attributes of `self` with it."""
    match expression:
        case low.Name(id=name):
            yield name
        case low.Attribute(value=low.Name(id=receiver), name=name) if receiver in _RECEIVERS:
            yield f"{receiver}.{name}"
        case low.LambdaExpr():
            return
        case _:
            for part in expression.fields():
                for item in part if isinstance(part, tuple) else (part,):
                    if isinstance(item, low.Node):
                        yield from _names(item)


def call_at(program: Program, site: Site) -> low.Call | None:
    """The lowered call that a site names."""
    return next((n for n in low.nodes_in(body_of(program, site)) if isinstance(n, low.Call) and n.index == site.index), None)


def function_at(program: Program, site: Site) -> low.FunctionDef | None:
    """The innermost function of the block that holds the call at a site."""
    stack: list[tuple[object, low.FunctionDef | None]] = [(body_of(program, site), None)]
    while stack:
        item, function = stack.pop()
        if isinstance(item, low.Call) and item.index == site.index:
            return function
        if isinstance(item, low.FunctionDef):
            function = item
        if isinstance(item, (low.Node, tuple)):
            stack += [(part, function) for part in (item.fields() if isinstance(item, low.Node) else item)]
    return None


def body_of(program: Program, site: Site) -> tuple[low.Node, ...]:
    module = program.module(site.path)
    placed = None if module is None else module.placed(site.block)
    return () if placed is None else placed.block.body
