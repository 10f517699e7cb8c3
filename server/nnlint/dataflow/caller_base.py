"""What the parts of the caller ask of each other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from nnlint.dataflow import values as val
from nnlint.dataflow.arguments import Arguments
from nnlint.dataflow.frames import Frame
from nnlint.dataflow.values import Tensor, Value

if TYPE_CHECKING:
    from nnlint.dataflow.contexts import Contexts
    from nnlint.dataflow.dimensions import Dimensions
    from nnlint.dataflow.interpreter import Interpreter
    from nnlint.semantics.definitions import FunctionDefinition, Site


class CallerBase(ABC):
    """Declares the methods through which the mixins of `Caller` reach one another, so that none has to import another."""

    interpreter: Interpreter
    contexts: Contexts
    dimensions: Dimensions
    _frozen_in: dict[val.Layer, Frame | None]  # by the id of a layer's origin: the activation that switched it to eval mode

    @abstractmethod
    def call(self, function: Value, arguments: Arguments, site: Site | None, frame: Frame | None = None) -> Value: ...

    @abstractmethod
    def inline(
        self,
        definition: FunctionDefinition,
        closure: Frame | None,
        receiver: Value | None,
        arguments: Arguments,
        site: Site | None,
        caller: Frame | None,
    ) -> Value: ...

    @abstractmethod
    def module_method(
        self,
        module: val.Instance | val.Layer | val.Sequence | val.Mapping_,
        name: str,
        arguments: Arguments,
        site: Site | None,
        frame: Frame | None,
    ) -> Value: ...

    @abstractmethod
    def operation(self, name: str, arguments: dict[str, Value], site: Site | None) -> Value: ...

    @abstractmethod
    def escape_layer(self, layer: val.Layer, reason: str) -> None: ...

    @abstractmethod
    def construct_container(self, kind: str, arguments: Arguments) -> Value: ...

    @abstractmethod
    def shape(self, tensor: Tensor) -> Value: ...
