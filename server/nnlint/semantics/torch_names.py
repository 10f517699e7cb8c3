"""torch's public names: one spelling for each thing, and what `from torch.nn import *` brings."""

from __future__ import annotations

import re
from functools import cache

from nnlint.semantics.signatures import layer_signatures

_PRIVATE_HOME = re.compile(r"^torch\.nn\.modules(?:\.\w+)?\.(?=[A-Z])")
_ALIASES = {
    "torch.nn.functional.relu": "torch.relu",
    "torch.nn.functional.sigmoid": "torch.sigmoid",
    "torch.nn.functional.tanh": "torch.tanh",
}
# What these names mean where nothing but the star import of a package that is not read can bind them.
USUAL_NAMES = {"torch": "torch", "nn": "torch.nn", "F": "torch.nn.functional"}


@cache
def canonical_name(dotted: str) -> str:
    """The public spelling: `torch.nn.modules.conv.Conv2d` is `torch.nn.Conv2d`."""
    name = _PRIVATE_HOME.sub("torch.nn.", dotted)
    return _ALIASES.get(name, name)


def is_exported(module: str, name: str) -> bool:
    """Whether `from module import *` is known to bind `name` to something that nnlint knows."""
    if module in ("torch.nn", "torch.nn.modules"):
        return f"torch.nn.{name}" in layer_signatures() or name in ("Module", "Parameter", "functional", "init", "utils")
    if module == "torch.nn.functional":
        return name.islower()
    return False
