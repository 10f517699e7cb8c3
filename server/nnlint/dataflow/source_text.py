"""Places in the text of a project, and edits of it: what a rule asks of its files besides facts.

Edits are those of one fix. They are `None` where the text does not allow them without touching other code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nnlint.dataflow.spelling import spelling
from nnlint.findings import FileEdit
from nnlint.semantics.signatures import signature
from nnlint.syntax.edits import remove_argument, set_argument
from nnlint.syntax.expression_edits import append, remove_item, unwrap
from nnlint.syntax.expressions import Part, expression_spans, item_spans, name_span
from nnlint.syntax.location import call_spans, node_span
from nnlint.syntax.statement_edits import (
    delete_statement,
    guard_statement,
    insert_after,
    insert_before,
    insert_first,
    insert_last,
    move_statement,
    wrap_statements,
)
from nnlint.syntax.statements import (
    Enclosing,
    LoopText,
    StatementSpans,
    enclosing_spans,
    loop_text,
    siblings,
    statement_spans,
    whole_statements,
)
from nnlint.text import Edit, Span

if TYPE_CHECKING:
    from nnlint.dataflow.values import Layer
    from nnlint.semantics.definitions import FunctionDefinition, Site
    from nnlint.semantics.program import Program
    from nnlint.syntax.parser import PlacedBlock

Edits = tuple[FileEdit, ...] | None


@dataclass(eq=False, kw_only=True)
class SourceText:
    """The text of a project's files. A site names a call, an operation or an assignment; its statement is the innermost around it."""

    program: Program | None = None
    layers: dict[Site, list[Layer]] = field(default_factory=dict)  # by construction call

    # --- places ---

    def span(self, site: Site) -> Span:
        """Where the node of a site stands in its file."""
        placed = self._placed(site)
        return node_span(placed.block, site.index).shifted(placed.span.start)

    def argument_span(self, site: Site, position: int) -> Span:
        """Where an argument of the call at `site` stands."""
        placed = self._placed(site)
        return call_spans(placed.block, site.index).arguments[position].whole.shifted(placed.span.start)

    def argument_text(self, site: Site, name: str, target: str) -> str | None:
        """The value of an argument of the call at `site`, as written; `target` is what is called, by torch's name."""
        placed = self._placed(site)
        arguments = call_spans(placed.block, site.index).arguments
        position = self._position(site, name, target)
        at = next((i for i, a in enumerate(arguments) if a.keyword == name or (i == position and not a.keyword and not a.star)), None)
        return None if at is None else self.written(site, at)

    def callee_text(self, site: Site) -> str:
        """What the call at `site` calls, as written."""
        placed = self._placed(site)
        function = call_spans(placed.block, site.index).function
        return placed.block.text[function.start : function.end]

    def argument_texts(self, site: Site) -> list[str] | None:
        """The arguments of the call at `site` as written; `None` where some are given by keyword or star."""
        placed = self._placed(site)
        arguments = call_spans(placed.block, site.index).arguments
        if any(a.keyword is not None or a.star for a in arguments):
            return None
        return [placed.block.text[a.whole.start : a.whole.end] for a in arguments]

    def enclosing_span(self, site: Site, within: Enclosing, outward: int = 0) -> Span | None:
        """Where the loop or function around `site` stands: the innermost, or `outward` more."""
        found = self._enclosing(site, within, outward)
        return None if found is None else found.whole

    def method_span(self, site: Site) -> Span | None:
        """Where the name and the arguments of the method call at `site` stand; `None` where it is none."""
        found = self._method(site)
        return None if found is None else found.shifted(self._placed(site).span.start)

    def method_text(self, site: Site) -> str:
        """The name and the arguments of the method call at `site` as written; of another call, the whole."""
        block = self._placed(site).block
        found = self._method(site) or node_span(block, site.index)
        return block.text[found.start : found.end]

    def written(self, site: Site, part: Part | int = Part.WHOLE) -> str | None:
        """The text of an expression, or of a part or (by position) an argument of it."""
        placed = self._placed(site)
        found = expression_spans(placed.block, site.index, part)
        return None if found is None else placed.block.text[found.whole.start : found.whole.end]

    def statement_written(self, site: Site) -> str | None:
        """The text of the statement of `site`."""
        found = self._statement(site)
        return None if found is None else self._text(site)[found.whole.start : found.whole.end]

    def spelling(self, site: Site, target: str) -> str | None:
        """How the author would write `torch.no_grad` where `site` stands: `torch.no_grad`, `no_grad`, `th.no_grad`; `None` where
        no import brings it."""
        assert self.program is not None
        module = self.program.module(site.path)
        return None if module is None else spelling(self.program, module, self._placed(site).block, target)

    def loop_text(self, site: Site) -> LoopText | None:
        """The innermost `for` loop around a site, as written; `None` where it cannot be taken apart."""
        return loop_text(self._placed(site).block, site.index)

    # --- arguments ---

    def passes_unknown(self, site: Site, name: str, has_open_keywords: bool) -> bool:
        """Whether the call may already be given `name` through a star argument, or does not take it: it cannot just be inserted then."""
        call = call_spans(self._placed(site).block, site.index)
        if any(a.keyword == name for a in call.arguments):
            return False
        if not all(_accepts(layer.constructor, name) for layer in self.layers[site]):
            return True
        if any(a.star == "*" for a in call.arguments):
            return True
        by_mapping = has_open_keywords or any(name in layer.arguments for layer in self.layers[site])
        return by_mapping and any(a.star == "**" for a in call.arguments)

    def set_argument(self, site: Site, name: str, value: str, target: str | None = None) -> tuple[FileEdit, ...]:
        """Edits that give the call at `site` the argument `name=value`, in the call's own style.

        `target` is what is called, by torch's name; it can be left out of the construction of a layer.
        """
        placed = self._placed(site)
        call = call_spans(placed.block, site.index)
        return self._in_block(site, set_argument(placed.block.text, call, name, value, self._position(site, name, target)))

    def remove_argument(self, site: Site, name: str, default: str, target: str | None = None) -> tuple[FileEdit, ...]:
        """Edits that take an argument out of the call at `site`; one given by position becomes `default`."""
        placed = self._placed(site)
        call = call_spans(placed.block, site.index)
        return self._in_block(site, remove_argument(placed.block.text, call, name, self._position(site, name, target), default))

    def remove_item(self, site: Site) -> Edits:
        """Edits that take the call at `site` out of the arguments of another, or out of a list, with its comma and comment.

        Of `[("name", layer), …]` the pair goes.
        """
        placed = self._placed(site)
        found = item_spans(placed.block, site.index)
        return None if found is None else _edits(site, remove_item(self._text(site), found.shifted(placed.span.start)))

    # --- statements ---

    def insert_before(self, site: Site, code: str) -> Edits:
        """Edits that put lines of code before the statement of `site`. Code is written with four blanks a level and `\\n`."""
        found = self._statement(site)
        return None if found is None else _edits(site, insert_before(self._text(site), found, code))

    def insert_after(self, site: Site, code: str) -> Edits:
        """Edits that put lines of code behind the statement of `site`."""
        found = self._statement(site)
        return None if found is None else _edits(site, insert_after(self._text(site), found, code))

    def insert_first(self, site: Site, within: Enclosing, code: str, outward: int = 0) -> Edits:
        """Edits that put lines of code at the start of the loop or function around `site`: the innermost, or `outward` more."""
        found = self._enclosing(site, within, outward)
        return None if found is None else _edits(site, insert_first(self._text(site), found, code))

    def insert_last(self, site: Site, within: Enclosing, code: str, behind: str = "") -> Edits:
        """Edits that put lines of code at the end of the innermost loop or function around `site`, and those of `behind` after it."""
        found = self._enclosing(site, within, 0)
        return None if found is None else _edits(site, insert_last(self._text(site), found, code, behind))

    def insert_around(self, site: Site, within: Enclosing, code: str, outward: int = 0, is_after: bool = False) -> Edits:
        """Edits that put lines of code before, or after, the loop or function around `site`."""
        found = self._enclosing(site, within, outward)
        insert = insert_after if is_after else insert_before
        return None if found is None else _edits(site, insert(self._text(site), found, code))

    def delete_statement(self, site: Site) -> Edits:
        """Edits that take out the statement of `site`, unless its body would be left empty."""
        found = self._statement(site)
        return None if found is None else _edits(site, delete_statement(self._text(site), found))

    def move_before(self, site: Site, anchor: Site) -> Edits:
        """Edits that move the statement of `site`, one line, before that of `anchor`."""
        return self._move(site, anchor, is_after=False)

    def move_after(self, site: Site, anchor: Site) -> Edits:
        """Edits that move the statement of `site`, one line, behind that of `anchor`."""
        return self._move(site, anchor, is_after=True)

    def wrap(self, first: Site, last: Site, header: str) -> Edits:
        """Edits that put the statements from that of `first` to that of `last` under `header:`.

        Where the two stand in different bodies, the run is the one of the innermost common body that holds both.
        """
        return None if first.path != last.path else _edits(first, wrap_statements(self._text(first), self._run(first, last), header))

    def wrap_around(self, site: Site, within: Enclosing, header: str, outward: int = 0) -> Edits:
        """Edits that put the loop or function around `site` (the innermost, or `outward` more) under `header:`."""
        found = self._enclosing(site, within, outward)
        return None if found is None else _edits(site, wrap_statements(self._text(site), [found], header))

    def guard(self, site: Site, condition: str) -> Edits:
        """Edits that run the statement of `site` only under a condition."""
        found = self._statement(site)
        return None if found is None else _edits(site, guard_statement(self._text(site), found, condition))

    # --- expressions ---

    def unwrap_call(self, site: Site, operand: Part | int = 0) -> Edits:
        """Edits that put an argument of the call at `site` (by position), or the object of a method call (`Part.VALUE`), in its place."""
        placed = self._placed(site)
        outer, kept = (expression_spans(placed.block, site.index, part) for part in (Part.WHOLE, operand))
        if outer is None or kept is None:
            return None
        start = placed.span.start
        return _edits(site, unwrap(self._text(site), outer.shifted(start), kept.shifted(start)))

    def replace_expression(self, site: Site, code: str) -> Edits:
        """Edits that write something else in the place of the call or operation at `site`."""
        return self._in_block(site, [Edit(node_span(self._placed(site).block, site.index), code)])

    def replace_callee(self, site: Site, callee: str) -> Edits:
        """Edits that call something else with the same arguments."""
        return self._in_block(site, [Edit(call_spans(self._placed(site).block, site.index).function, callee)])

    def rename_method(self, site: Site, name: str) -> Edits:
        """Edits that call another method of the same object."""
        found = name_span(self._placed(site).block, site.index)
        return None if found is None else self._in_block(site, [Edit(found, name)])

    def rewrite_method_call(self, site: Site, code: str) -> Edits:
        """Edits that write something else behind the dot of the method call at `site`, where no comment stands there."""
        found = self._method(site)
        text = self._placed(site).block.text
        return None if found is None or "#" in text[found.start : found.end] else self._in_block(site, [Edit(found, code)])

    def append(self, site: Site, suffix: str, part: Part | int = Part.WHOLE) -> Edits:
        """Edits that write `.name()` behind an expression, or behind a part or (by position) an argument of it."""
        found = expression_spans(self._placed(site).block, site.index, part)
        return None if found is None else self._in_block(site, append(found, suffix))

    # --- how ---

    def _method(self, site: Site) -> Span | None:
        block = self._placed(site).block
        name = name_span(block, site.index)
        return None if name is None else Span(name.start, call_spans(block, site.index).whole.end)

    def _placed(self, site: Site) -> PlacedBlock:
        assert self.program is not None
        module = self.program.module(site.path)
        placed = None if module is None else module.placed(site.block)
        if placed is None:
            raise LookupError(f"{site} is not in the project")
        return placed

    def _text(self, site: Site) -> str:
        assert self.program is not None
        module = self.program.module(site.path)
        return "" if module is None else module.parsed.text

    def _statement(self, site: Site) -> StatementSpans | None:
        placed = self._placed(site)
        found = statement_spans(placed.block, site.index)
        return None if found is None else found.shifted(placed.span.start)

    def _enclosing(self, site: Site, within: Enclosing, outward: int) -> StatementSpans | None:
        placed = self._placed(site)
        found = enclosing_spans(placed.block, site.index, within, outward)
        return None if found is None else found.shifted(placed.span.start)

    def _move(self, site: Site, anchor: Site, is_after: bool) -> Edits:
        found, to = self._statement(site), self._statement(anchor)
        if found is None or to is None or site.path != anchor.path:
            return None
        return _edits(site, move_statement(self._text(site), found, to, is_after))

    def _run(self, first: Site, last: Site) -> list[StatementSpans]:
        start, end = self._placed(first), self._placed(last)
        if start == end:
            return [s.shifted(start.span.start) for s in siblings(start.block, first.index, last.index)]
        assert self.program is not None
        module = self.program.module(first.path)
        if module is None:
            return []
        # A statement at the top level is a block of its own; parts of a class are none that could be wrapped.
        between = [t for t in module.parsed.top_level if start.span.start <= t.block.span.start <= end.span.start]
        if any(t.members for t in between) or not between or (between[0].block, between[-1].block) != (start, end):
            return []
        runs = [[s.shifted(t.block.span.start) for s in whole_statements(t.block.block)] for t in between]
        return [s for run in runs for s in run] if all(runs) else []

    def _position(self, site: Site, name: str, target: str | None) -> int | None:
        layer = self.layers[site][0] if target is None else None
        if layer is not None and layer.constructor is not None:
            parameters = layer.constructor.node.parameters
            names = [p.name for p in (*parameters.positional_only, *parameters.positional)][1:]
            return names.index(name) if name in names else None
        found = signature(layer.target if layer is not None else target or "")
        return None if found is None else found.index(name)

    def _in_block(self, site: Site, edits: Sequence[Edit]) -> tuple[FileEdit, ...]:
        start = self._placed(site).span.start
        return tuple(FileEdit(Edit(e.span.shifted(start), e.content), site.path) for e in edits)


def _edits(site: Site, edits: Sequence[Edit] | None) -> Edits:
    return None if edits is None else tuple(FileEdit(edit, site.path) for edit in edits)


def _accepts(constructor: FunctionDefinition | None, name: str) -> bool:
    """Whether a class that extends a layer takes an argument of this name, for itself or to pass it on."""
    if constructor is None:
        return True
    parameters = constructor.node.parameters
    named = (*parameters.positional_only, *parameters.positional, *parameters.keyword_only)
    return parameters.double_star is not None or any(p.name == name for p in named)
