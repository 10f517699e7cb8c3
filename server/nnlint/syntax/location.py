"""Finds the place in the text again for a lowered node: the block is parsed once more, with positions, only for what is reported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nnlint.syntax.blocks import BlockKind
from nnlint.syntax.parser import ParsedBlock, collector_off, deep_recursion, parsable_text
from nnlint.text import Span

if TYPE_CHECKING:
    import libcst as cst


@dataclass(frozen=True, slots=True)
class ArgumentSpans:
    """One argument of a call, with the comma behind it where there is one. Offsets count from the block's start."""

    whole: Span
    keyword: str | None
    star: str
    comma: int | None


@dataclass(frozen=True, slots=True)
class CallSpans:
    """A call's parts. `close` is the offset of its closing bracket."""

    whole: Span
    function: Span
    arguments: tuple[ArgumentSpans, ...]
    close: int


class Located:
    """The nodes of one block that carry an index, with their positions."""

    def __init__(self, kind: BlockKind, text: str) -> None:
        import libcst as cst
        from libcst.metadata import ByteSpanPositionProvider

        from nnlint.syntax.lower import Lowering

        source, self._before = parsable_text(kind, text)
        with collector_off(), deep_recursion():
            module = cst.parse_module(source)
            lowering = Lowering()
            lowering.body(module.body)
            # What `MetadataWrapper.resolve` does, without its walk over the whole tree first, which takes as long again.
            provider = ByteSpanPositionProvider()
            provider._gen_impl(module)
            self._spans = provider._computed
        self.nodes = lowering.indexed
        self.module = module
        self._parents: dict[Any, Any] | None = None
        self._bytes = source.encode("utf-8", "surrogatepass")
        self._is_ascii = source.isascii()

    def span(self, node: Any) -> Span:
        span: Any = self._spans[node]
        start, end = span.start, span.start + span.length
        if not self._is_ascii:
            start = len(self._bytes[:start].decode("utf-8", "surrogatepass"))
            end = len(self._bytes[:end].decode("utf-8", "surrogatepass"))
        return Span(start - self._before, end - self._before)

    def written(self, node: Any) -> str:
        span: Any = self._spans[node]
        return self._bytes[span.start : span.start + span.length].decode("utf-8", "surrogatepass")

    def parent(self, node: Any) -> Any:
        """The node that holds this one, `None` of the module."""
        if self._parents is None:
            self._parents = {}
            stack: list[Any] = [self.module]
            while stack:
                outer = stack.pop()
                for child in outer.children:
                    self._parents[child] = outer
                    stack.append(child)
        return self._parents.get(node)

    def ancestors(self, node: Any) -> Iterator[Any]:
        """The node itself and all that hold it, inside out."""
        while node is not None:
            yield node
            node = self.parent(node)

    def within(self, node: Any, kinds: type | tuple[type, ...]) -> Iterator[Any]:
        stack = [node]
        while stack:
            inner = stack.pop()
            if isinstance(inner, kinds):
                yield inner
            stack += inner.children

    def call(self, node: cst.Call) -> CallSpans:
        whole = self.span(node)
        return CallSpans(whole, self.span(node.func), tuple(self._arguments(node.args)), whole.end - 1)

    def _arguments(self, args: Sequence[cst.Arg]) -> Any:
        import libcst as cst

        for arg in args:
            comma = self.span(arg.comma).start if isinstance(arg.comma, cst.Comma) else None
            yield ArgumentSpans(self.span(arg), None if arg.keyword is None else arg.keyword.value, arg.star, comma)


def locate(block: ParsedBlock) -> Located:
    return _located_text(block.kind, block.text)


@lru_cache(maxsize=256)
def _located_text(kind: BlockKind, text: str) -> Located:
    return Located(kind, text)


def node_span(block: ParsedBlock, index: int) -> Span:
    """The span of the node with this index, counted from the block's start."""
    located = locate(block)
    return located.span(located.nodes[index])


def call_spans(block: ParsedBlock, index: int) -> CallSpans:
    """The parts of the call with this index, counted from the block's start."""
    import libcst as cst

    located = locate(block)
    node = located.nodes[index]
    assert isinstance(node, cst.Call)
    return located.call(node)
