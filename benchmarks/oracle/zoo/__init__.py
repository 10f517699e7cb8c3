"""How to construct and feed the models of a package, one file a package.

Each file has `recipes()`, the names of what can be built; `build(recipe)`, which constructs one; and `inputs(model, recipe)`, its arguments
(a tuple of them, or a dictionary by name) in the order in which they are tried. Small comes first: the verdict on a bias does not depend
on the size.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from scripts.fetch_corpus import ROOT, fetch

# Everything that the packages import besides torch and one another, and what that imports in turn: nothing else is installed.
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
SITE_PACKAGES = ROOT / ".cache" / "oracle" / "site-packages"
# What a package imports of the others; their sources come from the corpus too.
BESIDES = {
    "braindecode": ("torchaudio",),
    "monai": ("torchvision",),
    "segmentation-models-pytorch": ("timm", "torchvision"),
    "speechbrain": ("torchaudio",),
    "timm": ("torchvision",),
    "torchaudio": (),
    "torchvision": (),
    "transformers": (),
    "tsai": ("torchvision",),
    "vit-pytorch": ("torchvision",),
}
Arguments = tuple[Any, ...] | Mapping[str, Any]


class Zoo(Protocol):
    """The models of one package."""

    def recipes(self) -> list[str]: ...

    def build(self, recipe: str) -> Any: ...

    def inputs(self, model: Any, recipe: str) -> Iterator[Arguments]: ...


def open_zoo(package: str) -> tuple[Zoo, Path]:
    """The models of a package and the folder of its sources, which become importable in this process."""
    folder = fetch(package)
    others = [str(fetch(name)) for name in BESIDES[package]]
    sys.path[:0] = [str(folder), *others]
    sys.path.append(str(SITE_PACKAGES))
    if package == "torchvision" or "torchvision" in BESIDES[package]:
        from benchmarks.oracle.zoo.compiled_operators import define_torchvision_operators

        define_torchvision_operators()
    zoo: Any = import_module(f"benchmarks.oracle.zoo.{package.replace('-', '_')}")
    return zoo, folder
