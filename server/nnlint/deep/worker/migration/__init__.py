"""The task "migrate": a checkpoint is made to fit a model whose cancelled biases are gone.

The request's `options` are `checkpoint` and `output`, absolute paths; `output` must not exist. The file of the model may stand before the
fix of NN501, and the questions say which layers lose their bias, or after it, and the checkpoint has biases that the model lacks.
`Answer.details` is plain data:

    {"layers": [{"layer": "conv1", "parameters": 64, "norms": ["bn1"]}, …],      # the normalizations that take the bias up
     "means": ["bn1.running_mean", …], "dtypes": ["float32"],                    # what was changed, and how it is stored
     "copies": ["['model']", …], "optimizers": ["['optimizer']", …],             # where they stand in the file
     "exact": 1.2e-15, "written": 3.1e-08}                                       # how far the outputs move: in double precision, as stored

Whatever is not named there is written as it was read.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import Tensor

from ..building import Built, build
from ..messages import Answer, Request
from ..problems import NoAnswer
from ..running.flows import flow_from
from ..running.precision import one_process
from ..running.trial import Trial
from . import formats
from .copies import Copy, copies_of, listed, refuse_partial_copies
from .migrating import Migration
from .optimizers import Parameter, drop_from_optimizers
from .removal import Removal, prove, removal_of


def run(request: Request, tell: Any) -> Answer:
    """Writes the migrated checkpoint and reads it again; raises `NoAnswer` where it would not be the same model."""
    target = str(request.options["output"])
    tell("reading the checkpoint")
    checkpoint = formats.read(str(request.options["checkpoint"]))
    with one_process():
        built, removal, copies = _fitting(request, checkpoint.content, tell)
        tell("proving that the biases are cancelled")
        trial = Trial(built)
        prove(removal, trial)
        layers = [_described(name, layer, trial) for name, layer in removal.layers.items()]
        tell("folding the biases")
        migration = Migration(trial.model, trial.call, removal)
        migration.fold(copies)
        parameters = [Parameter(name, tuple(p.shape), name in removal.keys) for name, p in trial.model.named_parameters()]
        optimizers = drop_from_optimizers(checkpoint.content, parameters)
        refuse_partial_copies(checkpoint.content, copies, removal.keys, [p.shape for p in parameters])
        migration.write_into_copies()
        tell("writing the checkpoint")
        checkpoint.write(target)
        tell("comparing what was written")
        written = migration.compare(copies_of(formats.read(target).content, migration.keys))
    details = {"layers": layers, **migration.details(), "optimizers": optimizers, "written": written}
    count = sum(p.numel() for p in trial.model.parameters())
    return Answer(origin=built.way.origin, model=built.way.model, inputs=built.described, parameters=count, details=details)


def _described(name: str, layer: Any, trial: Trial) -> dict[str, Any]:
    absorbers = [event.module for event in flow_from(trial.trace, layer).absorbed_by if event.module is not None]
    norms = list(dict.fromkeys(trial.name_of(module) for module in absorbers))
    return {"layer": name, "parameters": layer.bias.numel(), "norms": norms}


def _fitting(request: Request, content: Any, tell: Any) -> tuple[Built, Removal, list[Copy]]:
    """The first model that the checkpoint fits, what is to go from it, and where its weights are."""
    reasons = []
    for way in request.ways:
        try:
            built = build(dataclasses.replace(request, ways=(way,)), tell)
            state = built.model.state_dict()
            copies = copies_of(content, list(state))
            removal = removal_of(built.model, request.questions, copies)
            for copy in copies:
                _check_fit(copy, state, removal)
            return built, removal, copies
        except NoAnswer as error:
            reasons.append(f"{way.model} ({way.origin}): {error}")
    raise NoAnswer("it fits no model that could be built: " + "; ".join(reasons or ["there is no way to build one"]))


def _check_fit(copy: Copy, state: dict[str, Any], removal: Removal) -> None:
    """Raises `NoAnswer` where a copy has other keys or sizes than the model."""
    unknown = copy.unexpected([*state, *removal.keys])
    if unknown:
        raise NoAnswer(f"{copy} has {listed(unknown)}, which the model does not")
    absent = [key for key in removal.keys if key not in copy.keys]
    if absent:
        raise NoAnswer(f"{copy} has no {listed(absent)}, as if it had been migrated before")
    for key, value in state.items():
        stored = copy.holder.get(copy.keys.get(key, ""))
        if isinstance(stored, Tensor) and isinstance(value, Tensor) and stored.shape != value.shape:
            raise NoAnswer(f"{copy}: `{key}` is {tuple(stored.shape)}, and {tuple(value.shape)} in the model")
