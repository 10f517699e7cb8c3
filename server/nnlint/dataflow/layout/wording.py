"""Layouts in the words of the code: the sizes of a source, the call, and what to write instead."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from nnlint.dataflow.graph import Node, ProjectGraph
from nnlint.dataflow.layout.atoms import Axis, axis_size, number_of
from nnlint.dataflow.layout.misreadings import VIEWS, Misreading
from nnlint.dataflow.layout.reading import Rearrangement
from nnlint.dataflow.transfer import find_row
from nnlint.dataflow.transfer.axes import PERMUTATIONS
from nnlint.dataflow.transfer.products import Monomial
from nnlint.dataflow.transfer.row import input_node, same_sizes
from nnlint.findings import Applicability, Fix, Related

_LONGEST_CALL = 60
_STEPS = 40


def call_words(graph: ProjectGraph, found: Misreading) -> str:
    """`view(b, h, t, d)` as written, its arguments left out where they are long."""
    written = " ".join(graph.method_text(found.site).split()).replace("( ", "(").replace(", )", ")")
    return written if len(written) <= _LONGEST_CALL else f"{written.partition('(')[0]}(…)"


def source_words(graph: ProjectGraph, found: Misreading) -> str:
    """`(b, t, h * d)`: the sizes of the source, with the names that the call gives them; `?` for one without a name."""
    names = _names(graph, found)
    return f"({', '.join(_axis_words(axis, names) for axis in found.source.axes)})"


def _names(graph: ProjectGraph, found: Misreading) -> dict[Monomial, str]:
    texts = _size_texts(graph, found) or []
    return {size: " ".join(text.split()) for text, size in zip(texts, found.sizes, strict=False) if not text.startswith("-")}


def _size_texts(graph: ProjectGraph, found: Misreading) -> list[str] | None:
    """The text of each size of the target, where each is written by itself: as an argument, or in one tuple or list."""
    texts = graph.argument_texts(found.site)
    if texts is not None and _is_function(found):
        texts = texts[1:]
    if texts is not None and len(texts) == 1:
        texts = _item_texts(texts[0])
    return texts if texts is not None and len(texts) == len(found.sizes) and len(texts) > 1 else None


def _item_texts(written: str) -> list[str] | None:
    try:
        display = ast.parse(written.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(display, (ast.Tuple, ast.List)) or any(isinstance(item, ast.Starred) for item in display.elts):
        return None
    return [ast.get_source_segment(written.strip(), item) or "" for item in display.elts]


def _is_function(found: Misreading) -> bool:
    """Whether the call is `torch.reshape(x, shape)`, not a method."""
    return "shape" in found.node.arguments


def _axis_words(axis: Axis, names: dict[Monomial, str]) -> str:
    whole = axis_size(axis)
    if whole in names:
        return names[whole]
    number = number_of(whole)
    if number is not None:
        return str(number)
    parts = [_atom_words(atom.size, names) for atom in axis]
    return "?" if "?" in parts else parts[0] if len(parts) == 1 else " * ".join(map(_factor, parts))


def _atom_words(size: Monomial, names: dict[Monomial, str]) -> str:
    if size in names:
        return names[size]
    number = number_of(size)
    if number is not None:
        return str(number)
    for one, name in names.items():
        rest = size / one
        if rest in names:
            return f"{_factor(name)} * {_factor(names[rest])}"
        if (factor := number_of(rest)) is not None:
            return f"{factor} * {_factor(name)}"
    parts = [_key_words(key) for key, power in size.powers if power == 1]
    if len(parts) < len(size.powers) or "?" in parts:
        return "?"
    above, below = size.number.numerator, size.number.denominator
    return " * ".join([*([str(above)] if above != 1 else []), *sorted(parts)]) + (f" // {below}" if below != 1 else "")


def _factor(text: str) -> str:
    """The text as one factor of a product."""
    return f"({text})" if any(c in text for c in "+-*/") else text


def _key_words(key: object) -> str:
    match key:
        case ("parameter", *_, str() as name):
            return name
    return "?"


# --- chains ---


def chain(graph: ProjectGraph, found: Misreading) -> Iterator[Related]:
    """What made the source, and what moved its axes."""
    seen = {found.site}
    for node, words in _places(found):
        if node.site is not None and node.site not in seen:
            seen.add(node.site)
            yield Related(node.site.path, graph.span(node.site), words.format(source=source_words(graph, found)))


def _places(found: Misreading) -> Iterator[tuple[Node, str]]:
    by = found.source.moved_by
    if by is not None and by.operation in PERMUTATIONS:
        yield by, "the axes are exchanged here; the elements stay where they are in memory"
    elif by is not None and by.operation == "torch.Tensor.expand":
        yield by, "the axes are expanded here: their elements are in memory once"
    elif by is not None:
        yield by, "only a part is taken here; the rest stays between its elements in memory"
    at = input_node(found.node) or found.node.inputs[0]
    for _ in range(_STEPS):
        row = find_row(at.operation)
        if at.site is not None and at.operation not in PERMUTATIONS and (row is None or row.size is not same_sizes):
            yield at, "what is cut anew is made here, with the axes {source}"
            return
        if not at.inputs:
            return
        at = at.inputs[0]


# --- what to write instead ---


def permuting_fix(graph: ProjectGraph, found: Misreading) -> Iterator[Fix]:
    """The permutation that was meant, in the user's own names; none where the call cannot just be rewritten."""
    meant, texts = found.rearrangement, _size_texts(graph, found)
    if meant is None or _is_function(found):
        return
    written = _written_before(graph, found, meant) if meant.is_before else None if texts is None else _written_behind(found, meant, texts)
    if written is None:
        return
    if not written.endswith("reshape") and _meets_view(found.node) and not (meant.is_before and meant.needs_reading):
        written += ".contiguous()"
    edits = graph.rewrite_method_call(found.site, written)
    if edits is None:
        return
    yield Fix(f"move the axes: `.{written}` (unsafe: it computes something else)", Applicability.UNSAFE, edits)


def _written_before(graph: ProjectGraph, found: Misreading, meant: Rearrangement) -> str | None:
    """`transpose(1, 2).reshape(b, t, c)`, or the permutation alone where it makes the target."""
    if not meant.needs_reading:
        return _permutation(meant.order)
    texts = graph.argument_texts(found.site)
    return None if texts is None else f"{_permutation(meant.order)}.reshape({', '.join(texts)})"


def _written_behind(found: Misreading, meant: Rearrangement, texts: Sequence[str]) -> str:
    """`view(b, t, h, d).transpose(1, 2)`."""
    name = found.node.operation.rpartition(".")[2]
    inverse = tuple(meant.order.index(axis) for axis in range(len(meant.order)))
    return f"{name}({', '.join(texts[at] for at in meant.order)}).{_permutation(inverse)}"


def _permutation(order: Sequence[int]) -> str:
    exchanged = [at for at, axis in enumerate(order) if at != axis]
    if len(exchanged) == 2:
        return f"transpose({exchanged[0]}, {exchanged[1]})"
    return f"permute({', '.join(map(str, order))})"


def _meets_view(node: Node) -> bool:
    """Whether a `.view()` reads the elements before something lays them out anew."""
    stack, seen = list(node.uses), set[Node]()
    while stack and len(seen) < _STEPS:
        use = stack.pop()
        if use in seen:
            continue
        seen.add(use)
        row = find_row(use.operation)
        if use.operation == "torch.Tensor.view":
            return True
        is_elementwise = row is not None and row.size is same_sizes and not row.is_softmax and not row.is_normalization
        if (is_elementwise and not use.operation.endswith("contiguous")) or use.operation in PERMUTATIONS | VIEWS | _HANDING_ON:
            stack += use.uses
    return False


_HANDING_ON = frozenset({"join", "narrowed", "torch.add", "torch.sub", "torch.mul", "torch.div", "torch.unsqueeze", "torch.squeeze"})
