"""What is known of the sizes of tensors, for people to read: no rule rests on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nnlint.dataflow.graph import JOIN, OUTPUT, Node
from nnlint.dataflow.transfer import find_row
from nnlint.dataflow.transfer.linear import CONVOLUTIONS, TRANSPOSED
from nnlint.dataflow.transfer.row import axis_of, input_rank, integer
from nnlint.dataflow.values import Const, Symbol, Value

Dimension = int | str | None  # a number, the name of a parameter that holds it, or not known
Shape = tuple[Dimension, ...]
_MAX_DEPTH = 200

_SIZED = dict.fromkeys(f"{CONVOLUTIONS} {TRANSPOSED}".split(), ("out_channels", 1)) | {
    "torch.nn.Linear": ("out_features", -1),
    "torch.nn.LazyLinear": ("out_features", -1),
    "torch.nn.Bilinear": ("out_features", -1),
    "torch.nn.Embedding": ("embedding_dim", -1),
}
# The words in operations that keep the sizes of all axes, or of all but the spatial ones.
_KEEPING = ("Norm", "_norm", "Dropout", "dropout", "oftmax", "ctivation")
_RESIZING = ("Pool", "pool", "Upsample", "upsample", "interpolate", "Pad", "pad")


class Shapes:
    """The shapes of nodes, each worked out once. `None` for a tensor of unknown rank."""

    def __init__(self) -> None:
        self._known: dict[Node, Shape | None] = {}
        self._depth = 0

    def of(self, node: Node) -> Shape | None:
        if node not in self._known:
            self._known[node] = None if node.rank is None else (None,) * node.rank  # round a loop nothing more is known
            if self._depth < _MAX_DEPTH:
                self._depth += 1
                try:
                    self._known[node] = self._fitted(node, self._derived(node))
                finally:
                    self._depth -= 1
        return self._known[node]

    def _fitted(self, node: Node, shape: Shape | None) -> Shape | None:
        """The shape with as many axes as the engine proved."""
        if node.rank is None:
            return shape
        return shape if shape is not None and len(shape) == node.rank else (None,) * node.rank

    def _derived(self, node: Node) -> Shape | None:
        if node.operation == OUTPUT and node.inputs[0].callee is not None:
            inside = self.of(node.inputs[0].callee.results[node.output])
            module = node.inputs[0].module
            return None if inside is None or (module is not None and module.is_stand_in) else inside
        if node.operation == JOIN:
            return _agreed([self.of(read) for read in node.inputs])
        before = self.of(node.inputs[0]) if node.inputs else None
        if node.operation in _SIZED:
            name, axis = _SIZED[node.operation]
            return _resized(before, node.rank, axis, _dimension(node.arguments.get(name)))
        if node.operation == "torch.cat":
            return self._concatenated(node)
        if any(word in node.operation for word in _RESIZING):
            return before if before is None else (*before[:2], *(None for _ in before[2:]))
        row = find_row(node.operation)
        if row is None:
            return None
        if any(word in node.operation for word in _KEEPING) or (row.rank is input_rank and _is_elementwise(node)):
            return before
        return _merged([self.of(read) for read in node.inputs]) if row.is_sum or node.operation.rpartition(".")[2] in _PRODUCTS else None

    def _concatenated(self, node: Node) -> Shape | None:
        shapes = [self.of(read) for read in node.inputs]
        axis = axis_of(integer(node, "dim"), node.rank)
        if axis is None or node.rank is None or not shapes:
            return None
        merged = _merged(shapes)
        parts = [shape[axis] if shape is not None and len(shape) == node.rank else None for shape in shapes]
        sizes = [part for part in parts if isinstance(part, int)]
        if merged is None or axis >= len(merged):
            return None
        whole = sum(sizes) if len(sizes) == len(parts) else None
        return (*merged[:axis], whole, *merged[axis + 1 :])


_PRODUCTS = frozenset({"mul", "mul_", "div", "div_", "multiply", "divide", "true_divide"})
_RESHAPING = frozenset(
    {"chunk", "split", "narrow", "flip", "roll", "repeat_interleave", "topk", "kthvalue", "mode", "unique", "GLU", "glu"}
)


def _is_elementwise(node: Node) -> bool:
    """Whether an operation that keeps the rank keeps the sizes too."""
    name = node.operation.rpartition(".")[2]
    return name not in _RESHAPING and "huffle" not in name and "rid_sample" not in name


def _resized(shape: Shape | None, rank: int | None, axis: int, size: Dimension) -> Shape | None:
    """The shape with another size along one axis; of spatial axes behind it nothing is known."""
    if rank is None:
        return None
    before = shape if shape is not None and len(shape) == rank else (None,) * rank
    at = axis % rank
    behind = before[at + 1 :] if axis < 0 else (None,) * (rank - at - 1)
    return (*before[:at], size, *behind)


def _agreed(shapes: Sequence[Shape | None]) -> Shape | None:
    """What shapes have in common."""
    return _together(shapes, lambda sizes: sizes[0] if len(set(sizes)) == 1 else None)


def _merged(shapes: Sequence[Shape | None]) -> Shape | None:
    """What shapes of tensors that are combined tell of each other."""
    known = [shape for shape in shapes if shape is not None]
    longest = max((len(shape) for shape in known), default=0)
    whole = [shape for shape in known if len(shape) == longest]
    return _together(whole, lambda sizes: next((size for size in sizes if size not in (None, 1)), None)) if whole else None


def _together(shapes: Sequence[Shape | None], one: Callable[[Sequence[Dimension]], Dimension]) -> Shape | None:
    known = [shape for shape in shapes if shape is not None]
    if len(known) < len(shapes) or len({len(shape) for shape in known}) != 1:
        return None
    return tuple(one(sizes) for sizes in zip(*known, strict=True))


def _dimension(value: Value | None) -> Dimension:
    match value:
        case Const(value=int() as size) if not isinstance(size, bool):
            return size
        case Symbol(key=("parameter", _, _, str() as name)):
            return name
        case _:
            return None


def shape_words(shape: Shape | None) -> str:
    """`(?, 64, ?, ?)`; nothing where not even the rank is known."""
    return "" if shape is None else f"({', '.join('?' if size is None else str(size) for size in shape)}{',' if len(shape) == 1 else ''})"
