"""Calls in programs: what they do to models, losses and optimizers is written into the trace."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nnlint.dataflow import values as val
from nnlint.dataflow.arguments import Arguments
from nnlint.dataflow.calls import Caller
from nnlint.dataflow.classes import decorator_name
from nnlint.dataflow.contexts import Contexts
from nnlint.dataflow.frames import Frame
from nnlint.dataflow.graph import CONSTANT
from nnlint.dataflow.programs.objects import Thing, maker, own_name
from nnlint.dataflow.programs.relevance import Relevance
from nnlint.dataflow.programs.replaced_heads import replaced_head
from nnlint.dataflow.programs.trace import Activation, Item, Kind, Recording, Trace
from nnlint.dataflow.values import FALSE, NONE, TRUE, UNKNOWN, Const, Symbol, Tensor, Unknown, Value
from nnlint.semantics.definitions import FunctionDefinition, Site

if TYPE_CHECKING:
    from nnlint.dataflow.programs.runner import ProgramInterpreter

# Methods that give back what they are called on, for all that is asked here.
_SAME = frozenset({
    "to", "cuda", "cpu", "float", "half", "double", "bfloat16", "type", "xpu", "contiguous", "requires_grad_", "share_memory", "long",
    "int",
})  # fmt: skip
_GRAD_SWITCHES = {"torch.no_grad": FALSE, "torch.inference_mode": FALSE, "torch.enable_grad": TRUE, "torch.set_grad_enabled": UNKNOWN}
_GRAD_SWITCHES |= {f"torch.autograd.grad_mode.{name.rpartition('.')[2]}": flag for name, flag in _GRAD_SWITCHES.items()}
# Code from elsewhere that neither switches modes nor touches gradients.
_COPIES = ("copy.deepcopy", "copy.copy")
# Classes whose `from_pretrained` gives something else than a module.
_NO_MODULE = re.compile(r"Tokenizer|Processor|FeatureExtractor|Config|Scheduler")
_HARMLESS = ("builtins.", "torch.", "numpy.", "math.", "os.", "sys.", "time.", "random.", "json.", "logging.", "tqdm", "wandb.", "copy.",
             "matplotlib.", "sklearn.", "pathlib.", "itertools.", "functools.", "collections.", "PIL.", "torchinfo.", "tensorboardX.",
             "pickle.", "argparse.", "warnings.", "typing.", "datetime.", "pandas.", "scipy.", "mlflow.", "torchmetrics.", "cv2.",
             "tensorboard", "gc.", "shutil.", "re.", "yaml.", "einops.", "torchvision.")  # fmt: skip
ENGINES = frozenset({"accelerator", "fabric", "engine", "model_engine", "strategy", "manager", "trainer"})


@dataclass(slots=True, eq=False)
class GradSwitch(Thing):
    """`torch.no_grad()` and its kin: a context manager or decorator that switches the recording of gradients."""

    flag: Value = UNKNOWN


@dataclass(slots=True, eq=False)
class Pending(Thing):
    """A generator that is a context manager, called and not yet entered."""

    function: val.Function = None  # type: ignore[assignment]
    arguments: Arguments = None  # type: ignore[assignment]
    site: Site | None = None
    frame: Frame | None = None


class ProgramContexts(Contexts):
    """Constructions in programs: two objects that hold modules are two, however alike they were constructed."""

    interpreter: ProgramInterpreter

    def construct(self, cls: val.Class, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
        interpreter = self.interpreter
        is_module = interpreter.classes.is_module(cls.definition, cls.closure)
        known = self.known
        if not is_module or any(_may_hold_modules(a) for a in arguments.all):
            self.known = dict(known)  # what is constructed here is not there for anybody else
        try:
            if is_module:
                with interpreter.unseen():
                    made = super().construct(cls, arguments, site, frame)
                interpreter.emit(Kind.MADE, site, made)
                return made
            return super().construct(cls, arguments, site, frame)
        finally:
            self.known = known


class ProgramCaller(Caller):
    interpreter: ProgramInterpreter

    def __init__(self, interpreter: ProgramInterpreter) -> None:
        super().__init__(interpreter)
        self.contexts = ProgramContexts(interpreter)
        self.relevance = Relevance(interpreter)
        self._is_unwrapped = False
        self._bare: set[FunctionDefinition] = set()  # whose decorators are running

    @property
    def active_function(self) -> FunctionDefinition | None:
        return self._active[-1] if self._active else None

    def drop_unfinished(self) -> None:
        self._active.clear()
        self._bare.clear()
        self._is_unwrapped = False
        for table in (self.contexts.known, self.contexts.summaries):
            for key in [key for key, value in table.items() if value is None]:
                del table[key]

    # --- calls ---

    def call(self, function: Value, arguments: Arguments, site: Site | None, frame: Frame | None = None) -> Value:
        interpreter = self.interpreter
        if interpreter.hidden:
            return super().call(function, arguments, site, frame)
        if site is not None:
            interpreter.last_site = site
        method = _method(function)
        if method is not None:
            found = self._method_call(*method, arguments, site, frame)
            if found is not None:
                return found
        if isinstance(function, val.Function) and _is_context_manager(function.definition):
            return Pending(function=function, arguments=arguments, site=site, frame=frame)
        module = _called_module(function)
        if module is not None:
            return self._call_module(module, arguments, site, frame)
        head = replaced_head(function)
        if head is not None:
            return self._call_head(head, function, site, frame)
        result = super().call(function, arguments, site, frame)
        if isinstance(result, Unknown) and not isinstance(result, Thing):
            result = Thing(result.reason)
        if isinstance(function, val.External) and function.name in _COPIES and isinstance(result, (Thing, Symbol)):
            # What becomes of a copy does not become of the original.
            result = Thing("a copy")
        if isinstance(result, Thing) and result.made_by is None and not result.receiver:
            result.made_by = function
            result.of = (*(() if method is None else (method[0],)), *arguments.all)
            if is_optimizer(result):
                interpreter.emit(Kind.MADE, site, result)
            elif isinstance(function, val.External) and (makes_module(function.name) or loads_model(function.name)):
                interpreter.emit(Kind.MADE, site, result, function)
        if _is_new_layer(function, result):
            interpreter.emit(Kind.MADE, site, result)
        self._note_unknown_call(function, method, arguments, result, site)
        return result

    def _note_unknown_call(
        self, function: Value, method: tuple[Value, str] | None, arguments: Arguments, result: Value, site: Site | None
    ) -> None:
        """A call of code that is not followed: it may be a model, and may do anything to what it is given."""
        if isinstance(function, val.External):
            if function.name.startswith(_HARMLESS):
                return
        elif not isinstance(function, (Thing, Symbol, Unknown)):
            return
        else:
            receiver, name = method if method is not None else (function, "")
            self.interpreter.emit(Kind.CALL, site, receiver, result, name)
            if maker(function).startswith(_HARMLESS):
                return
        for value in arguments.all:
            for subject in _objects_in(value):
                self.interpreter.emit(Kind.HAND_OVER, site, subject, function)

    def _call_module(self, module: Value, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
        """A call of a known module: one event, whatever happens inside."""
        inputs = Arguments(
            [self._as_input(a) for a in arguments.positional],
            {k: self._as_input(v) for k, v in arguments.keywords.items()},
            arguments.has_open_positional,
            arguments.has_open_keywords,
            arguments.has_entry_keywords,
            arguments.splats,
        )
        with self.interpreter.unseen():
            result = super().call(module, inputs, site, frame)
        if isinstance(result, Unknown):
            result = Thing(result.reason, made_by=module, of=tuple(arguments.all))
        self.interpreter.emit(Kind.CALL, site, module, result)
        return result

    def _call_head(self, head: Value, model: Value, site: Site | None, frame: Frame | None) -> Value:
        """A call of a model of which the head alone is known."""
        features = Tensor(self.interpreter.graph.add(CONSTANT, arguments={"of": model}, reason="data"))
        with self.interpreter.unseen():
            result = super().call(head, Arguments([features]), site, frame)
        self.interpreter.emit(Kind.CALL, site, model, result)
        return result

    def _as_input(self, value: Value) -> Value:
        """What a model is fed with is a tensor, if nothing else is known of it."""
        if isinstance(value, (Thing, Symbol)):
            return Tensor(self.interpreter.graph.add(CONSTANT, arguments={"of": value}, reason="data"))
        return value

    # --- methods by name ---

    def _method_call(self, receiver: Value, name: str, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value | None:
        """Methods that matter, on whatever they are called; `None` for all others."""
        emit = self.interpreter.emit
        first = arguments.positional[0] if arguments.positional else None
        if isinstance(receiver, val.Super):
            receiver = receiver.receiver
        match name:
            case "backward" | "manual_backward":
                if first is not None and (name == "manual_backward" or _is_engine(receiver)):
                    emit(Kind.BACKWARD, site, first, receiver)
                else:
                    emit(Kind.BACKWARD, site, receiver)
                return NONE
            case "zero_grad":
                emit(Kind.ZERO, site, receiver)
                return NONE
            case "zero_" | "fill_" | "detach_" if _is_gradient(receiver):
                emit(Kind.ZERO, site, receiver, words="grad")
                return receiver
            case "step":
                return self._step(receiver, first, site, frame)
            case "train" | "eval" if len(arguments.all) <= 1:
                flag = FALSE if name == "eval" else (arguments.get(0, "mode") or TRUE)
                emit(Kind.MODE, site, receiver, flag, name)
                return receiver
            case "requires_grad_":
                emit(Kind.STORE, site, receiver, first or TRUE, "requires_grad")
                return receiver if isinstance(receiver, (Thing, Symbol)) else None
            case "parameters" | "named_parameters":
                return Thing(name=name, made_by=val.Method(receiver, name), of=(receiver,))
            case "prepare" if own_name(receiver) == "accelerator" or maker(receiver).startswith("accelerate"):
                return (
                    arguments.positional[0] if len(arguments.positional) == 1 else self.interpreter.sequence(arguments.positional, "tuple")
                )
            case "append" if first is not None and not isinstance(receiver, (Tensor, val.Layer)):
                emit(Kind.ACCUMULATE, site, receiver, first, "append")
                return None
            case "forward" | "__call__" if isinstance(receiver, (Thing, Symbol)):
                return self.call(receiver, arguments, site, frame)
            case _ if name in _SAME and isinstance(receiver, (Thing, Symbol)):
                return receiver
            case _:
                return None

    def _step(self, receiver: Value, first: Value | None, site: Site | None, frame: Frame | None) -> Value:
        """`optimizer.step()`, `optimizer.step(closure)`, `scaler.step(optimizer)`."""
        if isinstance(first, (val.Function, val.Lambda)):
            self.call(first, Arguments(), site, frame)
            first = None
        if first is None or not isinstance(first, (Thing, Symbol, val.Instance)):
            self.interpreter.emit(Kind.STEP, site, receiver, words="" if first is None else "given something")
        elif is_optimizer(first):
            self.interpreter.emit(Kind.STEP, site, first, receiver)
        else:
            self.interpreter.emit(Kind.STEP, site, receiver, words="given something")
        return Thing(name="", made_by=val.Method(receiver, "step"), of=(receiver,))

    def call_torch(self, name: str, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
        if not self.interpreter.hidden:
            if name in _GRAD_SWITCHES:
                flag = arguments.get(0, "mode") or _GRAD_SWITCHES[name]
                return GradSwitch(name=name.rpartition(".")[2], flag=flag)
            if name == "torch.autograd.backward" and arguments.positional:
                self.interpreter.emit(Kind.BACKWARD, site, arguments.positional[0])
                return NONE
            if name == "torch.autograd.grad" and (outputs := arguments.get(0, "outputs")) is not None:
                self.interpreter.emit(Kind.READ, site, outputs, words="grad")
        return super().call_torch(name, arguments, site, frame)

    # --- functions ---

    def _call_plainly(self, definition: FunctionDefinition, arguments: Arguments, site: Site | None, frame: Frame | None) -> Value:
        if self.interpreter.hidden:
            return super()._call_plainly(definition, arguments, site, frame)
        return self.inline(definition, None, None, arguments, site, frame)

    def inline(
        self,
        definition: FunctionDefinition,
        closure: Frame | None,
        receiver: Value | None,
        arguments: Arguments,
        site: Site | None,
        caller: Frame | None,
    ) -> Value:
        if self.interpreter.hidden:
            return super().inline(definition, closure, receiver, arguments, site, caller)
        if definition in self._active or not (self.relevance.matters(definition) or _passes_code(arguments)):
            given = arguments.all if receiver is None else [receiver, *arguments.all]
            return Thing(f"`{definition.name}` is not followed", made_by=val.Function(definition), of=tuple(given))
        if self._is_unwrapped:
            self._is_unwrapped = False
            return super().inline(definition, closure, receiver, arguments, site, caller)
        if (wrapper := self._wrapper_of(definition, closure)) is not None:
            self._bare.add(definition)
            try:
                given = arguments.positional if receiver is None else [receiver, *arguments.positional]
                return self.call(wrapper, replace(arguments, positional=given), site, caller)
            finally:
                self._bare.discard(definition)
        switch = self._grad_switch(definition)

        def wrap(body: Trace) -> Item:
            activation = Activation(definition, site, body)
            return activation if switch is None else Recording(switch, [activation])

        with self.interpreter.nested(wrap):
            return super().inline(definition, closure, receiver, arguments, site, caller)

    def inline_unwrapped(self, pending: Pending) -> Value:
        """Runs a generator of a `with` statement, whose body runs where it yields: the function around may be left from there."""
        self._is_unwrapped = True
        function = pending.function
        return self.inline(function.definition, function.closure, function.receiver, pending.arguments, pending.site, pending.frame)

    def _wrapper_of(self, definition: FunctionDefinition, closure: Frame | None) -> Value | None:
        """What the project's own decorators make of a function; `None` where they leave it as it is, or while it runs within them."""
        if definition in self._bare or not definition.node.decorators:
            return None
        made: Value = val.Function(definition, closure)
        frame = Frame(definition.module, definition.block, {}, closure)
        with self.interpreter.unseen():
            for node in reversed(definition.node.decorators):
                decorator = self.interpreter.evaluate(frame, node)
                result = self.call(decorator, Arguments([made]), None, frame) if isinstance(decorator, val.Function) else made
                made = result if isinstance(result, val.Function) else made
        return made if isinstance(made, val.Function) and made.definition is not definition else None

    def _grad_switch(self, definition: FunctionDefinition) -> bool | None:
        """Whether a decorator switches the recording of gradients off (or on) while a function runs."""
        for decorator in definition.node.decorators:
            if decorator_name(decorator) in ("no_grad", "inference_mode"):
                return False
            if decorator_name(decorator) == "enable_grad":
                return True
        return None

    # --- items ---

    def items_of(self, value: Value) -> tuple[Value, ...]:
        if self.interpreter.hidden or not isinstance(value, (Unknown, Symbol, val.External)):
            return super().items_of(value)
        return (val.Repeated((Thing(of=(value,)),)),)

    def item(self, holder: Value, key: Value) -> Value:
        if self.interpreter.hidden or not isinstance(holder, (Unknown, Symbol)):
            return super().item(holder, key)
        if isinstance(holder, Thing) and isinstance(key, Const):
            place = ("item", key.value)
            if place not in holder.state:
                holder.state[place] = Thing(of=(holder,))
            return holder.state[place]  # type: ignore[no-any-return]
        return Thing(of=(holder, key))

    def enter(self, value: Value) -> Value:
        if self.interpreter.hidden or not isinstance(value, (Thing, Symbol)):
            return super().enter(value)
        return Thing(of=(value,), made_by=value.made_by if isinstance(value, Thing) else None)


def is_optimizer(value: Value) -> bool:
    """Whether something is an optimizer: torch's, an object of a class that extends one, or called so in the code."""
    made = maker(value)
    if made:
        if made.startswith("torch.optim."):
            return not made.startswith(("torch.optim.lr_scheduler", "torch.optim.swa_utils"))
        if "lr_scheduler" in made.lower() or "scheduler" in made.lower():
            return False
        if "optim" in made.lower() and isinstance(value, Thing) and value.receiver is None:
            return True
    name = own_name(value).lower().strip("_")
    return "optim" in name or name in ("opt", "optims") or name.startswith(("opt_", "optim")) or name.endswith(("_opt", "opt_g", "opt_d"))


def makes_module(name: str) -> bool:
    """Whether something from elsewhere makes a new module, in training mode, that has layers to which the mode matters."""
    return name.startswith(("torchvision.models.", "timm.create_model", "segmentation_models_pytorch."))


def loads_model(name: str) -> bool:
    """Whether a function gives a trained module; tokenizers and settings are loaded alike."""
    return name.endswith("from_pretrained") and _NO_MODULE.search(name) is None


def _is_new_layer(function: Value, result: Value) -> bool:
    """Whether a call of one of torch's classes made a module; wrappers of modules give back what they wrap."""
    is_module = isinstance(result, val.Layer) or (isinstance(result, val.Sequence) and result.is_module)
    return is_module and isinstance(function, val.External) and function.name.startswith("torch.nn.") and "arallel" not in function.name


def _is_engine(value: Value) -> bool:
    return own_name(value).lower().strip("_") in ENGINES or maker(value).startswith(
        ("accelerate.", "lightning.", "deepspeed.", "lightning_fabric.")
    )


def _method(function: Value) -> tuple[Value, str] | None:
    """The receiver and name of a method that is no project code."""
    match function:
        case val.Method(receiver=receiver, name=name):
            return receiver, name
        case Thing(receiver=Value() as receiver, name=name):
            return receiver, name
        case Symbol(key=("attribute", key, str() as name)):
            return Symbol(key), name
        case _:
            return None


def _called_module(function: Value) -> Value | None:
    """The module that a call runs; losses are followed as operations."""
    match function:
        case val.Instance(is_module=True):
            return function
        case val.Sequence(kind="Sequential"):
            return function
        case val.Layer(target=target) if not target.endswith("Loss"):
            return function
        case val.Function(receiver=val.Instance(is_module=True) as receiver, definition=definition) if definition.name == "forward":
            return receiver
        case val.Method(receiver=val.Instance(is_module=True) | val.Sequence(kind="Sequential") as receiver, name="forward" | "__call__"):
            return receiver
        case _:
            return None


def _passes_code(arguments: Arguments) -> bool:
    return any(isinstance(a, (val.Function, val.Lambda, val.Partial)) for a in arguments.all)


def _is_context_manager(definition: FunctionDefinition) -> bool:
    return definition.node.is_generator and any(decorator_name(d) == "contextmanager" for d in definition.node.decorators)


def _is_gradient(value: Value, depth: int = 4) -> bool:
    """Whether something is, or is a part of, what `.grad` gives."""
    match value:
        case Tensor(node=node):
            return node.reason == "a gradient" or (depth > 0 and any(_is_gradient(Tensor(n), depth - 1) for n in node.inputs))
        case Thing(name="grad"):
            return True
        case Thing(receiver=Value() as receiver):
            return depth > 0 and _is_gradient(receiver, depth - 1)
        case Symbol(key=("attribute", key, name)):
            return name == "grad" or _is_gradient(Symbol(key), depth - 1)
        case _:
            return False


def _objects_in(value: Value, depth: int = 3) -> list[Value]:
    match value:
        case Thing() | Symbol() | val.Instance() | val.Layer():
            return [value]
        case val.Sequence() | val.Mapping_() if value.is_module:
            return [value]
        case val.Method(receiver=receiver) | val.Function(receiver=Value() as receiver):
            return _objects_in(receiver, depth - 1) if depth else []
        case val.Sequence() | val.Mapping_() | val.Choice() | val.Repeated() | val.Partial():
            return [found for part in val.parts_of(value) for found in _objects_in(part, depth - 1)] if depth else []
        case _:
            return []


def _may_hold_modules(value: Value, depth: int = 4) -> bool:
    match value:
        case Thing() | val.Layer() | val.Instance():
            return True
        case _:
            return depth > 0 and any(_may_hold_modules(part, depth - 1) for part in val.parts_of(value))
