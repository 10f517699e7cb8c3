"""Parses blocks with libcst, once for each new text, and puts files together from them. Never raises on user code."""

from __future__ import annotations

import ast
import gc
import hashlib
import sys
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from nnlint.syntax import lowered as low
from nnlint.syntax.blocks import Block, BlockKind, cut
from nnlint.syntax.lower_python import PythonLowering
from nnlint.syntax.scanner import MAX_CHAIN, MAX_INDENTS, MAX_NESTING, LogicalLine, Scan, scan
from nnlint.text import LineIndex, Position, Span

# A member is parsed inside a class of its own, so that columns, multi-line strings and comments stay as they are.
MEMBER_PREFIX = "class _:\n"
_MAX_ELIFS = 1_000
_MAX_FILES = 4_000
_FEW_BLOCKS = 3
_RECURSION_LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class SyntaxProblem:
    """Why a block does not parse; `offset` counts code points from the block's start."""

    message: str
    offset: int


class ParsedBlock:
    """A block, parsed when its contents are first asked for. `key` is the hash of kind and text: equal keys, equal contents."""

    __slots__ = ("_body", "_problem", "is_valid", "key", "kind", "text")

    def __init__(self, key: str, kind: BlockKind, text: str, refusal: str | None) -> None:
        self.key = key
        self.kind = kind
        self.text = text
        self.is_valid = False  # known to be, since a file that holds it is
        self._body: tuple[low.Node, ...] | None = None if refusal is None else ()
        self._problem = None if refusal is None else SyntaxProblem(refusal, 0)

    @property
    def body(self) -> tuple[low.Node, ...]:
        """The lowered statements; empty where the block does not parse."""
        if self._body is None:
            self._body, self._problem = _parse_block(self.kind, self.text)
        return self._body

    @property
    def problem(self) -> SyntaxProblem | None:
        """Why the block does not parse, once it is known to be parsed or refused."""
        return self._problem


@dataclass(frozen=True, slots=True)
class PlacedBlock:
    """A parsed block at its place in a file. `occurrence` tells equal blocks of one file apart."""

    block: ParsedBlock
    span: Span
    occurrence: int

    @property
    def name(self) -> BlockName:
        return BlockName(self.block.key, self.occurrence)


@dataclass(frozen=True, slots=True, order=True)
class BlockName:
    """Names a block of a file by content, so that edits elsewhere in the file do not rename it."""

    key: str
    occurrence: int


@dataclass(frozen=True, slots=True)
class TopLevel:
    """A top-level statement with the block that holds it; a cut class has its members' blocks besides."""

    block: PlacedBlock
    members: tuple[PlacedBlock, ...] = ()

    @property
    def span(self) -> Span:
        return Span(self.block.span.start, (self.members or (self.block,))[-1].span.end)


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A file cut into blocks. `problems` are offset and message of every block that is not Python."""

    text: str
    blocks: tuple[PlacedBlock, ...]
    top_level: tuple[TopLevel, ...] = field(repr=False)
    problems: tuple[tuple[int, str], ...] = ()
    is_cut_in_strings: bool = False  # triple-quoted strings were taken to end where a definition starts

    @property
    def scan(self) -> Scan:
        """The file's lines, which are not kept: they take more room than all else, and few files are asked for them."""
        return scan(self.text, close_strings_at_definitions=self.is_cut_in_strings)


class Parser:
    """Cuts files and remembers their blocks by content; `capacity` counts blocks.

    CPython's own parser, some ten times as fast as libcst, says whether a file is valid; then a block is parsed with
    libcst only when something asks for its contents. A file that it rejects (broken, or newer Python) has every block
    parsed by libcst, which alone decides what is broken.
    """

    def __init__(self, capacity: int = 200_000) -> None:
        self._blocks: OrderedDict[str, ParsedBlock] = OrderedDict()
        self._capacity = capacity
        self._files: OrderedDict[str, ParsedFile] = OrderedDict()

    def parse(self, text: str) -> ParsedFile:
        """The file's blocks; the same object for the same text, as long as it is remembered."""
        known = self._files.get(text)
        if known is None:
            known = self._files[text] = self._parse(text)
            if len(self._files) > _MAX_FILES:
                self._files.popitem(last=False)
        return known

    def _parse(self, text: str) -> ParsedFile:
        """Where some blocks do not parse, a second way of cutting is tried and the better one kept."""
        scanned = scan(text)
        blocks = self._cut(text, scanned)
        if all(_refusal(line) is None for line in scanned.lines) and _are_valid(blocks, text):
            for placed in blocks:
                placed.block.is_valid = True
            return ParsedFile(text, blocks, tuple(_group(blocks)))
        best = _checked(text, blocks)
        if best.problems and ('"""' in text or "'''" in text):
            scanned = scan(text, close_strings_at_definitions=True)
            other = _checked(text, self._cut(text, scanned), is_cut_in_strings=True)
            if _broken_size(other) < _broken_size(best):
                return other
        return best

    def _cut(self, text: str, scanned: Scan) -> tuple[PlacedBlock, ...]:
        blocks: list[PlacedBlock] = []
        occurrences: dict[str, int] = {}
        for piece in cut(scanned.lines):
            block = self._block(text[piece.span.start : piece.span.end], piece)
            occurrence = occurrences.get(block.key, 0)
            occurrences[block.key] = occurrence + 1
            blocks.append(PlacedBlock(block, piece.span, occurrence))
        return tuple(blocks)

    def _block(self, text: str, piece: Block) -> ParsedBlock:
        key = hashlib.blake2b(f"{piece.kind.value}\0{text}".encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
        block = self._blocks.get(key)
        if block is None:
            block = self._blocks[key] = ParsedBlock(key, piece.kind, text, _block_refusal(piece.lines))
            if len(self._blocks) > self._capacity:
                self._blocks.popitem(last=False)
        return block


def _are_valid(blocks: Sequence[PlacedBlock], text: str) -> bool:
    """Whether a file is valid, asked of CPython's parser; after an edit of a few blocks, of libcst and for these alone."""
    new = [placed.block for placed in blocks if not placed.block.is_valid]
    if len(new) <= _FEW_BLOCKS < len(blocks):
        for block in new:
            _ = block.body
        return all(block.problem is None for block in new)
    return _python_tree(text) is not None


def _checked(text: str, blocks: tuple[PlacedBlock, ...], is_cut_in_strings: bool = False) -> ParsedFile:
    """The file with every block parsed by libcst and its problems collected."""
    problems = []
    for placed in blocks:
        _ = placed.block.body
        problem = placed.block.problem
        if problem is not None:
            problems.append((placed.span.start + problem.offset, problem.message))
    return ParsedFile(text, blocks, tuple(_group(blocks)), tuple(problems), is_cut_in_strings)


def _group(blocks: Sequence[PlacedBlock]) -> Iterator[TopLevel]:
    at = 0
    while at < len(blocks):
        end = at + 1
        while end < len(blocks) and blocks[end].block.kind is BlockKind.MEMBER:
            end += 1
        yield TopLevel(blocks[at], tuple(blocks[at + 1 : end]))
        at = end


def _broken_size(parsed: ParsedFile) -> int:
    """How many code points lie in blocks that do not parse."""
    return sum(placed.span.end - placed.span.start for placed in parsed.blocks if placed.block.problem is not None)


def _refusal(line: LogicalLine) -> str | None:
    """Why no parser must see this line: it crashes libcst, or takes it minutes, and CPython refuses it too."""
    if line.nesting > MAX_NESTING:
        return f"brackets are nested more than {MAX_NESTING} deep"
    if line.chain > MAX_CHAIN:
        return f"an expression chains more than {MAX_CHAIN:,} operations"
    return None


def _block_refusal(lines: Sequence[LogicalLine]) -> str | None:
    for line in lines:
        refusal = _refusal(line)
        if refusal is not None:
            return refusal
    if len(lines) > MAX_INDENTS and len({line.indent for line in lines}) > MAX_INDENTS:
        return f"blocks are indented more than {MAX_INDENTS} deep"
    if len(lines) > _MAX_ELIFS and sum(line.word == "elif" for line in lines) > _MAX_ELIFS:
        return f"a statement has more than {_MAX_ELIFS:,} elif clauses"
    return None


def parsable_text(kind: BlockKind, text: str) -> tuple[str, int]:
    """What is given to libcst for a block, and how many code points stand in it before the block's own text."""
    if kind is BlockKind.MEMBER:
        return MEMBER_PREFIX + text, len(MEMBER_PREFIX)
    if kind is BlockKind.CLASS_HEAD:
        return f"{text.rstrip()}\n    pass\n", 0
    return text, 0


def _parse_block(kind: BlockKind, text: str) -> tuple[tuple[low.Node, ...], SyntaxProblem | None]:
    """CPython's parser is asked first, being some ten times as fast; libcst has what it does not take."""
    source, before = parsable_text(kind, text)
    body = _lowered_by_python(source)
    if body is None:
        body, problem = _lowered_by_libcst(source)
        if problem is not None:
            return (), SyntaxProblem(problem.message, max(problem.offset - before, 0))
    if kind is BlockKind.MEMBER:
        wrapper = body[0]
        assert isinstance(wrapper, low.ClassDef)
        body = wrapper.body
    return body, None


def _lowered_by_python(source: str) -> tuple[low.Node, ...] | None:
    tree = _python_tree(source)
    if tree is None:
        return None
    try:
        with collector_off(), deep_recursion():
            return PythonLowering().body(tree.body)
    except (KeyError, RecursionError):
        return None


def _python_tree(source: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes and the like are the author's business
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _lowered_by_libcst(source: str) -> tuple[tuple[low.Node, ...], SyntaxProblem | None]:
    # Imported here: most runs need no libcst, whose import takes a good part of a small run.
    import libcst as cst

    from nnlint.syntax.lower import Lowering

    try:
        with collector_off(), deep_recursion():
            return Lowering().body(cst.parse_module(source).body), None
    except cst.ParserSyntaxError as error:
        return (), _python_problem(source) or SyntaxProblem("invalid syntax", _offset(source, error.raw_line, error.raw_column))
    except RecursionError:
        return (), SyntaxProblem("the code is nested too deeply to be analyzed", 0)
    except Exception as error:  # whatever a parser may raise on garbage is the garbage's fault, not the run's
        return (), SyntaxProblem(f"cannot be parsed ({error})", 0)


def _python_problem(source: str) -> SyntaxProblem | None:
    """CPython's own words for what is wrong, where it finds something wrong: they are better than a parser generator's."""
    try:
        ast.parse(source)
    except SyntaxError as error:
        return SyntaxProblem(error.msg, _offset(source, error.lineno or 1, (error.offset or 1) - 1))
    except (ValueError, RecursionError, MemoryError):
        return None
    return None


def _offset(source: str, line: int, column: int) -> int:
    """The code-point offset of a line counted from 1 and a column counted from 0."""
    offset = LineIndex(source).offset(Position(max(line - 1, 0), max(column, 0)))
    # An error at the end of the block is shown at its last visible character, not on the blank line behind it.
    return min(offset, max(len(source.rstrip()) - 1, 0))


@contextmanager
def collector_off() -> Iterator[None]:
    """Parsing makes many objects and no cyclic garbage: with the cyclic collector off it takes little more than half the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def sparing_collection() -> Iterator[Callable[[], None]]:
    """For long work within `collector_off`: gives what collects the cyclic garbage made since it was called last.

    What was there before, or has survived once, is not looked at again, so that the work's own size does not matter.
    """

    def collect() -> None:
        gc.collect()
        gc.freeze()

    gc.freeze()
    try:
        yield collect
    finally:
        gc.unfreeze()


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Room for walking deep trees; pure Python calls take no C stack since Python 3.11."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _RECURSION_LIMIT))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
