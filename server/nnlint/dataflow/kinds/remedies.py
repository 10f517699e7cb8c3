"""The cures of misused losses as edits, offered only where every use of what is changed agrees."""

from __future__ import annotations

from collections.abc import Iterable

from nnlint.dataflow.classes import decorator_name
from nnlint.dataflow.deciding import body_of, call_at
from nnlint.dataflow.graph import CALL, ESCAPE, INPUT, JOIN, NARROWED, OUTPUT, UNKNOWN_OPERATION, Node, ProjectGraph
from nnlint.dataflow.kinds.losses import LOGITS_WANTED, LOSSES
from nnlint.dataflow.kinds.misuse import LOG_SOFTMAXES, SOFTMAXES, MisusedLoss, Misuses, Place
from nnlint.dataflow.source_text import Edits
from nnlint.dataflow.transfer import find_row
from nnlint.dataflow.transfer.axes import PERMUTATIONS
from nnlint.dataflow.transfer.row import input_rank, keeps, same_sizes
from nnlint.findings import FileEdit
from nnlint.semantics.definitions import Site
from nnlint.semantics.program import Program
from nnlint.syntax import lowered as low
from nnlint.syntax.expressions import Part

_MAX_USES = 2_000
_LOSS_NAMES = frozenset(name.rpartition(".")[2] for name in LOSSES)
_SIGMOIDS = frozenset({"torch.sigmoid", "torch.sigmoid_", "torch.nn.Sigmoid", "torch.nn.Hardsigmoid", "torch.nn.functional.hardsigmoid"})
_REMOVABLE = SOFTMAXES | LOG_SOFTMAXES | _SIGMOIDS
# Which element is the largest, and what is not computed with: the same, or shown to people, without a softmax too.
_ORDER = frozenset({"torch.argmax", "torch.argmin", "torch.max", "torch.topk", "torch.sort", "torch.argsort"})
_MOVES = PERMUTATIONS | {
    "torch.flatten", "torch.nn.Flatten", "torch.reshape", "torch.Tensor.view", "torch.unsqueeze", "torch.squeeze", "torch.unbind",
    "torch.unbind.part", "torch.Tensor.__getitem__", "torch.cat", "torch.stack", "torch.chunk", "torch.split", "part",
}  # fmt: skip


def take_away(project: ProjectGraph, places: Iterable[Place]) -> Edits:
    """Edits that leave softmaxes or sigmoids out; `None` where another use needs one of them."""
    edits: list[FileEdit] = []
    for place in places:
        is_removable = all(node.operation in _REMOVABLE and _serves_misuses_alone(project.misuses, node) for node in place.nodes)
        made = unwrap(project, place) if is_removable else None
        if made is None:
            return None
        edits += made
    return tuple(edits) or None


def change_loss(project: ProjectGraph, loss: MisusedLoss, name: str, function: str) -> Edits:
    """Edits that construct the loss `name`, or call its `function`; `None` where the loss as it is serves other calls rightly."""
    layers = {node.layer.site for node in loss.nodes if node.layer is not None}
    if not layers:
        return _call_instead(project, loss.site, f"torch.nn.functional.{function}")
    misused = {
        id(node) for other in project.misuses.losses if (other.misuse, other.kind) == (loss.misuse, loss.kind) for node in other.nodes
    }
    site = layers.pop()
    if layers or any(id(node) not in misused for node in project.misuses.calls_of(site)):
        return None
    return _call_instead(project, site, f"torch.nn.{name}")


def _call_instead(project: ProjectGraph, site: Site, target: str) -> Edits:
    """Calls another of torch's functions or classes, where the call names one, and the other can be written the same way."""
    written, name = project.callee_text(site), target.rpartition(".")[2]
    head, dot, last = written.rpartition(".")
    is_torchs = project.program is not None and call_at(project.program, site) is not None and last in _LOSS_NAMES
    if not is_torchs:
        return None
    spelled = f"{head}.{name}" if dot else project.spelling(site, target)
    return None if spelled is None else project.replace_callee(site, spelled)


def unwrap(project: ProjectGraph, place: Place) -> Edits:
    """Edits that leave one softmax or sigmoid out; `None` where it is not written so that it can be."""
    node, site = place.nodes[0], place.site
    if place.is_construction:
        return _take_out(project, site)
    call = None if project.program is None else call_at(project.program, site)
    if call is None:
        return None
    # A method's object is not among its arguments as written; a function's input is.
    is_method = node.layer is None and len(call.arguments) < len(node.arguments)
    operand = Part.VALUE if is_method else _input_position(call)
    kept, whole = (None if operand is None else project.written(site, operand)), project.written(site)
    if operand is None or kept is None:
        return None
    if _squeezed(project.statement_written(site)) == _squeezed(f"{kept}={whole}") and (deleted := project.delete_statement(site)):
        return deleted
    return project.unwrap_call(site, operand)


def _squeezed(code: str | None) -> str | None:
    return None if code is None else "".join(code.split())


def _input_position(call: low.Call) -> int | None:
    for position, argument in enumerate(call.arguments):
        if argument.keyword == "input" or (argument.keyword is None and not argument.star):
            return position
    return None


def _take_out(project: ProjectGraph, site: Site) -> Edits:
    """Takes a module out of its `Sequential` where it is the last of several; elsewhere it becomes an `Identity`, and no key moves."""
    if project.program is not None and _is_last_item(project.program, site):
        return project.remove_item(site)
    written = project.callee_text(site)
    head, dot, _ = written.rpartition(".")
    spelled = f"{head}.Identity" if dot else project.spelling(site, "torch.nn.Identity")
    return None if spelled is None else project.replace_expression(site, f"{spelled}()")


def _is_last_item(program: Program, site: Site) -> bool:
    """Whether a construction is the last of several arguments of a `Sequential`, or items of a list."""
    for node in low.nodes_in(body_of(program, site)):
        items: tuple[low.Node, ...] = ()
        if isinstance(node, low.Call) and decorator_name(node.function) == "Sequential":
            items = tuple(argument.value for argument in node.arguments)
        elif isinstance(node, low.Display) and node.kind == "list":
            items = node.items
        if len(items) > 1 and isinstance(items[-1], low.Call) and items[-1].index == site.index:
            return True
    return False


def _serves_misuses_alone(misuses: Misuses, source: Node) -> bool:
    """Whether everything that is computed from a softmax or sigmoid asks for its order at most, but for the losses that misuse it."""
    misused = {id(node) for loss in misuses.losses if loss.misuse in LOGITS_WANTED for node in loss.nodes}
    stack, seen = [source], set()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if len(seen) > _MAX_USES:
            return False
        if node in node.graph.results:
            at = node.graph.results.index(node)
            stack += [use for caller in node.graph.callers for use in caller.uses if use.operation == OUTPUT and use.output == at]
        for use in node.uses:
            if id(use) in misused or use.operation in _ORDER or use.operation in (ESCAPE, UNKNOWN_OPERATION):
                continue
            if use.operation == CALL and use.callee is not None:
                stack += [inner for inner, read in zip(use.callee.inputs, use.inputs, strict=False) if read is node]
            elif use.operation in (JOIN, NARROWED, INPUT) or use.operation in _MOVES or _changes_nothing(use):
                stack.append(use)
            elif use.operation not in SOFTMAXES:
                return False
    return True


def _changes_nothing(node: Node) -> bool:
    row = find_row(node.operation)
    return row is not None and row.shift is keeps and row.rank is input_rank and row.size is same_sizes and node.operation not in LOSSES
