"""Where a project loads weights that were saved before: they hold a key for every bias that the model had then."""

from __future__ import annotations

from functools import lru_cache

from nnlint.semantics.definitions import Site
from nnlint.semantics.program import Module, Program
from nnlint.syntax import lowered as low

_LOADERS = frozenset(
    {"load_state_dict", "load_state_dict_from_url", "load_url", "from_pretrained", "load_pretrained", "load_from_checkpoint"}
)
_KEYWORDS = frozenset({"pretrained", "pretrained_path", "checkpoint_path"})
_TABLES = frozenset({"model_urls", "default_cfgs", "pretrained_settings"})
_WORDS = (*_LOADERS, *_KEYWORDS, *_TABLES, "torch.hub")
# What else has a `load_state_dict`: nothing that it loads is a parameter.
_NO_MODULES = ("optim", "sched", "scaler", "sampler", "loader")


def weight_loads(program: Program) -> dict[str, Site]:
    """For each file of the project that loads weights, the first place that says so."""
    found = {}
    for path in sorted(program.paths):
        if any(program.mentions(path, word) for word in _WORDS):
            module = program.module(path)
            site = None if module is None else _in_module(module)
            if site is not None:
                found[path] = site
    return found


@lru_cache(maxsize=4_096)
def _in_module(module: Module) -> Site | None:
    """The file's first load; the module of an unchanged file is the same object from check to check."""
    for placed in module.parsed.blocks:
        if any(word in placed.block.text for word in _WORDS):
            indexes = [index for node in low.nodes_in(placed.block.body) if (index := _index_of_load(node)) is not None]
            if indexes:
                return Site(module.path, placed.name, min(indexes))
    return None


def _index_of_load(node: low.Node) -> int | None:
    match node:
        case low.Call(function=low.Attribute(name=name, value=receiver), index=index) if name in _LOADERS:
            return None if _is_no_module(receiver) else index
        case low.Call(function=low.Name(id=name), index=index) if name in _LOADERS:
            return index
        case low.Call(function=low.Attribute(name="load", value=low.Attribute(name="hub")), index=index):
            return index
        case low.Call(arguments=arguments, index=index) if any(
            a.keyword in _KEYWORDS and not (isinstance(a.value, low.Constant) and not a.value.value) for a in arguments
        ):
            return index
        case low.Assign(targets=(low.Name(id=name), *_), index=index) if name in _TABLES:
            return index
        case _:
            return None


def _is_no_module(receiver: low.Node) -> bool:
    names = [n.id if isinstance(n, low.Name) else n.name for n in low.nodes_in(receiver) if isinstance(n, (low.Name, low.Attribute))]
    return any(part in name.lower() for name in names for part in _NO_MODULES)
