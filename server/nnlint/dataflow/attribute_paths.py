"""Under which attributes the objects of a class keep their layers and modules."""

from __future__ import annotations

from collections.abc import Iterator

from nnlint.dataflow import values as val
from nnlint.dataflow.graph import ProjectGraph

_MAX_DEPTH = 12  # of modules within modules


def attribute_paths(project: ProjectGraph, path: str, class_name: str) -> dict[int, str]:
    """`.layer1.0.conv` for everything that objects of a class hold, by its id; the shortest path where there are several.

    What stands in plain lists and dicts has brackets in its path: `.parts[0]`.
    """
    found: dict[int, str] = {}
    for instance in project.instances:
        if instance.definition.name == class_name and instance.definition.module.path == path:
            level: list[tuple[val.Value, str]] = [(instance, "")]
            for _ in range(_MAX_DEPTH):
                level = [inner for value, name in level for inner in _held(value, name)]
                for value, name in level:
                    found.setdefault(id(value.origin if isinstance(value, val.Layer) else value), name)
    return found


def _held(value: val.Value, name: str) -> Iterator[tuple[val.Value, str]]:
    match value:
        case val.Instance():
            for key, part in value.state.items():
                if isinstance(key, str):
                    yield part, name if key.startswith("__") else f"{name}.{key}"
        case val.Sequence():
            for at, item in enumerate(value.items):
                label = value.names[at] if value.names and at < len(value.names) else str(at)
                yield item, f"{name}.{label}" if value.is_module else f"{name}[{label}]"
        case val.Mapping_():
            for key, part in value.entries.items():
                yield part, f"{name}.{key}" if value.is_module else f"{name}[{key!r}]"
        case val.Choice(options=options):
            yield from ((option, name) for option in options)
        case val.Repeated() | val.Alternatives():
            yield from ((part, f"{name}…") for part in val.parts_of(value))
