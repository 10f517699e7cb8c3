"""The settings that models are commonly given: `GPT(GPTConfig())` where a file has such a class and nobody is known to make one."""

from __future__ import annotations

import re

from nnlint.dataflow.classes import decorator_name
from nnlint.dataflow.inheritance import takes_nothing
from nnlint.dataflow.values import common_prefix
from nnlint.semantics.definitions import ClassDefinition
from nnlint.semantics.program import Module, Program
from nnlint.syntax import lowered as low

_PARAMETER = re.compile(r"\w*(?:config|configuration|cfg|conf|args|params|hparams|hps|opts?|options|settings)")
_CLASS = re.compile(r"\w*(?:Config|Configuration|Cfg|Conf|Args|Arguments|Params|HParams|Hyperparameters|Options|Settings)")


def usual_settings(program: Program, module: Module, parameter: low.Parameter, owner: str) -> str | None:
    """The text of settings with their defaults for a parameter of the class `owner`: of the one class of settings that the module knows,
    or of the one whose name begins most like the owner's."""
    if not _PARAMETER.fullmatch(parameter.name.lower()):
        return None
    known = [name for name in module.names if _CLASS.fullmatch(name) and _has_defaults(program, program.lookup(module, name))]
    alike = {name: len(common_prefix(tuple(name), tuple(owner))) for name in known}
    if len(known) > 1 and max(alike.values()) == 0:
        return None
    return f"{max(known, key=lambda name: alike[name])}()" if known else None


def _has_defaults(program: Program, definition: object) -> bool:
    """Whether something is a class that can be constructed without arguments."""
    if not isinstance(definition, ClassDefinition):
        return False
    if any("dataclass" in decorator_name(decorator) for decorator in definition.decorators):
        fields = [s for _, s in definition.members if isinstance(s, low.Assign) and s.annotation is not None]
        return all(field.value is not None for field in fields)
    return takes_nothing(program, definition)
