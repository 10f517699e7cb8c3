"""Constructs and judges models in a process of its own, which may be stopped or run out of memory without harm.

python -m benchmarks.oracle.worker survey PACKAGE
    what each recipe constructs, a line of JSON each
python -m benchmarks.oracle.worker judge PACKAGE SECONDS GIGABYTES
    for each recipe that is written to its input, a line each, what torch says of every layer of that model, as a line of JSON

A recipe is judged in a fork, so that the package is imported once.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TextIO

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from benchmarks.oracle.causes import cause
from benchmarks.oracle.judge import Nondeterministic, Trial, Verdict, judging
from benchmarks.oracle.precision import FullPrecision
from benchmarks.oracle.sites import LAYERS, Construction, construction_of, recorded_modules
from benchmarks.oracle.zoo import Arguments, Zoo, open_zoo

# Rounding grows in deep networks; what a bias really does is larger by many orders.
TOLERANCE = 1e-7
_SURVEY_SECONDS = 30


def _chain(construction: Construction, folder: Path) -> list[list[Any]]:
    """The calls that led to a layer, as far as they stand in the package's own files."""
    return [
        [str(Path(p.path).relative_to(folder)), p.row, p.column, p.end_row, p.end_column]
        for p in construction.places
        if Path(p.path).is_relative_to(folder)
    ]


def _own_layers(modules: Iterable[nn.Module], folder: Path) -> list[tuple[nn.Module, list[list[Any]]]]:
    layers = {id(m): m for m in modules if isinstance(m, LAYERS)}
    chains = [(layer, _chain(made, folder)) for layer in layers.values() if (made := construction_of(layer)) is not None]
    return [(layer, chain) for layer, chain in chains if chain]


def survey(zoo: Zoo, folder: Path) -> None:
    """Prints what each recipe constructs, without memory for its numbers.

    A site counts anew with another module constructed after it: the same call before a norm and before none is two situations.
    """

    def stop(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, stop)
    for recipe in zoo.recipes():
        signal.alarm(_SURVEY_SECONDS)
        try:
            model, modules = _built_somewhere(zoo, recipe)
        except Exception as error:
            print(json.dumps({"recipe": recipe, "error": _words(error)}), flush=True)
            continue
        finally:
            signal.alarm(0)
        following = dict(zip(map(id, modules), [type(m).__name__ for m in modules[1:]], strict=False))
        sites = {(*chain[0][:3], layer.bias is not None, following.get(id(layer), "")) for layer, chain in _own_layers(modules, folder)}
        parameters = sum(p.numel() for p in model.parameters() if not is_lazy(p))
        print(json.dumps({"recipe": recipe, "parameters": parameters, "sites": sorted(sites)}), flush=True)


def _built_somewhere(zoo: Zoo, recipe: str) -> tuple[Any, list[nn.Module]]:
    """The model without memory for its numbers or, where it looks at them while it is built, with it."""
    try:
        with torch.device("meta"), recorded_modules() as modules:
            return zoo.build(recipe), modules
    except (NotImplementedError, RuntimeError):
        with recorded_modules() as modules:
            return zoo.build(recipe), modules


def judge(zoo: Zoo, folder: Path, recipe: str) -> dict[str, Any]:
    """The verdict on every layer of one model."""
    with judging(), FullPrecision(), recorded_modules() as modules:
        torch.manual_seed(0)
        model = zoo.build(recipe).double()  # some buffers are made in float32 whatever the default
        trial = _first_that_runs(zoo, model, recipe, modules)
        sure = trial.surely_needed()
        layers = [_layer(trial, layer, chain, sure) for layer, chain in _own_layers(trial.modules, folder)]
    return {"status": "judged", "parameters": sum(p.numel() for p in model.parameters()), "layers": layers}


def _first_that_runs(zoo: Zoo, model: Any, recipe: str, modules: list[nn.Module]) -> Trial:
    reasons = []
    model.train()
    for arguments in zoo.inputs(model, recipe):
        run = _call(model, arguments)
        try:
            with torch.no_grad():
                run()
            trial = Trial(modules, run, tolerance=TOLERANCE, patience=0)
        except Exception as error:
            reasons.append(_words(error))
            if isinstance(error, Nondeterministic):
                break
            continue
        if trial.is_finite:
            return trial
        reasons.append("the outputs are not finite")
    raise ValueError("; ".join(dict.fromkeys(reasons)))


def _call(model: Any, arguments: Arguments) -> Callable[[], Any]:
    return partial(model, **arguments) if isinstance(arguments, Mapping) else partial(model, *arguments)


def _layer(trial: Trial, layer: nn.Module, chain: list[list[Any]], sure: set[int]) -> dict[str, Any]:
    if layer.bias is None:
        return {"chain": chain, "verdict": "no bias"}
    verdict = Verdict.NEEDED if id(layer) in sure else trial.verdict(layer)
    said: dict[str, Any] = {"chain": chain, "verdict": verdict.value}
    if verdict in (Verdict.REDUNDANT, Verdict.TRAINING_ONLY):
        said["cause"] = cause(trial, layer).value
    return said


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".split("\n")[0][:200]


def serve(zoo: Zoo, folder: Path, seconds: float, answers: TextIO) -> None:
    """Judges the recipes that come in, each in a process of its own with so much time."""
    zoo.recipes()  # what this imports is there in every fork
    for line in sys.stdin:
        receiver, sender = Pipe(duplex=False)
        child = os.fork()
        if child == 0:
            _answer(zoo, folder, line.rstrip("\n"), sender)
        sender.close()
        result = _awaited(receiver, seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        receiver.close()
        print(json.dumps(result), file=answers, flush=True)


def _answer(zoo: Zoo, folder: Path, recipe: str, sender: Connection) -> None:
    try:
        sender.send(judge(zoo, folder, recipe))
    except Exception as error:
        sender.send({"status": "failed", "reason": _words(error)})
    time.sleep(60)  # the parent ends this process, once it has read


def _awaited(receiver: Connection, seconds: float) -> dict[str, Any]:
    if not receiver.poll(seconds):
        return {"status": "failed", "reason": f"took longer than {seconds:.0f} s"}
    try:
        return dict(receiver.recv())
    except EOFError:
        return {"status": "failed", "reason": "the process ended"}


def main(action: str, package: str, seconds: str = "600", gigabytes: str = "8") -> None:
    limit = int(float(gigabytes) * 2**30)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    os.nice(2)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    zoo, folder = open_zoo(package)
    if action == "survey":
        survey(zoo, folder)
    else:
        answers = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)  # what a model prints is no answer
        serve(zoo, folder, float(seconds), answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
