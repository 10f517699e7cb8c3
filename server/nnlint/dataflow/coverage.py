"""Which constructions of layers the analysis understood, and why not the others.

Counted is every call in the text whose callee is, by its imports, one of torch's convolutions, linear layers or normalisations, and
every other call that was seen to construct one (through a variable, a parameter, a registry, a subclass). Such a call is resolved
where it was run and, in every context that was looked at, its class is known, its arguments are bound to parameters, and so are the
values of those that decide what becomes of a bias: flags such as `bias` and `affine` are constants, of `padding` or
`num_groups` at least the origin is known. Sizes may be anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nnlint.dataflow.graph import ProjectGraph
from nnlint.dataflow.progress import TOO_LARGE
from nnlint.dataflow.values import Choice, Const, External, Layer, Symbol, Unknown, Value
from nnlint.semantics.definitions import AssignedDefinition, Definition, ExternalDefinition, ModuleDefinition, Site
from nnlint.semantics.program import Module, Program
from nnlint.semantics.torch_names import canonical_name
from nnlint.syntax import lowered as low
from nnlint.text import Span

_COUNTED = re.compile(
    r"torch\.nn\.(?:(?:Lazy)?(?:Conv(?:Transpose)?\dd|Linear|(?:Batch|Instance)Norm\dd)|Bilinear|SyncBatchNorm|GroupNorm|LayerNorm|RMSNorm"
    r"|LocalResponseNorm|CrossMapLRN2d)"
)
_FLAGS = ("bias", "affine", "elementwise_affine", "track_running_stats")
_NUMBERS = ("padding", "padding_mode", "num_groups", "num_channels", "normalized_shape")
_SIZES = ("num_channels", "normalized_shape")  # one of several will do
_MAX_ALIASES = 5
_NO_BRANCH = "on a branch that no known caller takes"
_NO_LAMBDA = "in a lambda that nothing is known to call"
_NO_FUNCTION = "in a function that nothing is known to call"
_NO_METHOD = "in a method that nothing is known to call"
_NO_CLASS = "in a class that nothing is known to construct"
UNREACHED = frozenset({_NO_BRANCH, _NO_LAMBDA, _NO_FUNCTION, _NO_METHOD, _NO_CLASS})


@dataclass(frozen=True, slots=True, order=True)
class Construction:
    """A call that constructs a layer; `reason` says why it is not resolved, and `span`, then, where it stands."""

    path: str
    target: str
    reason: str | None = None
    span: Span | None = None
    is_reached: bool = True  # whether any code that is known runs it


@dataclass(frozen=True, slots=True)
class _Call:
    """A call in the text, with the functions around it (innermost last) and the class whose member it is in."""

    node: low.Call
    site: Site
    functions: tuple[low.Node, ...]
    is_in_class: bool


def constructions(project: ProjectGraph, paths: Iterable[str]) -> list[Construction]:
    """Every counted construction in the given files, in the order of the text."""
    assert project.program is not None
    return [found for path in paths if (module := project.program.module(path)) is not None for found in _in_module(project, module)]


def _in_module(project: ProjectGraph, module: Module) -> Iterator[Construction]:
    assert project.program is not None
    for call in _calls(module):
        seen = [layer for layer in project.layers.get(call.site, ()) if _COUNTED.fullmatch(layer.target)]
        target = seen[0].target if seen else _imported_target(project.program, module, call.node.function)
        if target is None or not _COUNTED.fullmatch(target):
            continue
        reason = _why_not_resolved(project, call, seen)
        is_reached = bool(seen) or reason not in UNREACHED
        yield Construction(module.path, target, reason, None if reason is None else project.span(call.site), is_reached)


def _why_not_resolved(project: ProjectGraph, call: _Call, seen: list[Layer]) -> str | None:
    is_beyond = (call.site.path, call.site.block) in project.progress.beyond
    if is_beyond or any(TOO_LARGE in layer.marks.values() for layer in seen):
        return TOO_LARGE
    return next(filter(None, map(_unbound, seen)), None) if seen else _why_not_run(project, call)


def _unbound(layer: Layer) -> str | None:
    """Which deciding argument of an instance is not known, and why."""
    for name in (*_FLAGS, *_NUMBERS):
        value = layer.arguments.get(name)
        if value is not None and not (_is_known_flag(value) if name in _FLAGS else _is_known_number(name, value)):
            return f"`{name}` is not known: {_why_unknown(value)}"
    return None


def _why_unknown(value: Value) -> str:
    match value:
        case Unknown(reason=reason) if reason:
            return _without_names(reason)
        case External():
            return "it comes from outside the project"
        case Symbol():
            return "it depends on a value that nobody is known to give"
        case _:
            return "it may have several values"


def _is_known_flag(value: Value) -> bool:
    return isinstance(value, Const)


def _is_known_number(name: str, value: Value) -> bool:
    if isinstance(value, Choice):
        return name in _SIZES and all(isinstance(option, (Const, Symbol)) for option in value.options)
    return not isinstance(value, Unknown)


def _without_names(reason: str) -> str:
    """The kind of a reason, so that reasons can be counted."""
    return re.sub(r"`[^`]*`", "…", reason)


def _why_not_run(project: ProjectGraph, call: _Call) -> str:
    progress = project.progress
    if call.site in progress.refused:
        return progress.refused[call.site]
    for function in reversed(call.functions):
        if id(function) in progress.cut_short:
            return "the analysis of it took too long"
    if not call.functions:
        return "in a statement that was not run"
    innermost = call.functions[-1]
    if id(innermost) in progress.ran:
        return _NO_BRANCH
    if not isinstance(innermost, low.FunctionDef):
        return _NO_LAMBDA
    if not call.is_in_class:
        return _NO_FUNCTION
    return _NO_CLASS if innermost.name == "__init__" else _NO_METHOD


# --- the text ---


def _calls(module: Module) -> Iterator[_Call]:
    for placed in module.parsed.blocks:
        is_member = placed.block.kind.value == "member"
        stack: list[tuple[object, tuple[low.Node, ...], bool]] = [(placed.block.body, (), is_member)]
        found: list[_Call] = []
        while stack:
            item, functions, is_in_class = stack.pop()
            if isinstance(item, low.Call):
                found.append(_Call(item, Site(module.path, placed.name, item.index), functions, is_in_class))
            if isinstance(item, low.ClassDef):
                is_in_class = True
            elif isinstance(item, (low.FunctionDef, low.LambdaExpr)):
                functions = (*functions, item)
            if isinstance(item, (low.Node, tuple)):
                parts = item.fields() if isinstance(item, low.Node) else item
                stack += [(part, functions, is_in_class) for part in parts]
        yield from sorted(found, key=lambda call: call.site.index)


def _imported_target(program: Program, module: Module, callee: low.Node, depth: int = _MAX_ALIASES) -> str | None:
    """The dotted name of what an expression means by the module's imports, where that comes from torch."""
    attributes: list[str] = []
    while isinstance(callee, low.Attribute):
        attributes.append(callee.name)
        callee = callee.value
    if not isinstance(callee, low.Name) or not depth:
        return None
    definition = _unaliased(program, program.resolve(module, callee.id), depth)
    for name in reversed(attributes):
        if isinstance(definition, ModuleDefinition):
            definition = _unaliased(program, program.attribute(definition.module, name), depth)
        elif isinstance(definition, ExternalDefinition):
            definition = ExternalDefinition(canonical_name(f"{definition.name}.{name}"))
        else:
            return None
    return definition.name if isinstance(definition, ExternalDefinition) else None


def _unaliased(program: Program, definition: Definition | None, depth: int) -> Definition | None:
    """What a module-level name such as `NORM = nn.BatchNorm2d` stands for."""
    if isinstance(definition, AssignedDefinition) and isinstance(definition.statement, low.Assign):
        value = definition.statement.value
        if isinstance(value, (low.Name, low.Attribute)):
            target = _imported_target(program, definition.module, value, depth - 1)
            return None if target is None else ExternalDefinition(target)
    return definition
