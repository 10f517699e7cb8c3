"""For programs: a list with an object a model. Numbers that JSON does not know (infinities) are `null`."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from nnlint.deep.recipe_report.recipe import Check, Recipe


def render(recipes: Sequence[Recipe]) -> str:
    return json.dumps([_recipe(recipe) for recipe in recipes], indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _recipe(recipe: Recipe) -> dict[str, Any]:
    answer = recipe.answer
    name, reason = recipe.objective
    return {
        "class": recipe.name,
        "filename": recipe.path,
        "problem": answer.problem or None,
        "model": answer.model,
        "origin": answer.origin,
        "inputs": answer.inputs,
        "parameters": answer.parameters,
        "seconds": _number(answer.seconds),
        "versions": answer.versions,
        "objective": {"name": name, "reason": reason} if name else None,
        "checks": [_check(check) for check in recipe.checks],
    }


def _check(check: Check) -> dict[str, Any]:
    return {
        "id": check.id,
        "title": check.title,
        "status": check.status,
        "sentence": check.sentence,
        "cure": check.cure or None,
        "numbers": {name: _number(value) for name, value in check.numbers.items()},
        "names": {title: list(names) for title, names in check.names.items()},
        "bars": check.bars
        and {
            "title": check.bars.title,
            "unit": "share" if check.bars.is_share else "norm",
            "values": [[name, _number(value)] for name, value in check.bars.values],
        },
        "curve": check.curve and {"losses": [_number(loss) for loss in check.curve.losses], "goal": _number(check.curve.goal)},
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
