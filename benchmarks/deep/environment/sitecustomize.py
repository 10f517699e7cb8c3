"""For the Python that runs the models of the oracle's packages: torchvision gets its compiled operators in plain torch."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from types import ModuleType


class _Torchvision(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Defines the operators before the first import of torchvision, and hands over the module that this has imported."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if name != "torchvision" or self not in sys.meta_path:
            return None
        sys.meta_path.remove(self)
        from benchmarks.oracle.zoo.compiled_operators import define_torchvision_operators

        define_torchvision_operators()
        return importlib.machinery.ModuleSpec(name, self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return sys.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        pass


sys.meta_path.insert(0, _Torchvision())
