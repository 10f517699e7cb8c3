"""Loops: unrolled where their length is known, else peeled once and closed to a fixed point."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

from nnlint.dataflow import values as val
from nnlint.dataflow.frames import Flow, Frame
from nnlint.dataflow.graph import JOIN
from nnlint.dataflow.heap import MISSING, Change
from nnlint.dataflow.operators import truth_of
from nnlint.dataflow.places import Places
from nnlint.dataflow.values import UNKNOWN, Const, Symbol, Tensor, Value, common_prefix
from nnlint.syntax import lowered as low

MAX_UNROLL = 1_000


class Loops(Places):
    """Iteration over items and while a test holds."""

    @abstractmethod
    def block(self, frame: Frame, body: tuple[low.Node, ...]) -> Flow: ...

    def loop(
        self, frame: Frame, items: tuple[Value, ...], target: low.Node, body: tuple[low.Node, ...], orelse: tuple[low.Node, ...]
    ) -> Flow:
        outer, frame.left = frame.left, {}
        try:
            flow = self._iterate(frame, items, target, body)
            breaks = frame.left.pop(Flow.BREAK, [])
        finally:
            frame.left = outer
        if flow is Flow.NEXT and orelse:
            flow = self.block(frame, orelse)
        return self._rejoin(frame, flow, breaks)

    def _rejoin(self, frame: Frame, flow: Flow, left: list[dict[str, Value]]) -> Flow:
        """Joins the states of paths that left earlier into the present one."""
        if flow is Flow.BREAK:
            flow = Flow.NEXT
        for env in left:
            for name, value in env.items():
                old = frame.env.get(name, MISSING) if flow is Flow.NEXT else value
                self.journal.write(frame.env, name, self.join(old, value), frame.born)
            flow = Flow.NEXT
        return flow

    def _iterate(self, frame: Frame, items: tuple[Value, ...], target: low.Node, body: tuple[low.Node, ...]) -> Flow:
        if len(items) > MAX_UNROLL:
            items = (val.Repeated((UNKNOWN,)),)
        for item in items:
            match item:
                case val.Repeated(run=run):
                    flow = self._fixed_point(frame, partial(self._iterate, frame, run, target, body))
                case val.Alternatives(runs=runs):
                    flow = self.branch(frame, [partial(self._iterate, frame, run, target, body) for run in runs])
                case _:
                    self.assign(frame, target, item)
                    flow = self._iteration(frame, body)
            if flow is not Flow.NEXT:
                return flow
        return Flow.NEXT

    def _iteration(self, frame: Frame, body: tuple[low.Node, ...]) -> Flow:
        flow = self.block(frame, body)
        if flow is Flow.CONTINUE:
            flow = Flow.NEXT
        return self._rejoin(frame, flow, frame.left.pop(Flow.CONTINUE, [])) if flow in (Flow.NEXT, Flow.DEAD, Flow.RETURN) else flow

    def _fixed_point(self, frame: Frame, run: Callable[[], Flow]) -> Flow:
        """Any number of rounds: one is peeled, then the changed cells are widened and closed by a second round."""

        def once() -> Flow:
            flow = run()
            return Flow.NEXT if flow is Flow.NEXT else flow

        flow, changes = self.journal.record(once)
        if flow is not Flow.NEXT:
            # No second round follows this one; but there may have been none at all.
            if flow is Flow.BREAK:
                frame.left.setdefault(Flow.BREAK, []).append(dict(frame.env))
            self.journal.undo(changes)
            return Flow.NEXT
        widened = [(c, self._widen(c)) for c in changes]
        for change, value in widened:
            self.journal.write(change.cell, change.key, value, change.born)
        flow, _ = self.journal.record(once)
        for change, value in widened:
            last = change.cell.get(change.key, MISSING)
            self.journal.write(change.cell, change.key, self._close(value, last) if flow is Flow.NEXT else value, change.born)
        return Flow.NEXT

    def _widen(self, change: Change) -> Any:
        old, new = change.old, change.new
        if old is MISSING:
            return new
        if isinstance(old, tuple) and isinstance(new, tuple):
            common = common_prefix(old, new)
            if len(common) == len(old):
                return (*old, val.Repeated(new[len(old) :])) if len(new) > len(old) else old
            return (*common, val.Repeated((*old[len(common) :], *new[len(common) :])))
        if isinstance(old, Tensor) and isinstance(new, Tensor):
            return Tensor(
                self.graph.add(
                    JOIN,
                    tuple(dict.fromkeys((self.here(old), self.here(new)))),
                    rank=old.node.rank if old.node.rank == new.node.rank else None,
                )
            )
        if isinstance(old, (Const, Symbol)) and isinstance(new, (Const, Symbol)) and not _is_kind(old, bool) and not _is_kind(old, str):
            return Symbol(("loop", self.next_serial()))
        if isinstance(old, dict) and isinstance(new, dict):
            return self._join_entries([old, new])
        if isinstance(old, Value) and isinstance(new, Value):
            return self.join(old, new)
        return new

    def _close(self, widened: Any, last: Any) -> Any:
        if last is widened or last == widened:
            return widened
        if isinstance(widened, Tensor) and isinstance(last, Tensor):
            if widened.node.operation == JOIN and widened.node.graph is self.graph:
                self.graph.link(widened.node, self.here(last))
                return widened
            return self.join(widened, last)
        if isinstance(widened, Symbol) and isinstance(last, (Const, Symbol)):
            return widened
        if isinstance(widened, tuple) and isinstance(last, tuple):
            # The second round adds twins of what the first one added; the widened sequence stands for both.
            return widened
        if isinstance(widened, Value) and isinstance(last, Value):
            return self.join(widened, last)
        return widened

    def while_loop(self, frame: Frame, node: low.While) -> Flow:
        outer, frame.left = frame.left, {}
        try:
            flow = self._while_rounds(frame, node)
            breaks = frame.left.pop(Flow.BREAK, [])
        finally:
            frame.left = outer
        if flow is Flow.NEXT and node.orelse:
            flow = self.block(frame, node.orelse)
        return self._rejoin(frame, flow, breaks)

    def _while_rounds(self, frame: Frame, node: low.While) -> Flow:
        for _ in range(MAX_UNROLL):
            test = truth_of(self.evaluate(frame, node.test))
            if test is False:
                return Flow.NEXT
            if test is None or isinstance(node.test, low.Constant):
                break
            flow = self._iteration(frame, node.body)
            if flow is not Flow.NEXT:
                return flow

        def round_() -> Flow:
            self.evaluate(frame, node.test)
            return self._iteration(frame, node.body)

        return self._fixed_point(frame, round_)


def _is_kind(value: Value, kind: type) -> bool:
    return isinstance(value, Const) and type(value.value) is kind
