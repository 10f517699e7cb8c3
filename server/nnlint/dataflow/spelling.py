"""How the author of a file would write something of torch's: by the names that the file's imports bind."""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.semantics.definitions import ExternalDefinition
from nnlint.semantics.program import Module, Program, is_import
from nnlint.semantics.torch_names import USUAL_NAMES, canonical_name
from nnlint.syntax import lowered as low
from nnlint.syntax.parser import ParsedBlock


def spelling(program: Program, module: Module, block: ParsedBlock, target: str) -> str | None:
    """The shortest way to write `target` (as `torch.nn.functional.softmax`) in a block; `None` where no import of the file brings it.

    A name that the block itself binds may mean something else there, and is not used.
    """
    own = _bound_in(block)
    names = [name for name, tops in module.names.items() if name not in own and all(is_import(top) for top in tops)]
    if module.stars:
        names += [name for name in (*USUAL_NAMES, target.rpartition(".")[2]) if name not in module.names and name not in own]
    written = (_written(program, module, name, target) for name in names)
    return min((w for w in written if w is not None), key=lambda w: (w.count("."), len(w), w), default=None)


def _written(program: Program, module: Module, name: str, target: str) -> str | None:
    found = program.lookup(module, name)
    if not isinstance(found, ExternalDefinition):
        return None
    if found.name == canonical_name(target):
        return name
    return f"{name}{target[len(found.name) :]}" if target.startswith(f"{found.name}.") else None


def _bound_in(block: ParsedBlock) -> frozenset[str]:
    return frozenset(name for node in low.nodes_in(block.body) for name in _binds(node))


def _binds(node: low.Node) -> Iterator[str]:
    match node:
        case low.Parameter(name=name) | low.Handler(name=str(name)) | low.FunctionDef(name=name) | low.ClassDef(name=name):
            yield name
        case low.Parameters(star=star, double_star=double_star):
            yield from (name for name in (star, double_star) if name is not None)
        case low.Assign(targets=targets):
            yield from _targets(targets)
        case low.For(target=target) | low.Generator(target=target) | low.NamedExpression(target=target):
            yield from _targets((target,))
        case low.With(items=items):
            yield from _targets(tuple(bound for _, bound in items if bound is not None))
        case low.ImportModule(name=name, alias=alias):
            yield alias or name.partition(".")[0]
        case low.ImportFrom(names=names) if names is not None:
            yield from (alias or name for name, alias in names)


def _targets(targets: tuple[low.Node, ...]) -> Iterator[str]:
    for target in targets:
        match target:
            case low.Name(id=name):
                yield name
            case low.Display(items=items):
                yield from _targets(items)
            case low.Starred(value=value):
                yield from _targets((value,))
