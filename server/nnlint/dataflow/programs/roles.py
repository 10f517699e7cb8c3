"""What a call of a model is for: training, evaluation, or something else.

A call trains where its result reaches a `backward()`. It evaluates where no gradient is computed with its result, nor anything that
one is computed of, and either the code says so by name or the result is compared with something while gradients are off.
Everything else has no role.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from nnlint.dataflow import values as val
from nnlint.dataflow.graph import Graph, Node
from nnlint.dataflow.programs.flows import keys_behind, parts, sources
from nnlint.dataflow.programs.objects import COMPARISON, Thing, identity, own_name
from nnlint.dataflow.programs.surroundings import Layout, is_gradient
from nnlint.dataflow.programs.trace import Activation, Event, Item, Kind, Loop, Recording, Run
from nnlint.dataflow.values import Tensor, Value

_EVALUATES = re.compile(
    r"(^|_)(eval|evaluate|evaluation|evaluator|valid|validate|validation|val|test|testing|infer|inference|predict|predictions|accuracy|dev)(_|\d|$)"
)
_NO_EVALUATION = re.compile(
    r"(^|_)(train|training|fit|finetune|mc|monte|dropout|uncertainty|bayes\w*|sample|sampling|generate|attack\w*|adv\w*|adapt\w*|tta|calib\w*"
    r"|explain|saliency|grad\w*|cam|meta|maml|warmup|export|trace|onnx|profile|benchmark|bench|speed|smoke|shape|shapes|forward|setup|init)(_|\d|$)"
)
_MEASURES = re.compile(r"^torch\.(eq|ne|nn\.\w*Loss|nn\.functional\.(\w*loss|cross_entropy|binary_cross_entropy\w*|kl_div))$")
_METRIC = re.compile(r"loss|crit|metric|acc|dice|iou|psnr|ssim|f1|auc|precision|recall|score|confusion|meter|evaluator|bleu|wer|cer", re.I)
_ELSEWHERE = frozenset({"step", "reset"})  # what an environment answers to an action was not computed from it
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MAX_READERS = 2_000


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Why a call is one of an evaluation, and the outermost item around it in which nothing else goes on."""

    region: Item | None
    is_named: bool  # by the function or the loader; otherwise by what is done with the result


class Readers:
    """Which operations read a value, in all programs."""

    def __init__(self, graphs: list[Graph]) -> None:
        self._of: dict[Hashable, list[Node]] = {}
        for graph in graphs:
            for node in graph.nodes if graph.is_root else ():
                for argument in node.arguments.values():
                    for part in parts(argument):
                        self._of.setdefault(identity(part), []).append(node)

    def after(self, value: Value) -> Iterator[Node]:
        """The operations that read a value, or what was computed from it."""
        stack: list[Node] = []
        for part in parts(value):
            stack += part.node.uses if isinstance(part, Tensor) else ()
            stack += self._of.get(identity(part), ())
        seen: set[int] = set()
        while stack and len(seen) < _MAX_READERS:
            node = stack.pop()
            if id(node) not in seen:
                seen.add(id(node))
                yield node
                stack += node.uses
                stack += self._of.get(("node", id(node)), ())


class Roles:
    """The roles of the calls of one run."""

    def __init__(self, run: Run, layout: Layout, readers: Readers) -> None:
        self._layout = layout
        self._readers = readers
        self.backwards: dict[Event, frozenset[Hashable]] = {}  # with what a gradient of each flows back to
        touched: set[Hashable] = set()
        measured: set[Hashable] = set()
        for event in layout.events:
            if is_gradient(event):
                self.backwards[event] = keys_behind(event.subject)
                touched |= keys_behind(event.subject, is_cut=False)
            elif _is_metric(event):
                measured |= _computed_from(event.value)
        for source in sources(run.result, is_cut=False):
            if isinstance(source, Thing) and source.name == COMPARISON:
                measured |= _computed_from(source)
        self._touched, self._measured = touched, measured

    def trained_by(self, call: Event) -> list[Event]:
        """The `backward()`s whose gradients reach a call."""
        if self._layout.of[call].is_recording is False:
            return []
        keys = {identity(part) for part in parts(call.value)}
        return [backward for backward, behind in self.backwards.items() if keys & behind]

    def evaluation(self, call: Event) -> Evaluation | None:
        """Why a call evaluates; `None` where it does not, or where that is not known."""
        found = parts(call.value)
        if not found or self.is_touched(call):
            return None
        region, names = self._region(call)
        if any(_NO_EVALUATION.search(name) for name in names):
            return None
        is_measured = self.is_measured(call)
        around = self._layout.of[call].around
        is_repeated = region in around and any(isinstance(item, Loop) for item in around[around.index(region) :])
        if any(_EVALUATES.search(name) for name in names) and (is_measured or (is_repeated and self.is_used(call))):
            return Evaluation(region, is_named=True)
        is_off = self._layout.of[call].is_recording is False
        return Evaluation(region, is_named=False) if is_off and is_measured else None

    def is_touched(self, call: Event) -> bool:
        """Whether a gradient is computed with the result, or of something that was computed from it."""
        return any(identity(part) in self._touched for part in parts(call.value))

    def region(self, call: Event) -> Item | None:
        """The outermost item around a call in which no gradients are computed."""
        return self._region(call)[0]

    def is_used(self, call: Event) -> bool:
        """Whether anything is done with the result."""
        if any(identity(part) in self._measured for part in parts(call.value)):
            return True
        return any(not isinstance(part, Tensor) or part.node.uses for part in parts(call.value)) or any(self._readers.after(call.value))

    def is_measured(self, call: Event) -> bool:
        """Whether the result is compared with something, or a loss is computed from it."""
        if any(identity(part) in self._measured for part in parts(call.value) if isinstance(part, Thing)):
            return True
        return any(_MEASURES.match(node.operation) for node in self._readers.after(call.value))

    def _region(self, call: Event) -> tuple[Item | None, list[str]]:
        """The outermost item around a call in which no gradients are computed, and the names on the way to it."""
        region: Item | None = None
        names: list[str] = []
        for item in reversed(self._layout.of[call].around):
            if self._layout.computes_gradients(item):
                break
            if isinstance(item, Activation):
                names.append(snake(item.definition.name))
            elif isinstance(item, Loop):
                names += [snake(name) for name in names_of(item.source)]
            if isinstance(item, (Activation, Loop, Recording)):
                region = item
        return region, names


def _is_metric(event: Event) -> bool:
    """Whether something is added up, or given to what is called as losses and metrics are."""
    is_sum = event.kind is Kind.ACCUMULATE and event.words != "append"
    return is_sum or (event.kind is Kind.CALL and _METRIC.search(event.words or own_name(event.subject)) is not None)


def names_of(source: Value, depth: int = 3) -> list[str]:
    """What the code calls the things that are iterated over: `val_loader` in `enumerate(tqdm(val_loader))`."""
    found = [name] if (name := own_name(source)) else []
    if isinstance(source, Thing) and depth and not found:
        of = source.of if not isinstance(source.made_by, val.Method) else (source.made_by.receiver,)
        found += [n for part in of for n in names_of(part, depth - 1)]
    elif isinstance(source, val.Heap | val.Repeated | val.Choice) and depth and not getattr(source, "is_module", False):
        found += [n for part in val.parts_of(source) for n in names_of(part, depth - 1)]
    return found


def snake(name: str) -> str:
    return _CAMEL.sub("_", name).lower()


def _computed_from(value: Value) -> frozenset[Hashable]:
    return frozenset(identity(v) for v in _until_elsewhere(value))


def _until_elsewhere(value: Value) -> Iterator[Value]:
    for source in sources(value, is_cut=False):
        if isinstance(source, Thing) and getattr(source.made_by, "name", "") in _ELSEWHERE:
            return
        yield source
