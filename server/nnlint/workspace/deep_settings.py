"""The settings of the deep check: how long a model may run, and how models are built that no default or caller shows."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class DeepModel:
    """One of `[[tool.nnlint.deep.models]]`: the class in the file at `path`, and how it is built, called and trained.

    `call` is an expression (empty: the class finds its own), and so are `input`, `target` and `loss`, in the words of the pragma.
    """

    path: str
    class_name: str
    call: str = ""
    input: str = ""
    target: str = ""
    loss: str = ""

    def below(self, folder: str) -> DeepModel:
        """The same with an absolute path."""
        return replace(self, path=os.path.normpath(os.path.join(folder, os.path.expanduser(self.path))))


@dataclass(frozen=True, slots=True)
class DeepSettings:
    """What `[tool.nnlint.deep]` says; `timeout` counts seconds. Paths are absolute; `origin` is the config file."""

    timeout: float | None = None
    models: tuple[DeepModel, ...] = ()
    origin: str = ""
