"""Asks for first aid to a model, in place of a check of its findings."""

from __future__ import annotations

from dataclasses import replace

from nnlint.deep.worker.messages import RECIPE, Request

SECONDS = 60.0  # what it takes to overfit a batch on a small computer


def recipe_request(request: Request, seconds: float | None = None, steps: int | None = None) -> Request:
    """The request for the recipe of the model that `request` builds. `seconds` and `steps` bound the training on one batch."""
    limits = replace(request.limits, seconds=seconds or max(request.limits.seconds, SECONDS))
    return replace(request, task=RECIPE, questions=(), limits=limits, options={} if steps is None else {"steps": steps})
