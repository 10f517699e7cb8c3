"""How to construct and feed the models of a package, one file a package.

Each file has `recipes()`, the names of what can be built; `build(recipe)`, which constructs one; and `inputs(model, recipe)`, tuples of
arguments in the order in which they are tried. Small comes first: the verdict on a bias does not depend on the size.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from scripts.fetch_corpus import ROOT, fetch

NEEDED_PACKAGES = ("huggingface_hub", "numpy", "pillow", "pyyaml", "safetensors", "tqdm")
SITE_PACKAGES = ROOT / ".cache" / "oracle" / "site-packages"
# What a package imports of the others; their sources come from the corpus too.
BESIDES = {"timm": ("torchvision",), "segmentation-models-pytorch": ("timm", "torchvision"), "torchvision": ()}


class Zoo(Protocol):
    """The models of one package."""

    def recipes(self) -> list[str]: ...

    def build(self, recipe: str) -> Any: ...

    def inputs(self, model: Any, recipe: str) -> Iterator[tuple[Any, ...]]: ...


def open_zoo(package: str) -> tuple[Zoo, Path]:
    """The models of a package and the folder of its sources, which become importable in this process."""
    folder = fetch(package)
    others = [str(fetch(name)) for name in BESIDES[package]]
    sys.path[:0] = [str(folder), *others]
    sys.path.append(str(SITE_PACKAGES))
    from benchmarks.oracle.zoo.compiled_operators import define_torchvision_operators

    define_torchvision_operators()
    zoo: Any = import_module(f"benchmarks.oracle.zoo.{package.replace('-', '_')}")
    return zoo, folder
