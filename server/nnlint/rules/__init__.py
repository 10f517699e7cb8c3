"""The rules, one file each: `nn501_bias_before_norm.py` is rule NN501. Dropping a file here registers it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from functools import cache

from nnlint.rule import Rule

_FILE_NAME = re.compile(r"(nn\d{3})_\w+")


@cache
def all_rules() -> dict[str, Rule]:
    """Every rule by code, in the order of the codes."""
    rules = {}
    for module_info in pkgutil.iter_modules(__path__):
        match = _FILE_NAME.fullmatch(module_info.name)
        if match is None:
            continue
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        code = match[1].upper()
        rules[code] = Rule(
            code=code,
            name=module.RULE.name,
            severity=module.RULE.severity,
            on_by_default=module.RULE.on_by_default,
            page=inspect.cleandoc(module.__doc__ or ""),
            check=getattr(module, "check", None),
            source_file=module.__file__ or "",
            assists=getattr(module, "assists", None),
        )
    return dict(sorted(rules.items()))


def find_rule(selector: str) -> Rule | None:
    """The rule with this code or name, in any case of letters."""
    rules = all_rules()
    return rules.get(selector.upper()) or next((r for r in rules.values() if r.name == selector.lower()), None)
