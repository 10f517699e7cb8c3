"""NN501, NN503, NN504: does any output move when the bias does?

In training mode, because a normalization uses the statistics of the batch there; and in evaluation mode too, once the running statistics
have settled, because a bias that stays in the outputs of the trained model is not without effect.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from torch import nn

from ..messages import CONFIRMED, NO_ANSWER, REFUTED, Discovery, Place, Question, Verdict
from ..running.flows import Flow, flow_from, is_softmax
from ..running.sites import BIASED_LAYERS, constructed_around, constructed_at, construction_of
from ..running.tracing import Event
from ..running.trial import Trial

UNCHANGED = 1e-9  # relative: rounding in double precision, also through a hundred layers
CHANGED = 1e-6  # whatever moves outputs by more is no rounding
_SIZES = (0.3, -3.0)
_SURE_GRADIENT = 1e-6  # of a projection whose derivative by the outputs is 1
# Between these runs a statistic that takes a tenth of each batch forgets all but 0.9 ** 40 = 1.5 % of a shift; one that never moves: none.
_FADING_RUNS = (20, 60)
_FADED, _FADING = 0.1, 0.95
_PROPORTIONAL = 100.0  # a real effect of a shift a thousand times as large grows more than this; rounding does not


def prove(question: Question, trial: Trial) -> Verdict:
    """The verdict on every instance of one construction call that has a bias."""
    layers = layers_at(question.place, trial)
    biased = [layer for layer in layers if layer.bias is not None]
    if not biased:
        return _silent(question, layers)
    idle = [layer for layer in biased if not matters(layer, trial)]
    if len(idle) == len(biased):
        return Verdict(question.id, NO_ANSWER, "nothing that the layer computes reaches an output in this run")
    exercised = [layer for layer in biased if layer not in idle]
    needed = next((layer for layer in exercised if surely_needed(layer, trial)), None)
    moved = 0.0 if needed is not None else change_of(exercised, trial)
    if needed is not None or moved > UNCHANGED:
        return _moved(question, exercised if needed is None else [needed], trial)
    settled = trial.settled_change_with([layer.bias for layer in exercised], _SIZES[-1])
    if settled > UNCHANGED:
        return _settling(question, exercised, moved, settled, trial)
    return _confirmed(question, exercised, max(moved, settled), trial)


def layers_at(place: Place, trial: Trial) -> list[Any]:
    """The model's convolutions and linear layers that were constructed by a call or, where an argument is meant, by the call around it."""
    made = [(m, construction_of(m)) for m in trial.model.modules() if isinstance(m, BIASED_LAYERS)]
    return [m for m, by in made if constructed_at(by, place)] or [m for m, by in made if constructed_around(by, place)]


def change_of(layers: Iterable[Any], trial: Trial) -> float:
    """The largest relative change of any output, in training mode, when the biases are shifted all at once."""
    biases = [layer.bias for layer in layers]
    return max(trial.change_with(biases, size) for size in _SIZES)


def surely_needed(layer: Any, trial: Trial) -> bool:
    """Whether the gradient already proves that the bias matters."""
    gradient = trial.gradient_of(layer.bias)
    return not math.isnan(gradient) and gradient > _SURE_GRADIENT


def matters(layer: nn.Module, trial: Trial) -> bool:
    """Whether what the layer computes reaches an output: a weight of it does."""
    weights = [p for p in layer.parameters() if p is not layer.bias]
    gradients = [trial.gradient_of(w) for w in weights]
    if any(not math.isnan(g) and g > _SURE_GRADIENT for g in gradients):
        return True
    return any(trial.change_with([w], _SIZES[0]) > UNCHANGED for w in weights)


def is_redundant(layers: Sequence[Any], trial: Trial) -> bool:
    """Whether the outputs stay as they are in both modes, when biases that matter otherwise are shifted."""
    return (
        all(matters(layer, trial) for layer in layers)
        and not any(surely_needed(layer, trial) for layer in layers)
        and change_of(layers, trial) <= UNCHANGED
        and trial.settled_change_with([layer.bias for layer in layers], _SIZES[-1]) <= UNCHANGED
    )


def wasted(layers: Iterable[Any]) -> int:
    """The numbers in biases; one that several layers share counts once."""
    return sum(p.numel() for p in {id(layer.bias): layer.bias for layer in layers}.values())


def _silent(question: Question, layers: Sequence[Any]) -> Verdict:
    if layers:
        return Verdict(question.id, NO_ANSWER, "in the model that was run, this call constructs a layer without a bias")
    return Verdict(question.id, NO_ANSWER, "the model that was run has no layer that this call constructs")


def _moved(question: Question, layers: Sequence[Any], trial: Trial) -> Verdict:
    """Refuted, unless what moved may be rounding."""
    layer, change = max(((one, change_of([one], trial)) for one in layers), key=lambda found: found[1])
    if change <= CHANGED and not _is_proportional(layer, trial):
        message = f"the outputs move by {change:.0e} relative when the bias does: too much for rounding, too little for an effect"
        return Verdict(question.id, NO_ANSWER, message, {"max |Δ|": change})
    where = _where_it_goes(layer, trial)
    message = f"the bias of `{trial.name_of(layer)}` moves the outputs: max |Δ| {change:.1e} relative{where}"
    return Verdict(question.id, REFUTED, message, {"max |Δ|": change})


def _is_proportional(layer: Any, trial: Trial) -> bool:
    """Whether the effect grows with the shift, as that of a parameter does and that of rounding does not."""
    large, small = (trial.change_with([layer.bias], size) for size in (3.0, 0.003))
    return large > UNCHANGED and large > _PROPORTIONAL * small


def _settling(question: Question, layers: Sequence[Any], moved: float, settled: float, trial: Trial) -> Verdict:
    """The verdict where statistics that are not torch's own need more than one run: whether the effect fades with further ones."""
    biases = [layer.bias for layer in layers]
    early, late = (trial.fading_change_with(biases, _SIZES[0], runs) for runs in _FADING_RUNS)
    if late <= max(UNCHANGED, _FADED * early):
        return _confirmed(question, layers, moved, trial, f"; in evaluation mode it fades to {late:.0e} within {_FADING_RUNS[1]} batches")
    numbers = {"max |Δ| in evaluation": settled}
    if late < _FADING * early:
        message = f"cancelled in training; in evaluation mode its effect fades slowly (max |Δ| {early:.1e}, later {late:.1e} relative)"
        return Verdict(question.id, NO_ANSWER, message, numbers)
    message = f"cancelled in training, but not in evaluation mode once the running statistics have settled: max |Δ| {settled:.1e} relative"
    return Verdict(question.id, REFUTED, message, numbers)


def _confirmed(question: Question, layers: Sequence[Any], moved: float, trial: Trial, besides: str = "") -> Verdict:
    numbers = {"max |Δ|": moved, "layers": float(len(layers)), "parameters wasted": float(wasted(layers))}
    of = "" if len(layers) == 1 else f" in {len(layers)} layers"
    message = f"no output moves when the bias does: max |Δ| {moved:.0e} relative, {wasted(layers):,} parameters wasted{of}{besides}"
    return Verdict(question.id, CONFIRMED, message + _disagreement(question, layers, trial), numbers)


def _disagreement(question: Question, layers: Sequence[Any], trial: Trial) -> str:
    """Where the run cancels the bias elsewhere than the finding says."""
    absorbers = [event for layer in layers for event in flow_from(trial.trace, layer).absorbed_by]
    named = [place for event in absorbers for place in _places_of(event)]
    if not named or not question.related or any(_is_same_place(one, other) for one in named for other in question.related):
        return ""
    return f"; in the run it is {absorbers[0].words} that cancels it"


def _places_of(event: Event) -> list[Place]:
    """Where an operation is called, and where the layer whose work it is was constructed."""
    made = None if event.layer is None else construction_of(event.layer)
    return ([] if event.place is None else [event.place]) + ([] if made is None else list(made.places))


def _is_same_place(one: Place, other: Place) -> bool:
    return one.path == other.path and other.row <= one.row <= other.end_row


def _where_it_goes(layer: Any, trial: Trial) -> str:
    """What reads the layer's output in the run: the first operation that keeps the bias from vanishing, or the model's output."""
    flow = flow_from(trial.trace, layer)
    return "" if flow.first is None else f"; in the run its output goes to {flow.first.words}"


# --- what nobody asked about ---


def discoveries(trial: Trial, asked: Iterable[Place], roots: Sequence[str]) -> list[Discovery]:
    """The calls in the project's own files of which every instance in this model has a bias without effect, beyond those asked about."""
    asked = list(asked)
    by_place: dict[Place, list[Any]] = {}
    for layer in trial.model.modules():
        made = construction_of(layer) if isinstance(layer, BIASED_LAYERS) and layer.bias is not None else None
        if made is not None and made.places[0].path.startswith(tuple(roots)) and not any(constructed_at(made, place) for place in asked):
            by_place.setdefault(made.places[0], []).append(layer)
    found = [(place, layers) for place, layers in by_place.items() if is_redundant(layers, trial)]
    return [_discovery(place, layers, trial) for place, layers in found]


def _discovery(place: Place, layers: Sequence[Any], trial: Trial) -> Discovery:
    flow = flow_from(trial.trace, layers[0])
    message = f"bias of `{type(layers[0]).__name__}` changes no output of the model that was run{_by(flow)}"
    numbers = {"max |Δ|": change_of(layers, trial), "layers": float(len(layers)), "parameters wasted": float(wasted(layers))}
    return Discovery(_code_of(flow), place, message, numbers)


def _by(flow: Flow) -> str:
    return f": {flow.absorbed_by[0].words} cancels it" if flow.absorbed_by else ""


def _code_of(flow: Flow) -> str:
    """Which rule is about a bias that goes this way."""
    if any(map(is_softmax, flow.absorbed_by)):
        return "NN503"
    return "NN501" if flow.is_direct else "NN504"
