"""What a class extends and how it is constructed, by the names in its head alone."""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow.values import External, is_layer_class
from nnlint.semantics.definitions import ClassDefinition, ExternalDefinition, ModuleDefinition
from nnlint.semantics.program import Program
from nnlint.semantics.torch_names import canonical_name
from nnlint.syntax import lowered as low

_MAX_BASES = 10
_TAKE_NOTHING = frozenset({"torch.nn.Module", "torch.nn.Sequential", "torch.nn.ModuleList", "torch.nn.ModuleDict"})


def ancestry(program: Program, definition: ClassDefinition, depth: int = _MAX_BASES) -> Iterator[ClassDefinition]:
    """A class and those of the project that it extends, itself first."""
    yield definition
    for base in _bases(program, definition) if depth else ():
        if isinstance(base, ClassDefinition):
            yield from ancestry(program, base, depth - 1)


def outer_bases(program: Program, definition: ClassDefinition) -> Iterator[str]:
    """The classes from outside the project that a class extends, directly or not, by dotted name."""
    for base in ancestry(program, definition):
        yield from (found.name for found in _bases(program, base) if isinstance(found, ExternalDefinition))


def constructor_of(program: Program, definition: ClassDefinition) -> low.Parameters | None:
    """The parameters, without `self`, of the `__init__` that a class has or inherits within the project; `None` where there is none."""
    found = next((base.methods["__init__"] for base in ancestry(program, definition) if "__init__" in base.methods), None)
    return None if found is None else without_self(found.node.parameters)


def takes_nothing(program: Program, definition: ClassDefinition) -> bool:
    """Whether a class can be constructed without arguments."""
    parameters = constructor_of(program, definition)
    if parameters is not None:
        return all(p.default is not None for p in named_parameters(parameters))
    return not any(is_layer_class(External(base)) and base not in _TAKE_NOTHING for base in outer_bases(program, definition))


def without_self(parameters: low.Parameters) -> low.Parameters:
    """The parameters of a method as whoever calls it on an object sees them."""
    if parameters.positional_only:
        positional_only, positional = parameters.positional_only[1:], parameters.positional
    else:
        positional_only, positional = (), parameters.positional[1:]
    return low.Parameters(positional_only, positional, parameters.star, parameters.keyword_only, parameters.double_star)


def named_parameters(parameters: low.Parameters) -> tuple[low.Parameter, ...]:
    """The parameters that have a name of their own, in order."""
    return (*parameters.positional_only, *parameters.positional, *parameters.keyword_only)


def _bases(program: Program, definition: ClassDefinition) -> Iterator[ClassDefinition | ExternalDefinition]:
    for argument in definition.arguments:
        node, names = argument.value, []
        while isinstance(node, (low.Attribute, low.Subscript)):  # `nn.Module`, `Generic[T]`
            if isinstance(node, low.Attribute):
                names.append(node.name)
            node = node.value
        if isinstance(node, low.Name) and argument.keyword is None:
            yield from _named_base(program, definition, node.id, names[::-1])


def _named_base(
    program: Program, definition: ClassDefinition, name: str, attributes: list[str]
) -> Iterator[ClassDefinition | ExternalDefinition]:
    found = program.resolve(definition.module, name)
    for attribute in attributes:
        if isinstance(found, ModuleDefinition):
            found = program.attribute(found.module, attribute)
        else:
            found = ExternalDefinition(canonical_name(f"{found.name}.{attribute}")) if isinstance(found, ExternalDefinition) else None
    if isinstance(found, (ClassDefinition, ExternalDefinition)):
        yield found
