"""The names that code binds, at any depth: by assignment, as parameters, in loops and by imports."""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.syntax import lowered as low


def names_bound_in(root: object) -> frozenset[str]:
    """Every name that something in a node, or a tuple of them, binds; imports included."""
    return frozenset(name for node in low.nodes_in(root) for name in _binds(node))


def names_assigned_in(root: object) -> frozenset[str]:
    """As `names_bound_in`, without what imports bind."""
    imports = (low.ImportModule, low.ImportFrom)
    return frozenset(name for node in low.nodes_in(root) if not isinstance(node, imports) for name in _binds(node))


def target_names(target: low.Node) -> Iterator[str]:
    """The names in the target of an assignment."""
    match target:
        case low.Name(id=name):
            yield name
        case low.Display(items=items):
            for item in items:
                yield from target_names(item)
        case low.Starred(value=value):
            yield from target_names(value)


def _binds(node: low.Node) -> Iterator[str]:
    match node:
        case low.Parameter(name=name) | low.Handler(name=str(name)) | low.FunctionDef(name=name) | low.ClassDef(name=name):
            yield name
        case low.Parameters(star=star, double_star=double_star):
            yield from (name for name in (star, double_star) if name is not None)
        case low.Assign(targets=targets):
            for target in targets:
                yield from target_names(target)
        case low.For(target=target) | low.Generator(target=target) | low.NamedExpression(target=target):
            yield from target_names(target)
        case low.AugmentedAssign(target=target):
            yield from target_names(target)
        case low.With(items=items):
            for _, bound in items:
                if bound is not None:
                    yield from target_names(bound)
        case low.ImportModule(name=name, alias=alias):
            yield alias or name.partition(".")[0]
        case low.ImportFrom(names=names) if names is not None:
            yield from (alias or name for name, alias in names)
